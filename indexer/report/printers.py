"""The three ways to print a result: a table for people, csv, and json (one object a line).

No value is ever shortened. What a name on the chain may hold, a terminal need not obey: the table
shows control characters escaped.
"""

import csv
import json
from collections.abc import Callable, Sequence
from typing import TextIO

from indexer.errors import InputError
from indexer.report.query import Column, Printer, Row

SAMPLE_ROWS = 1000  # The table takes its widths from these; a longer value later on shifts its row.
NUMBERS = {"int2", "int4", "int8", "numeric", "float4", "float8"}
RAW_JSON = {"int2", "int4", "int8", "json", "jsonb"}  # Their text is JSON. numeric is not: readers make floats of it.


class TablePrinter:
    """Aligned columns; NULL is an empty cell."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._columns: Sequence[Column] = ()
        self._waiting: list[Row] = []
        self._widths: list[int] = []
        self._count = 0

    def begin(self, columns: Sequence[Column]) -> None:
        self._columns = columns

    def row(self, values: Row) -> None:
        self._count += 1
        cells = [_visible(value) for value in values]
        if self._widths:
            self._line(cells)
            return
        self._waiting.append(cells)
        if len(self._waiting) == SAMPLE_ROWS:
            self._flush()

    def end(self) -> None:
        if not self._widths:
            self._flush()
        self._out.write(f"({self._count} {'row' if self._count == 1 else 'rows'})\n")

    def _flush(self) -> None:
        names = [_visible(column.name) for column in self._columns]
        self._widths = [max(len(str(row[i])) for row in [names, *self._waiting]) for i in range(len(names))]
        if names:
            self._line(names)
            self._out.write("-+-".join("-" * width for width in self._widths) + "\n")
        for cells in self._waiting:
            self._line(cells)
        self._waiting.clear()

    def _line(self, cells: Row) -> None:
        parts = [
            str(cell).rjust(width) if column.kind in NUMBERS else str(cell).ljust(width)
            for cell, width, column in zip(cells, self._widths, self._columns, strict=True)
        ]
        self._out.write(" | ".join(parts).rstrip() + "\n")


class CsvPrinter:
    """RFC 4180; NULL is an empty field."""

    def __init__(self, out: TextIO) -> None:
        self._writer = csv.writer(out, lineterminator="\n")

    def begin(self, columns: Sequence[Column]) -> None:
        if columns:
            self._writer.writerow([column.name for column in columns])

    def row(self, values: Row) -> None:
        self._writer.writerow(["" if value is None else value for value in values])

    def end(self) -> None:
        """Nothing is left to write."""


class JsonPrinter:
    """One object a line; integers as numbers, decimals and all else as strings, NULL as null."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._fields: list[tuple[str, Callable[[str], str]]] = []

    def begin(self, columns: Sequence[Column]) -> None:
        names = [column.name for column in columns]
        if doubled := {name for name in names if names.count(name) > 1}:
            raise InputError(f"json needs distinct column names, doubled: {', '.join(sorted(doubled))}")
        self._fields = [(json.dumps(column.name), _json_writer(column.kind)) for column in columns]

    def row(self, values: Row) -> None:
        fields = (
            f"{name}: {'null' if value is None else write(value)}"
            for (name, write), value in zip(self._fields, values, strict=True)
        )
        self._out.write("{" + ", ".join(fields) + "}\n")

    def end(self) -> None:
        """Nothing is left to write."""


PRINTERS: dict[str, Callable[[TextIO], Printer]] = {"table": TablePrinter, "csv": CsvPrinter, "json": JsonPrinter}


def _json_writer(kind: str) -> Callable[[str], str]:
    if kind == "bool":
        return lambda value: "true" if value in ("t", "true") else "false"
    if kind in RAW_JSON:
        return lambda value: " ".join(value.splitlines())
    return lambda value: json.dumps(value, ensure_ascii=False)


def _visible(value: str | None) -> str:
    if value is None:
        return ""
    if value.isprintable():
        return value
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in value
    )
