"""Blocks as links of the chain: whole where anybody has them whole, else as much as somebody has.

One that is there and cannot be read (another version, no meta) still names its parent, so that only its own slot stays
open.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from indexer.core.coverage import Span
from indexer.core.protocol import Protocol as Stream
from indexer.core.protocol import unrecorded
from indexer.core.rpc import Block, BlockHead
from indexer.core.transaction import Unavailable
from indexer.sources.base import Lane, SourceInterrupted
from indexer.sources.links import Link
from indexer.sources.reasons import Refused
from indexer.sources.rpc import Rpc

_MOST_WITNESSES = 4  # Endpoints that are asked about one slot of a contradiction.


class Fetcher:
    """Fetches blocks of a span for some streams; of blocks outside the span only what links them."""

    def __init__(self, rpc: Rpc, lane: Lane, streams: Sequence[Stream], span: Span) -> None:
        self._rpc = rpc
        self._lane: Lane = lane
        self._streams = streams
        self._span = span
        self._programs = frozenset(program_id for stream in streams for program_id in stream.programs)

    async def fetch(self, slot: int, avoid: Collection[str] = ()) -> Link | None:
        """The block; None: whoever answers does not have it, whatever the reason. Raises SourceInterrupted."""
        if slot in self._span and (link := await self._whole(slot, avoid)) is not None:
            return link
        try:
            answer = await self._rpc.block_head(slot, lane=self._lane, avoid=avoid)
        except Refused:
            return None
        return _link(answer.value, None, answer.endpoint)

    async def elsewhere(self, link: Link) -> Sequence[Link | None]:
        """What other endpoints than the one that gave this link have in its slot; None: no block. Not all are asked."""
        found: list[Link | None] = []
        asked = {link.endpoint}
        for _ in range(_MOST_WITNESSES):
            try:
                one = await self.fetch(link.slot, {name for name in asked if name is not None})
            except SourceInterrupted:
                break  # Nobody else is there.
            found.append(one)
            if one is None or one.endpoint in asked:
                break
            asked.add(one.endpoint)
        return found

    def hidden(self, block: Block) -> set[str]:
        """Streams that the block may hold something of that cannot be seen."""
        if block.unavailable:
            return {stream.name for stream in self._streams}  # Nobody knows whose transaction that was.
        return {name for tx in block.transactions for name in unrecorded(tx, self._streams)}

    async def _whole(self, slot: int, avoid: Collection[str]) -> Link | None:
        """With its transactions; where everybody hides something, what hides least."""
        partial: list[Block] = []

        def whole(block: Block) -> Block:
            if hidden := self.hidden(block):
                partial.append(block)
                raise Unavailable(f"it may hide something of {', '.join(sorted(hidden))}: {_why(block)}")
            return block

        try:
            answer = await self._rpc.block(slot, lane=self._lane, programs=self._programs, check=whole, avoid=avoid)
        except Refused:
            best = min(partial, key=lambda block: len(self.hidden(block)), default=None)
            return None if best is None else _link(best, best, None)
        return _link(answer.value, answer.value, answer.endpoint)


def _why(block: Block) -> str:
    return "; ".join(block.unavailable[:3]) or "logs or inner instructions were not recorded"


def _link(head: Block | BlockHead, block: Block | None, endpoint: str | None) -> Link:
    return Link(
        slot=head.slot,
        parent_slot=head.parent_slot,
        blockhash=head.blockhash,
        previous_blockhash=head.previous_blockhash,
        block_time=head.block_time,
        block=block,
        endpoint=endpoint,
    )
