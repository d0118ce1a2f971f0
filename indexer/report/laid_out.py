"""A report for people: aligned text of at most 120 columns, or Markdown.

A table of one row for each protocol is turned, so that protocols stand side by side.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from indexer.report import notes
from indexer.report.comparison import Report, Table
from indexer.report.contents import COLUMNS
from indexer.report.figures import UNKNOWN, figure, headed, is_number

WIDTH = 120
MOST_ROWS = 20  # Of a list.
NO_ROWS = "No rows in these days."
_NARROW = 9  # Characters that a header has at least before it is broken into lines.
_GAP = "  "


class Grid(msgspec.Struct, frozen=True):
    """Cells as they are shown. `right`: which columns hold numbers."""

    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    right: Sequence[bool]


def text(report: Report) -> str:
    """For a terminal."""
    head = [notes.heading(report), *_wrapped(notes.general(report))]
    return "\n".join([*head, "", *(line for table in report.tables for line in _section(table))])


def markdown(report: Report) -> str:
    head = [
        f"# Perpetuals on Solana, {notes.heading(report)}",
        "",
        *(f"- {note}" for note in notes.general(report)),
        "",
    ]
    return "\n".join([*head, *(line for table in report.tables for line in _marked_down(table))])


def grid(table: Table, most_rows: int | None = MOST_ROWS) -> Grid:
    """A table's cells: turned where it has one row for each protocol, else the first rows as they are, or all."""
    return _listed(table, most_rows) if table.contents.keys else _turned(table)


def _turned(table: Table) -> Grid:
    names = [str(row[0]) for row in table.rows]
    lines = []
    for place, name in enumerate(table.columns):
        column = COLUMNS[name]
        if name != "protocol":
            lines.append([headed(column), *(figure(row[place], column) for row in table.rows)])
    return Grid(["", *names], lines, [False, *(True for _ in names)])


def _listed(table: Table, most_rows: int | None) -> Grid:
    shown = [place for place, name in enumerate(table.columns) if name not in table.contents.unseen]
    columns = [COLUMNS[table.columns[place]] for place in shown]
    rows = table.rows[:most_rows]
    lines = [[figure(row[place], column) for place, column in zip(shown, columns, strict=True)] for row in rows]
    return Grid([headed(column) for column in columns], lines, [is_number(column) for column in columns])


def _more(table: Table) -> list[str]:
    left = len(table.rows) - MOST_ROWS
    return [f"{left} more rows: --format json or csv has them all."] if left > 0 and table.contents.keys else []


# --- text ------------------------------------------------------------------------------------------------------------


def _section(table: Table) -> Iterator[str]:
    yield table.contents.title.upper()
    yield from _wrapped([table.contents.says])
    yield ""
    yield from _aligned(grid(table)) if table.rows else [NO_ROWS]
    yield from _more(table)
    yield ""
    yield from _wrapped(notes.below(table))
    yield ""


def _aligned(cells: Grid) -> Iterator[str]:
    widths = [
        max([*map(len, column), *map(len, head.split()), min(len(head), _NARROW)])
        for head, column in zip(cells.head, _columns(cells), strict=True)
    ]
    heads = [textwrap.wrap(head, width) or [""] for head, width in zip(cells.head, widths, strict=True)]
    for level in range(-max(map(len, heads)), 0):
        yield _line([lines[level] if len(lines) >= -level else "" for lines in heads], widths, cells.right)
    yield _GAP.join("-" * width for width in widths)
    for line in cells.lines:
        yield _line(line, widths, cells.right)


def _columns(cells: Grid) -> list[list[str]]:
    return [[line[place] for line in cells.lines] for place in range(len(cells.head))]


def _line(texts: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    return _GAP.join(
        one.rjust(width) if to_right else one.ljust(width)
        for one, width, to_right in zip(texts, widths, right, strict=True)
    ).rstrip()


def _wrapped(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield from textwrap.wrap(line, WIDTH, subsequent_indent="  ")


# --- Markdown --------------------------------------------------------------------------------------------------------


def _marked_down(table: Table) -> Iterator[str]:
    yield f"## {table.contents.title}"
    yield ""
    yield table.contents.says
    yield ""
    if table.rows:
        cells = grid(table)
        yield _piped(cells.head)
        yield _piped(["---:" if to_right else "---" for to_right in cells.right])
        yield from (_piped([f"*{one}*" if one == UNKNOWN else one for one in line]) for line in cells.lines)
    else:
        yield NO_ROWS
    yield ""
    yield from (f"{line}\n" for line in _more(table))
    yield " ".join(notes.below(table))
    yield ""


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
