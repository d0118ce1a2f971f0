"""Accounts that hold an IDL, whole, cut, packed otherwise, or made to do harm."""

from __future__ import annotations

import gzip
import zlib
from hashlib import sha256

import pytest

from indexer.core.idl import UnsupportedIdl
from indexer.core.idl_account import MOST_BYTES, Elsewhere, anchor_text, metadata_text
from tests.world import key

PROGRAM = key(3)
TEXT = '{"instructions": []}'


def of_anchor(packed: bytes, length: int | None = None) -> bytes:
    head = sha256(b"internal:IdlAccount").digest()[:8] + key(1)
    return head + (len(packed) if length is None else length).to_bytes(4, "little") + packed


def of_metadata(
    data: bytes, *, kind: int = 2, program: bytes = PROGRAM, seed: bytes = b"idl", forms: bytes = bytes([1, 0, 1, 0])
) -> bytes:
    head = bytes([kind]) + program + bytes(32) + b"\x01\x01" + seed.ljust(16, b"\0") + forms
    return head + len(data).to_bytes(4, "little") + bytes(5) + data + b"what was there before"


def test_what_follows_the_length_is_no_part_of_it() -> None:
    assert anchor_text(of_anchor(zlib.compress(TEXT.encode())) + b"spare") == TEXT


@pytest.mark.parametrize("data", [b"", bytes(200), of_anchor(b"x", 2), of_anchor(b"no zlib"), of_anchor(b"")])
def test_what_is_no_account_of_anchor_is_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedIdl):
        anchor_text(data)


def test_half_an_upload_is_refused() -> None:
    packed = zlib.compress(TEXT.encode())
    with pytest.raises(UnsupportedIdl, match="ends within"):
        anchor_text(of_anchor(packed[:-6]))


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(UnsupportedIdl, match=f"more than {MOST_BYTES} bytes"):
        anchor_text(of_anchor(zlib.compress(bytes(MOST_BYTES + 1))))


@pytest.mark.parametrize(("compression", "pack"), [(0, bytes), (1, gzip.compress), (2, zlib.compress)])
def test_metadata_is_read_however_it_is_packed(compression: int, pack: type[bytes]) -> None:
    data = of_metadata(pack(TEXT.encode()), forms=bytes([1, compression, 1, 0]))
    assert metadata_text(data, PROGRAM) == TEXT


def test_metadata_may_name_another_account() -> None:
    for length, wanted in ((0, "cdef"), (2, "cd")):
        place = key(9) + (2).to_bytes(4, "little") + length.to_bytes(4, "little")
        found = metadata_text(of_metadata(place, forms=bytes([1, 0, 1, 2])), PROGRAM)
        assert isinstance(found, Elsewhere)
        assert (found.key, found.text(b"abcdef")) == (key(9), wanted)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        of_metadata(b"x", kind=1),
        of_metadata(b"x", program=key(4)),
        of_metadata(b"x", seed=b"security"),
        of_metadata(b"https://x", forms=bytes([1, 0, 1, 1])),
        of_metadata(b"x", forms=bytes([1, 0, 1, 9])),
        of_metadata(b"x", forms=bytes([1, 7, 1, 0])),
        of_metadata(b"x", forms=bytes([0, 0, 1, 0])),
        of_metadata(b"\xff"),
        of_metadata(b"short", forms=bytes([1, 0, 1, 2])),
        of_metadata(b"x" * 50)[:120],
    ],
)
def test_other_metadata_is_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedIdl):
        metadata_text(data, PROGRAM)
