"""Packed bodies: gzip unpacked whole, within a bound, or found damaged.

The end of a packed body, its length and its checksum (CRC-32) are those of the text that the sender packed: whatever
was lost, doubled or exchanged on the way is noticed here, wherever in the body it was.
"""

from __future__ import annotations

from typing import cast

from isal import isal_zlib

_Error = cast(type[Exception], isal_zlib.error)  # Its stub calls the class an instance.
_GZIP = 16 + isal_zlib.MAX_WBITS
GZIP = "gzip"  # The one packing that is asked for.


class Damaged(Exception):
    """The packed body is not whole, or it unpacks to more than is read."""


class Unpacking:
    """A body that unpacks piece by piece. Nothing of it counts before `end`."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._member = isal_zlib.decompressobj(_GZIP)
        self._found = bytearray()

    def feed(self, piece: bytes) -> None:
        """Raises Damaged."""
        while piece:
            if self._member.eof:  # A body may have several members, one after the other.
                self._member = isal_zlib.decompressobj(_GZIP)
            try:
                self._found += self._member.decompress(piece, self._most_bytes - len(self._found) + 1)
            except _Error as error:
                raise Damaged(f"no whole gzip behind {len(self._found)} bytes: {error}") from None
            if len(self._found) > self._most_bytes:
                raise Damaged(f"a body of more than {self._most_bytes} bytes")
            piece = self._member.unused_data if self._member.eof else self._member.unconsumed_tail

    def end(self) -> bytes:
        """What was packed. Raises Damaged where its end has not come."""
        if not self._member.eof:
            raise Damaged(f"gzip without its end, behind {len(self._found)} bytes")
        return bytes(self._found)


def unpacked(body: bytes, most_bytes: int) -> bytes:
    """What was packed in a whole body. Raises Damaged."""
    unpacking = Unpacking(most_bytes)
    unpacking.feed(body)
    return unpacking.end()
