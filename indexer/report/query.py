"""Run one query; each value comes as the text PostgreSQL itself writes for it.

So nothing is rounded on the way: COPY in text format, no float anywhere. Rows are streamed: memory
does not grow with the result. The transaction is read-only: a query cannot change the ledger.
"""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import asyncpg

from indexer.errors import InputError, StoreUnavailable
from indexer.store.connection import Connection, address_of, connected, place_in_query

Row: TypeAlias = Sequence[str | None]  # None is NULL.

_END = re.compile(r"(?:\s|;|--[^\n]*\n?)*\Z")
_NO_SELECT = re.compile(r"\s*(?:--[^\n]*\n\s*)*(?:show|explain)\b", re.IGNORECASE)
_BROKEN = (ConnectionError, TimeoutError)  # Of a socket. Any other OSError is of our own output.
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Column:
    """`kind`: PostgreSQL's name of the type, such as `numeric`, `int8`, `timestamptz`."""

    name: str
    kind: str


class Printer(Protocol):
    """Receives a result: `begin` once, `row` for each row, `end` once."""

    def begin(self, columns: Sequence[Column]) -> None: ...
    def row(self, values: Row) -> None: ...
    def end(self) -> None: ...


async def run_query(url: str, query: str, printer: Printer, *, timeout_s: float) -> None:
    """Print the rows of `query`, one statement. Raises InputError if PostgreSQL refuses it, StoreUnavailable."""
    if not _END.sub("", query, count=1):
        raise InputError("the query is empty")
    async with (
        connected(url, timeout_s=timeout_s) as connection,
        _explained(url, query),
        connection.transaction(readonly=True),
    ):
        await _print(connection, query, printer)


async def fetch(url: str, query: str, *, timeout_s: float) -> list[dict[str, Any]]:
    """The rows of one of our own queries, as values. Raises as `run_query`."""
    async with (
        connected(url, timeout_s=timeout_s) as connection,
        _explained(url, query),
        connection.transaction(readonly=True),
    ):
        return [dict(row) for row in await connection.fetch(query)]


@asynccontextmanager
async def snapshot(url: str, *, timeout_s: float) -> AsyncIterator[Connection]:
    """A connection that reads the database as it is at one moment, and changes nothing. Raises as `run_query`."""
    async with (
        connected(url, timeout_s=timeout_s) as connection,
        _explained(url, None),
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


@asynccontextmanager
async def _explained(url: str, query: str | None) -> AsyncIterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise  # Our own output's reader has gone, not the database.
    except (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError, *_BROKEN) as error:
        raise StoreUnavailable(f"the connection broke: {error}", place=address_of(url)) from None
    except asyncpg.PostgresError as error:
        place = place_in_query(error, query) if query else ""  # In a query of ours it helps nobody.
        raise InputError(f"query: {error}{place}", remedy=_remedy(error)) from None


def _remedy(error: asyncpg.PostgresError) -> str | None:
    if isinstance(error, asyncpg.UndefinedTableError) and re.search(r'"(perps|ledger)\.', str(error)):
        return "check the name; a database that was never used needs perps-indexer migrate"
    return getattr(error, "hint", None)


async def _print(connection: Connection, query: str, printer: Printer) -> None:
    statement = await connection.prepare(query)
    columns = [Column(attribute.name, attribute.type.name) for attribute in statement.get_attributes()]
    printer.begin(columns)
    if not columns:
        await connection.execute(query)
    elif _NO_SELECT.match(query):
        for record in await statement.fetch():
            printer.row([None if value is None else str(value) for value in record.values()])
    else:
        await _copy(connection, query, columns, printer)
    printer.end()


async def _copy(connection: Connection, query: str, columns: Sequence[Column], printer: Printer) -> None:
    dates = [column.kind == "timestamptz" for column in columns]
    rest = b""

    async def receive(data: bytes) -> None:
        nonlocal rest
        *lines, rest = (rest + data).split(b"\n")  # A newline inside a value is escaped.
        for line in lines:
            values = [_unescaped(value) for value in line.decode().split("\t")]
            printer.row([_iso(value) if date else value for value, date in zip(values, dates, strict=True)])

    await connection.copy_from_query(_END.sub("\n", query, count=1), output=receive)


def _unescaped(value: str) -> str | None:
    if value == r"\N":
        return None
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), value) if "\\" in value else value


def _iso(value: str | None) -> str | None:
    """2026-01-31 10:00:00.5+00 as 2026-01-31T10:00:00.5Z; the session's time zone is UTC."""
    return value if value is None or not value.endswith("+00") else f"{value[:-3].replace(' ', 'T')}Z"
