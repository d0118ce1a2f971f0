"""Packed bodies: gzip unpacked whole, within a bound, or found damaged.

The end of a packed body, its length and its checksum (CRC-32) are those of the text that the sender packed: whatever
was lost, doubled or exchanged on the way is noticed here, wherever in the body it was. A body may have several members,
each with a checksum, and nothing counts them: it is believed no further than a body that came unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import msgspec
from isal import isal_zlib

_Error = cast(type[Exception], isal_zlib.error)  # Its stub calls the class an instance.
_GZIP = 16 + isal_zlib.MAX_WBITS
_PIECE_BYTES = 65_536
GZIP = "gzip"  # The one packing that is asked for.


class Damaged(Exception):
    """The packed body is not whole, or it unpacks to more than is read."""


class Unpacked(msgspec.Struct, frozen=True):
    """What was packed. `is_exact`: one checksum held of all of it, so that it is byte for byte what was packed."""

    text: bytes
    is_exact: bool


class Unpacking:
    """A body that unpacks piece by piece. Nothing of it counts before `end`."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._member = isal_zlib.decompressobj(_GZIP)
        self._is_one = True  # So far one member.
        self._found: list[bytes] = []
        self._size = 0

    def feed(self, piece: bytes) -> None:
        """Raises Damaged."""
        while piece:
            if self._member.eof:  # A body may have several members, one after the other.
                self._member, self._is_one = isal_zlib.decompressobj(_GZIP), False
            try:
                found = self._member.decompress(piece, self._most_bytes - self._size + 1)
            except _Error as error:
                raise Damaged(f"no whole gzip behind {self._size} bytes: {error}") from None
            self._found.append(found)
            self._size += len(found)
            if self._size > self._most_bytes:
                raise Damaged(f"a body of more than {self._most_bytes} bytes")
            piece = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def end(self) -> Unpacked:
        """What was packed. Raises Damaged where its end has not come."""
        if not self._member.eof:
            raise Damaged(f"gzip without its end, behind {self._size} bytes")
        return Unpacked(b"".join(self._found), self._is_one)


def pieces(body: bytes) -> Iterator[bytes]:
    """A body in the pieces that are unpacked fastest: what grows beyond them is copied again and again."""
    return (body[start : start + _PIECE_BYTES] for start in range(0, len(body), _PIECE_BYTES))


def unpacked(body: bytes, most_bytes: int) -> Unpacked:
    """What was packed in a whole body. Raises Damaged."""
    unpacking = Unpacking(most_bytes)
    for piece in pieces(body):
        unpacking.feed(piece)
    return unpacking.end()
