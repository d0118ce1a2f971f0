"""Days of a page: asked for by an address, kept by its links, and never other ones in silence."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import InputError
from indexer.http.pages import period
from indexer.http.pages.period import Asked
from indexer.report.comparison import Window

JUNE = date(2026, 6, 10)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, Asked()),
        ({"from": "", "to": "", "window": ""}, Asked()),
        ({"window": "30d"}, Asked(days=30)),
        ({"to": "2026-06-10"}, Asked(last=JUNE)),
        ({"to": "2026-06-10", "window": "90d"}, Asked(last=JUNE, days=90)),
        ({"from": "2026-06-10"}, Asked(first=JUNE)),
        ({"from": "2026-06-10", "to": "2026-06-10"}, Asked(first=JUNE, last=JUNE)),
        ({"from": "2026-06-10", "window": "3d"}, Asked(first=JUNE, last=date(2026, 6, 12), days=3)),
    ],
)
def test_days_are_asked_for_by_their_ends_or_by_a_window(query: dict[str, str], wanted: Asked) -> None:
    assert period.asked(query) == wanted


@pytest.mark.parametrize(
    "query",
    [
        {"window": "0d"}, {"window": "401d"}, {"window": "7"}, {"window": "7D"}, {"window": "\u0667d"},
        {"window": "-7d"}, {"to": "yesterday"}, {"from": "2026-02-30"}, {"from": "2026-06-10", "to": "2026-06-09"},
        {"from": "2025-01-01", "to": "2026-06-10"}, {"from": "2026-06-10", "to": "2026-06-11", "window": "2d"},
    ],
)  # fmt: skip
def test_what_are_no_days_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(InputError):
        period.asked(query)


def test_a_window_ends_with_a_full_day_and_begins_where_it_was_asked_to() -> None:
    assert period.window(Asked(days=7), JUNE) == Window(JUNE, 7)
    assert period.window(Asked(first=date(2026, 6, 1), last=date(2026, 6, 20)), JUNE) == Window(JUNE, 10)
    assert period.window(Asked(first=JUNE), JUNE) == Window(JUNE, 1)
    assert period.window(Asked(first=date(2020, 1, 1)), JUNE).days == period.MOST_DAYS
    with pytest.raises(InputError, match="no day from 2026-06-11 on is fully covered"):
        period.window(Asked(first=date(2026, 6, 11)), JUNE)


@given(first=st.none() | st.dates(date(2020, 1, 1), JUNE), days=st.integers(1, 400), has_end=st.booleans())
def test_a_link_asks_for_the_days_of_its_page(first: date | None, days: int, has_end: bool) -> None:
    if first is None:
        wanted = Asked(last=JUNE if has_end else None, days=days)
    else:
        wanted = Asked(first=first, last=first + timedelta(days=days - 1) if has_end else None)
    assert period.asked(dict(parse_qsl(period.query_of(wanted)))) == wanted


def test_a_link_keeps_the_end() -> None:
    assert period.query_of(Asked(last=JUNE)) == "to=2026-06-10"
    assert period.query_of(Asked()) == ""


def test_other_windows_end_alike() -> None:
    found = [(one.query, one.is_current) for one in period.choices(Asked(last=JUNE, days=30))]
    assert found == [
        ("window=7d&to=2026-06-10", False), ("window=30d&to=2026-06-10", True), ("window=90d&to=2026-06-10", False),
    ]  # fmt: skip
    assert not any(one.is_current for one in period.choices(Asked(first=JUNE)))
