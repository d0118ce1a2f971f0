"""The strip of days of a stream: how much of each is settled, missing, unavailable, or was never asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby

import msgspec

from indexer.http.pages.cells import Row
from indexer.http.pages.words import called

DAYS = 90
STATES = ("settled", "missing", "unavailable", "unasked")  # From the bottom up.
WIDTH, GAP, HEIGHT = 10, 2, 40  # Of a day, in units of the picture.
_DAY_S = 86_400


class Part(msgspec.Struct, frozen=True):
    """A part of a day, as a bar: `y` from the top."""

    state: str
    y: float
    height: float


class Day(msgspec.Struct, frozen=True):
    day: date
    x: int
    parts: Sequence[Part]
    says: str
    is_provisional: bool


class Strip(msgspec.Struct, frozen=True):
    """`says`: the sum of it, for those who do not see it."""

    protocol: str
    days: Sequence[Day]
    says: str

    @property
    def width(self) -> int:
        return len(self.days) * (WIDTH + GAP) - GAP


def strips(rows: Sequence[Row], provisional: Iterable[str]) -> list[Strip]:
    """One for each protocol. `rows`: of the query; `provisional`: protocols with rows that are not settled yet."""
    unsettled = set(provisional)
    return [
        _strip(name, list(days), name in unsettled) for name, days in groupby(rows, key=lambda row: row["protocol"])
    ]


def shares(row: Row, beside: Sequence[Row] | None) -> dict[str, Decimal]:
    """Parts of a day by state, together 1. `beside`: the days before and after; None: the day is not over.

    What is settled is known. When a gap was is an estimate: it gives way to what is settled, and the rest of a day
    that was seen in part belongs to a gap of that day, or of one beside.
    """
    left, found = Decimal(1), dict[str, Decimal]()
    told = (row["covered_fraction"], Decimal(row["missing_s"]) / _DAY_S, Decimal(row["unavailable_s"]) / _DAY_S)
    for state, share in zip(STATES, told, strict=False):
        found[state] = min(left, Decimal(share))
        left -= found[state]
    rest = "unasked" if beside is None or not any(found.values()) else _lacking([row, *beside])
    return {state: found.get(state, Decimal(0)) + (left if state == rest else 0) for state in STATES}


def _lacking(rows: Sequence[Row]) -> str:
    """What these days lack, of the first that lacks something."""
    return next((state for row in rows for state in ("missing", "unavailable") if row[f"{state}_s"]), "unasked")


def _strip(name: str, rows: Sequence[Row], provisional: bool) -> Strip:
    last = len(rows) - 1
    days = [
        _day(place, row, rows[max(place - 1, 0) : place + 2] if place < last else None, provisional and place == last)
        for place, row in enumerate(rows)
    ]
    full = sum(row["covered_fraction"] == 1 for row in rows)
    gaps = sum(row["missing_s"] > 0 or row["unavailable_s"] > 0 for row in rows[:-1])  # The last one is not over.
    says = f"{full} of {len(rows)} days are settled whole; days with gaps: {gaps or 'none'}"
    return Strip(called(name), days, says)


def _day(place: int, row: Row, beside: Sequence[Row] | None, provisional: bool) -> Day:
    found = shares(row, beside)
    words = [f"{_percent(share)} {_worded(state)}" for state, share in found.items() if share]
    says = f"{row['day']}: {', '.join(words)}{'; the newest rows are provisional' if provisional else ''}"
    return Day(row["day"], place * (WIDTH + GAP), list(_parts(found)), says, provisional)


def _parts(found: Mapping[str, Decimal]) -> Iterator[Part]:
    bottom = float(HEIGHT)
    for state, share in found.items():
        height = float(share) * HEIGHT
        bottom -= height
        if share:
            yield Part(state, round(bottom, 2), round(height, 2))


def _percent(share: Decimal) -> str:
    """What is not the whole is not said to be 100 %."""
    return "all" if share == 1 else f"{min(share * 100, Decimal('99.9')):.1f} %"


def _worded(state: str) -> str:
    return "not asked for" if state == "unasked" else state
