"""One market: volume, price, open interest and rates, day by day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from indexer.http.pages import asking, cells, drawn, overview, period
from indexer.http.pages.cells import Row
from indexer.http.pages.page import Page
from indexer.http.pages.words import PROTOCOLS
from indexer.report.charts import Drawing
from indexer.report.comparison import LEAST_COURSE, Window
from indexer.store.connection import Connection

_DAYS = (
    "day", "coverage", "volume_usd", "buy_volume_usd", "sell_volume_usd", "trades", "traders", "fees_usd", "close_usd",
    "long_usd", "short_usd", "skew", "funding_rate", "borrow_rate", "liquidation_volume_usd",
)  # fmt: skip
_OPTIONAL = {
    "long_usd",
    "short_usd",
    "skew",
    "funding_rate",
    "borrow_rate",
    "close_usd",
}  # Not every protocol tells them.
_GREEN, _RED = "#009e73", "#d55e00"


class Found(msgspec.Struct, frozen=True):
    """What was read. `market`: its row; `days`: of the window, the newest first; `course`: of ninety days at least."""

    protocol: str
    asked: period.Asked
    window: Window
    market: dict[str, Any]
    days: Sequence[Row]
    course: Sequence[Row]


async def read(connection: Connection, wanted: period.Asked, protocol: str, name: str) -> Found:
    """`name`: key or symbol. Raises NotThere, NothingYet, InputError."""
    if protocol not in PROTOCOLS:
        raise asking.NotThere
    market = await asking.one(connection, "market", protocol, name)
    window = await asking.window_of(connection, wanted, [protocol])
    days = max(window.days, LEAST_COURSE)
    course = await asking.rows(connection, "market_days", window.last_day, days, protocol, market["market_key"])
    return Found(protocol, wanted, window, market, course[: window.days], course)


def drawings(found: Found) -> list[Drawing]:
    """What its days hold."""
    return list(_drawings(found.course))


def _drawings(days: Sequence[Row]) -> Iterator[Drawing]:
    sides = {"buy_volume_usd": "bought", "sell_volume_usd": "sold"}
    yield drawn.of_days("volume", "Volume, USD a day", days, sides, colours=(_GREEN, _RED))
    yield drawn.of_days("price", "Last price of the day, USD", days, {"close_usd": "price"}, unit="price", bars=False)
    open_on = {"long_usd": "long", "short_usd": "short"}
    yield drawn.of_days("open-interest", "Open interest, USD", days, open_on, bars=False, colours=(_GREEN, _RED))
    rates = {"funding_rate": "funding, longs to shorts", "borrow_rate": "borrowing"}
    yield drawn.of_days("rates", "Rates an hour", days, rates, unit="%", form=".3~p", bars=False)
    liquidated = {"liquidation_volume_usd": "liquidated"}
    yield drawn.of_days("liquidations", "Volume of liquidations, USD a day", days, liquidated, colours=(_RED,))


def page(found: Found) -> Page:
    """The page of what was read."""
    query, key = period.query_of(found.asked), found.market["market_key"]
    return Page(
        template="market", title=f"{found.market['market']} on {PROTOCOLS[found.protocol]}",
        place=cells.address("protocol", found.protocol),
        charts=cells.address("charts", "market", found.protocol, f"{key}.json", query=query),
        shown={
            "chosen": overview.chosen(found.asked, found.window),
            "notes": overview.moved(found.asked.last, found.window.last_day),
            "market": found.market,
            "facts": _facts(found),
            "charts": drawn.charts(drawings(found)),
            "days": _days(found, query),
        },
    )  # fmt: skip


def _facts(found: Found) -> list[tuple[str, str]]:
    """What is known of the market itself."""
    told = (
        ("protocol", PROTOCOLS[found.protocol]), ("kind", found.market["market_kind"]),
        ("base asset", found.market["base_asset"]), ("largest leverage", found.market["max_leverage"]),
        ("key", found.market["market_key"]),
    )  # fmt: skip
    return [(label, f"{value:f}x" if label == "largest leverage" else str(value)) for label, value in told if value]


def _days(found: Found, query: str) -> cells.Grid:
    columns = [one for one in _DAYS if one not in _OPTIONAL or any(row[one] is not None for row in found.days)]
    lacking = sum(row["coverage"] != "full" for row in found.days)
    below = (
        "Every day is fully covered." if not lacking else f"{lacking} of {len(found.days)} days are not fully covered."
    )
    untold = "Columns that nobody tells of this market are left out: open interest and rates come from few events."
    return cells.listed(
        "days", "Day by day", "A day that is not full shows what was seen of it.", columns, found.days, query=query,
        below=[below, untold],
    )  # fmt: skip
