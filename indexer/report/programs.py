"""A report for programs: one JSON document, or one long CSV. Every digit, and unknown is null, or an empty field.

As with `sql --format json`, whole numbers are numbers, decimals are strings.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from indexer.report.comparison import Report, Table, Value
from indexer.report.contents import COLUMNS

_HEAD = ("first_day", "last_day", "table", "protocol", "subject", "metric", "unit", "value")


def json(report: Report) -> str:
    """One object; `tables` by name, each with its rows, the days it lacks and its age."""
    document = {
        "first_day": report.window.first_day,
        "last_day": report.window.last_day,
        "days": report.window.days,
        "asked": report.asked,
        "cluster": report.cluster,
        "made_at": report.made_at,
        "protocols": [_plain(msgspec.structs.asdict(one)) for one in report.protocols],
        "freshness": [msgspec.structs.asdict(one) for one in report.freshness],
        "tables": {table.contents.name: _table(table) for table in report.tables},
    }
    return msgspec.json.encode(document).decode() + "\n"


def csv_text(report: Report) -> str:
    """One line for each number: which table, of what, which metric, in which unit."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEAD)
    window = str(report.window.first_day), str(report.window.last_day)
    for table in report.tables:
        writer.writerows((*window, *line) for line in _lines(table))
    return out.getvalue()


def exact(value: Value) -> int | str | None:
    """A number's whole text, without an exponent."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value


def _table(table: Table) -> dict[str, Any]:
    return {
        "title": table.contents.title,
        "says": table.contents.says,
        "as_of": table.as_of,
        "incomplete_days": [_plain(msgspec.structs.asdict(one)) for one in table.incomplete],
        "units": {name: _unit(name) for name in table.columns},
        "rows": [_plain(dict(zip(table.columns, row, strict=True))) for row in table.rows],
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: exact(value) for name, value in row.items()}


def _lines(table: Table) -> Iterator[tuple[object, ...]]:
    keys = table.contents.keys
    for row in table.rows:
        told = dict(zip(table.columns, row, strict=True))
        subject = " ".join(str(told[key]) for key in keys)
        for name, value in told.items():
            if name != "protocol" and name not in keys:
                yield table.contents.name, told["protocol"], subject, name, _unit(name), exact(value)


def _unit(name: str) -> str:
    """Programs get fractions of 1 as they are."""
    unit = COLUMNS[name].unit
    return "fraction" if unit == "%" else unit
