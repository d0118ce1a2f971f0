"""What stands below a table: which days were not seen whole, and how old its numbers are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from itertools import groupby

import msgspec

from indexer.report.comparison import Freshness, Incomplete, Known, Report, Table

MAINNET = "mainnet-beta"
_MOST_SPANS = 4  # Of a protocol, in one line.


class _Span(msgspec.Struct):
    first: date
    last: date
    fraction: Decimal

    def __str__(self) -> str:
        days = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        seen = (self.fraction * 100).quantize(Decimal("0.1"), ROUND_DOWN)  # What is not full is not said to be 100 %.
        return f"{days} ({seen} % seen)" if self.fraction else f"{days} (not seen)"


def heading(report: Report) -> str:
    """What the report is of."""
    window = report.window
    days = "1 day" if window.days == 1 else f"{window.days} days"
    return f"{window.first_day} to {window.last_day} ({days}, UTC)"


def general(report: Report) -> list[str]:
    """What concerns the whole report: another cluster, another day than was asked for, who stopped, what waits."""
    notes = []
    if report.cluster not in (None, MAINNET):
        notes.append(f"Of cluster {report.cluster}, not of {MAINNET}: none of these figures is of real money.")
    if report.asked is not None and report.asked != report.window.last_day:
        notes.append(f"Asked for {report.asked}; the last fully covered day up to it is {report.window.last_day}.")
    notes += [line for known in report.protocols for line in _life(known, report.window.last_day)]
    return notes + [line for one in report.freshness for line in _trouble(one)]


def below(table: Table) -> list[str]:
    """One line on days, one on age."""
    return [covered(table.incomplete), aged(table.as_of)]


def covered(incomplete: Sequence[Incomplete]) -> str:
    """Which days of which protocols were not seen whole."""
    if not incomplete:
        return "Every day is fully covered."
    parts = []
    for protocol, days in groupby(incomplete, key=lambda one: one.protocol):
        spans = list(_spans(list(days)))
        more = f", and {len(spans) - _MOST_SPANS} more spans" if len(spans) > _MOST_SPANS else ""
        parts.append(f"{protocol} {', '.join(map(str, spans[:_MOST_SPANS]))}{more}")
    return f"Not fully covered: {'; '.join(parts)}."


def aged(as_of: datetime | None) -> str:
    return "As of an unknown time: a view was never refreshed." if as_of is None else f"As of {moment(as_of)}."


def moment(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _life(known: Known, last_day: date) -> Iterator[str]:
    if known.last_full_day is None:
        yield f"{known.protocol}: no day is fully covered."
    elif known.last_full_day < last_day:
        yield f"{known.protocol}: the last fully covered day is {known.last_full_day}."
    if known.stopped_since is not None:
        yield f"{known.protocol}: no trade since {known.stopped_since}."


def _trouble(one: Freshness) -> Iterator[str]:
    if one.waiting:
        yield f"{one.waiting} marks of {one.name} wait to be rolled up: `perps-indexer refresh` does it."
    if one.failed_at is not None and (one.as_of is None or one.failed_at > one.as_of):
        yield f"{one.name} could not be brought up to date at {moment(one.failed_at)}: {one.error}"


def _spans(days: Sequence[Incomplete]) -> Iterator[_Span]:
    """Days one after the other of which the same part was seen."""
    span: _Span | None = None
    for one in days:
        if span is not None and one.covered_fraction == span.fraction and one.day == span.last + timedelta(days=1):
            span.last = one.day
            continue
        if span is not None:
            yield span
        span = _Span(one.day, one.day, one.covered_fraction)
    if span is not None:
        yield span
