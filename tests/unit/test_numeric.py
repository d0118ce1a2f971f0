"""PostgreSQL's numbers on the wire. That the server reads them alike is shown by the tests of the store."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.store.numeric import decode, encode, field


@given(st.integers(-(2**200), 2**200))
def test_a_whole_number_comes_back_as_int(number):
    assert decode(encode(number)) == number
    assert type(decode(encode(number))) is int


@given(st.integers(-(2**200), 2**200), st.integers(1, 160))
def test_a_decimal_comes_back_with_every_digit_it_was_sent_with(number, places):
    value = Decimal(f"{number}E-{places}")
    assert decode(encode(value)).as_tuple() == value.as_tuple() or number == 0


@pytest.mark.parametrize("text", ["1E+30", "0E+5", "5E+0"])
def test_a_decimal_without_decimals_is_whole(text):
    assert decode(encode(Decimal(text))) == Decimal(text)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="no number"):
        encode(Decimal(text))


def test_the_bytes_are_those_of_postgresql_but_for_leading_zeros():
    assert encode(Decimal("-12345.678")).hex() == "0004000240000003" + "0000" + "00010929" + "1a7c"
    assert decode(bytes.fromhex("0003000140000003" + "00010929" + "1a7c")) == Decimal("-12345.678")


def test_a_field_is_behind_its_length():
    for value in (0, -7, 10**9, 10**40, Decimal("0.1"), Decimal("1E-200")):
        assert field(value) == len(encode(value)).to_bytes(4, "big") + encode(value)
