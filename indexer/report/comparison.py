"""The comparison of the protocols over a window of days, read from `perps.*` as of one moment.

What must stay true:
- No number is computed here: every one comes out of a query, exact. Unknown is None.
- A table knows which days of its window were not seen whole, and how old its numbers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from indexer.errors import InputError
from indexer.report.contents import TABLES, Contents
from indexer.report.query import snapshot
from indexer.store.connection import Connection

Value: TypeAlias = int | Decimal | date | str | None
PROTOCOLS = ("gmx_solana", "jupiter_perps", "drift")  # In the order in which they are shown.


LEAST_COURSE = 90  # Days that are drawn at least.


class Window(msgspec.Struct, frozen=True):
    last_day: date
    days: int

    @property
    def first_day(self) -> date:
        return self.last_day - timedelta(days=self.days - 1)


class Known(msgspec.Struct, frozen=True):
    """How far a protocol is known. `stopped_since`: the first day without a trade, before the window."""

    protocol: str
    last_full_day: date | None
    full_days: int  # Of the window.
    last_trade_day: date | None
    stopped_since: date | None


class Incomplete(msgspec.Struct, frozen=True):
    """A day that was not seen whole. `coverage`: partial or none."""

    protocol: str
    day: date
    coverage: str
    covered_fraction: Decimal


class Freshness(msgspec.Struct, frozen=True):
    """A row of perps.freshness."""

    name: str
    kind: str
    as_of: datetime | None
    waiting: int | None
    oldest_waiting: datetime | None
    failed_at: datetime | None
    error: str | None


class Table(msgspec.Struct, frozen=True):
    """`as_of`: of the oldest view that it reads; None: one of them was never refreshed."""

    contents: Contents
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    incomplete: Sequence[Incomplete]
    as_of: datetime | None


class Course(msgspec.Struct, frozen=True):
    """Seven-day means of each day, up to the last of the window: `day`, `protocol`, numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Report(msgspec.Struct, frozen=True):
    """`made_at`: the database's clock. `asked`: the day that the window was to end with; None: the newest.

    `course`: None where nobody draws it. `cluster`: of Solana; None: the ledger is of none yet.
    """

    window: Window
    asked: date | None
    protocols: Sequence[Known]
    freshness: Sequence[Freshness]
    tables: Sequence[Table]
    made_at: datetime
    course: Course | None = None
    cluster: str | None = None


async def read_report(
    url: str, at: date | None, days: int, names: Sequence[str], *, with_course: bool = False, timeout_s: float
) -> Report:
    """Everything of one moment. Raises InputError where no day up to `at` is full, StoreUnavailable."""
    async with snapshot(url, timeout_s=timeout_s) as connection:
        return await report_of(connection, at, days, names, with_course=with_course)


async def report_of(
    connection: Connection, at: date | None, days: int, names: Sequence[str], *, with_course: bool = False
) -> Report:
    """The same within a transaction of the caller's."""
    window = Window(await last_day(connection, at, names), days)
    scope = window.last_day, days, list(names)
    days_of_all = window.last_day, days, list(PROTOCOLS)
    incomplete = [Incomplete(*row) for row in await connection.fetch(query("incomplete_days"), *days_of_all)]
    freshness = [Freshness(*row) for row in await connection.fetch(query("freshness"))]
    return Report(
        window=window,
        asked=at,
        protocols=[Known(*row) for row in await connection.fetch(query("protocols"), *scope)],
        freshness=freshness,
        tables=[await _table(connection, contents, scope, incomplete, freshness) for contents in TABLES],
        made_at=await connection.fetchval("SELECT now()"),
        course=await course_of(connection, window, names) if with_course else None,
        cluster=await connection.fetchval(query("cluster")),
    )


@cache
def query(name: str) -> str:
    """The text of `queries/<name>.sql`."""
    return (Path(__file__).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")


async def last_day(connection: Connection, at: date | None, names: Sequence[str]) -> date:
    found: date | None = await connection.fetchval(query("last_full_day"), at, list(names))
    if found is not None:
        return found
    known = await connection.fetchrow(query("known_days"), list(names))
    assert known is not None, "an aggregate has a row"
    if known["last_full_day"] is not None:
        raise InputError(f"no day up to {at} is fully covered", remedy=f"the last one is {known['last_full_day']}")
    seen = f"of {known['first_day']} to {known['last_day']} parts are" if known["first_day"] else "nothing is settled"
    raise InputError(
        f"no day is fully covered yet: {seen}",
        remedy="perps-indexer backfill --from DATE --to DATE fills days, `refresh` brings views up to date",
    )


async def course_of(connection: Connection, window: Window, names: Sequence[str]) -> Course:
    """Of at least ninety days."""
    columns, rows = await _answer(connection, "course", (window.last_day, max(window.days, LEAST_COURSE), list(names)))
    return Course(columns, rows)


async def _answer(
    connection: Connection, name: str, scope: tuple[date, int, list[str]]
) -> tuple[list[str], list[tuple[Value, ...]]]:
    """(columns, rows) of a query."""
    statement = await connection.prepare(query(name))
    columns = [attribute.name for attribute in statement.get_attributes()]
    return columns, [tuple(row) for row in await statement.fetch(*scope)]


async def _table(
    connection: Connection,
    contents: Contents,
    scope: tuple[date, int, list[str]],
    incomplete: Sequence[Incomplete],
    freshness: Sequence[Freshness],
) -> Table:
    columns, rows = await _answer(connection, contents.name, scope)
    lacking = [one for one in incomplete if contents.of_all or one.protocol in scope[-1]]
    return Table(contents, columns, rows, lacking, _age(contents, freshness))


def _age(contents: Contents, freshness: Sequence[Freshness]) -> datetime | None:
    """When the oldest of its views was true; None: unknown of one."""
    named = {f"perps.{view}" for view in contents.views}
    times = [one.as_of for one in freshness if one.name in named]
    known = [time for time in times if time is not None]
    return min(known) if known and len(known) == len(times) else None
