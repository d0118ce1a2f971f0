"""The arithmetic of the ground truth: rounding and decimals, done another way than the indexer does them.

Half-even rounding is Python's own of an exact fraction. Nothing here is a float.
"""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

_WIDE = Context(prec=120)


def rounded(numerator: int, denominator: int) -> int:
    """numerator / denominator as a whole number, half to even."""
    return round(Fraction(numerator, denominator))


def decimal(raw: int, places: int) -> Decimal:
    """raw / 10**places, every digit."""
    return Decimal(raw).scaleb(-places, _WIDE)


def ratio(numerator: int, denominator: int, places: int = 12) -> Decimal:
    """numerator / denominator with that many decimals, half to even."""
    return decimal(rounded(numerator * 10**places, denominator), places)


def ceil_div(numerator: int, denominator: int) -> int:
    """As programs charge fees: up to the next whole unit."""
    return -(-numerator // denominator)
