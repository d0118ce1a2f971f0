"""Raw integers become decimals exactly once, half to even, and never through a float."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core import amount

U128 = 2**128 - 1
I128 = -(2**127)


@pytest.mark.parametrize(
    ("numerator", "denominator", "expected"),
    [(5, 2, 2), (7, 2, 4), (-5, 2, -2), (-7, 2, -4), (1, 3, 0), (2, 3, 1), (0, 7, 0), (6, 3, 2)],
)
def test_halves_go_to_the_even_number(numerator: int, denominator: int, expected: int) -> None:
    assert amount.half_even(numerator, denominator) == expected


@given(st.integers(I128, U128), st.integers(1, U128))
def test_half_even_is_python_s_rounding_of_the_exact_fraction(numerator: int, denominator: int) -> None:
    assert amount.half_even(numerator, denominator) == round(Fraction(numerator, denominator))


@given(st.integers(I128, U128), st.integers(0, 40))
def test_an_exact_amount_keeps_every_digit(raw: int, decimals: int) -> None:
    assert Fraction(amount.exact(raw, decimals)) == Fraction(raw, 10**decimals)


def test_usd_of_twenty_decimals_becomes_micro_dollars_half_to_even() -> None:
    assert amount.micro_usd(29671432173268000000000, 20) == 296714322
    assert amount.micro_usd(5 * 10**13, 20) == 0  # Half a micro-dollar, to the even zero.
    assert amount.micro_usd(15 * 10**13, 20) == 2
    assert amount.micro_usd(7, 6) == 7
    assert amount.micro_usd(7, 2) == 70_000


def test_a_quotient_says_how_many_decimals_it_keeps() -> None:
    assert amount.quotient(1, 3) == Decimal("0.333333333333")
    assert amount.quotient(2, 3, 9) == Decimal("0.666666667")
    assert amount.quotient(1, -3, 2) == Decimal("-0.33")
    assert amount.quotient(1, 0) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1.500000000", "1.5"),
        ("0E-9", "0"),
        ("-0.0", "0"),
        ("1E+3", "1000"),
        ("-0.049734", "-0.049734"),
        ("100", "100"),
    ],
)
def test_plain_text_has_neither_exponent_nor_padding(value: str, text: str) -> None:
    assert amount.plain(Decimal(value)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**20), max_value=10**20))
def test_plain_text_reads_back_as_the_same_number(value: Decimal) -> None:
    assert Decimal(amount.plain(value)) == value
