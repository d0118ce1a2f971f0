"""Charts of a report: the course of seven-day means, as Vega-Lite specifications.

This is the one place where numbers become floats: a pixel needs no more. Where a week has too few full days the line is
broken, never drawn through.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from types import ModuleType
from typing import Any

import msgspec

from indexer.errors import InputError
from indexer.report.comparison import PROTOCOLS, Course

HEIGHT = 220
# Of Okabe and Ito: told apart by everybody, in light and dark.
COLOURS = dict(zip(PROTOCOLS, ("#0072b2", "#009e73", "#e69f00"), strict=True))
_VOLUME, _LIQUIDITY = "volume a day", "TVL without vaults"
# Billions as the world calls them, and cents instead of thousandths.
_DOLLARS = "datum.value != 0 && abs(datum.value) < 1 ? format(datum.value, '.2~f') : replace(datum.label, 'G', 'B')"
REMEDY = "pip install 'perps-indexer[report]', or take --format markdown"


class Drawing(msgspec.Struct, frozen=True):
    """`name`: its place in the page. `spec`: Vega-Lite."""

    name: str
    title: str
    spec: dict[str, Any]


def drawings(course: Course) -> list[Drawing]:
    """What the course holds, one drawing for each subject. Raises InputError without altair."""
    alt = _altair()
    told = {row[1] for row in course.rows}
    lives = [
        Drawing(f"tvl-{name}", f"{name}: volume against TVL, USD", _against(alt, course, name))
        for name in PROTOCOLS
        if name in told
    ]
    return [
        *lives,
        Drawing("efficiency", "Capital efficiency", _lines(alt, course, "capital_efficiency", ".2f")),
        Drawing("fees", "Fees a day, USD", _lines(alt, course, "mean_fees_usd", "~s")),
        Drawing("share", "Market share", _lines(alt, course, "market_share", ".0%")),
        Drawing("flows", "Net liquidity a day, USD", _lines(alt, course, "mean_flow_usd", "~s")),
    ]


def bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one script that defines `vegaEmbed`. Raises InputError without vl-convert."""
    try:
        import vl_convert
    except ImportError:
        raise InputError("charts need vl-convert-python", remedy=REMEDY) from None
    text: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return text


def _altair() -> ModuleType:
    try:
        import altair
    except ImportError:
        raise InputError("charts need altair", remedy=REMEDY) from None
    module: ModuleType = altair
    return module


def _lines(alt: ModuleType, course: Course, column: str, form: str) -> dict[str, Any]:
    """One line for each protocol."""
    values = [{"day": str(row[0]), "protocol": row[1], "value": _float(row[course.columns.index(column)])}
              for row in course.rows]  # fmt: skip
    return _spec(alt, values, "protocol", list(COLOURS), list(COLOURS.values()), form)


def _against(alt: ModuleType, course: Course, protocol: str) -> dict[str, Any]:
    """Volume and TVL of one protocol: apart they would hide that one is a multiple of the other."""
    places = {_VOLUME: "mean_volume_usd", _LIQUIDITY: "mean_tvl_ex_vaults_usd"}
    values = [
        {"day": str(row[0]), "what": what, "value": _float(row[course.columns.index(column)])}
        for row in course.rows
        if row[1] == protocol
        for what, column in places.items()
    ]
    return _spec(alt, values, "what", list(places), ["#d55e00", COLOURS[protocol]], "~s")


def _spec(
    alt: ModuleType, values: Sequence[dict[str, Any]], by: str, names: list[str], colours: list[str], form: str
) -> dict[str, Any]:
    shown = [name for name in names if any(value[by] == name for value in values)]
    palette = [colour for name, colour in zip(names, colours, strict=True) if name in shown]
    words = _DOLLARS if form == "~s" else "datum.label"
    chart = (
        alt.Chart(alt.Data(values=values))
        .mark_line(point=alt.OverlayMarkDef(size=18), strokeWidth=2, invalid="break-paths-show-domains")
        .encode(
            x=alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=alt.Axis(format="%b %d", labelOverlap=True)),
            y=alt.Y("value:Q", title=None, axis=alt.Axis(format=form, labelExpr=words)),
            color=alt.Color(f"{by}:N", scale=alt.Scale(domain=shown, range=palette),
                            legend=alt.Legend(orient="top", title=None, columns=3, labelLimit=140)),
            tooltip=[alt.Tooltip("day:N"), alt.Tooltip(f"{by}:N"), alt.Tooltip("value:Q", format=",.4~f")],
        )
        .properties(width="container", height=HEIGHT, background="transparent")
        .properties(autosize={"type": "fit-x", "contains": "padding"})
    )  # fmt: skip
    made: dict[str, Any] = chart.to_dict()
    return made


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, Decimal | int) else None
