"""PostgreSQL's `numeric` on the wire, exact in both directions and quick for whole numbers.

A number is a list of digits in base 10,000 with the weight of the first, a sign, and how many decimals
are shown. Whole numbers come back as int, others as Decimal with every digit they were sent with. Numbers
are sent with two, four or six digits where they fit, leading zeros and all: the server takes these off.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal, Inexact
from functools import cache
from struct import Struct

LENGTH_BYTES = 4  # Of what stands before a field.
_BASE = 10_000
_BASE_DIGITS = 4
_NEGATIVE = 0x4000
_SPECIAL = 0xC000  # NaN and the infinities.
_EXACT = Context(prec=min(MAX_PREC, 200_000), Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact])
_PADDING = ("", "000", "00", "0")  # By the decimals that stand over a digit in base 10,000.


@cache
def _layout(digits: int) -> Struct:
    return Struct(f">HhHH{digits}H")


_two_digits, _four_digits, _six_digits = (Struct(f">IHhHH{digits}H").pack for digits in (2, 4, 6))


def encode(value: int | Decimal) -> bytes:
    """Raises ValueError for NaN and infinities: no record has them."""
    return field(value)[LENGTH_BYTES:]


def field(value: int | Decimal) -> bytes:
    """The same behind its length, as a field of binary COPY."""
    if type(value) is int:
        return _field(value, 0, 0)
    whole, _, decimals = str(value).partition(".")
    shown = len(decimals)
    try:
        number = int(whole + decimals + _PADDING[shown % _BASE_DIGITS])
    except ValueError:  # An exponent, too many digits to be read from text, or no number at all.
        return _rare(Decimal(value))
    return _field(number, -(-shown // _BASE_DIGITS), shown)


def _rare(number: Decimal) -> bytes:
    """With an exponent, very long, or none at all."""
    if not number.is_finite():
        raise ValueError(f"{number} is no number that a ledger can hold")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent >= 0:
        return _field(int(number), 0, 0)
    padding = exponent % _BASE_DIGITS
    whole = int(number.scaleb(padding - exponent, _EXACT))
    return _field(whole, (padding - exponent) // _BASE_DIGITS, -exponent)


def _field(whole: int, fraction_digits: int, shown: int) -> bytes:
    """`whole` / 10,000**fraction_digits with `shown` decimals."""
    sign, rest = (_NEGATIVE, -whole) if whole < 0 else (0, whole)
    if rest < 100_000_000:
        a = rest // 10_000
        return _two_digits(12, 2, 1 - fraction_digits, sign, shown, a, rest - a * 10_000)
    if rest < 10_000_000_000_000_000:
        high, low = divmod(rest, 100_000_000)
        a, c = high // 10_000, low // 10_000
        return _four_digits(16, 4, 3 - fraction_digits, sign, shown, a, high - a * 10_000, c, low - c * 10_000)
    if rest < 1_000_000_000_000_000_000_000_000:
        return _six_digits(20, 6, 5 - fraction_digits, sign, shown, *_cut(rest // 10**12), *_cut(rest % 10**12))
    return _long(rest, fraction_digits, sign, shown)


def _cut(rest: int) -> tuple[int, int, int]:
    """Three digits."""
    a, low = divmod(rest, 100_000_000)
    b = low // 10_000
    return a, b, low - b * 10_000


def _long(rest: int, fraction_digits: int, sign: int, shown: int) -> bytes:
    digits = []
    while rest:
        rest, digit = divmod(rest, _BASE)
        digits.append(digit)
    digits.reverse()
    body = _layout(len(digits)).pack(len(digits), len(digits) - fraction_digits - 1, sign, shown, *digits)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


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
