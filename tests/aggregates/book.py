"""A ledger read whole, as plain values: what the plain recomputation and nothing else looks at.

Numbers are exact fractions, times Unix seconds, days dates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import msgspec

from indexer.core.coverage import Span
from indexer.core.reference import Market, Token
from indexer.store.connection import Connection
from indexer.store.postgres import PostgresStore

HOUR, DAY = 3600, 86_400
EVERYTHING = Span(0, 1 << 50)
EPOCH = date(1970, 1, 1)
Row = SimpleNamespace


class Book(msgspec.Struct, eq=False):
    """Never changed, so that what is made of it may be kept."""

    rows: dict[str, list[Row]]  # By kind, those with a time.
    untimed: dict[str, list[Row]]  # By kind, those without.
    coverage: dict[str, list[tuple[int, int]]]  # By stream: first slot, and the one behind.
    anchors: list[tuple[int, int]]  # Slot and time, in order.
    parameters: dict[tuple[str, str], Fraction]
    markets: dict[tuple[str, str], Market]
    tokens: dict[bytes, Token]
    prices: dict[bytes, list[Row]]  # Of rows: those that tell a token's price, by its mint.

    def parameter(self, name: str) -> Fraction:
        return self.parameters["all", name]

    def symbol(self, protocol: str, market_key: str | None) -> str | None:
        market = self.markets.get((protocol, market_key or ""))
        return market.symbol if market else market_key

    def base_asset(self, protocol: str, market_key: str | None) -> str | None:
        market = self.markets.get((protocol, market_key or ""))
        return market.base_asset if market else None

    def token_symbol(self, mint: bytes | None) -> str | None:
        token = self.tokens.get(mint or b"")
        return token.symbol if token else None


async def read(store: PostgresStore, connection: Connection) -> Book:
    tables = {table.kind: table for table in _tables()}
    rows: dict[str, list[Row]] = {}
    untimed: dict[str, list[Row]] = {}
    for kind, found in (await store.rows(EVERYTHING)).items():
        named = [Row(**dict(zip(tables[kind].names, map(number, row), strict=True))) for row in found]
        rows[kind] = [row for row in named if row.block_time is not None]
        untimed[kind] = [row for row in named if row.block_time is None]
    reference = await store.reference()
    return Book(
        rows=rows,
        untimed=untimed,
        coverage={
            row["stream"]: [(part.lower, part.upper) for part in row["slots"]]
            for row in await connection.fetch("SELECT stream, slots FROM ledger.coverage")
        },
        anchors=[
            (row["slot"], seconds(row["time"]))
            for row in await connection.fetch("SELECT slot, time FROM ledger.slot_times ORDER BY slot")
        ],
        parameters={
            (row["protocol"], row["name"]): Fraction(row["value"])
            for row in await connection.fetch("SELECT protocol, name, value FROM ledger.parameters")
        },
        markets=dict(reference.markets),
        tokens=dict(reference.tokens),
        prices=dict(grouped([p for p in rows["price_observation"] if p.mint is not None], lambda p: p.mint)),
    )


def _tables() -> Iterable[Any]:
    from indexer.store.rows import TABLES

    return TABLES


def number(value: Any) -> Any:
    """Every number as a fraction; slots and the like compare equal to integers."""
    return Fraction(value) if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else value


def seconds(time: datetime) -> int:
    return int(time.timestamp())


def hour_of(time: Any) -> int:
    return int(time) // HOUR * HOUR


def day_of(time: Any) -> date:
    return EPOCH + timedelta(days=int(time) // DAY)


def start_of(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def newest(row: Row) -> tuple[Any, ...]:
    """Sort key: of rows of equal time the place on the chain decides; an unknown place comes first."""
    place = (row.tx_index is not None, row.tx_index or 0)
    return (row.block_time, row.slot, place, row.index, row.signature, row.channel, row.part)


def half_even(value: Fraction | None, places: int) -> Fraction | None:
    return None if value is None else Fraction(round(value * 10**places), 10**places)


def ratio(above: Any, below: Any, places: int) -> Fraction | None:
    return None if above is None or not below else half_even(Fraction(above) / Fraction(below), places)


def known_sum(values: Iterable[Any]) -> Fraction | None:
    """The sum of what is known; None where nothing is."""
    known = [Fraction(value) for value in values if value is not None]
    return sum(known, Fraction(0)) if known else None


def total(values: Iterable[Any]) -> Fraction | None:
    """A sum over rows: 0 without rows, None where none of them tells it."""
    there = list(values)
    return known_sum(there) if there else Fraction(0)


def plus(*values: Any) -> Fraction | None:
    return None if any(value is None for value in values) else sum(map(Fraction, values), Fraction(0))


def dollars(e6: Any) -> Fraction | None:
    return None if e6 is None else Fraction(e6) / 1_000_000


def grouped(rows: Iterable[Row], key: Any) -> Iterator[tuple[Any, list[Row]]]:
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    yield from found.items()
