"""Charts: what is drawn, exact, and the Vega-Lite specification that draws it.

This is the one place where numbers become floats: a pixel needs no more. Where a number is unknown, the line is broken,
never drawn through.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from indexer.report.comparison import PROTOCOLS, Course

HEIGHT = 220
_SHORT = 14  # Letters of names of which three stand side by side.
# Of Okabe and Ito: told apart by everybody, in light and dark.
COLOURS = dict(zip(PROTOCOLS, ("#0072b2", "#009e73", "#e69f00"), strict=True))
VERMILION = "#d55e00"
BUNDLE = Path(__file__).parent / "vega.js"
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.4.1.json"  # Its name: nobody asks for it.
_AS_CALLED = {name: name for name in PROTOCOLS}
# Billions as the world calls them, and cents instead of thousandths.
_DOLLARS = "datum.value != 0 && abs(datum.value) < 1 ? format(datum.value, '.2~f') : replace(datum.label, 'G', 'B')"
_MARKS = {
    "line": {"type": "line", "point": {"size": 18}, "strokeWidth": 2, "invalid": "break-paths-show-domains"},
    "bar": {"type": "bar", "width": {"band": 0.8}},
}

Point: TypeAlias = tuple[date, str, Decimal | int | None]  # None: nobody knows; no point is there.


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """A chart. `name`: its place in the page. `unit`: as in `contents.Column`. `form`: of its axis, a D3 format.

    `palette`: what its points are of, in the order of the legend, each with its colour. `bars` of a day are stacked.
    """

    name: str
    title: str
    unit: str
    form: str
    by: str
    palette: Mapping[str, str]
    points: Sequence[Point]
    bars: bool = False


def drawings(course: Course, called: Mapping[str, str] = _AS_CALLED) -> list[Drawing]:
    """What the course holds, one drawing for each subject. `called`: what protocols are called."""
    told = {row[1] for row in course.rows}
    return [
        *(_against(course, name, called[name]) for name in PROTOCOLS if name in told),
        of_protocols(course, "capital_efficiency", "efficiency", "Capital efficiency", "ratio", ".3~g", called),
        of_protocols(course, "mean_fees_usd", "fees", "Fees a day, USD", "USD", "~s", called),
        of_protocols(course, "market_share", "share", "Market share", "%", ".3~p", called),
        of_protocols(course, "mean_flow_usd", "flows", "Net liquidity a day, USD", "USD", "~s", called),
    ]


def of_protocols(
    course: Course, column: str, name: str, title: str, unit: str, form: str, called: Mapping[str, str] = _AS_CALLED
) -> Drawing:
    """One line for each protocol. A protocol that is not called anything here is drawn by its own name."""
    place = course.columns.index(column)
    points = [(row[0], called.get(row[1], row[1]), row[place]) for row in course.rows]
    palette = {called[one]: colour for one, colour in COLOURS.items()}
    return Drawing(name=name, title=title, unit=unit, form=form, by="protocol", palette=palette, points=points)


def _against(course: Course, protocol: str, called: str) -> Drawing:
    """Volume and TVL of one protocol: apart they would hide that one is a multiple of the other."""
    places = {"volume a day": "mean_volume_usd", "TVL without vaults": "mean_tvl_ex_vaults_usd"}
    points = [
        (row[0], what, row[course.columns.index(column)])
        for row in course.rows
        if row[1] == protocol
        for what, column in places.items()
    ]
    palette = dict(zip(places, (VERMILION, COLOURS[protocol]), strict=True))
    title = f"{called}: volume against TVL, USD"
    return Drawing(
        name=f"tvl-{protocol}", title=title, unit="USD", form="~s", by="what", palette=palette, points=points
    )


@cache
def bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one module that defines `vegaEmbed`; `make vega` writes it."""
    return BUNDLE.read_text(encoding="utf-8")


def spec(drawing: Drawing) -> dict[str, Any]:
    """The drawing in Vega-Lite, as wide as its place."""
    points = known(drawing.points)
    told = {name for _, name, value in points if value is not None}
    shown = {name: colour for name, colour in drawing.palette.items() if name in told}
    return {
        "$schema": _SCHEMA,
        "background": "transparent",
        "width": "container",
        "height": HEIGHT,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": [_value(drawing.by, point) for point in points]},
        "mark": _MARKS["bar" if drawing.bars else "line"],
        "encoding": {"x": _days(drawing.bars), "y": _numbers(drawing), **_told_apart(drawing.by, shown)},
    }


def known(points: Sequence[Point]) -> Sequence[Point]:
    """Without the days before the first of which anything is known."""
    first = min((day for day, _, value in points if value is not None), default=None)
    return [point for point in points if first is not None and point[0] >= first]


def _value(by: str, point: Point) -> dict[str, Any]:
    day, name, value = point
    return {"day": str(day), by: name, "value": None if value is None else float(value)}


def _days(bars: bool) -> dict[str, Any]:
    axis = {"format": "%b %d", "labelOverlap": "greedy", "labelSeparation": 12}
    unit = {"timeUnit": "utcyearmonthdate"} if bars else {}  # So that a bar is as wide as a day.
    return {"field": "day", "type": "temporal", "title": None, "scale": {"type": "utc"}, "axis": axis, **unit}


def _numbers(drawing: Drawing) -> dict[str, Any]:
    axis = {"format": drawing.form, "labelExpr": _DOLLARS if drawing.form == "~s" else "datum.label"}
    scale = {"zero": drawing.unit != "price"}  # A price is looked at for its changes.
    return {"field": "value", "type": "quantitative", "title": None, "scale": scale, "axis": axis}


def _told_apart(by: str, shown: Mapping[str, str]) -> dict[str, Any]:
    columns = 3 if max(map(len, shown), default=0) <= _SHORT else 2
    legend = {"orient": "top", "title": None, "columns": columns, "labelLimit": 130} if len(shown) > 1 else None
    scale = {"domain": list(shown), "range": list(shown.values())}
    return {
        "color": {"field": by, "type": "nominal", "scale": scale, "legend": legend},
        "tooltip": [
            {"field": "day", "type": "nominal"},
            {"field": by, "type": "nominal"},
            {"field": "value", "type": "quantitative", "format": ",.4~f"},
        ],
    }
