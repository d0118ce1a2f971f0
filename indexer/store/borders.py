"""Borders below which something was let go on purpose, and what a write leaves out because of them. Pure.

What must stay true:
- Below `kept_from` nothing comes and nothing settles, whatever a page says that was fetched before.
- Below `bytes_from` no raw bytes come. A payload that settles there counts in the digest all the same, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from indexer.core.coverage import Span, Spans, covers, missing
from indexer.store.base import Page
from indexer.store.changes import Found, Rows
from indexer.store.rows import EVENTS
from indexer.store.table_change import TableChange

_PROTOCOL, _SLOT = (EVENTS.position[name] for name in ("protocol", "slot"))  # Every table begins with the same columns.


class Borders(NamedTuple):
    """First slots of which everything, and of which raw bytes are kept; 0: all. The second is never the lower one."""

    kept_from: int = 0
    bytes_from: int = 0


def within(page: Page, found: Found, borders: Borders, covered: Mapping[str, Spans]) -> tuple[Page, Found]:
    """What a page says of slots that are kept, and its rows there."""
    return _page_within(page, borders), _found_within(found, borders, covered)


def _page_within(page: Page, borders: Borders) -> Page:
    gone = [Span(0, borders.kept_from)] if borders.kept_from else []
    settled, unavailable = (
        {stream: missing(spans, gone) for stream, spans in some.items()} for some in (page.settled, page.unavailable)
    )
    return msgspec.structs.replace(page, settled=settled, unavailable=unavailable)


def _found_within(found: Found, borders: Borders, covered: Mapping[str, Spans]) -> Found:
    """Without bytes of settled slots whose bytes are gone: they would count once more."""
    rows = {table: _kept(some, borders.kept_from) for table, some in found.rows.items()}
    rows[EVENTS] = {
        key: row
        for key, row in rows[EVENTS].items()
        if row[_SLOT] >= borders.bytes_from or not covers(covered.get(row[_PROTOCOL], ()), row[_SLOT])
    }
    return Found(rows, {place for place in found.places if place[1] >= borders.kept_from})


def _kept(rows: Rows, kept_from: int) -> Rows:
    return {key: row for key, row in rows.items() if row[_SLOT] >= kept_from}


def leave_bytes_out(made: Iterable[TableChange], borders: Borders) -> None:
    """Of what comes, insert no bytes that are not kept."""
    for change in made:
        if change.table is EVENTS:
            change.new = [row for row in change.new if row[_SLOT] >= borders.bytes_from]
