"""Sources by script, for the loops of ingest in virtual time: what they settle and leave, and what they were asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from random import Random

from indexer.core.coverage import Span, Spans, common, missing
from indexer.core.protocol import Protocol
from indexer.core.transaction import Transaction
from indexer.ingest.filling import Filler, Task
from indexer.ingest.writing import Writer
from indexer.sources.base import RawPage, SourceInterrupted, Strategy
from indexer.store.base import Store
from tests.programs import protocols

ALL = Span(0, 1_000_000)
PAGE_SLOTS = 10
NAMES = tuple(protocol.name for protocol in protocols())
WANTED: Mapping[str, Spans] = {name: (Span(0, 100),) for name in NAMES}


def task(*ways: Strategy, streams: Sequence[str] = NAMES) -> Task:
    return Task(tuple(one for one in protocols() if one.name in streams), ways)


class Way:
    """A source. Of what it is asked it settles everything but `leaves`; `lacks` it says that it does not have.

    `breaks_at`: the slot at which every walk is interrupted. `transactions`: those that it brings.
    """

    def __init__(
        self,
        strategy: Strategy = "blocks",
        *,
        leaves: Spans = (),
        lacks: Spans = (),
        breaks_at: int | None = None,
        reach: Span | None = ALL,
        pause_s: float = 0.1,
        transactions: Sequence[Transaction] = (),
    ) -> None:
        self.strategy: Strategy = strategy
        self.leaves, self.lacks, self.breaks_at = leaves, lacks, breaks_at
        self.within, self.pause_s, self.transactions = reach, pause_s, transactions
        self.asked: list[tuple[tuple[str, ...], Span]] = []
        self.open = 0

    async def reach(self) -> Span | None:
        await asyncio.sleep(0.01)
        return self.within

    async def pages(self, streams: Sequence[Protocol], span: Span) -> AsyncGenerator[RawPage, None]:
        names = tuple(stream.name for stream in streams)
        self.asked.append((names, span))
        self.open += 1
        try:
            for start in range(span.start, span.end, PAGE_SLOTS):
                await asyncio.sleep(self.pause_s)
                piece = Span(start, min(start + PAGE_SLOTS, span.end))
                if self.breaks_at is not None and self.breaks_at in piece:
                    raise SourceInterrupted(f"{self.strategy}: it breaks at {self.breaks_at}")
                yield self._page(names, piece)
        finally:
            self.open -= 1

    def _page(self, names: Sequence[str], piece: Span) -> RawPage:
        lacks = common([piece], self.lacks)
        settled = missing([piece], [*self.leaves, *lacks])
        return RawPage(
            transactions=[one for one in self.transactions if one.slot in piece],
            settled={name: settled for name in names if settled},
            unavailable={name: lacks for name in names if lacks},
        )


def filler(store: Store, *ways: Way, holder: str = "us", span_slots: int = 100, lease_s: float = 9.0) -> Filler:
    """Over these ways, with a writer of its own."""
    return Filler(
        store,
        Writer(store, Random(1)),
        {way.strategy: way for way in ways},
        holder=holder,
        lease_s=lease_s,
        span_slots=span_slots,
        retry_unavailable_s=600.0,
    )
