"""Binary COPY: what the server reads is what the rows say, whatever lies in them, and as a plain insert says it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from indexer.store import known
from indexer.store.connection import connected
from indexer.store.copying import BEGIN, CHUNK_ROWS, copying
from indexer.store.inserting import COPY_ROWS, insert
from indexer.store.known import Known
from indexer.store.postgres import open_store
from indexer.store.rows import TABLES, Column, Row, Table
from indexer.store.table_change import TableChange
from tests.store.ledger import NOON

SLOT = 7
# At the edges of every type; a row of each place, and one with NULL wherever it may be.
VALUES = {
    "text": ["", "SOL-PERP", "é\N{REPLACEMENT CHARACTER}\U0001f980", "x" * 300],
    "bytea": [b"", b"\0\xff", bytes(range(32)), bytes(300)],
    "bytea[]": [[], [bytes(range(32))], [bytes(32), bytes(32)], [bytes(32), b"", bytes(5)], [bytes(31), bytes(33)]],
    "boolean": [True, False],
    "bigint": [0, -(2**63), 2**63 - 1, SLOT],
    "integer": [0, -(2**31), 2**31 - 1, 5],
    "smallint": [0, -(2**15), 2**15 - 1, 5],
    "timestamp with time zone": [NOON, 1, 946_684_799, 253_402_300_799],
}
WHOLE = [0, 1, 9_999, 10_000, 10**8 - 1, 10**8, 10**16 - 1, 10**16, 10**24 - 1, 10**24, 2**128, 7 * 10**30]
DECIMALS = [Decimal(text) for text in ("0.1", "0.0001", "12.50", "1E-9", "1E-40", "1E+20", "99999999.99999999")]
NUMBERS = [*WHOLE, *(-number for number in WHOLE), *DECIMALS, *(-number for number in DECIMALS)]


def row(table: Table, number: int) -> Row:
    """Every column takes the value at that place of its list, which starts anew at its end."""
    return tuple(value(column, number + place) for place, column in enumerate(table.columns))


def value(column: Column, number: int) -> object:
    fixed = {"slot": SLOT, "channel": "log", "index": number, "decoder_version": 1, "part": number % 1000}
    if column.name in fixed:
        return fixed[column.name]
    values = NUMBERS if column.sql_type == "numeric" else VALUES[column.sql_type]
    return values[number % len(values)]


def without(table: Table, given: Row) -> Row:
    """With NULL wherever it may be."""
    return tuple(None if column.nullable else value for column, value in zip(table.columns, given, strict=True))


async def test_the_server_reads_what_the_rows_say_of_all_tables_at_once(emptied_database_url: str) -> None:
    async with connected(emptied_database_url) as owner:
        await owner.execute("SELECT ledger.ensure_partitions(0, 1)")
    given = {table: rows_of(table, len(NUMBERS) + place * CHUNK_ROWS // 4) for place, table in enumerate(TABLES)}
    async with open_store(emptied_database_url) as store, store._transaction() as session:
        await insert(session, [change(table, rows) for table, rows in given.items()])
        for table, rows in given.items():
            text = f"SELECT {', '.join(table.names)} FROM ledger.{table.name} ORDER BY index"
            found = [shown(tuple(one)) for one in await session.fetch(text)]
            assert found == [shown(one) for one in rows], table.name


async def test_few_rows_are_what_many_are(emptied_database_url: str) -> None:
    async with connected(emptied_database_url) as owner:
        await owner.execute("SELECT ledger.ensure_partitions(0, 1)")
    async with open_store(emptied_database_url) as store, store._transaction() as session:
        for table in TABLES:
            rows = rows_of(table, COPY_ROWS - 1)[1:]
            await insert(session, [change(table, rows)])
            found = await session.fetch(f"SELECT {', '.join(table.names)} FROM ledger.{table.name} ORDER BY index")
            assert [shown(tuple(one)) for one in found] == [shown(one) for one in rows], table.name


def rows_of(table: Table, count: int) -> list[Row]:
    """So many, and one with NULL wherever it may be."""
    return [*(row(table, number) for number in range(count)), without(table, row(table, count))]


def change(table: Table, rows: list[Row]) -> TableChange:
    made = TableChange(table)
    made.insert(rows)
    return made


def shown(values: Row) -> list[str]:
    """With every digit: 1.50 is not 1.5."""
    return [str(value) if not isinstance(value, Decimal) else format(value, "f") for value in values]


def test_all_of_it_stands_behind_the_begin() -> None:
    (table,) = (table for table in TABLES if table.name == "fees")
    rows = [row(table, number) for number in range(2 * CHUNK_ROWS)]
    chunks = list(copying(table).chunks(rows))
    assert b"".join(chunks) == BEGIN + b"".join(map(copying(table).encode, rows))
    assert len(chunks) == 2


def test_long_texts_are_not_kept() -> None:
    lengths: Known[str, int] = Known(len, 0)
    assert [lengths["x" * length] for length in (known.MOST_CHARS, known.MOST_CHARS + 1)] == [200, 201]
    assert len(lengths) == 2  # The shorter one, and None.


def test_what_is_known_stays_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST_KNOWN", 3)
    squares: Known[int, int] = Known(lambda number: number * number, -1)
    for number in range(10):
        assert squares[number] == number * number
        assert squares[None] == -1
        assert len(squares) <= 3
