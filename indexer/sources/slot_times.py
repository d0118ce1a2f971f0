"""Which slot a time falls into: a search in blocks' times, from what is known already.

Block times are estimates of the cluster, in whole seconds; they do not go back. Slots without a block have none. One
endpoint is asked, the one whose history begins first: another would leave out of its lists what it threw away.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from indexer.core.coverage import Span
from indexer.sources.base import Lane, SourceInterrupted
from indexer.sources.reasons import Refused
from indexer.sources.rpc import Rpc

_LOOK_SLOTS = 500  # Of one getBlocks.


async def slot_near(rpc: Rpc, time_s: int, *, anchors: Mapping[int, int] | None = None, lane: Lane = "live") -> int:
    """The first slot with a block whose time is `time_s` (Unix seconds) or later.

    `anchors`: known times by slot, which save questions. A time before all history gives its first slot, one
    that has not come the slot behind the finalized head. Raises SourceInterrupted.
    """
    first, name = await _deepest(rpc, lane)
    found = head = (await rpc.finalized(lane=lane, only=name)).value + 1
    low, high = first, max(first, head)  # Between these it lies, if not at `found`.
    for slot, known_s in (anchors or {}).items():
        if low <= slot < high and known_s < time_s:
            low = slot + 1
        elif low <= slot < high:
            found = high = slot
    while low < high:
        middle = (low + high) // 2
        block = await _first_block(rpc, Span(middle, high), lane, name)
        if block is None:
            high = middle
        elif block[1] < time_s:
            low = block[0] + 1
        else:
            found, high = block[0], middle
    return found


async def _deepest(rpc: Rpc, lane: Lane) -> tuple[int, str | None]:
    """Where the longest history begins, and who has it. Raises SourceInterrupted where nobody answers."""
    found: list[tuple[int, str | None]] = []
    for name in rpc.providers.names:
        with suppress(SourceInterrupted, Refused):
            found.append((await rpc.first_block(lane=lane, only=name, patience_s=0), name))
    return min(found) if found else (await rpc.first_block(lane=lane), None)


async def _first_block(rpc: Rpc, span: Span, lane: Lane, name: str | None) -> tuple[int, int] | None:
    """Slot and time of the first block in the span that has a time."""
    for start in range(span.start, span.end, _LOOK_SLOTS):
        wanted = Span(start, min(start + _LOOK_SLOTS, span.end))
        for slot in (await rpc.slots_with_blocks(wanted, lane=lane, only=name)).value:
            head = await rpc.block_head(slot, lane=lane, only=name)
            if head.value.block_time is not None:
                return slot, head.value.block_time
    return None
