"""Raw integers to decimals: the only place where powers of ten appear.

Nothing here rounds twice and nothing is a float. USD amounts become whole micro-dollars, half to
even, once; token amounts keep every digit; quotients say how many decimals they keep.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal, Inexact

USD_DECIMALS = 6
PRICE_DECIMALS = 12
# Wide enough that no product of two u128 is ever rounded; Inexact is trapped, so it cannot be.
_EXACT = Context(prec=200, rounding=ROUND_HALF_EVEN, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact])
_POWERS: tuple[int, ...] = tuple(10**n for n in range(80))


def power(decimals: int) -> int:
    """10 ** decimals."""
    return _POWERS[decimals]


def half_even(numerator: int, denominator: int) -> int:
    """numerator / denominator as a whole number, half to even. The denominator is positive."""
    whole, rest = divmod(numerator, denominator)
    twice = rest * 2
    return whole + (twice > denominator or (twice == denominator and whole & 1))


def exact(raw: int, decimals: int) -> Decimal:
    """raw / 10**decimals with every digit: 1500000000 at 9 is 1.500000000."""
    return _EXACT.scaleb(Decimal(raw), -decimals)


def quotient(numerator: int, denominator: int, places: int = PRICE_DECIMALS) -> Decimal | None:
    """numerator / denominator with `places` decimals, half to even; None where the denominator is 0."""
    if denominator == 0:
        return None
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    return exact(half_even(numerator * _POWERS[places], denominator), places)


def micro_usd(raw: int, decimals: int) -> int:
    """USD of `decimals` decimals as micro-dollars: exact up to 6 decimals, half to even beyond."""
    if decimals <= USD_DECIMALS:
        return raw * _POWERS[USD_DECIMALS - decimals]
    return half_even(raw, _POWERS[decimals - USD_DECIMALS])


def plain(value: Decimal) -> str:
    """Digits without exponent and without trailing zeros: 1.500000000 is '1.5'."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
