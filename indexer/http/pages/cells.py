"""Tables as they are shown: each number with its unit, and beside it how much of its days was seen.

Unknown is said, never left out, and never 0. Long keys are shortened, their whole text is in the title.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec

from indexer.http.pages.words import COLUMNS, called
from indexer.report import notes
from indexer.report.comparison import Table
from indexer.report.contents import Column
from indexer.report.figures import UNKNOWN, figure, is_number

Row: TypeAlias = Mapping[str, Any]
_UNITS = {"price": "USD", "%": "%", "bp": "bp", "USD": "USD"}
_GROUPS = {3: "M", 4: "B", 5: "T"}  # By the number of groups of three digits.
_NOT_OF_ALL = {"waiting", "latency_ms", "rate_per_s", "observed_slot"}  # Columns that some rows do not have.
_TICK = Decimal("0.1")
_LONGEST, _LONG = 24, 32  # Letters: of a key, of a word.


class Cell(msgspec.Struct, frozen=True):
    """`title`: its whole text. `link`: where it leads. `mark`: full, partial or none, which has a colour.

    `is_long`: a sentence, which may be broken into lines.
    """

    text: str
    right: bool = False
    unknown: bool = False
    title: str | None = None
    link: str | None = None
    mark: str | None = None
    is_long: bool = False


class Head(msgspec.Struct, frozen=True):
    """`title`: its whole text. `note`: what stands small below it; `is_short`: and is a warning."""

    text: str
    unit: str | None = None
    right: bool = False
    link: str | None = None
    title: str | None = None
    note: str | None = None
    is_short: bool = False


class Line(msgspec.Struct, frozen=True):
    head: Head
    cells: Sequence[Cell]


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """`heads`: of the columns; the first is that of the lines' heads. `empty`: what is said where there is no line."""

    name: str
    title: str
    says: str
    heads: Sequence[Head]
    lines: Sequence[Line]
    notes: Sequence[str] = ()
    empty: str = "No rows in these days."
    is_turned: bool = False


def listed(
    name: str, title: str, says: str, columns: Sequence[str], rows: Sequence[Row], *, query: str = "",
    below: Sequence[str] = (), empty: str = "No rows in these days.",
) -> Grid:  # fmt: skip
    """One line for each row. `query`: of the links, so that they keep to the days."""
    lines = [Line(_line_head(columns[0], row, query), [_cell(one, row, query) for one in columns[1:]]) for row in rows]
    heads = [_column_head(one) for one in columns]
    return Grid(name=name, title=title, says=says, heads=heads, lines=lines, notes=below, empty=empty)


def turned(
    name: str, title: str, says: str, columns: Sequence[str], rows: Sequence[Row], heads: Sequence[Head],
    below: Sequence[str] = (),
) -> Grid:  # fmt: skip
    """One column for each row, which are protocols. `heads`: theirs."""
    lines = [_turned_line(one, rows) for one in columns if one != "protocol"]
    return Grid(
        name=name, title=title, says=says, heads=[Head(""), *heads], lines=lines, notes=below, is_turned=True
    )  # fmt: skip


def compact(grid: Grid) -> Grid:
    """The same with large dollars in millions, billions or trillions, the whole number in the title."""
    lines = [Line(line.head, [_compact(cell) for cell in line.cells]) for line in grid.lines]
    return msgspec.structs.replace(grid, lines=lines)


def _compact(cell: Cell) -> Cell:
    digits = cell.text.lstrip("-").split(",")
    if len(digits) not in _GROUPS or not all(map(str.isdecimal, digits)):
        return cell
    value = Decimal(cell.text.replace(",", "")).scaleb(-3 * (len(digits) - 1))
    return msgspec.structs.replace(cell, text=f"{value:.4g} {_GROUPS[len(digits)]}", title=cell.text)


def reported(table: Table, heads: Callable[[str], Head], query: str, most: int | None = None) -> Grid:
    """A table of the report. `heads`: of protocols. `most`: lines of a list."""
    contents = table.contents
    rows = records(table.columns, table.rows)
    columns = [one for one in table.columns if one not in contents.unseen]
    told = contents.name, contents.title, contents.says, columns, rows
    if contents.keys:
        left = len(rows) - len(rows[:most])
        more = [f"{left} more are on the pages of the protocols."] if left else []
        return listed(*told[:-1], rows[:most], query=query, below=[*more, *notes.below(table)])
    return turned(*told, [heads(row["protocol"]) for row in rows], notes.below(table))


def records(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[Row]:
    return [dict(zip(columns, row, strict=True)) for row in rows]


def seen(coverage: str, fraction: Decimal) -> str:
    """How much of a day was seen. What is not full is not said to be 100 %."""
    return f"{(fraction * 100).quantize(_TICK, ROUND_DOWN)} %" if coverage == "partial" else coverage


def address(kind: str, *names: str, query: str = "") -> str:
    path = "/".join(["", kind, *(quote(name, safe="") for name in names)])
    return f"{path}?{query}" if query else path


def _turned_line(column: str, rows: Sequence[Row]) -> Line:
    """Numbers and words alike below their protocol, to the right."""
    head = msgspec.structs.replace(_column_head(column), right=False)
    return Line(head, [msgspec.structs.replace(_cell(column, row, ""), right=True) for row in rows])


# --- one cell ---------------------------------------------------------------------------------------------------------


def _column_head(name: str) -> Head:
    column = COLUMNS[name]
    return Head(column.label, _UNITS.get(column.unit), is_number(column))


def _line_head(name: str, row: Row, query: str) -> Head:
    cell = _cell(name, row, query)
    return Head(cell.text, link=cell.link, title=cell.title)


def _cell(name: str, row: Row, query: str) -> Cell:
    value, column = row[name], COLUMNS[name]
    if name == "coverage":
        return Cell(seen(value, row["covered_fraction"]), mark=value)
    if name in _WORDS:
        return _WORDS[name](value)
    if value is None:
        return _unknown(name, column)
    return _known(name, value, column, row, query)


def _unknown(name: str, column: Column) -> Cell:
    """What nobody knows; nothing where there is nothing to know."""
    is_said = name not in _NOT_OF_ALL and (is_number(column) or column.unit == "date")
    return Cell(UNKNOWN if is_said else "", is_number(column), is_said)


def _known(name: str, value: Any, column: Column, row: Row, query: str) -> Cell:
    if name == "protocol":
        return Cell(called(value), link=address("protocol", value, query=query))
    if name == "market" and row.get("market_key"):
        link = address("market", row["protocol"], row["market_key"], query=query)
        return Cell(shortened(value), title=_title(value), link=link)
    if isinstance(value, datetime):
        return Cell(f"{value:%Y-%m-%d %H:%M:%S}")
    if column.unit == "slot":
        return Cell(f"{value}", right=True)
    if isinstance(value, str):
        return Cell(shortened(value), title=_title(value), is_long=len(shortened(value)) > _LONG)
    return Cell(figure(value, column), is_number(column))


def shortened(text: str) -> str:
    """A key stands for a name: its ends are enough. Names and sentences are left as they are."""
    return f"{text[:8]}...{text[-8:]}" if len(text) > _LONGEST and text.isalnum() else text


def _title(text: str) -> str | None:
    return text if shortened(text) != text else None


def _settled(value: bool) -> Cell:
    return Cell("settled", mark="full") if value else Cell("provisional", mark="partial")


def _alive(value: bool) -> Cell:
    return Cell("at work", mark="full") if value else Cell("not at work", mark="none")


_WORDS: Mapping[str, Callable[[Any], Cell]] = {"settled": _settled, "alive": _alive}
