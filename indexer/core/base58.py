"""Base58 as Solana writes it: keys, signatures, and the data of inner instructions.

Keys and signatures have a fixed size and go through solders. Instruction data has any size, and the
naive ways are quadratic in Python steps; here neighbouring digits are merged pairwise, and numbers
are halved, so the number of Python steps stays linear and the big arithmetic happens in C.
"""

from __future__ import annotations

from functools import cache

from solders.pubkey import Pubkey
from solders.signature import Signature

ALPHABET = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_NO_DIGIT = 255
_PAIRS = tuple(chr(high) + chr(low) for high in ALPHABET for low in ALPHABET)
_PAIR, _LIMB = 58**2, 58**10  # A limb has 10 digits, the most that 64 bits hold.
_DIGITS = bytes(ALPHABET.find(c) if c in ALPHABET else _NO_DIGIT for c in range(256))


class NotBase58(ValueError):
    """The text is no base58, or not of the size that was asked for."""


def decode(text: str) -> bytes:
    """Bytes of a base58 text of any length. Raises NotBase58."""
    try:
        digits = text.encode("ascii").translate(_DIGITS)
    except UnicodeEncodeError as error:
        raise NotBase58("not ASCII") from error
    if _NO_DIGIT in digits:
        raise NotBase58(f"no base58 digit at position {digits.index(_NO_DIGIT)}")
    body = digits.lstrip(b"\0")
    value = _join(body)
    return bytes(len(digits) - len(body)) + value.to_bytes((value.bit_length() + 7) // 8, "big")


def _join(digits: bytes) -> int:
    values: list[int] = list(digits)
    base = 58
    while len(values) > 1:
        if len(values) & 1:
            values.insert(0, 0)
        values = [high * base + low for high, low in zip(values[::2], values[1::2], strict=True)]
        base *= base
    return values[0] if values else 0


def encode(data: bytes) -> str:
    """Base58 text of bytes; keys (32) and signatures (64) by the fast path."""
    if len(data) == 32:
        return str(Pubkey.from_bytes(data))
    if len(data) == 64:
        return str(Signature.from_bytes(data))
    body = data.lstrip(b"\0")
    digits = "".join(map(_limb, _limbs(int.from_bytes(body, "big"))))
    return "1" * (len(data) - len(body)) + digits.lstrip("1")


def _limbs(value: int) -> list[int]:
    """Digits in base 58**10, the highest first."""
    level = 0
    while _power(level) <= value:
        level += 1
    values = [value]
    for below in range(level - 1, -1, -1):
        power = _power(below)
        values = [part for one in values for part in divmod(one, power)]
        if not values[0]:
            del values[0]
    return values


@cache
def _power(level: int) -> int:
    return int(_LIMB ** (2**level))


def _limb(value: int) -> str:
    high, low = divmod(value, _PAIR * _PAIR)
    high, middle = divmod(high, _PAIR * _PAIR)
    a, b = divmod(middle, _PAIR)
    c, d = divmod(low, _PAIR)
    return f"{_PAIRS[high]}{_PAIRS[a]}{_PAIRS[b]}{_PAIRS[c]}{_PAIRS[d]}"


def key(text: str) -> bytes:
    """The 32 bytes of a key. Raises NotBase58."""
    try:
        return bytes(Pubkey.from_string(text))
    except ValueError as error:
        raise NotBase58(f"not a key of 32 bytes: {text[:50]!r}") from error


def signature(text: str) -> bytes:
    """The 64 bytes of a signature. Raises NotBase58."""
    try:
        return bytes(Signature.from_string(text))
    except ValueError as error:
        raise NotBase58(f"not a signature of 64 bytes: {text[:96]!r}") from error
