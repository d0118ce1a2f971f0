"""The statements of a page: lock its slots, read what is there, apply what was decided, move coverage.

All within the caller's transaction. A live page is small and written often, so every statement speaks of all streams
or tables at once where it can, and rows are read only from tables that have some; an empty span that settles costs
five statements. Every statement on a partitioned table has bounds on the slot, so that partitions are left out before
any is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from indexer.core.coverage import Span, Spans
from indexer.store.base import Difference
from indexer.store.borders import Borders
from indexer.store.changes import Found, Rows, Scope
from indexer.store.coordination import Anchor
from indexer.store.digesting import DigestChange
from indexer.store.inserting import insert
from indexer.store.rows import TABLES, Table
from indexer.store.slot_locks import slot_locks
from indexer.store.statements import multirange, query, spans_of
from indexer.store.table_change import Bucket, TableChange
from indexer.store.told import Told

if TYPE_CHECKING:
    from indexer.store.pool import Session

_BY_NAME = {table.name: table for table in TABLES}
# Which rows of a stream `tables_with_rows` looks for: by the small index of provisional rows, or by the key; see
# `rows_in_spans` for why no index may serve the second comparison.
PROVISIONAL = "t.protocol = s.stream AND NOT t.settled"
ANY = "t.protocol || '' = s.stream"


class Locked(NamedTuple):
    """`covered`: the coverage by stream within the bounds that were asked for. `borders` stand until the end."""

    covered: dict[str, Spans]
    reference_version: int | None  # None: no stream was locked.
    borders: Borders = Borders()


async def lock(session: Session, streams: Sequence[str], bounds: Span, *, has_rows: bool) -> Locked:
    """Lock these slots of the streams until the transaction ends; with `has_rows` the reference rows keep their version
    as long."""
    if not streams:
        return Locked({}, None)
    await session.execute(query("lock_slots"), *map(list, zip(*slot_locks(streams, bounds), strict=True)))
    statement = query("covered_slots", hold="FOR SHARE OF r" if has_rows else "")
    rows = await session.fetch(statement, streams, multirange([bounds]))
    assert len(rows) == len(streams), f"of streams {streams} only {len(rows)} have a coverage"
    covered = {row["stream"]: spans_of(row["slots"]) for row in rows}
    return Locked(covered, rows[0]["version"], Borders(rows[0]["kept_from"], rows[0]["bytes_from"]))


async def existing_rows(session: Session, found: Found, scopes: Mapping[str, Scope]) -> dict[Table, Rows]:
    """The rows that a page may touch."""
    existing: dict[Table, Rows] = {table: {} for table in TABLES}
    newly = {stream: scope.newly for stream, scope in scopes.items()}
    for table, stream in await _tables_with_rows(session, newly, PROVISIONAL):
        await _read(session, "provisional_rows_in_spans", existing, table, stream, newly[stream])
    others = {stream: (*scope.reread, *scope.touched) for stream, scope in scopes.items()}
    for table, stream in await _tables_with_rows(session, others, ANY):
        spans = others[stream] if found.rows[table] else scopes[stream].reread
        await _read(session, "rows_in_spans", existing, table, stream, spans)
    return existing


async def _tables_with_rows(session: Session, spans: Mapping[str, Spans], which: str) -> Sequence[tuple[Table, str]]:
    """(table, stream) where there is a row between the first and the last of these slots."""
    bounds = {stream: _around(some) for stream, some in spans.items() if some}
    if not bounds:
        return ()
    outer = _around(bounds.values())
    parts = " UNION ALL ".join(query("tables_with_rows", table=table.name, which=which) for table in TABLES)
    starts, ends = _ends(bounds.values())
    rows = await session.fetch(parts, list(bounds), starts, ends, outer.start, outer.end)
    return [(_BY_NAME[row["name"]], row["stream"]) for row in rows]


async def _read(
    session: Session, name: str, existing: dict[Table, Rows], table: Table, stream: str, spans: Spans
) -> None:
    if not spans:
        return
    statement = query(name, table=table.name, columns=columns(table, "t."))
    starts, ends = _ends(spans)
    for record in await session.fetch(statement, stream, starts, ends, min(starts), max(ends)):
        row = tuple(record)
        existing[table][table.key(row)] = row


async def apply(session: Session, made: Sequence[TableChange], source: str, endpoint: str | None) -> None:
    """Delete what goes, insert what comes, mark what has to be made again, move digests, keep differences."""
    dirty: set[Bucket] = set()
    told, digests = Told(), DigestChange()
    differences: list[Difference] = []
    for change in made:
        await _delete(session, change)
    await insert(session, made)
    for change in made:
        dirty |= change.dirty
        change.tell(told)
        change.digest(digests)
        differences += change.differences
    marks: list[tuple[int, Collection[tuple[object, ...]]]] = [
        (3, dirty),
        (3, told.prices),
        (5, told.amounts),
        (2, told.owners),
        (2, told.proofs),
        (4, [(*place, one.payloads, one.total) for place, one in digests.by_place.items()]),
    ]
    if any(rows for _, rows in marks):
        await session.execute(query("mark"), *(values for width, rows in marks for values in _turned(width, rows)))
    if differences:
        rows = [(d.record, d.protocol, d.slot, d.signature, d.channel, d.index, d.part, d.reason, d.difference,
                 d.columns, source, endpoint) for d in differences]  # fmt: skip
        await session.executemany(query("insert_difference"), rows)


def _turned(width: int, rows: Iterable[tuple[object, ...]]) -> list[list[object]]:
    """One list for each of so many columns."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


async def _delete(session: Session, change: TableChange) -> None:
    if change.gone:
        slots = [key[0] for key in change.gone]  # Every key begins with it.
        await session.execute(
            deletion(change.table), *map(list, zip(*change.gone, strict=True)), min(slots), max(slots) + 1
        )


def deletion(table: Table) -> str:
    types = {column.name: column.sql_type for column in table.columns}
    names = table.key_names
    return query(
        "delete_rows",
        table=table.name,
        arrays=", ".join(f"${place}::{types[name]}[]" for place, name in enumerate(names, start=1)),
        key=", ".join(names),
        match=" AND ".join(f"t.{name} = gone.{name}" for name in names),
        first=f"${len(names) + 1}",
        behind=f"${len(names) + 2}",
    )


async def settle(session: Session, newly: Mapping[str, Spans], source: str, endpoint: str | None) -> None:
    """Move the coverage of each stream by slots that were not settled before, and log it."""
    pairs = [(stream, span) for stream, spans in sorted(newly.items()) for span in spans]
    if pairs:
        starts, ends = _ends(span for _, span in pairs)
        await session.execute(query("settle"), [stream for stream, _ in pairs], starts, ends, source, endpoint)


async def mark_unavailable(session: Session, spans: Mapping[str, Sequence[Span]]) -> None:
    for stream, tried in sorted(spans.items()):
        if tried:
            await session.execute(query("insert_unavailable"), stream, multirange(tried))


async def keep_anchors(session: Session, anchors: Iterable[Anchor]) -> None:
    if kept := list(anchors):
        await session.execute(query("insert_anchors"), [one.slot for one in kept], [one.time for one in kept])


def columns(table: Table, prefix: str = "") -> str:
    return ", ".join(prefix + name for name in table.names)


def _around(spans: Iterable[Span]) -> Span:
    starts, ends = _ends(spans)
    return Span(min(starts), max(ends))


def _ends(spans: Iterable[Span]) -> tuple[list[int], list[int]]:
    both = [(span.start, span.end) for span in spans]
    return [start for start, _ in both], [end for _, end in both]
