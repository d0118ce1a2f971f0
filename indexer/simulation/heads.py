"""How data in base58 begins, without reading all of it.

Reading base58 takes the square of its length, and only the highest digits tell how the bytes begin: as long as what
the other digits could add does not reach them, which is nearly always.
"""

from __future__ import annotations

from functools import lru_cache

from indexer.core import base58

HEAD_BYTES = 8
_LEADING = 28  # Digits: 164 bits, of which a carry would have to run through a hundred.


def head(data: str) -> bytes:
    """The first bytes of the data, HEAD_BYTES at most. Raises NotBase58 where it reads what is none."""
    digits = data.lstrip("1")
    rest = len(digits) - _LEADING
    if rest <= 0:
        return base58.decode(data)[:HEAD_BYTES]
    power = _power(rest)
    least = int.from_bytes(base58.decode(digits[:_LEADING]), "big") * power
    shift = (least.bit_length() + 7) // 8 * 8 - 8 * HEAD_BYTES
    if least >> shift != (least + power - 1) >> shift:
        return base58.decode(data)[:HEAD_BYTES]
    zeros = bytes(len(data) - len(digits))
    return (zeros + (least >> shift).to_bytes(HEAD_BYTES, "big"))[:HEAD_BYTES]


@lru_cache(maxsize=4096)
def _power(digits: int) -> int:
    return int(58**digits)
