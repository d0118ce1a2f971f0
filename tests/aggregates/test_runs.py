"""After a simulated run of the whole daemon, with faults, late data, forks and reprocess: every aggregate is what plain
Python makes of the rows, and what is made of them from nothing. `make parity` tries many runs.
"""

from __future__ import annotations

from tests.aggregates.runs import PROMISED, ran

SEED = 20  # Of the profile with everything.


def test_every_aggregate_of_a_simulated_run_is_what_plain_python_makes_of_the_rows(module_database_url: str) -> None:
    run = ran(SEED, module_database_url)
    assert not run.found, "\n".join(run.found)
    assert [name for name in PROMISED if not run.met[name]] == []
