"""A worker: one of any number of processes that fill what backfills asked for, on any host that reaches the ledger.

Nobody hands out work. Each lane asks the ledger what is asked for and not settled, claims the oldest part of it that
is free, and fills it. What must stay true:
- Coverage alone says what is done: nothing that a worker does or fails to do can lose a slot or settle it twice.
- Every lane has a name of its own in claims, so that a lane which stands still loses its span and the others do not.
- Stopping is cancelling, as everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random

import structlog

from indexer.core.coverage import Spans, common, missing
from indexer.errors import StoreUnavailable
from indexer.ingest.filling import Filler, Task
from indexer.ingest.patience import briefly
from indexer.ingest.settling import keep_settled
from indexer.ingest.tally import Tally
from indexer.store.base import Store
from indexer.store.coordination import Work

REPORTED_EVERY_S = 5.0
STILL_S = 60.0
_REMEDY = "`perps-indexer status` lists workers that are alive; start one with `perps-indexer worker`"
_log = structlog.get_logger()


class Worker:
    """`lanes`: how many spans of each task are filled at once; `filler` makes one that claims by the given name."""

    def __init__(
        self,
        store: Store,
        tasks: Sequence[Task],
        filler: Callable[[str], Filler],
        *,
        holder: str,
        lanes: int,
        pause_s: float,
        rng: Random,
    ) -> None:
        self._store, self._tasks, self._filler = store, tasks, filler
        self._holder, self._lanes, self._pause_s, self._rng = holder, lanes, pause_s, rng
        self._done = {task: [0, 0] for task in tasks}  # Slots and transactions.
        self._tallies = {task: Tally() for task in tasks}

    async def run(self) -> None:
        """Until it is cancelled."""
        names = [f"{self._holder}/{task.names[0]}-{lane}" for task in self._tasks for lane in range(self._lanes)]
        try:
            async with asyncio.TaskGroup() as running:
                running.create_task(self._keep_reporting(), name="report work")
                for name, task in zip(names, (t for t in self._tasks for _ in range(self._lanes)), strict=True):
                    running.create_task(self._lane(task, name), name=f"fill {name}")
        finally:
            await briefly(self._leave([*names, self._holder]))  # Leases run out by themselves.

    async def _leave(self, holders: Sequence[str]) -> None:
        for holder in holders:
            await self._store.leave(holder)

    async def _lane(self, task: Task, name: str) -> None:
        async def asked() -> Mapping[str, Spans]:
            return await asked_for(self._store, task.names)

        def on_page(settled: int, transactions: int) -> None:
            self._done[task][0] += settled
            self._done[task][1] += transactions
            self._tallies[task].filled(asyncio.get_running_loop().time(), settled)

        await keep_settled(
            self._filler(name), task, asked, newest_first=False, pause_s=self._pause_s, rng=self._rng, on_page=on_page
        )

    async def _keep_reporting(self) -> None:
        while True:
            try:
                await self._store.report_work(self._holder, self._work())
            except StoreUnavailable as error:
                _log.warning("not_reported", reason=str(error))
            await asyncio.sleep(REPORTED_EVERY_S)

    def _work(self) -> dict[str, Work]:
        """Slots that several streams share are told of each of them in equal parts: their sum is what was done."""
        now, found = asyncio.get_running_loop().time(), {}
        for task in self._tasks:
            (slots, transactions), streams = self._done[task], len(task.names)
            rate = self._tallies[task].slots_per_s(now) / streams
            work = Work(settled_slots=slots // streams, transactions=transactions, slots_per_s=rate)
            found.update(dict.fromkeys(task.names, work))
        return found


async def asked_for(store: Store, streams: Sequence[str]) -> dict[str, Spans]:
    """What backfills were asked for of these streams, done or not. Raises StoreUnavailable."""
    states = await store.stream_states()
    return {name: states[name].asked if name in states else () for name in streams}


async def followed(
    store: Store,
    wanted: Mapping[str, Spans],
    *,
    pause_s: float,
    on_progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Spans]:
    """Wait until others have filled what is wanted, or have shown that nobody has it. What stays missing, by stream.

    What is asked for no longer, since retention let go of it, is not waited for. `on_progress` hears of slots settled
    since the last time; that nothing was for a minute is logged. Raises StoreUnavailable.
    """
    clock = asyncio.get_running_loop().time
    before: int | None = None
    moved_at = clock()
    while True:
        left = {name: missing(spans, await store.coverage(name)) for name, spans in wanted.items()}
        asked = await asked_for(store, tuple(left))
        size = sum(len(span) for spans in left.values() for span in spans)
        if before is None or size < before:
            if before is not None:
                on_progress(before - size)
            before, moved_at = size, clock()
        elif clock() - moved_at >= STILL_S:
            _log.warning("nobody_settles", left_slots=size, for_s=round(STILL_S), remedy=_REMEDY)
            moved_at = clock()
        waiting = [missing(common(spans, asked[name]), await store.unavailable(name)) for name, spans in left.items()]
        if not any(waiting):
            return {name: spans for name, spans in left.items() if spans}
        await asyncio.sleep(pause_s)
