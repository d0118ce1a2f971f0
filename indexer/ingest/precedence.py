"""What is live goes first: history waits between two pages while a notification is on its way to the ledger.

All loops of a daemon share one thread; a page of history takes some of it, and a notification needs many turns until
its rows are written. History is never kept off: it waits no longer than a moment for each page.
"""

from __future__ import annotations

import asyncio

MOST_S = 0.5


class Precedence:
    """Counts what is live and on its way."""

    def __init__(self) -> None:
        self._on_the_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def begin(self) -> None:
        """Something live came."""
        self._on_the_way += 1
        self._idle.clear()

    def end(self, count: int = 1) -> None:
        """So many have come to their end, whichever."""
        self._on_the_way -= count
        assert self._on_the_way >= 0, "more ended than came"
        if not self._on_the_way:
            self._idle.set()

    async def give_way(self) -> None:
        """Until nothing live is on its way, and at most a moment."""
        try:
            async with asyncio.timeout(MOST_S):
                await self._idle.wait()
        except TimeoutError:
            return
