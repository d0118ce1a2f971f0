"""Base58 of any length, equal to the definition written down in its plainest form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core import base58

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def plainly(data: bytes) -> str:
    """One 1 for each leading zero byte, then the number in base 58."""
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        digits, number = ALPHABET[number % 58] + digits, number // 58
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


@given(st.binary(max_size=400) | st.binary(min_size=1240, max_size=1260))
def test_encode_and_decode_are_those_of_the_definition(data: bytes) -> None:
    text = plainly(data)
    assert base58.encode(data) == text
    assert base58.decode(text) == data


@given(st.binary(min_size=32, max_size=32), st.integers(0, 32))
def test_leading_zero_bytes_are_kept(data: bytes, zeros: int) -> None:
    padded = bytes(zeros) + data[zeros:]
    assert base58.key(base58.encode(padded)) == padded


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "abc def", "é", "1" * 31 + "0", "\x00"])
def test_what_has_a_foreign_digit_is_not_base58(text: str) -> None:
    with pytest.raises(base58.NotBase58):
        base58.decode(text)


@pytest.mark.parametrize("text", ["", "1", "1" * 31, "1" * 33, "z" * 44, "é" * 32])
def test_a_key_has_32_bytes(text: str) -> None:
    with pytest.raises(base58.NotBase58):
        base58.key(text)


@given(st.text(max_size=100))
def test_no_text_raises_anything_else(text: str) -> None:
    for read in (base58.decode, base58.key, base58.signature):
        try:
            read(text)
        except base58.NotBase58:
            continue
