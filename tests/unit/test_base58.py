"""Base58 of any length, equal to the definition written down in its plainest form, by every way to read digits."""

import subprocess
import sys

import base58 as another
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core import base58, digits
from tests.mutation import Mutant, mutant

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
TAG = bytes.fromhex("e445a52e51cb9a1d")
WAYS = [digits.BY_LANES, digits.BY_GMP]
every_way = pytest.mark.parametrize("way", WAYS, ids=["lanes", "gmp"])
lengths = st.binary(max_size=400) | st.binary(min_size=1240, max_size=1260)
texts = st.text(max_size=100) | st.text(ALPHABET + " _+-0OIl\x00\n", max_size=100)


def plainly(data: bytes) -> str:
    """One 1 for each leading zero byte, then the number in base 58."""
    number, text = int.from_bytes(data, "big"), ""
    while number:
        text, number = ALPHABET[number % 58] + text, number // 58
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


@every_way
@given(lengths)
def test_encode_and_decode_are_those_of_the_definition(way: digits.Digits, data: bytes) -> None:
    text = plainly(data)
    assert base58.encode(data) == text
    assert base58.decode(text, way) == data


@every_way
@given(st.text(ALPHABET, max_size=1800), st.integers(0, 70))
def test_decode_reads_what_another_reads(way: digits.Digits, text: str, ones: int) -> None:
    assert base58.decode("1" * ones + text, way) == another.b58decode("1" * ones + text)


@every_way
@pytest.mark.parametrize("length", [1, 7, 8, 9, 63, 64, 65, 127, 128, 129, 1024, 14_000])
@pytest.mark.parametrize("sign", ["2", "z"])
def test_no_length_is_special(way: digits.Digits, length: int, sign: str) -> None:
    assert base58.decode(sign * length, way) == another.b58decode(sign * length)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 32))
def test_leading_zero_bytes_are_kept(data: bytes, zeros: int) -> None:
    padded = bytes(zeros) + data[zeros:]
    assert base58.key(base58.encode(padded)) == padded


@every_way
@pytest.mark.parametrize(
    "text", ["0", "O", "I", "l", "abc def", "é", "1" * 31 + "0", "\x00", "0x2", " 2", "2\n", "2_2", "-2"]
)
def test_what_has_a_foreign_digit_is_not_base58(way: digits.Digits, text: str) -> None:
    with pytest.raises(base58.NotBase58):
        base58.decode(text, way)


@pytest.mark.parametrize("text", ["", "1", "1" * 31, "1" * 33, "z" * 44, "é" * 32])
def test_a_key_has_32_bytes(text: str) -> None:
    with pytest.raises(base58.NotBase58):
        base58.key(text)


signed = st.binary(min_size=60, max_size=68) | st.integers(0, 64).map(
    lambda zeros: bytes(zeros) + b"\xff" * (64 - zeros)
)


@given(signed.map(plainly) | texts | st.sampled_from(["1" * 64, "1" * 89, "1" * 63 + "z" * 26, "z" * 88, "2" * 89]))
def test_gmp_and_solders_read_the_same_signatures(text: str) -> None:
    outcomes = []
    for way in (digits.BY_GMP, None):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(base58, "BY_GMP", way)
            try:
                outcomes.append(base58.signature(text))
            except base58.NotBase58 as error:
                outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


@given(texts)
def test_no_text_raises_anything_else(text: str) -> None:
    for read in (*(lambda text, way=way: base58.decode(text, way) for way in WAYS), base58.key, base58.signature):
        try:
            read(text)
        except base58.NotBase58:
            continue


@given(texts)
def test_all_ways_refuse_the_same_texts(text: str) -> None:
    outcomes = set()
    for way in WAYS:
        try:
            outcomes.add(base58.decode(text, way))
        except base58.NotBase58 as error:
            outcomes.add(str(error))
    assert len(outcomes) == 1


def test_without_the_extra_python_alone_reads() -> None:
    code = (
        "import sys; sys.modules['gmpy2'] = None\n"
        "from indexer.core import base58, digits\n"
        "assert digits.FASTEST is digits.BY_LANES and digits.BY_GMP is None\n"
        "assert base58.decode('1' + base58.encode(b'abc' * 99)) == b'\\0' + b'abc' * 99"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(lengths)
def test_a_text_that_begins_with_the_tag_may_do_so(data: bytes) -> None:
    assert base58.may_begin_with(base58.encode(TAG + data), TAG)


@pytest.mark.parametrize("size", range(1, 140))
def test_the_ends_of_what_begins_with_the_tag_may_do_so(size: int) -> None:
    for filling in (b"\0", b"\xff"):
        assert base58.may_begin_with(base58.encode(TAG + filling * size), TAG)


@given(lengths)
def test_what_may_begin_with_the_tag_has_nearly_its_eight_bytes(data: bytes) -> None:
    if base58.may_begin_with(base58.encode(data), TAG):
        assert abs(int.from_bytes(data[:6], "big") - int.from_bytes(TAG[:6], "big")) <= 1


@pytest.mark.parametrize(
    "other", [b"\xe4\x45\xa5\x2e\x51\xca" + bytes(9), b"\xe4\x45\xa5\x2e\x51\xcc" + bytes(9), b"", b"\0" + TAG]
)
def test_what_begins_otherwise_is_told_by_its_first_digits(other: bytes) -> None:
    assert not base58.may_begin_with(base58.encode(other), TAG)


@given(st.text(max_size=40))
def test_no_text_makes_the_glance_raise(text: str) -> None:
    base58.may_begin_with(text, TAG)


def tags_of_every_size() -> None:
    for size in range(1, 140):
        test_the_ends_of_what_begins_with_the_tag_may_do_so(size)


MUTANTS = [
    mutant("a carry is lost between lanes", lambda: test_no_length_is_special(digits.BY_LANES, "z", 129),
           "core.digits", ("2**16 - 58**2", "2**16 - 58**2 - 1")),
    mutant("leading ones are dropped", lambda: test_decode_reads_what_another_reads(digits.BY_LANES),
           "core.base58", ("bytes(len(found) - len(body)) + ", "")),
    mutant("the end of what begins so is left out", tags_of_every_size,
           "core.base58", ("(first + 1 << behind) - 1", "first << behind")),
    mutant("a longer text is compared by the wrong digits", tags_of_every_size,
           "core.base58", ("head = text[:_TOLD_BY]", "head = text[1:][:_TOLD_BY]")),
]  # fmt: skip


@pytest.mark.parametrize("planted", MUTANTS, ids=lambda planted: planted.name)
def test_a_change_that_would_misread_is_noticed(planted: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    planted.check(monkeypatch)
