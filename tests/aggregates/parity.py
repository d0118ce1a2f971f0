"""Live a random world in PostgreSQL, and compare every rollup and view with what plain Python makes of its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from indexer.resources import resource
from indexer.store.connection import Connection
from indexer.store.rolling import PostgresAggregates
from indexer.store.rollups import AMOUNTS, DAYS, HOURS, OWNERS, PRICES
from indexer.store.rows import EVENTS, FAILURES, TABLES
from tests.aggregates import plain
from tests.aggregates.book import Book, number, read, seconds
from tests.aggregates.days import Numbers
from tests.aggregates.worlds import REFERENCE, World

ALL_MARKS = (HOURS, PRICES, AMOUNTS, OWNERS, DAYS)
ONCE = "ON CONFLICT DO NOTHING"
HOUR, DAY = "date_trunc('hour', block_time, 'UTC')", "(block_time AT TIME ZONE 'UTC')::date"
UNTOLD = {"reconciliation": {"definition"}}  # Columns of words.


async def roll_some(world: World, aggregates: PostgresAggregates) -> None:
    """A run as a loop makes it, often too small to take all marks."""
    limit = world.dice.choice([1, 3, 10, 50, 1000])
    run = world.dice.choice([aggregates.roll_hours, aggregates.roll_days, aggregates.roll_holdings])
    await run(limit)


async def live(world: World, ledger: Numbers, *, at_once: bool = True) -> None:
    """Write the world while somebody else rolls up, at once or one step after the other."""
    await ledger.store.seed(REFERENCE)
    if world.maybe(0.5):  # So that wallets may wash that have little to do.
        await ledger.connection.execute("UPDATE ledger.parameters SET value = 2 WHERE name = 'wash_positions'")
    for page in world.pages():
        both = [ledger.store.write(page)]
        if world.maybe(0.5):
            both.append(roll_some(world, ledger.aggregates))  # type: ignore[arg-type]
        if at_once:
            await asyncio.gather(*both)
        else:
            for one in both:
                await one
        if world.maybe(0.15):
            await world.reprocess(ledger.store)
        if world.maybe(0.05):
            await change_a_parameter(world, ledger.connection)
    await made_fresh(ledger)


async def made_fresh(ledger: Numbers) -> None:
    """Roll up what is left, and refresh every view."""
    await ledger.roll()
    for view in await ledger.aggregates.views():
        await ledger.aggregates.refresh(view)


async def from_zero(ledger: Numbers) -> list[str]:
    """How rollups differ from those that are made when nothing was rolled up yet."""
    kept = {name: await rows(ledger.connection, f"ledger.{name}") for name in plain.KEYS}
    for name in (*plain.KEYS, *(marks.table for marks in ALL_MARKS), "dirty_holdings"):
        await ledger.connection.execute(f"DELETE FROM ledger.{name}")
    for statement in marks_of_rows():
        await ledger.connection.execute(statement)
    await ledger.roll()
    made = {name: await rows(ledger.connection, f"ledger.{name}") for name in plain.KEYS}
    return [
        f"from zero: ledger.{name}: {line}" for name in plain.KEYS for line in differences(kept[name], made[name])[:6]
    ]


def marks_of_rows() -> Iterator[str]:
    """Statements that mark all that rows tell: hours and days as their writers did, and the rest as the migration."""
    for table in TABLES:
        if table not in (EVENTS, FAILURES):
            market = "coalesce(market_key, '')" if "market_key" in table.names else "''"
            rows = f"FROM ledger.{table.name} WHERE block_time IS NOT NULL"
            yield f"INSERT INTO ledger.dirty_hours SELECT DISTINCT {HOUR}, protocol, {market} {rows} {ONCE}"
            yield f"INSERT INTO ledger.dirty_days SELECT DISTINCT {DAY}, protocol {rows} {ONCE}"
    text = (resource("migrations") / "0006_rollups.sql").read_text(encoding="utf-8")
    yield text.partition("-- Rows that are here already.")[2].partition("\n-- ")[0]


async def change_a_parameter(world: World, connection: Connection) -> None:
    name, value = world.dice.choice([
        ("price_max_age_s", "7200"), ("price_max_age_s", "200000"), ("wash_turnover", "2"), ("wash_positions", "3"),
        ("tvl_known_fraction", "0.2"), ("ratio_days", "3"), ("protocol_share_bps", "3000"),
    ])  # fmt: skip
    await connection.execute("UPDATE ledger.parameters SET value = $2 WHERE name = $1", name, Decimal(value))


def comparable(value: Any) -> Any:
    """As plain Python has it."""
    if isinstance(value, datetime):
        return seconds(value)
    return number(value)


async def rows(connection: Connection, relation: str) -> list[dict[str, Any]]:
    found = await connection.fetch(f"SELECT * FROM {relation}")
    return [{name: comparable(value) for name, value in row.items()} for row in found]


def sortable(row: dict[str, Any]) -> str:
    return repr(sorted((name, text(value)) for name, value in row.items()))


def text(value: Any) -> str:
    return str(value) if isinstance(value, (Fraction, date)) else repr(value)


def differences(made: list[dict[str, Any]], expected: list[dict[str, Any]]) -> list[str]:
    """What one side has and the other lacks."""
    expected = [{name: number(value) for name, value in row.items()} for row in expected]
    left, right = ({sortable(row) for row in some} for some in (made, expected))
    return sorted(
        [*(f"only in SQL: {row}" for row in left - right), *(f"only in Python: {row}" for row in right - left)]
    )


async def all_differences(connection: Connection, book: Book) -> dict[str, list[str]]:
    """Relation -> how it differs from what plain Python makes of the rows."""
    found, rollups = {}, plain.rollups(book)
    for name, rollup in rollups.items():
        expected = [dict(zip(plain.KEYS[name], at, strict=True)) | values for at, values in rollup.items()]
        found[f"ledger.{name}"] = differences(await rows(connection, f"ledger.{name}"), expected)
    for name, view in plain.views(book, rollups["hourly_tvl"]).items():
        made = [
            {column: value for column, value in row.items() if column not in UNTOLD.get(name, set())}
            for row in await rows(connection, f"perps.{name}")
        ]
        found[f"perps.{name}"] = differences(made, view)
    return {name: lines for name, lines in found.items() if lines}


async def parity(seed: int, ledger: Numbers, *, at_once: bool = True) -> dict[str, list[str]]:
    """Live a world and compare."""
    await live(World(seed), ledger, at_once=at_once)
    return await all_differences(ledger.connection, await read(ledger.store, ledger.connection))
