"""Changes that would let workers lose, double or hide work, or take more of a budget: each noticed by a named test."""

from __future__ import annotations

import pytest

from tests.ingest import test_working as working
from tests.mutation import Mutant, mutant

MUTANTS = [
    mutant(
        "all lanes of a worker have one name in claims",
        working.test_a_lane_does_not_keep_alive_what_another_lane_of_its_worker_stands_still_at,
        "ingest.working",
        ("/{task.names[0]}-{lane}", "/{task.names[0]}"),
    ),
    mutant(
        "what stands still is renewed",
        working.test_a_lane_that_stands_still_loses_its_span_and_the_worker_keeps_the_others,
        "ingest.claims",
        ("if self._is_stalled:", "if False:"),
    ),
    mutant(
        "a worker that ends leaves its rows",
        working.test_what_a_worker_did_is_told_and_goes_when_it_ends,
        "ingest.working",
        ("await briefly(self._leave([*names, self._holder]))", "pass"),
    ),
    mutant(
        "slots of a block count once for each stream and once more for all",
        working.test_what_a_worker_did_is_told_and_goes_when_it_ends,
        "ingest.working",
        ("slots // streams", "slots"),
    ),
    mutant(
        "following ends before all is there",
        working.test_following_ends_with_what_nobody_has,
        "ingest.working",
        ("if not any(waiting):", "if len(waiting):"),
    ),
    mutant(
        "progress is what is left",
        working.test_following_ends_with_what_nobody_has,
        "ingest.working",
        ("on_progress(before - size)", "on_progress(size)"),
    ),
    mutant(
        "claims are of one lane's length, whoever holds the rest",
        working.test_a_worker_that_dies_loses_its_span_to_another_when_its_lease_is_over,
        "store.memory_coordination",
        ("if claim.until > self._now()]", "if False]"),
    ),
    mutant(
        "whoever comes takes a whole span, also the last one",
        working.test_the_last_spans_are_divided_so_that_nobody_waits_for_one_who_has_a_whole_one,
        "store.coordination",
        ("most_slots = min(most_slots, max(least_slots, share))", "pass"),
    ),
    mutant(
        "the dead keep their part of a budget",
        working.test_a_budget_is_divided_among_those_alive_and_comes_back_from_the_dead,
        "ingest.sharing",
        ("SHARE_LEASE_S = 15.0", "SHARE_LEASE_S = 1e9"),
    ),
    mutant(
        "nobody hears of who joins",
        working.test_a_budget_is_divided_among_those_alive_and_comes_back_from_the_dead,
        "ingest.sharing",
        ("RENEWED_EVERY_S = 5.0", "RENEWED_EVERY_S = 1e3"),
    ),
    mutant(
        "who cannot reach the ledger takes all of a budget",
        working.test_a_ledger_that_is_away_leaves_parts_as_they_are,
        "ingest.sharing",
        ("holders = known", "holders = {}"),
    ),
    mutant(
        "two keys at one host are one budget",
        working.test_budgets_of_two_keys_at_one_host_are_two,
        "ingest.sharing",
        ("Budget(one.hashed(key), one.name)", "Budget(one.name.encode(), one.name)"),
    ),
]


@pytest.mark.parametrize("planted", [pytest.param(one, id=one.name) for one in MUTANTS])
def test_a_mutant_is_noticed(planted: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    planted.check(monkeypatch)
