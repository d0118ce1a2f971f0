"""A campaign: many trials by seed, on as many cores as there are, and the table of how they ended.

A campaign that struck nothing has shown nothing: a fault that a profile promises and that struck in no trial is
as much a failure as a lost row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor

from indexer.simulation.fault_kinds import KINDS, PROFILES
from indexer.simulation.trial import Outcome, Plan

HEAD = ("seed", "profile", "faults", "kinds", "kills", "rows", "lost", "doubled", "differing", "unsettled", "digests",
        "recovered")  # fmt: skip


def plans(seeds: Iterable[int], profiles: Sequence[str] = tuple(PROFILES)) -> list[Plan]:
    """One plan a seed, the profiles in turn."""
    return [Plan(seed=seed, profile=profiles[seed % len(profiles)]) for seed in seeds]


def outcomes(plans: Sequence[Plan], run: Callable[[Plan], Outcome], processes: int) -> Iterator[Outcome]:
    """The outcome of each plan, in the order of the plans. `run` is a function of a module, so that it can travel."""
    if processes == 1:
        yield from map(run, plans)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(run, plans)


def line(outcome: Outcome) -> str:
    """One line of the table."""
    recovered = "never" if outcome.recovered_s is None else f"{outcome.recovered_s:.0f} s"
    cells = (
        outcome.seed, outcome.profile, sum(outcome.struck.values()), len(outcome.struck), outcome.kills, outcome.rows,
        outcome.lost, outcome.doubled, outcome.differing, outcome.unsettled, outcome.wrong_digests, recovered,
    )  # fmt: skip
    return "  ".join(f"{cell!s:>{max(len(name), 6)}}" for name, cell in zip(HEAD, cells, strict=True))


def head() -> str:
    return "  ".join(f"{name:>{max(len(name), 6)}}" for name in HEAD)


def unstruck(found: Sequence[Outcome]) -> Mapping[str, list[str]]:
    """By profile, the kinds of faults that it promises and that struck in none of its trials."""
    struck: dict[str, Counter[str]] = {}
    for outcome in found:
        struck.setdefault(outcome.profile, Counter()).update(outcome.struck)
    promised = {name: [kind for kind, one in KINDS.items() if one.part in parts] for name, parts in PROFILES.items()}
    return {
        profile: absent
        for profile, counts in struck.items()
        if (absent := [kind for kind in promised[profile] if not counts[kind]])
    }


def summary(found: Sequence[Outcome]) -> str:
    """The last line: what was lost and doubled over all seeds."""
    lost, doubled = sum(one.lost for one in found), sum(one.doubled for one in found)
    digests = sum(one.wrong_digests for one in found)
    return f"lost {lost}, doubled {doubled}, wrong digests {digests}, {len(found)} seeds"
