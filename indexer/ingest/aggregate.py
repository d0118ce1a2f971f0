"""Keep aggregates true while rows come: roll up what is marked, and refresh views on a schedule.

Each loop is alone: one that fails says so, waits and goes on, and neither the others nor ingest notice.
All of it may be cancelled anywhere; what was not done is still marked. Views are refreshed one at a time,
also by several processes, since the store lets no two refresh at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import msgspec
import structlog

from indexer.store.aggregates import AggregateFailed, Aggregates
from indexer.store.patience import patiently

log = structlog.get_logger()

Run = Callable[[int], Awaitable[int]]
A_DAY = 100  # A day of a protocol is about as much work as so many hours of its markets.


class Rhythm(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds between two runs when nothing waits; `marks`: how many are taken at once."""

    hours_s: float
    days_s: float  # Days and holdings: a day is made again as a whole, so the one that runs is made more rarely.
    refresh_s: float
    marks: int


async def keep_aggregates(aggregates: Aggregates, rhythm: Rhythm, dice: random.Random) -> None:
    """Until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        for name, (run, marks) in _runs(aggregates, rhythm.marks).items():
            every_s = rhythm.hours_s if name == "hours" else rhythm.days_s
            tasks.create_task(_keep_rolled(name, run, every_s, marks, dice), name=f"roll {name}")
        tasks.create_task(_keep_fresh(aggregates, rhythm.refresh_s, dice), name="refresh views")


async def roll_up(aggregates: Aggregates, marks: int) -> dict[str, int]:
    """Roll up all that is marked now, once: how many marks of each kind. Raises StoreUnavailable, AggregateFailed.

    Hours mark days and holdings, so they come first.
    """
    return {name: await _drained(run, most) for name, (run, most) in _runs(aggregates, marks).items()}


async def refresh(aggregates: Aggregates, views: Sequence[str]) -> list[AggregateFailed]:
    """Refresh these views, one after the other: what failed. Raises StoreUnavailable."""
    failed = []
    for view in views:
        try:
            await aggregates.refresh(view)
        except AggregateFailed as error:
            log.error("view_not_refreshed", view=view, reason=error.message)  # noqa: TRY400 (its message is the reason)
            failed.append(error)
    return failed


def _runs(aggregates: Aggregates, marks: int) -> dict[str, tuple[Run, int]]:
    """What a run is, and how many marks of its kind it takes, so that all last about as long."""
    return {
        "hours": (aggregates.roll_hours, marks),
        "days": (aggregates.roll_days, max(1, marks // A_DAY)),
        "holdings": (aggregates.roll_holdings, marks),
    }


async def _drained(run: Run, marks: int) -> int:
    taken = await run(marks)
    most = taken
    while most >= marks:
        most = await run(marks)
        taken += most
    return taken


async def _keep_rolled(name: str, run: Run, every_s: float, marks: int, dice: random.Random) -> None:
    while True:
        try:
            taken = await patiently(partial(run, marks), dice)
        except AggregateFailed as error:
            log.error("not_rolled_up", what=name, reason=error.message)  # noqa: TRY400 (as above)
            taken = 0
        if taken < marks:
            await asyncio.sleep(every_s)


async def _keep_fresh(aggregates: Aggregates, every_s: float, dice: random.Random) -> None:
    while True:
        for view in await patiently(aggregates.views, dice):
            await patiently(partial(refresh, aggregates, [view]), dice)
        await asyncio.sleep(every_s)
