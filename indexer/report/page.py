"""A report as one HTML file: it opens without a network, asks no other host for anything; tables need no script."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template

import msgspec

from indexer.report import notes
from indexer.report.charts import Drawing, bundle, drawings, spec
from indexer.report.comparison import Report, Table
from indexer.report.figures import UNKNOWN
from indexer.report.laid_out import NO_ROWS, Grid, grid

_HERE = Path(__file__).parent
_ENDS_SCRIPT = re.compile(r"<(/script|!--)", re.IGNORECASE)


def html(report: Report) -> str:
    """The report as a page."""
    assert report.course is not None, "charts are made of the course"
    made = drawings(report.course)
    specs = msgspec.json.encode({drawing.name: spec(drawing) for drawing in made}).decode()
    return Template(_text("page.html")).substitute(
        title=escape(f"Perpetuals on Solana, {notes.heading(report)}"),
        notes=_notes(notes.general(report)),
        figures="\n".join(map(_figure, made)),
        tables="\n".join("\n".join(_section(table)) for table in report.tables),
        made_at=notes.moment(report.made_at),
        licences=escape(_text("licences.txt")),
        bundle=_inline(bundle()),
        drawings=specs.replace("<", "\\u003c"),
    )


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _inline(script: str) -> str:
    """Nothing in it ends the element that it stands in, or begins one there."""
    return _ENDS_SCRIPT.sub(r"<\\\1", script)


def _notes(lines: Sequence[str]) -> str:
    shown = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="notes">{shown}</ul>' if lines else ""


def _figure(drawing: Drawing) -> str:
    title = escape(drawing.title)
    return f'<figure><h3>{title}</h3><div id="chart-{drawing.name}" role="img" aria-label="{title}"></div></figure>'


def _section(table: Table) -> Iterator[str]:
    yield f'<section id="{table.contents.name}"><h2>{escape(table.contents.title)}</h2>'
    yield f"<p>{escape(table.contents.says)}</p>"
    if table.rows:
        yield f'<div class="scroll" tabindex="0"><table class="{"listed" if table.contents.keys else "turned"}">'
        yield from _cells(grid(table, most_rows=None))
        yield "</table></div>"
    else:
        yield f"<p>{NO_ROWS}</p>"
    yield f'<p class="quiet">{escape(" ".join(notes.below(table)))}</p></section>'


def _cells(cells: Grid) -> Iterator[str]:
    head = (
        f'<th scope="col"{_align(right)}>{escape(name)}</th>'
        for name, right in zip(cells.head, cells.right, strict=True)
    )
    yield f"<thead><tr>{''.join(head)}</tr></thead><tbody>"
    for name, *line in cells.lines:
        shown = "".join(_cell(one, right) for one, right in zip(line, cells.right[1:], strict=True))
        yield f'<tr><th scope="row">{escape(name)}</th>{shown}</tr>'
    yield "</tbody>"


def _cell(text: str, right: bool) -> str:
    classes = [name for name, wanted in (("number", right), ("unknown", text == UNKNOWN)) if wanted]
    return f'<td class="{" ".join(classes)}">{escape(text)}</td>' if classes else f"<td>{escape(text)}</td>"


def _align(right: bool) -> str:
    return ' class="number"' if right else ""
