"""One protocol: its days, markets and pools, and the tables of the report that are about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from indexer.http.pages import asking, cells, drawn, overview, period
from indexer.http.pages.cells import Grid, Row
from indexer.http.pages.page import Page
from indexer.http.pages.words import PROTOCOLS
from indexer.report import notes
from indexer.report.charts import Drawing
from indexer.report.comparison import LEAST_COURSE, Report, Window, course_of, report_of
from indexer.store.connection import Connection

_DAYS = (
    "day", "coverage", "volume_usd", "tvl_usd", "known_fraction", "fees_usd", "lp_fees_usd", "net_liquidity_usd",
    "liquidation_volume_usd", "trades", "traders",
)  # fmt: skip
_MARKETS = (
    "market",
    "market_kind",
    "volume_usd",
    "volume_share",
    "fees_usd",
    "trades",
    "average_trade_usd",
    "liquidation_volume_usd",
)
_NOT_HERE = {"market_share", "activity"}  # Tables that compare.
_TVL = {"pool_usd": "pools", "lending_usd": "deposits less borrows", "insurance_fund_usd": "insurance fund"}
_FEES = {
    "lp_fees_usd": "to liquidity providers",
    "protocol_fees_usd": "to the protocol",
    "unsplit_fees_usd": "to others, or not told",
}


class Found(msgspec.Struct, frozen=True):
    """What was read of `protocol`. `days`, `markets`: rows of the queries."""

    protocol: str
    asked: period.Asked
    report: Report
    days: Sequence[Row]
    markets: Sequence[Row]
    drawings: Sequence[Drawing]


async def read(connection: Connection, wanted: period.Asked, name: str) -> Found:
    """Raises NotThere, NothingYet, InputError."""
    window = await _window(connection, wanted, name)
    report = await report_of(connection, window.last_day, window.days, [name])
    scope = window.last_day, window.days, name
    return Found(
        name, wanted, report, await asking.rows(connection, "protocol_days", *scope),
        await asking.rows(connection, "protocol_markets", *scope), await _drawings(connection, window, name),
    )  # fmt: skip


async def read_drawings(connection: Connection, wanted: period.Asked, name: str) -> list[Drawing]:
    return await _drawings(connection, await _window(connection, wanted, name), name)


async def _window(connection: Connection, wanted: period.Asked, name: str) -> Window:
    if name not in PROTOCOLS:
        raise asking.NotThere
    return await asking.window_of(connection, wanted, [name])


async def _drawings(connection: Connection, window: Window, name: str) -> list[Drawing]:
    """Of at least ninety days."""
    scope = window.last_day, max(window.days, LEAST_COURSE), name
    course = await course_of(connection, window, [name])
    days = await asking.rows(connection, "protocol_days", *scope)
    pools = await asking.rows(connection, "lp_yields", *scope[:2], [name])
    traded = await asking.rows(connection, "volume_by_market", *scope)
    return [*drawn.of_course(course)[:1], *_by_day(days, traded), drawn.of_pools(pools)]


def _by_day(days: Sequence[Row], traded: Sequence[Row]) -> Iterable[Drawing]:
    markets = {row["market"]: None for row in traded}  # In order of their size.
    points = [(row["day"], row["market"], row["volume_usd"]) for row in traded]
    palette = dict(zip(markets, drawn.PALETTE, strict=False))
    yield Drawing(
        name="volume", title="Volume by market, USD a day", unit="USD", form="~s", by="market", palette=palette,
        points=points, bars=True,
    )  # fmt: skip
    yield drawn.of_days("tvl", "TVL by component, USD", days, _known(days, _TVL))
    yield drawn.of_days("fees", "Fees, USD a day", days, _known(days, _FEES))
    yield drawn.of_days("flows", "Net liquidity, USD a day", days, {"net_liquidity_usd": "net external"})


def _known(days: Sequence[Row], columns: dict[str, str]) -> dict[str, str]:
    """Those of which a day is known, and not 0."""
    return {column: label for column, label in columns.items() if any(row[column] for row in days)}


def page(found: Found) -> Page:
    """The page of what was read."""
    name, query = found.protocol, period.query_of(found.asked)
    heads = overview.heads_of(found.report, query)
    path = cells.address("charts", "protocol", f"{name}.json", query=query)
    return Page(
        template="protocol", title=PROTOCOLS[name], place=cells.address("protocol", name), charts=path,
        shown={
            "chosen": overview.chosen(found.asked, found.report.window),
            "notes": overview.moved(found.asked.last, found.report.window.last_day) + notes.general(found.report),
            "markets": _markets(found, query),
            "charts": drawn.charts(found.drawings),
            "days": _days(found, query),
            "grids": [
                cells.reported(table, heads.__getitem__, query)
                for table in found.report.tables
                if table.contents.name not in _NOT_HERE and (table.rows or not table.contents.keys)
            ],
        },
    )  # fmt: skip


def _markets(found: Found, query: str) -> Grid:
    says = "Net volume of fills in these days, the largest market first. Sums are of what was seen."
    rows = [{**row, "protocol": found.protocol} for row in found.markets]
    return cells.listed("markets", "Markets", says, _MARKETS, rows, query=query, below=_below(found, "activity"))


def _days(found: Found, query: str) -> Grid:
    says = "A day that is not full shows what was seen of it, and is left out of means."
    return cells.listed("days", "Day by day", says, _DAYS, found.days, query=query, below=_below(found, "volume"))


def _below(found: Found, table: str) -> list[str]:
    """What the report says below its table of the same views."""
    return notes.below(next(one for one in found.report.tables if one.contents.name == table))
