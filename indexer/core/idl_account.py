"""The two accounts in which a program publishes its IDL: Anchor's own, and that of the program-metadata program.

    Anchor:            discriminator 8 | authority 32 | length u32 | zlib
    program-metadata:  kind u8 (2: whole) | program 32 | authority 32 | mutable u8 | canonical u8 | seed 16
                       | encoding u8 | compression u8 | format u8 | source u8 | length u32 | 5 spare | data

Accounts are longer than what they hold, and one that is being uploaded holds a part. Nothing is unpacked beyond
MOST_BYTES. Whatever does not fit is UnsupportedIdl.
"""

from __future__ import annotations

import zlib
from hashlib import sha256

import msgspec

from indexer.core import base58
from indexer.core.idl import UnsupportedIdl

ANCHOR_SEED = "anchor:idl"
METADATA_PROGRAM = base58.key("ProgM6JCCvbYkfKqJYHePx4xxSUSqJp7rh8Lyv7nk7S")
METADATA_SEED = b"idl".ljust(16, b"\0")
MOST_BYTES = 8 << 20  # Of an IDL; the largest that is known has a tenth of it.
_ANCHOR_DISCRIMINATOR = sha256(b"internal:IdlAccount").digest()[:8]
_ANCHOR_BYTES, _METADATA_BYTES = 44, 96
_WHOLE = 2
_COMPRESSIONS = {0: None, 1: 16 + zlib.MAX_WBITS, 2: zlib.MAX_WBITS}  # None, gzip, zlib: zlib's window bits.
_DIRECT, _URL, _EXTERNAL = range(3)
_UTF8 = 1


class Elsewhere(msgspec.Struct, frozen=True):
    """The IDL lies in another account, from `offset` on. `length` None: to its end."""

    key: bytes
    offset: int
    length: int | None
    compression: int
    encoding: int

    def text(self, data: bytes) -> str:
        """From the data of that account."""
        end = None if self.length is None else self.offset + self.length
        return _text(data[self.offset : end], self.compression, self.encoding)


def anchor_text(data: bytes) -> str:
    """The IDL in Anchor's account."""
    if len(data) < _ANCHOR_BYTES or (data[:8] != _ANCHOR_DISCRIMINATOR):
        raise UnsupportedIdl(f"no IDL account of Anchor: {len(data)} bytes, discriminator {data[:8].hex()}")
    length = int.from_bytes(data[40:44], "little")
    return _text(_part(data, _ANCHOR_BYTES, length), 2, _UTF8)


def metadata_text(data: bytes, program: bytes) -> str | Elsewhere:
    """The IDL in an account of the program-metadata program, or where it lies."""
    if len(data) < _METADATA_BYTES or data[0] != _WHOLE:
        raise UnsupportedIdl(f"no whole metadata account: {len(data)} bytes, kind {data[:1].hex() or 'none'}")
    if data[1:33] != program or data[67:83] != METADATA_SEED:
        raise UnsupportedIdl("the metadata account speaks of another program, or of something else than its IDL")
    encoding, compression, _, source = data[83:87]
    packed = _part(data, _METADATA_BYTES, int.from_bytes(data[87:91], "little"))
    if source == _DIRECT:
        return _text(packed, compression, encoding)
    if source == _EXTERNAL and len(packed) >= 40:
        offset, length = (int.from_bytes(packed[at : at + 4], "little") for at in (32, 36))
        return Elsewhere(packed[:32], offset, length or None, compression, encoding)
    where = "at a URL, which is not asked" if source == _URL else f"in a source of kind {source}"
    raise UnsupportedIdl(f"the IDL lies {where}")


def _part(data: bytes, start: int, length: int) -> bytes:
    if start + length > len(data):
        raise UnsupportedIdl(f"the account says {length} bytes of IDL and has {len(data) - start}")
    return data[start : start + length]


def _text(packed: bytes, compression: int, encoding: int) -> str:
    if encoding != _UTF8:
        raise UnsupportedIdl(f"bytes of encoding {encoding} are no text")
    try:
        return _unpacked(packed, compression).decode()
    except UnicodeDecodeError as error:
        raise UnsupportedIdl(f"no text: {error.reason} at byte {error.start}") from None


def _unpacked(packed: bytes, compression: int) -> bytes:
    if compression not in _COMPRESSIONS:
        raise UnsupportedIdl(f"compression of kind {compression}")
    if (bits := _COMPRESSIONS[compression]) is None:
        return packed
    stream = zlib.decompressobj(bits)
    try:
        plain = stream.decompress(packed, MOST_BYTES)
    except zlib.error as error:
        raise UnsupportedIdl(f"it cannot be unpacked: {error}") from None
    if not stream.eof:
        raise UnsupportedIdl(f"it ends within, or has more than {MOST_BYTES} bytes")
    return plain
