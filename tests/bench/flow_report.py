"""What is told of whole pipelines: a line for each side, and one for each thing that is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from tests.bench.flows import Found

HEADER = (
    f"{'what':28} {'events':>8} {'events/s (range)':>26} {'CPU us an event (range)':>26}"
    f" {'PostgreSQL us (range)':>24} {'MB at most':>10}"
)


def lines(found: Found, about: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, values in {**about, **found.versions}.items():
        yield f"{name:8} " + ", ".join(f"{key} {value}" for key, value in values.items())
    yield ""
    yield HEADER
    for side in found.sides:
        yield (
            f"{side.what:28} {side.runs[0].events:8,} {_spread(side.values(lambda run: run.per_s), ',.0f'):>26}"
            f" {_spread(side.values(lambda run: run.cpu_us), '.1f'):>26}"
            f" {_spread(side.values(lambda run: run.postgres_us), '.1f'):>24}"
            f" {max(run.most_mb for run in side.runs):10.0f}"
        )
    yield ""
    for one in found.judged:
        asked = f"{'at most' if one.is_limit else 'must'} {one.bar.must:,g}, goal {one.bar.goal:,g}"
        yield f"{one.what:52} {_range(one.value, one.values):>26}  {asked}: {one.verdict}"


def document(found: Found, about: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    sides = {side.what: [run._asdict() for run in side.runs] for side in found.sides}
    judged = [{**one._asdict(), "bar": one.bar._asdict(), "verdict": one.verdict} for one in found.judged]
    return {**about, "versions": found.versions, "runs": sides, "judged": judged}


def _spread(values: Sequence[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}}..{max(values):{form}})"


def _range(value: float, values: Sequence[float]) -> str:
    form = ",.0f" if value > 1000 else ".2f"
    return f"{value:{form}} ({min(values):{form}}..{max(values):{form}})"
