"""Base58 as Solana writes it: keys, signatures, and the data of inner instructions.

Keys and signatures have a fixed size and go through solders; signatures are read by GMP where it is installed, in half
the time. Instruction data has any size: it is read as a number by the fastest way there is (core/digits.py), and
written by halving it, so that the steps in Python stay linear. The alphabet is in order of ASCII, so that texts of one
length stand in the order of their numbers.
"""

from __future__ import annotations

from functools import cache, lru_cache

from solders.pubkey import Pubkey
from solders.signature import Signature

from indexer.core.digits import ALPHABET as ALPHABET
from indexer.core.digits import BY_GMP, FASTEST, FOREIGN, Digits

_PAIRS = tuple(chr(high) + chr(low) for high in ALPHABET for low in ALPHABET)
_PAIR, _LIMB = 58**2, 58**10  # A limb has 10 digits, the most that 64 bits hold.
_SIGNATURE_BYTES, _LONGEST_SIGNATURE = 64, 89  # Characters: one more than any has, so that a longer text is none.
_TOLD_BY = 12  # Digits that tell 8 bytes: of other data one in 30 quintillion passes as well.


class NotBase58(ValueError):
    """The text is no base58, or not of the size that was asked for."""


def decode(text: str, digits: Digits = FASTEST) -> bytes:
    """Bytes of a base58 text of any length. Raises NotBase58."""
    try:
        found = text.encode("ascii").translate(digits.table)
    except UnicodeEncodeError as error:
        raise NotBase58("not ASCII") from error
    if FOREIGN in found:
        raise NotBase58(f"no base58 digit at position {found.index(FOREIGN)}")
    body = found.lstrip(digits.zero)
    return bytes(len(found) - len(body)) + digits.read(body)


def may_begin_with(text: str, start: bytes) -> bool:
    """False: the bytes of this text do not begin with `start`, whose first byte is not zero.

    Told by the first digits, without decoding.
    """
    head = text[:_TOLD_BY]
    for low, high in _heads(len(text), start):  # noqa: SIM110 (a generator costs more than all else here)
        if low <= head <= high:
            return True
    return False


@lru_cache(maxsize=4096)
def _heads(length: int, start: bytes) -> tuple[tuple[str, str], ...]:
    """Between what the first digits of a text of this length lie if its bytes begin so, for every number of bytes."""
    assert start[0], "leading zero bytes are no part of the number"
    lowest, highest = 58**length // 58, 58**length - 1
    first, heads = int.from_bytes(start, "big"), []
    for size in range(len(start), (highest.bit_length() + 7) // 8 + 1):
        behind = 8 * (size - len(start))
        low, high = max(first << behind, lowest), min((first + 1 << behind) - 1, highest)
        if low <= high:
            heads.append((_head(low), _head(high)))
    return tuple(heads)


def _head(number: int) -> str:
    return encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))[:_TOLD_BY]


def encode(data: bytes) -> str:
    """Base58 text of bytes; keys (32) and signatures (64) by the fast path."""
    if len(data) == 32:
        return _key_text(data)
    if len(data) == 64:
        return str(Signature.from_bytes(data))
    body = data.lstrip(b"\0")
    digits = "".join(map(_limb, _limbs(int.from_bytes(body, "big"))))
    return "1" * (len(data) - len(body)) + digits.lstrip("1")


@lru_cache(maxsize=16_384)
def _key_text(key: bytes) -> str:
    """Programs, markets and pools come again and again; to look one up costs a tenth."""
    return str(Pubkey.from_bytes(key))


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
        found = bytes(Signature.from_string(text)) if BY_GMP is None else decode(text[:_LONGEST_SIGNATURE], BY_GMP)
    except ValueError as error:
        raise NotBase58(f"not a signature of 64 bytes: {text[:96]!r}") from error
    if len(found) != _SIGNATURE_BYTES:
        raise NotBase58(f"not a signature of 64 bytes: {text[:96]!r}")
    return found
