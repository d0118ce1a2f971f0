"""Numbers written in base 58: by GMP where the extra `fast` is installed, else by Python's own integers.

Python's way must not be quadratic in Python steps. The digits are the bytes of one big integer; three multiplications
merge neighbours in all places at once, by which eight digits lie in each 64 bits. Those are then merged pairwise, so
the steps in Python are a quarter of the digits, and the arithmetic happens in C. Both ways give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import unpack
from typing import NamedTuple

try:
    import gmpy2
except ImportError:  # The extra is not installed.
    gmpy2 = None

ALPHABET = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
FOREIGN = 255  # Stands for every sign that is none of the alphabet.
_GMP_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
_PADDED = 64  # Digits are padded to a multiple of these, so that few lengths need masks.
_LANE = 8  # Digits in 64 bits.


class Digits(NamedTuple):
    """One way to read digits."""

    table: bytes  # For bytes.translate: from base58 to digits as `read` takes them; all others become FOREIGN.
    zero: bytes  # The digit 0.
    read: Callable[[bytes], bytes]  # Digits of the table -> the number, highest byte first, no zero byte before it.


def _table(digits: bytes) -> bytes:
    found = dict(zip(ALPHABET, digits, strict=True))
    return bytes(found.get(sign, FOREIGN) for sign in range(256))


def _by_gmp(digits: bytes) -> bytes:
    number = gmpy2.mpz(digits or b"0", 58)
    return bytes(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _by_lanes(digits: bytes) -> bytes:
    number = _join(_lanes(digits))
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _lanes(digits: bytes) -> Sequence[int]:
    """The number in base 58**8, the highest digit first."""
    size = len(digits) + -len(digits) % _PADDED
    bytes_, words, halves = _masks(size)
    # A pair of lanes holds high * 2**w + low and becomes high * 58**n + low.
    x = int.from_bytes(digits, "big")
    x -= (x >> 8 & bytes_) * (2**8 - 58)
    x -= (x >> 16 & words) * (2**16 - 58**2)
    x -= (x >> 32 & halves) * (2**32 - 58**4)
    return unpack(f">{size // _LANE}Q", x.to_bytes(size, "big"))


@lru_cache(maxsize=256)
def _masks(size: int) -> tuple[int, int, int]:
    """Ones in the lower of every two lanes of 8, 16 and 32 bits, over so many bytes."""
    first, second, third = (
        int.from_bytes((bytes(width) + b"\xff" * width) * (size // (2 * width)), "big") for width in (1, 2, 4)
    )
    return first, second, third


def _join(values: Sequence[int]) -> int:
    """The number of these digits in base 58**8."""
    level = 0
    while len(values) > 1:
        if len(values) & 1:
            values = (0, *values)
        each, base = iter(values), _power(level)
        values = [high * base + low for high, low in zip(each, each, strict=True)]
        level += 1
    return values[0] if values else 0


@lru_cache(maxsize=32)
def _power(level: int) -> int:
    return int(58 ** (_LANE * 2**level))  # The last ones are as long as what is read: squaring them anew costs half.


BY_LANES = Digits(_table(bytes(range(58))), b"\0", _by_lanes)
BY_GMP = None if gmpy2 is None else Digits(_table(_GMP_ALPHABET), b"0", _by_gmp)
FASTEST = BY_GMP or BY_LANES
