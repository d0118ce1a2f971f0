"""Queries of the pages: SQL files over `perps.*` alone, read as of one moment by somebody who may only read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, cast

import asyncpg

from indexer.errors import InputError
from indexer.http.pages import period
from indexer.http.pages.cells import Row
from indexer.report.comparison import Window
from indexer.report.comparison import query as report_query
from indexer.store.connection import Connection
from indexer.store.pool import may_pass

_HERE = Path(__file__).parent / "queries"
PATIENCE_S = 5.0  # Until a connection of the pool is free.


class NothingYet(Exception):
    """No day is fully covered: there is nothing that a page of days could show."""


class NotThere(Exception):
    """The address names nothing that is there."""


@asynccontextmanager
async def snapshot(pool: asyncpg.Pool[asyncpg.Record]) -> AsyncIterator[Connection]:
    """The database as it is at one moment. Raises StoreUnavailable: it is away, took too long, or has none to spare."""
    with may_pass("postgresql:///"):  # The address is nothing that a page would tell.
        async with (
            pool.acquire(timeout=PATIENCE_S) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield cast(Connection, connection)


async def rows(connection: Connection, name: str, *arguments: Any) -> list[Row]:
    """What the query of this name answers."""
    return [dict(row) for row in await connection.fetch(_text(name), *arguments)]


async def one(connection: Connection, name: str, *arguments: Any) -> dict[str, Any]:
    """Its first row. Raises NotThere where there is none."""
    found = await connection.fetchrow(_text(name), *arguments)
    if found is None:
        raise NotThere
    return dict(found)


async def window_of(connection: Connection, wanted: period.Asked, names: list[str]) -> Window:
    """The days that were asked for. Raises NothingYet, InputError."""
    found: date | None = await connection.fetchval(report_query("last_full_day"), wanted.last, names)
    if found is not None:
        return period.window(wanted, found)
    newest: date | None = await connection.fetchval(report_query("last_full_day"), None, names)
    if newest is None:
        raise NothingYet
    raise InputError(f"no day up to {wanted.last} is fully covered", remedy=f"the last one is {newest}")


@cache
def _text(name: str) -> str:
    return (_HERE / f"{name}.sql").read_text(encoding="utf-8")
