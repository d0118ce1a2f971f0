"""Liquidations of all protocols: day by day, by kind and market, the largest and the newest."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from indexer.http.pages import asking, cells, drawn, overview, period
from indexer.http.pages.cells import Grid, Row
from indexer.http.pages.page import Page
from indexer.report import notes
from indexer.report.charts import Drawing
from indexer.report.comparison import LEAST_COURSE, Incomplete, Window
from indexer.report.comparison import query as report_query
from indexer.store.connection import Connection

NAMES = overview.NAMES
_KINDS = (
    "protocol", "liquidation_kind", "liquidation_count", "value_usd", "insurance_fees_usd", "socialised_loss_usd",
    "unvalued_liquidations",
)  # fmt: skip
_MARKETS = ("market", "protocol", "liquidation_count", "value_usd")
_SINGLE = (
    "block_time",
    "protocol",
    "market",
    "liquidation_kind",
    "value_usd",
    "socialised_loss_usd",
    "trader",
    "signature",
    "settled",
)
_DAYS = ("day", "protocol", "coverage", "value_usd", "liquidation_count")


class Found(msgspec.Struct, frozen=True):
    """What was read: rows of the queries of these names. `days`: of ninety days at least."""

    asked: period.Asked
    window: Window
    incomplete: Sequence[Incomplete]
    days: Sequence[Row]
    kinds: Sequence[Row]
    markets: Sequence[Row]
    largest: Sequence[Row]
    newest: Sequence[Row]


async def read(connection: Connection, wanted: period.Asked) -> Found:
    """Raises NothingYet, InputError."""
    window = await asking.window_of(connection, wanted, NAMES)
    scope = window.last_day, window.days, NAMES
    incomplete = [Incomplete(*row) for row in await connection.fetch(report_query("incomplete_days"), *scope)]
    return Found(
        asked=wanted,
        window=window,
        incomplete=incomplete,
        days=await _days(connection, window),
        kinds=await asking.rows(connection, "liquidation_kinds", *scope),
        markets=await asking.rows(connection, "liquidation_markets", *scope),
        largest=await asking.rows(connection, "largest_liquidations", *scope),
        newest=await asking.rows(connection, "newest_liquidations"),
    )


async def read_drawings(connection: Connection, wanted: period.Asked) -> list[Drawing]:
    return _drawings(await _days(connection, await asking.window_of(connection, wanted, NAMES)))


async def _days(connection: Connection, window: Window) -> list[Row]:
    days = max(window.days, LEAST_COURSE)
    return await asking.rows(connection, "liquidation_days", window.last_day, days, NAMES)


def _drawings(days: Sequence[Row]) -> list[Drawing]:
    return [drawn.of_each_protocol("value", "Liquidated, USD a day", days, "value_usd")]


def page(found: Found) -> Page:
    """The page of what was read."""
    query = period.query_of(found.asked)
    return Page(
        template="liquidations", title="Liquidations", place="/liquidations",
        charts="/charts/liquidations.json" + (f"?{query}" if query else ""),
        shown={
            "chosen": overview.chosen(found.asked, found.window),
            "notes": overview.moved(found.asked.last, found.window.last_day),
            "charts": drawn.charts(_drawings(found.days)),
            "grids": _grids(found, query),
        },
    )  # fmt: skip


def _grids(found: Found, query: str) -> list[Grid]:
    covered = [notes.covered(found.incomplete)]
    days = [row for row in reversed(found.days) if row["day"] >= found.window.first_day and row["liquidation_count"]]
    none = "Nobody was liquidated in these days, as far as they were seen."
    return [
        cells.listed("kinds", "By kind", "Drift's are rows of their own beside their fills; no value is added twice.",
                     _KINDS, found.kinds, query=query, below=covered, empty=none),
        cells.listed("markets", "By market", "Where most was liquidated.", _MARKETS, found.markets, query=query,
                     below=covered, empty=none),
        cells.listed("largest", "The largest", "By value; those whose value nobody tells are not among them.", _SINGLE,
                     found.largest, query=query, below=covered, empty=none),
        cells.listed("newest", "The newest", "Whatever the days above. What is provisional may still go.", _SINGLE,
                     found.newest, query=query, empty="No liquidation was ever seen."),
        cells.listed("days", "Day by day", "Days with a liquidation.", _DAYS, days, query=query, below=covered,
                     empty=none),
    ]  # fmt: skip
