"""What came of a span: links between blocks checked, and pages cut out of it. Pure.

What must stay true: a block that is added settles every slot from the one before it, and only if the parent that it
names leaves no room for another block. A doubtful transaction that was not found elsewhere holds its slot back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from indexer.core.coverage import Span, missing, of_slots
from indexer.core.transaction import Transaction
from indexer.sources.base import RawPage
from indexer.sources.portal_lines import Doubtful, Header, PortalBlock


class BrokenChain(Exception):
    """Blocks that cannot follow each other, or do not belong to what was asked for."""


class Wanted(msgspec.Struct, frozen=True):
    """A doubtful transaction and the block that it is in."""

    block: PortalBlock
    doubtful: Doubtful


class Found(msgspec.Struct, frozen=True):
    """What became of a doubtful transaction. `is_answered`: somebody said that it cannot be had."""

    wanted: Wanted
    transaction: Transaction | None
    is_answered: bool = True


class Reading:
    """The reading of one span for one stream. `next`: the first slot that nothing was told of yet."""

    def __init__(self, stream: str, span: Span, endpoint: str) -> None:
        self.next = span.start
        self._stream, self._end, self._endpoint = stream, span.end, endpoint
        self._page_start = span.start
        self._blocks: list[PortalBlock] = []
        self._transactions = 0
        self._last: Header | None = None

    @property
    def rest(self) -> Span | None:
        """What nothing was told of yet; None: all was told."""
        return Span(self.next, self._end) if self.next < self._end else None

    @property
    def transactions(self) -> int:
        """Of the page that is growing."""
        return self._transactions

    @property
    def wanted(self) -> Sequence[Wanted]:
        """The doubtful ones of the page that is growing."""
        return [Wanted(block, one) for block in self._blocks for one in block.doubtful]

    def add(self, block: PortalBlock, *, is_first: bool) -> None:
        """The next block; `is_first` of an answer that was asked for from `next`. Raises BrokenChain."""
        if block.header.number >= self._end:
            raise BrokenChain(f"block {block.header.number} came, it was asked for blocks before {self._end}")
        self._check(block.header, is_first=is_first)
        self._blocks.append(block)
        self._transactions += len(block.transactions) + len(block.doubtful)
        self._last, self.next = block.header, block.header.number + 1

    def prove_empty(self, following: Header) -> None:
        """The block that follows `next` lies behind the span: there is no other in the rest. Raises BrokenChain."""
        if following.number < self._end:
            raise BrokenChain(f"block {following.number} was left out")
        self._check(following, is_first=True)
        self.next = self._end

    def page(self, found: Sequence[Found]) -> RawPage | None:
        """Everything since the last page, with what became of all `wanted`; None: there is nothing."""
        if self._page_start == self.next:
            return None
        blocks, covered = self._blocks, Span(self._page_start, self.next)
        self._blocks, self._transactions, self._page_start = [], 0, self.next
        lacking = [one for one in found if one.transaction is None]
        unavailable = of_slots(one.wanted.block.header.number for one in lacking if one.is_answered)
        held = of_slots(one.wanted.block.header.number for one in lacking)
        transactions = [tx for block in blocks for tx in block.transactions]
        transactions += [one.transaction for one in found if one.transaction is not None]
        return RawPage(
            transactions=sorted(transactions, key=lambda tx: (tx.slot, tx.tx_index or 0)),
            settled=self._named(missing([covered], held)),
            unavailable=self._named(unavailable),
            slot_times={block.header.number: time for block in blocks if (time := block.block_time) is not None},
            endpoint=self._endpoint,
        )

    def _named(self, spans: tuple[Span, ...]) -> Mapping[str, tuple[Span, ...]]:
        return {self._stream: spans} if spans else {}

    def _check(self, header: Header, *, is_first: bool) -> None:
        last = self._last
        if header.number < self.next:
            raise BrokenChain(f"block {header.number} came behind block {self.next - 1}")
        if is_first and header.parent_number >= self.next:
            raise BrokenChain(f"block {header.parent_number}, the parent of {header.number}, was left out")
        if last is None or header.parent_number > last.number:
            return
        if (header.parent_number, header.parent_hash) != (last.number, last.hash):
            parent = f"{header.parent_number} {header.parent_hash[:50]}"
            raise BrokenChain(
                f"block {header.number} has parent {parent}, before it came {last.number} {last.hash[:50]}"
            )
