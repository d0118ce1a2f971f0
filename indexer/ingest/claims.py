"""The claims of one process: kept alive while it works on them, and given back.

A claim only keeps others off a span. One that could not be given back, since the database was away, would be renewed
with the others of its holder and keep everybody off: it is given back before the next one is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from indexer.core.coverage import Span, Spans
from indexer.errors import StoreUnavailable
from indexer.ingest.patience import briefly
from indexer.store.base import Store


class Claims:
    """`holder` names the process. A claim that is not renewed ends after `lease_s`."""

    def __init__(self, store: Store, holder: str, lease_s: float) -> None:
        self._store = store
        self._holder = holder
        self._lease_s = lease_s
        self._owed: list[tuple[Sequence[str], Span]] = []  # To be given back; at most one for each task.

    @asynccontextmanager
    async def claimed(
        self, streams: Sequence[str], wanted: Spans, most_slots: int, *, newest_first: bool
    ) -> AsyncIterator[Span | None]:
        """A part of `wanted` that is ours meanwhile; None: others hold all of it. Raises StoreUnavailable."""
        while self._owed:
            await self._give_back(self._owed.pop())  # Taken off first: other tasks of ours come by here too.
        claim = await self._store.claim(
            streams, wanted, self._holder, self._lease_s, most_slots, newest_first=newest_first
        )
        if claim is None:
            yield None
            return
        keeping = asyncio.create_task(self._keep(), name="keep claims")
        try:
            yield claim
        finally:
            keeping.cancel()
            if not await briefly(self._store.release(streams, claim, self._holder)):
                self._owed.append((streams, claim))

    async def _give_back(self, owed: tuple[Sequence[str], Span]) -> None:
        try:
            await self._store.release(*owed, self._holder)
        except StoreUnavailable:
            self._owed.append(owed)
            raise

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            with suppress(StoreUnavailable):
                await self._store.renew(self._holder, self._lease_s)
