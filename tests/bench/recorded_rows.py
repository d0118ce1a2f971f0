"""The rows of a recording, ready for sides that make none: Python's values, and files that the server itself reads.

What must stay true: both hold exactly the rows that our side writes, in pages of as many lines of the recording.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indexer.app import seed
from indexer.core import base58
from indexer.core.protocol import Protocol as Stream
from indexer.core.transaction import Transaction
from indexer.ingest.page import processed
from indexer.store.base import Page
from indexer.store.changes import page_rows
from indexer.store.copying import END, copying
from indexer.store.rows import EVENTS, Row, Table


class RecordedRows:
    """`add` is called once for a line of the recording, `write` at its end."""

    def __init__(self, streams: Sequence[Stream], lines_at_once: int) -> None:
        self._streams, self._reference = streams, seed()
        self._lines_at_once, self._lines = lines_at_once, 0
        self._names: dict[str, Sequence[str]] = {}
        self._values: dict[str, list[tuple[str, tuple[Any, ...]]]] = {}  # By signature: table and values.
        self._pages: list[dict[Table, list[Row]]] = []

    def add(self, transactions: Sequence[Transaction], *, is_settled: bool) -> int:
        """How many events they have."""
        found = processed(transactions, self._streams, self._reference)
        page = Page(events=found.events, records=found.records, failures=found.failures, source="bench")
        rows = page_rows(page).rows
        if self._lines % self._lines_at_once == 0:
            self._pages.append({})
        self._lines += 1
        for table, some in rows.items():
            for row in some.values():
                self._add(table, _with(row, table.position["settled"], is_settled))
        return len(rows[EVENTS])

    def _add(self, table: Table, row: Row) -> None:
        self._pages[-1].setdefault(table, []).append(row)
        self._names[table.name] = table.names
        signature = base58.encode(row[table.position["signature"]])
        self._values.setdefault(signature, []).append((table.name, _for_a_driver(table, row)))

    def write(self, path: Path) -> None:
        """`PATH.rows`: names of columns, and values by signature. `PATH.copy/`: a file for each table of a page, and
        `pages.json`: for each page [table, columns, file]."""
        path.with_suffix(".rows").write_bytes(pickle.dumps((self._names, self._values)))
        folder = path.with_suffix(".copy")
        folder.mkdir()
        pages = [
            [[table.name, ", ".join(copying(table).names), str(_file(folder, number, table, rows))]
             for table, rows in page.items()]
            for number, page in enumerate(self._pages)
        ]  # fmt: skip
        (folder / "pages.json").write_text(json.dumps(pages), encoding="utf-8")


def _file(folder: Path, number: int, table: Table, rows: Sequence[Row]) -> Path:
    path = folder / f"{number}.{table.name}"
    path.write_bytes(b"".join(copying(table).chunks(rows)) + END)
    return path


def _with(row: Row, place: int, value: object) -> Row:
    return (*row[:place], value, *row[place + 1 :])


def _for_a_driver(table: Table, row: Row) -> tuple[Any, ...]:
    """Times as datetime."""
    return tuple(
        datetime.fromtimestamp(value, UTC) if column.sql_type.startswith("timestamp") and value is not None else value
        for column, value in zip(table.columns, row, strict=True)
    )
