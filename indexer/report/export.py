"""Write the rows of a view of `perps` to a file: Parquet or CSV, as of one moment.

What must stay true:
- Rows are streamed: memory does not grow with the view. The file is there whole or not at all.
- Every digit is kept. In Parquet a numeric column is decimal128(38, 18); one whose values, which are measured first, do
  not fit into that is decimal256(76, 38), and one that does not fit there either is text. A day is date32, a time
  timestamp[us, UTC].
- NULL is null. In CSV it is an empty field, and an empty text is "".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, TypeAlias

import msgspec

from indexer.errors import InputError
from indexer.report.query import Column, snapshot
from indexer.report.whole_file import whole_file
from indexer.store.connection import Connection

Moved: TypeAlias = Callable[[int], None]  # Hears of rows, or of bytes where nobody counts rows.

BATCH_ROWS = 20_000  # Read, converted and written at once; a row group of Parquet.
TIMES = ("day", "hour", "block_time")  # What a view's rows are of, the first that it has.
ORDERS = (*TIMES[:2], "slot")  # What rows come in order of.
_DECIMALS = (("decimal128", 38, 18), ("decimal256", 76, 38))  # Name, digits, digits behind the point.
_PLAIN = {"int2": "int16", "int4": "int32", "int8": "int64", "bool": "bool_", "date": "date32", "bytea": "binary"}
_TEXTS = frozenset({"text", "varchar", "bpchar", "name"})


class View(msgspec.Struct, frozen=True):
    """`time`: the column that tells when; None: it has none."""

    name: str
    columns: Sequence[Column]

    @property
    def time(self) -> str | None:
        return next((name for name in TIMES if name in self._names), None)

    @property
    def order(self) -> str | None:
        return next((name for name in ORDERS if name in self._names), None)

    @property
    def _names(self) -> list[str]:
        return [column.name for column in self.columns]


class Days(msgspec.Struct, frozen=True):
    """UTC days: `since` is in it, `until` is not. None: no bound."""

    since: date | None = None
    until: date | None = None


async def export(url: str, name: str, to: Path, days: Days, moved: Moved, *, timeout_s: float) -> int:
    """Write the view's rows of these days, and tell how many.

    Raises InputError for another view, time or ending, StoreUnavailable.
    """
    write = _WRITERS.get(to.suffix.lower())
    if write is None:
        remedy = "let the name end in .parquet or .csv"
        raise InputError(f"no format for {to.suffix or 'a name without an ending'!r}", place=str(to), remedy=remedy)
    if write is _parquet:
        _arrow()  # Before anything is asked.
    async with snapshot(url, timeout_s=timeout_s) as connection:
        view = await view_of(connection, name)
        _check(view, days)
        with whole_file(to) as file:
            return await write(connection, view, days, file, moved)


async def view_of(connection: Connection, name: str) -> View:
    """A view or materialized view of schema perps, with or without `perps.`. Raises InputError."""
    bare = name.removeprefix("perps.")
    rows = await connection.fetch(_COLUMNS, bare)
    if not rows:
        known = [row["relname"] for row in await connection.fetch(_VIEWS)]
        raise InputError(f"no view perps.{bare}", remedy=f"one of {', '.join(known)}")
    return View(bare, [Column(row["attname"], row["typname"]) for row in rows])


_VIEWS = """
SELECT relname FROM pg_class WHERE relnamespace = 'perps'::regnamespace AND relkind IN ('v', 'm') ORDER BY relname
"""
_COLUMNS = """
SELECT a.attname, t.typname
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE c.relnamespace = 'perps'::regnamespace AND c.relkind IN ('v', 'm') AND c.relname = $1
ORDER BY a.attnum
"""


def _check(view: View, days: Days) -> None:
    if view.time is None and (days.since or days.until):
        raise InputError(
            f"perps.{view.name} has no time: none of {', '.join(TIMES)}", remedy="leave out --from and --until"
        )
    if days.since and days.until and days.since >= days.until:
        raise InputError(
            f"no day lies from {days.since} until {days.until}", remedy="--until is the day behind the last"
        )


# --- SQL -------------------------------------------------------------------------------------------------------------


def selection(view: View, days: Days, shown: str) -> tuple[str, list[date]]:
    """(query, arguments) for the rows of the days. Names are those of the view itself."""
    bounds = [(sign, day) for sign, day in ((">=", days.since), ("<", days.until)) if day is not None]
    moment = "${}::date" if view.time == "day" else "${}::date::timestamp AT TIME ZONE 'UTC'"
    tests = [f'"{view.time}" {sign} {moment.format(place)}' for place, (sign, _) in enumerate(bounds, 1)]
    where = f" WHERE {' AND '.join(tests)}" if tests else ""
    return f'SELECT {shown} FROM perps."{view.name}"{where}', [day for _, day in bounds]  # noqa: S608 (see above)


def _ordered(view: View) -> str:
    return f' ORDER BY "{view.order}"' if view.order else ""


# --- CSV -------------------------------------------------------------------------------------------------------------


async def _csv(connection: Connection, view: View, days: Days, file: BinaryIO, moved: Moved) -> int:
    """As PostgreSQL writes it; only times are written as everywhere here, 2026-01-31T10:00:00Z."""
    shown = ", ".join(_as_csv(column) for column in view.columns)
    query, arguments = selection(view, days, shown)

    async def receive(data: bytes) -> None:
        file.write(data)
        moved(len(data))

    query += _ordered(view)
    told: str = await connection.copy_from_query(query, *arguments, output=receive, format="csv", header=True)
    return int(told.rpartition(" ")[2])  # COPY 17


def _as_csv(column: Column) -> str:
    name = f'"{column.name}"'
    return f"replace(replace({name}::text, ' ', 'T'), '+00', 'Z') AS {name}" if column.kind == "timestamptz" else name


# --- Parquet ---------------------------------------------------------------------------------------------------------


async def _parquet(connection: Connection, view: View, days: Days, file: BinaryIO, moved: Moved) -> int:
    arrow, written = _arrow(), 0
    schema = arrow.schema(await _fields(arrow, connection, view, days))
    texts = [arrow.types.is_string(field.type) for field in schema]
    shown = ", ".join(
        f'"{column.name}"::text AS "{column.name}"' if is_text and column.kind not in _TEXTS else f'"{column.name}"'
        for column, is_text in zip(view.columns, texts, strict=True)
    )
    query, arguments = selection(view, days, shown)
    with arrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        async for rows in _batches(connection, query + _ordered(view), arguments):
            columns = [arrow.array([row[place] for row in rows], type=field.type) for place, field in enumerate(schema)]
            writer.write_batch(arrow.record_batch(columns, schema=schema))
            moved(len(rows))
            written += len(rows)
    return written


async def _batches(connection: Connection, query: str, arguments: Sequence[date]) -> AsyncIterator[Sequence[Any]]:
    cursor = await connection.cursor(query, *arguments)
    while rows := await cursor.fetch(BATCH_ROWS):
        yield rows


async def _fields(arrow: ModuleType, connection: Connection, view: View, days: Days) -> list[Any]:
    numeric = [column.name for column in view.columns if column.kind == "numeric"]
    extents = await _extents(connection, view, days, numeric)
    return [arrow.field(column.name, _type(arrow, column, extents)) for column in view.columns]


def _type(arrow: ModuleType, column: Column, extents: Mapping[str, tuple[int, Decimal]]) -> Any:
    if column.kind == "numeric":
        return _decimal(arrow, *extents[column.name])
    if column.kind == "timestamptz":
        return arrow.timestamp("us", tz="UTC")
    if column.kind == "_text":
        return arrow.list_(arrow.string())
    return getattr(arrow, _PLAIN.get(column.kind, "string"))()


def _decimal(arrow: ModuleType, behind_point: int, largest: Decimal) -> Any:
    for name, digits, scale in _DECIMALS:
        if behind_point <= scale and largest < Decimal(10) ** (digits - scale):
            return getattr(arrow, name)(digits, scale)
    return arrow.string()


async def _extents(
    connection: Connection, view: View, days: Days, names: Sequence[str]
) -> dict[str, tuple[int, Decimal]]:
    """For each column the most digits behind the point, and the largest value."""
    if not names:
        return {}
    shown = ", ".join(f'coalesce(max(scale(trim_scale("{n}"))), 0), coalesce(max(abs("{n}")), 0)' for n in names)
    query, arguments = selection(view, days, shown)
    row = await connection.fetchrow(query, *arguments)
    assert row is not None, "an aggregate has a row"
    return {name: (row[2 * place], row[2 * place + 1]) for place, name in enumerate(names)}


def _arrow() -> ModuleType:
    """pyarrow, which is optional. Raises InputError."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            "Parquet needs pyarrow", remedy="pip install 'perps-indexer[parquet]', or let the name end in .csv"
        ) from None
    module: ModuleType = pyarrow
    return module


_WRITERS = {".parquet": _parquet, ".csv": _csv}
