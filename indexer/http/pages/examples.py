"""The SQL examples: what people ask, the SQL that answers it, to be copied, and its answer on this ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from indexer.errors import InputError
from indexer.http.pages import asking, cells
from indexer.http.pages.cells import Cell, Grid, Head, Line
from indexer.http.pages.page import Page
from indexer.report import examples
from indexer.report.figures import UNKNOWN
from indexer.store.connection import Connection

MOST_ROWS = 100


class Found(msgspec.Struct, frozen=True):
    """The answer of one example. `is_cut`: it has more rows than are shown."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    is_cut: bool


async def read(connection: Connection, name: str) -> Found:
    """Raises NotThere."""
    try:
        text = examples.example(name)
    except InputError:
        raise asking.NotThere from None
    statement = await connection.prepare(text)
    cursor = await statement.cursor()
    rows = [tuple(row) for row in await cursor.fetch(MOST_ROWS + 1)]
    columns = [attribute.name for attribute in statement.get_attributes()]
    return Found(name, columns, rows[:MOST_ROWS], len(rows) > MOST_ROWS)


def listing() -> Page:
    """All questions."""
    asked = [(examples.question(name), cells.address("examples", name)) for name in examples.names()]
    return Page(template="examples", title="SQL examples", place="/examples", shown={"asked": asked})


def page(found: Found) -> Page:
    """One question, with its SQL and its answer."""
    told, sql = split(examples.example(found.name))
    return Page(
        template="example", title=examples.question(found.name), place="/examples",
        shown={"name": found.name, "told": told, "sql": sql, "answer": _answer(found)},
    )  # fmt: skip


def split(text: str) -> tuple[list[str], str]:
    """(what is said of it, a paragraph for each part; the whole text, to be copied)."""
    told: list[str] = []
    for line in text.splitlines()[1:]:
        if not line.startswith("-- "):
            break
        words = line.removeprefix("-- ")
        if told and not words.startswith(("Look at: ", "Pitfalls: ")):
            told[-1] += f" {words}"
        else:
            told.append(words)
    return told, text


def _answer(found: Found) -> Grid:
    numbers = [any(_is_number(row[place]) for row in found.rows) for place in range(len(found.columns))]
    heads = [Head(name, right=right) for name, right in zip(found.columns, numbers, strict=True)]
    lines = [_line([_cell(value, right) for value, right in zip(row, numbers, strict=True)]) for row in found.rows]
    more = (
        [f"The first {MOST_ROWS} rows; `perps-indexer sql --example {found.name}` has them all."]
        if found.is_cut
        else []
    )
    return Grid(
        name="answer", title="Answer", says="On this ledger, now.", heads=heads, lines=lines, notes=more,
        empty="No rows: nothing of this kind was indexed yet.",
    )  # fmt: skip


def _line(told: Sequence[Cell]) -> Line:
    return Line(Head(told[0].text, right=told[0].right, title=told[0].title), told[1:])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _cell(value: Any, right: bool) -> Cell:
    """Every digit: what is shown here is what the query gives."""
    if value is None:
        return Cell(UNKNOWN if right else "", right, right)
    text = _text(value)
    shown = text if right else cells.shortened(text)
    return Cell(shown, right, title=text if shown != text else None)


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:,f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool | date | timedelta | str):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
