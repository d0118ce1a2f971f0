"""Which advisory locks a writer of rows takes: those of its slots, so that history and the newest slots do not wait.

Slots lie in small buckets, these in large ones, these in one for the whole stream. A page is locked on the finest level
on which it touches few buckets; what lies above is shared. What must stay true:
- two writers of one stream whose slots touch always share a bucket that at least one of them has for itself;
- all take their locks in one order, so that none waits for one that waits for it.
A number that two things share by chance makes one of them wait, no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

from indexer.core.coverage import Span

_WHOLE = 1 << 63  # Every slot there can be.
_NUMBERS = 1 << 31
LEVELS = (_WHOLE, 2048, 32)  # Slots of a bucket, from coarse to fine.
MOST_BUCKETS = 64  # A page's own: the server has room for some thousands of locks.


class SlotLock(NamedTuple):
    """Two 32-bit numbers that name it, and whether others may have it at the same time."""

    group: int
    bucket: int
    is_shared: bool


def slot_locks(streams: Sequence[str], bounds: Span) -> list[SlotLock]:
    """The locks of some streams' slots, in the order in which all take them."""
    found = {lock[:2]: lock for stream in streams for lock in _locks(stream, bounds)}
    return sorted(found.values())


def _locks(stream: str, bounds: Span) -> Iterator[SlotLock]:
    for slots in LEVELS:
        buckets = range(bounds.start // slots, (bounds.end - 1) // slots + 1)
        is_own = slots == _own_level(bounds)
        group = crc32(f"{stream} {slots}".encode()) - 2**31
        yield from (SlotLock(group, bucket % _NUMBERS, not is_own) for bucket in buckets)
        if is_own:
            return


def _own_level(bounds: Span) -> int:
    """The finest level with few buckets; the coarsest has one."""
    return next(slots for slots in reversed(LEVELS) if (bounds.end - 1) // slots - bounds.start // slots < MOST_BUCKETS)
