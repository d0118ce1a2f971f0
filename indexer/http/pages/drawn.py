"""Charts of the pages: what each shows in words, for those who do not see it, and its numbers once a week."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from indexer.http.pages.cells import Cell, Grid, Head, Line, Row
from indexer.http.pages.words import PROTOCOLS, called
from indexer.report.charts import COLOURS, Drawing, Point, drawings, known, of_protocols, spec
from indexer.report.comparison import Course
from indexer.report.contents import Column
from indexer.report.figures import UNKNOWN, figure

_MOST_LINES = 14  # Of the numbers below a chart.
# Of Okabe and Ito, the sky blue and purple last: for what has no colour of its own.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7")


class Chart(msgspec.Struct, frozen=True):
    """`says`: in words, what somebody who looks at it sees. `numbers`: of its points."""

    name: str
    title: str
    says: str
    numbers: Grid


def charts(drawn: Iterable[Drawing]) -> list[Chart]:
    """Those that have a point."""
    return [Chart(one.name, one.title, said(one), numbers(one)) for one in drawn if known(one.points)]


def specs(drawn: Iterable[Drawing]) -> dict[str, Any]:
    """The same, as what Vega draws, by their names."""
    return {one.name: spec(one) for one in drawn if known(one.points)}


def of_course(course: Course) -> list[Drawing]:
    """The report's, and the fee yield beside the efficiency."""
    made = drawings(course, PROTOCOLS)
    place = next(place for place, one in enumerate(made) if one.name == "efficiency") + 1
    fee_yield = of_protocols(course, "fee_yield", "fee-yield", "Fee yield a day", "%", ".3~p", PROTOCOLS)
    return [*made[:place], fee_yield, *made[place:]]


def of_pools(rows: Sequence[Row]) -> Drawing:
    """LP yields; where two protocols have a pool of the same name, it is called together with its protocol."""
    owners: dict[str, set[str]] = {}
    for row in rows:
        owners.setdefault(row["name"], set()).add(row["protocol"])
    points = [(row["day"], _pool(row, len(owners[row["name"]]) == 1), row["fee_yield_annual"]) for row in rows]
    palette = dict(zip(dict.fromkeys(point[1] for point in points), PALETTE, strict=False))
    return Drawing(
        name="lp-yields", title="LP fee yield a year", unit="%", form=".3~p", by="pool", palette=palette, points=points
    )


def _pool(row: Row, is_alone: bool) -> str:
    return str(row["name"]) if is_alone else f"{row['name']} ({called(row['protocol'])})"


def of_days(
    name: str, title: str, rows: Iterable[Row], columns: Mapping[str, str], *, unit: str = "USD", form: str = "~s",
    bars: bool = True, colours: Sequence[str] = PALETTE,
) -> Drawing:  # fmt: skip
    """Columns of rows by day. `columns`: what each is called in the legend."""
    points = [(row["day"], label, row[column]) for row in rows for column, label in columns.items()]
    palette = dict(zip(columns.values(), colours, strict=False))
    return Drawing(
        name=name, title=title, unit=unit, form=form, by="what", palette=palette, points=points, bars=bars
    )  # fmt: skip


def of_each_protocol(name: str, title: str, rows: Iterable[Row], column: str) -> Drawing:
    """Bars of one column, by protocol."""
    points = [(row["day"], called(row["protocol"]), row[column]) for row in rows]
    palette = {PROTOCOLS[one]: colour for one, colour in COLOURS.items()}
    return Drawing(
        name=name, title=title, unit="USD", form="~s", by="protocol", palette=palette, points=points, bars=True
    )


def said(drawing: Drawing) -> str:
    """What it shows, and the last known number of each line."""
    points = known(drawing.points)
    days = [point[0] for point in points]
    lasts = [f"{name} {_figure(drawing, value)} on {day}" for name, (day, value) in _lasts(points).items()]
    kind = "Bars by day" if drawing.bars else "Lines by day"
    return f"{drawing.title}. {kind}, {min(days)} to {max(days)}. Last known: {'; '.join(lasts)}."


def numbers(drawing: Drawing) -> Grid:
    """Every seventh day, or fewer, back from the last: the same numbers for those who read."""
    points = known(drawing.points)
    days = sorted({point[0] for point in points}, reverse=True)
    shown = days[:: 7 if len(days) > _MOST_LINES else 1][:_MOST_LINES]
    names = [name for name in drawing.palette if any(point[1] == name for point in points)]
    values = {(day, name): value for day, name, value in points}
    heads = [
        Head("day, UTC"),
        *(Head(name, "USD" if drawing.unit in ("USD", "price") else drawing.unit, True) for name in names),
    ]
    return Grid(
        name=f"{drawing.name}-numbers", title=drawing.title, says="", heads=[_unitless(head) for head in heads],
        lines=[Line(Head(str(day)), [_number(drawing, values.get((day, name))) for name in names]) for day in shown],
    )  # fmt: skip


def _unitless(head: Head) -> Head:
    return msgspec.structs.replace(head, unit=None) if head.unit == "ratio" else head


def _number(drawing: Drawing, value: Any) -> Cell:
    return Cell(_figure(drawing, value, sign=False), right=True, unknown=value is None)


def _figure(drawing: Drawing, value: Any, *, sign: bool = True) -> str:
    text = figure(value, Column("", drawing.unit))
    return f"{text} %" if sign and drawing.unit == "%" and text != UNKNOWN else text


def _lasts(points: Sequence[Point]) -> dict[str, tuple[date, Any]]:
    """By name, the newest point that is known."""
    found: dict[str, tuple[date, Any]] = {}
    for day, name, value in sorted(points, key=lambda point: point[0]):
        if value is not None:
            found[name] = day, value
    return found
