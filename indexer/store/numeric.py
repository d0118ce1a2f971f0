"""PostgreSQL's `numeric` on the wire, exact in both directions and quick for whole numbers.

A number is a list of digits in base 10,000 with the weight of the first, a sign, and how many decimals
are shown. Whole numbers come back as int, others as Decimal with every digit they were sent with.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact
from functools import cache
from struct import Struct

_BASE = 10_000
_BASE_DIGITS = 4
_NEGATIVE = 0x4000
_SPECIAL = 0xC000  # NaN and the infinities.
_EXACT = Context(prec=min(MAX_PREC, 200_000), Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact])


@cache
def _layout(digits: int) -> Struct:
    return Struct(f">HhHH{digits}H")


def encode(value: int | Decimal) -> bytes:
    """Raises ValueError for NaN and infinities: no record has them."""
    if type(value) is int:
        return _encode(value, 0, 0)
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(f"{number} is no number that a ledger can hold")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent >= 0:
        return _encode(int(number), 0, 0)
    padding = exponent % _BASE_DIGITS
    whole = int(number.scaleb(padding - exponent, _EXACT))
    return _encode(whole, (padding - exponent) // _BASE_DIGITS, -exponent)


def _encode(whole: int, fraction_digits: int, shown: int) -> bytes:
    """`whole` / 10,000**fraction_digits with `shown` decimals."""
    rest, digits = abs(whole), []
    while rest:
        rest, digit = divmod(rest, _BASE)
        digits.append(digit)
    digits.reverse()
    sign = _NEGATIVE if whole < 0 else 0
    return _layout(len(digits)).pack(len(digits), len(digits) - fraction_digits - 1, sign, shown, *digits)


def decode(data: bytes) -> int | Decimal:
    """int where no decimals are shown. Raises ValueError for NaN and infinities."""
    count, weight, sign, shown, *digits = _layout(len(data) // 2 - 4).unpack(data)
    if sign & _SPECIAL == _SPECIAL:
        raise ValueError("the database holds a number that is none (NaN or infinity)")
    whole = 0
    for digit in digits:
        whole = whole * _BASE + digit
    whole = -whole if sign else whole
    exponent = (weight - count + 1) * _BASE_DIGITS if count else 0
    if not shown:
        return int(whole * _BASE ** (exponent // _BASE_DIGITS))
    return Decimal(whole).scaleb(exponent, _EXACT).quantize(Decimal(1).scaleb(-shown), context=_EXACT)
