"""The overview: all protocols side by side, in tables and charts of the same days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from indexer.http.pages import asking, cells, drawn, period
from indexer.http.pages.cells import Grid, Head, Row
from indexer.http.pages.page import Page
from indexer.http.pages.words import PROTOCOLS
from indexer.report import notes
from indexer.report.charts import Drawing
from indexer.report.comparison import LEAST_COURSE, Course, Report, Window, course_of, report_of
from indexer.store.connection import Connection

NAMES = list(PROTOCOLS)
# What the first table holds, by the tables of the report that they are columns of.
_FIRST = {
    "efficiency": (
        "days",
        "mean_volume_usd",
        "mean_tvl_ex_vaults_usd",
        "capital_efficiency",
        "fee_yield",
        "fee_yield_annual",
    ),
    "fees": ("mean_fees_usd",),
    "market_share": ("market_share",),
    "effective_fee": ("effective_fee_bps",),
    "activity": ("trades", "traders", "markets_traded"),
}
_NOT_HERE = {"tvl_components", "liquidity_sources"}  # Too long, and of one protocol each.
_MOST_LINES = 12  # Of a list.
_TODAY = (
    "protocol",
    "volume_usd",
    "trades",
    "liquidations",
    "fill_fees_usd",
    "net_liquidity_usd",
    "tvl_usd",
    "covered_until",
)


class Found(msgspec.Struct, frozen=True):
    """What was read. `lp_yields`: rows of the query."""

    asked: period.Asked
    report: Report
    today: Sequence[Row]
    drawings: Sequence[Drawing]


async def read(connection: Connection, wanted: period.Asked) -> Found:
    """Raises NothingYet, InputError."""
    window = await asking.window_of(connection, wanted, NAMES)
    report = await report_of(connection, window.last_day, window.days, NAMES)
    return Found(
        wanted, report, await asking.rows(connection, "today"), await _drawings(connection, window, NAMES)
    )  # fmt: skip


async def read_drawings(connection: Connection, wanted: period.Asked) -> list[Drawing]:
    return await _drawings(connection, await asking.window_of(connection, wanted, NAMES), NAMES)


async def _drawings(connection: Connection, window: Window, names: list[str]) -> list[Drawing]:
    """Of at least ninety days."""
    course: Course = await course_of(connection, window, names)
    days = max(window.days, LEAST_COURSE)
    pools = await asking.rows(connection, "lp_yields", window.last_day, days, names)
    return [*drawn.of_course(course), drawn.of_pools(pools)]


def page(found: Found) -> Page:
    """The page of what was read."""
    query = period.query_of(found.asked)
    tables = {table.contents.name: table for table in found.report.tables}
    heads = heads_of(found.report, query)
    return Page(
        template="overview", title="Perpetuals on Solana", place="/", charts=_charts("/charts/overview.json", query),
        shown={
            "chosen": chosen(found.asked, found.report.window),
            "notes": _notes(found.asked, found.report),
            "first": _first(found.report, heads),
            "today": _today(found.today, query),
            "charts": drawn.charts(found.drawings),
            "grids": [
                cells.reported(table, heads.__getitem__, query, _MOST_LINES)
                for name, table in tables.items()
                if name not in _NOT_HERE
            ],
        },
    )  # fmt: skip


def chosen(wanted: period.Asked, window: Window) -> dict[str, Any]:
    """The days of the page, and how others are chosen."""
    return {
        "first_day": window.first_day, "last_day": window.last_day, "days": window.days,
        "choices": period.choices(wanted),
    }  # fmt: skip


def heads_of(report: Report, query: str) -> dict[str, Head]:
    """Of columns of protocols, each with how many of its days were seen whole."""
    days = report.window.days
    return {
        one.protocol: Head(
            PROTOCOLS[one.protocol], right=True, link=cells.address("protocol", one.protocol, query=query),
            note=f"{one.full_days} of {days} days full", is_short=one.full_days < days,
        )
        for one in report.protocols
    }  # fmt: skip


def _charts(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _notes(wanted: period.Asked, report: Report) -> list[str]:
    return moved(wanted.last, report.window.last_day) + notes.general(report)


def moved(asked: date | None, last_day: date) -> list[str]:
    """Said where the window ends before the day that was asked for."""
    if asked is None or asked == last_day:
        return []
    return [f"Asked for {asked}; the last fully covered day up to it is {last_day}."]


def _first(report: Report, heads: Mapping[str, Head]) -> Grid:
    """The numbers that protocols are compared by; below it, what all of them lack together."""
    tables = {table.contents.name: table for table in report.tables}
    merged: dict[str, dict[str, Any]] = {name: {"protocol": name} for name in heads}
    for name, wanted in _FIRST.items():
        for row in cells.records(tables[name].columns, tables[name].rows):
            merged[row["protocol"]] |= {column: row[column] for column in wanted}
    columns = [column for group in _FIRST.values() for column in group]
    says = "Means are of full days; a ratio uses exactly the days that are full and known in both of its terms."
    ages = [tables[name].as_of for name in _FIRST]
    oldest = None if None in ages else min(age for age in ages if age is not None)
    below = [notes.covered(tables["market_share"].incomplete), notes.aged(oldest)]
    rows = list(merged.values())
    return cells.compact(cells.turned("comparison", "The comparison", says, columns, rows, list(heads.values()), below))


def _today(rows: Sequence[Row], query: str) -> Grid:
    return cells.listed(
        "today", "Today so far", "Since midnight UTC, as last rolled up; rows that are not settled yet are included.",
        _TODAY, rows, query=query, empty="Nothing is known of today.",
    )  # fmt: skip
