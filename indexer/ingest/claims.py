"""The claims of one process: kept alive while it works on them, and given back.

A claim only keeps others off a span. One that could not be given back, since the database was away, would be renewed
with the others of its holder and keep everybody off: it is given back before the next one is asked for. One whose
work stands still is not renewed either: somebody else may have more luck with it.
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
    """`holder` names the process. A claim that is not renewed ends after `lease_s`.

    With `most_stalled_s`, claims are renewed only while `moved` is called at least so often.
    """

    def __init__(self, store: Store, holder: str, lease_s: float, most_stalled_s: float | None = None) -> None:
        self._store = store
        self._holder = holder
        self._lease_s = lease_s
        self._most_stalled_s = most_stalled_s
        self._moved_at = 0.0
        self._owed: list[tuple[Sequence[str], Span]] = []  # To be given back; at most one for each task.

    @asynccontextmanager
    async def claimed(
        self,
        streams: Sequence[str],
        wanted: Spans,
        most_slots: int,
        *,
        newest_first: bool,
        least_slots: int | None = None,
    ) -> AsyncIterator[Span | None]:
        """A part of `wanted` that is ours meanwhile, as `Coordination.claim` says; None: others hold all of it.

        Raises StoreUnavailable.
        """
        while self._owed:
            await self._give_back(self._owed.pop())  # Taken off first: other tasks of ours come by here too.
        claim = await self._store.claim(
            streams,
            wanted,
            self._holder,
            self._lease_s,
            most_slots,
            newest_first=newest_first,
            least_slots=least_slots,
        )
        if claim is None:
            yield None
            return
        self.moved()
        keeping = asyncio.create_task(self._keep(), name="keep claims")
        try:
            yield claim
        finally:
            keeping.cancel()
            if not await briefly(self._store.release(streams, claim, self._holder)):
                self._owed.append((streams, claim))

    def moved(self) -> None:
        """The work goes on."""
        self._moved_at = asyncio.get_running_loop().time()

    @property
    def _is_stalled(self) -> bool:
        still_s = asyncio.get_running_loop().time() - self._moved_at
        return self._most_stalled_s is not None and still_s > self._most_stalled_s

    async def _give_back(self, owed: tuple[Sequence[str], Span]) -> None:
        try:
            await self._store.release(*owed, self._holder)
        except StoreUnavailable:
            self._owed.append(owed)
            raise

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            if self._is_stalled:
                continue
            with suppress(StoreUnavailable):
                await self._store.renew(self._holder, self._lease_s)
