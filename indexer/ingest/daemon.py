"""The daemon: every loop of one process, each of which can be stopped anywhere.

Subscriptions are opened first; what lies behind the first live slot is filled by the same loops that settle
behind the finalized head. Recent slots are filled newest first, older ones oldest first. Stopping is cancelling:
nothing that was not written is needed again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random

import msgspec

from indexer.core.coverage import Spans
from indexer.ingest.filling import Filler, Task
from indexer.ingest.heads import Watch
from indexer.ingest.inside import Inside
from indexer.ingest.listening import Listener
from indexer.ingest.patience import briefly
from indexer.ingest.settling import keep_settled
from indexer.ingest.sharing import Shares
from indexer.ingest.snapshot import Snapshots
from indexer.store.base import Store


class Pace(msgspec.Struct, frozen=True):
    """In seconds, but for `history_days` in days. `snapshot_every_s` 0: never."""

    observe_every_s: float
    settle_every_s: float
    history_days: float
    snapshot_every_s: float = 0.0
    start_slot: int | None = None


class Daemon:
    """Live requests go by `live`, history by `backfill`: two fillers over the same ledger. `inside`: what it knows."""

    def __init__(
        self,
        store: Store,
        watch: Watch,
        listener: Listener,
        live: Filler,
        backfill: Filler,
        snapshots: Snapshots,
        inside: Inside,
        shares: Shares,
        *,
        recent: Sequence[Task],
        deep: Sequence[Task],
        pace: Pace,
        holder: str,
        rng: Random,
    ) -> None:
        self._store = store
        self._watch = watch
        self._listener = listener
        self._live = live
        self._backfill = backfill
        self._snapshots = snapshots
        self.inside = inside
        self._shares = shares
        self._recent = recent
        self._deep = deep
        self._pace = pace
        self._holder = holder
        self._rng = rng

    async def run(self) -> None:
        """Until it is cancelled. Raises ConfigError where the ledger forbids the configured start."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch.run(self._pace.observe_every_s), name="watch heads")
                tasks.create_task(self._listener.run(), name="listen")
                tasks.create_task(self._shares.keep(), name="share budgets")
                if self._pace.snapshot_every_s:
                    tasks.create_task(self._snapshots.run(self._pace.snapshot_every_s), name="snapshots")
                await self._watch.begin(history_days=self._pace.history_days, start_slot=self._pace.start_slot)
                for task in self._recent:
                    self._keep(tasks, self._live, task, self._watch.recent, newest_first=True)
                for task in self._deep:
                    self._keep(tasks, self._backfill, task, self._watch.deep, newest_first=False)
        finally:
            await briefly(self._store.leave(self._holder))  # Claims run out by themselves.

    def _keep(
        self,
        tasks: asyncio.TaskGroup,
        filler: Filler,
        task: Task,
        wanted: Callable[[], Awaitable[Mapping[str, Spans]]],
        *,
        newest_first: bool,
    ) -> None:
        loop = keep_settled(
            filler,
            task,
            wanted,
            newest_first=newest_first,
            pause_s=self._pace.settle_every_s,
            rng=self._rng,
            on_page=_unheard if newest_first else self._count,
        )
        tasks.create_task(loop, name=f"settle {', '.join(task.names)} {'newest' if newest_first else 'oldest'} first")

    def _count(self, settled: int, _transactions: int) -> None:
        self.inside.tally.filled(asyncio.get_running_loop().time(), settled)


def _unheard(_settled: int, _transactions: int) -> None:
    """What is recent says nothing of how fast history is filled."""
