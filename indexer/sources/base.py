"""What a source promises: it yields pages of whole slots and says which of them it settles.

A source is asked for a span. What it brings is pages; a page says for which streams it settles which
slots: "with the pages before it, every payload of this stream in these slots". A fetch that failed
settles nothing, and neither does an answer whose answerer was not shown to be past the span.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from indexer.core.coverage import Span, Spans
from indexer.core.protocol import Protocol as Stream
from indexer.core.transaction import Transaction

# Live requests go first; then what settles behind the finalized head; backfill takes what is left of every budget.
Lane = Literal["live", "tail", "backfill"]
Strategy = Literal["signatures", "blocks", "portal"]


class RawPage(msgspec.Struct, frozen=True, kw_only=True):
    """Whole slots as one source saw them, not yet processed.

    Transactions of settled slots have their `tx_index` and `block_time` (None only where the chain has none).
    """

    transactions: Sequence[Transaction] = ()  # By slot, then place in the block. Failed ones may be left out.
    settled: Mapping[str, Spans] = {}  # By stream.
    unavailable: Mapping[str, Spans] = {}  # By stream: this source was shown not to have them.
    slot_times: Mapping[int, int] = {}  # Slot -> Unix seconds.
    endpoint: str | None = None  # Who answered, without credentials.


class Recent(msgspec.Struct, frozen=True):
    """What was seen of the newest slots, which settles nothing."""

    transactions: Sequence[Transaction] = ()  # By slot.
    lacking: Mapping[str, int] = {}  # By stream: the first slot with a listed transaction that nobody gave.


class SourceInterrupted(Exception):
    """The stream broke and may be asked again: disconnect, rate limit, node behind. The message names the endpoint."""


class Source(Protocol):
    """One way to settle spans."""

    strategy: Strategy

    async def reach(self) -> Span | None:
        """The slots that can be settled now: first available up to the finalized head; None: nobody answers."""

    def pages(self, streams: Sequence[Stream], span: Span) -> AsyncIterator[RawPage]:
        """Yield every transaction of these streams in `span` at least once, in pages of whole slots.

        What was not settled when the iterator ends stays missing. Raises SourceInterrupted; what the pages so far
        have settled stays settled.
        """
