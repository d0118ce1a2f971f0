"""The strip of days: every part of a day is one state, and nothing is said to be settled that is not."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.http.pages.strip import HEIGHT, STATES, shares, strips

FIRST = date(2026, 1, 1)


def day(number: int = 0, covered: str = "0", missing: float = 0, unavailable: float = 0) -> dict[str, Any]:
    told = {"covered_fraction": Decimal(covered), "missing_s": Decimal(missing), "unavailable_s": Decimal(unavailable)}
    return {"protocol": "drift", "day": FIRST + timedelta(days=number), **told}


seconds = st.integers(0, 90_000)
fractions = st.integers(0, 1000).map(lambda number: str(Decimal(number) / 1000))
rows = st.builds(
    lambda covered, missing, unavailable: day(0, covered, missing, unavailable), fractions, seconds, seconds
)


@given(row=rows, beside=st.none() | st.lists(rows, max_size=2))
def test_the_parts_of_a_day_are_the_day(row: dict[str, Any], beside: list[dict[str, Any]] | None) -> None:
    found = shares(row, beside)
    assert list(found) == list(STATES)
    assert float(sum(found.values())) == pytest.approx(1)
    assert min(found.values()) >= 0
    assert found["settled"] == row["covered_fraction"]
    (strip,) = strips([row], [])
    assert sum(part.height for part in strip.days[0].parts) == pytest.approx(HEIGHT, abs=0.1)


def test_what_is_settled_is_not_missing_too() -> None:
    assert shares(day(0, "0.75", missing=86_400), None)["missing"] == Decimal("0.25")


def test_the_rest_of_a_day_seen_in_part_belongs_to_the_gap_beside_it() -> None:
    before, gap, behind = day(0, "0.4"), day(1, missing=60_000), day(2, "0.9")
    assert shares(before, [gap])["missing"] == Decimal("0.6")
    assert shares(gap, [before, behind])["missing"] == 1
    assert shares(behind, [gap])["missing"] == Decimal("0.1")
    assert shares(day(1, "0.5", unavailable=1), [])["unavailable"] == Decimal("0.5")


def test_what_nobody_asked_for_is_no_gap() -> None:
    assert shares(day(0), [day(1, missing=9)])["unasked"] == 1
    assert shares(day(0, "0.3"), [day(1, "1")])["unasked"] == Decimal("0.7")


def test_the_rest_of_a_day_that_is_not_over_is_no_gap() -> None:
    found = shares(day(0, "0.25", missing=864), None)
    assert (found["settled"], found["missing"], found["unasked"]) == (Decimal("0.25"), Decimal("0.01"), Decimal("0.74"))


def test_what_is_not_whole_is_not_said_to_be_all_of_it() -> None:
    (strip,) = strips([day(0, "0.99999", missing=1), day(1, "1"), day(2)], ["drift"])
    says = [one.says for one in strip.days]
    assert says[0] == "2026-01-01: 99.9 % settled, 0.0 % missing"
    assert says[1] == "2026-01-02: all settled"
    assert strip.says == "1 of 3 days are settled whole; days with gaps: 1"


def test_only_the_newest_day_is_marked_as_provisional() -> None:
    (strip,) = strips([day(0, "1"), day(1, "1")], ["drift"])
    assert [one.is_provisional for one in strip.days] == [False, True]
    (other,) = strips([day(0, "1"), day(1, "1")], ["gmx_solana"])
    assert not any(one.is_provisional for one in other.days)
