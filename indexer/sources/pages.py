"""A page while it is filled: what is settled, and what is shown not to be had, clipped to the span asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from indexer.core.coverage import Span, Spans, common, union
from indexer.core.protocol import Protocol as Stream
from indexer.core.transaction import Transaction
from indexer.sources.base import RawPage


class Gathering:
    """Gathers until `most_slots` or `most_transactions` are in it; then `taken` is due."""

    def __init__(self, streams: Sequence[Stream], span: Span, most_slots: int, most_transactions: int) -> None:
        self._names = tuple(stream.name for stream in streams)
        self._span = span
        self._most_slots = most_slots
        self._most_transactions = most_transactions
        self._clear()

    def _clear(self) -> None:
        self._transactions: list[Transaction] = []
        self._settled: dict[str, list[Span]] = {name: [] for name in self._names}
        self._unavailable: dict[str, list[Span]] = {name: [] for name in self._names}
        self._slot_times: dict[int, int] = {}
        self._endpoints: set[str] = set()
        self._slots = 0

    @property
    def is_full(self) -> bool:
        return self._slots >= self._most_slots or len(self._transactions) >= self._most_transactions

    @property
    def is_empty(self) -> bool:
        return self._slots == 0

    def has(self, transactions: Sequence[Transaction], endpoint: str | None = None) -> None:
        self._transactions += transactions
        self._endpoints |= {endpoint} if endpoint is not None else set()

    def at(self, slot: int, block_time: int | None) -> None:
        if block_time is not None and slot in self._span:
            self._slot_times[slot] = block_time

    def settles(self, start: int, end: int, *, but: Collection[str] = ()) -> None:
        """Slots `start` up to `end`, none if there are none, for every stream; `but`: unavailable for these."""
        for span in _clipped(start, end, self._span):
            self._slots += len(span)
            for name in self._names:
                (self._unavailable if name in but else self._settled)[name].append(span)

    def lacks(self, start: int, end: int) -> None:
        """Nobody has these slots, for any stream."""
        self.settles(start, end, but=self._names)

    def taken(self, young_from: int) -> RawPage:
        """The page, and begin the next one. What it lacks from `young_from` on stays missing: it may still come."""
        old = [Span(0, young_from)] if young_from > 0 else []
        unavailable = {name: common(spans, old) for name, spans in self._unavailable.items()}
        page = RawPage(
            transactions=tuple(self._transactions),
            settled={name: union(spans) for name, spans in self._settled.items() if spans},
            unavailable={name: spans for name, spans in unavailable.items() if spans},
            slot_times=self._slot_times,
            endpoint=", ".join(sorted(self._endpoints)) or None,
        )
        self._clear()
        return page


def _clipped(start: int, end: int, span: Span) -> Spans:
    return common([Span(start, end)], [span]) if start < end else ()
