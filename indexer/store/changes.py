"""Decide what a write changes: pure, so that both stores decide alike.

A store locks its streams, says what is settled already, reads the rows that a page may touch, and gets
back what changes in each table (table_change.py). A page has thousands of rows in few slots: what a slot is to
the page is found once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import cache
from itertools import chain
from typing import Literal, NamedTuple

from indexer.core.coverage import Span, Spans, common, covers, missing, of_slots, union
from indexer.core.protocol import Processed
from indexer.store.base import Mends, Page, StoredTransaction, Written
from indexer.store.rows import BY_CLASS, EVENTS, FAILURES, TABLES, Key, Row, Table
from indexer.store.table_change import TableChange

# Every table begins with the same columns.
_PROTOCOL, _SLOT, _SIGNATURE, _CHANNEL, _INDEX, _TX_INDEX, _BLOCK_TIME, _SETTLED = (
    EVENTS.position[name]
    for name in ("protocol", "slot", "signature", "channel", "index", "tx_index", "block_time", "settled")
)
# What a source that settles nothing may not know, so that it is no difference.
_GUESSED = (
    {"tx_index", "block_time"} | {name for name in EVENTS.names if name.startswith("enclosing_")} | {"stack_height"}
)

Rows = dict[Key, Row]
Place = tuple[str, int, bool]  # Stream, slot, and whether it was read from an account.
# Of a row: read from an account; or what its slot is: settled before, also whole in this page, or in one that adds what
# it lacks, or in part in one that adds that, settled by this page, or neither.
Standing = Literal["account", "covered", "reread", "mended", "added", "newly", "open"]
_READ_BEFORE = ("covered", "reread")


class Scope(NamedTuple):
    """What a page means for one stream."""

    covered: Spans  # Settled before this page.
    newly: Spans  # Settled by this page: its provisional rows may have to go.
    reread: Spans  # Settled before, and whole in this page: its rows may be found missing.
    touched: Spans  # Other slots in which the page has rows that may be there already, settled or not.
    mends: Mends | None = None


class Found(NamedTuple):
    """The rows of a page, and where they lie."""

    rows: Mapping[Table, Rows]
    places: Set[Place]


def page_rows(page: Page) -> Found:
    """The rows of a page by table and key, settled as far as the page settles slots; of equal keys the last."""
    settled = {stream: union(spans) for stream, spans in page.settled.items()}
    rows: dict[Table, Rows] = {table: {} for table in TABLES}
    places: dict[Place, bool] = {}  # Whether its rows are settled.
    for record in chain(page.events, page.records, page.failures):
        table, origin = BY_CLASS[type(record)], record.origin
        place = origin.protocol, origin.slot, origin.channel == "account"
        if (is_settled := places.get(place)) is None:
            is_settled = places[place] = place[2] or covers(settled.get(place[0], ()), place[1])
        row = table.row(record, settled=is_settled)
        rows[table][table.key(row)] = row
    return Found(rows, places.keys())


def streams(page: Page, found: Found) -> list[str]:
    """Every stream that the page speaks of, in order: the order in which they are locked."""
    return sorted({*page.settled, *page.unavailable, *(stream for stream, _, _ in found.places)})


def bounds(page: Page, found: Found) -> Span | None:
    """A span around every slot that the page speaks of."""
    spans = [span for some in (*page.settled.values(), *page.unavailable.values()) for span in some]
    slots = [slot for _, slot, _ in found.places]
    starts, ends = [*slots, *(span.start for span in spans)], [*(slot + 1 for slot in slots), *(s.end for s in spans)]
    return Span(min(starts), max(ends)) if starts else None


def payload_slots(found: Found) -> Spans:
    """The slots of rows that can be made again from their payloads."""
    return of_slots({slot for _, slot, of_account in found.places if not of_account})


def scopes(page: Page, found: Found, covered: Mapping[str, Spans]) -> dict[str, Scope]:
    """What the page means for each stream. `covered` must be true within `bounds`, elsewhere it may be short."""
    names = streams(page, found)
    slots: dict[tuple[str, bool], set[int]] = {(name, which): set() for name in names for which in (False, True)}
    for stream, slot, of_account in found.places:
        slots[stream, of_account].add(slot)
    result = {}
    for name in names:
        wanted, have = union(page.settled.get(name, ())), covered.get(name, ())
        newly, reread = missing(wanted, have), common(wanted, have)
        others = union(missing(of_slots(slots[name, False]), newly), of_slots(slots[name, True]))
        result[name] = Scope(have, newly, reread, missing(others, reread), page.mends)
    return result


def uncontested(page: Page, existing: Mapping[Table, Rows], scope: dict[str, Scope]) -> dict[str, Scope]:
    """Without the slots in which a list lacks a transaction that is there provisionally: they stay open.

    `existing` has at least the provisional rows of `newly`.
    """
    if page.seen is None:
        return scope
    contested: dict[str, set[int]] = {}
    for row in _all(existing):
        stream, slot = row[_PROTOCOL], row[_SLOT]
        is_ours = row[_CHANNEL] != "account" and stream in scope and covers(scope[stream].newly, slot)
        if is_ours and (slot, row[_SIGNATURE]) not in page.seen:
            contested.setdefault(stream, set()).add(slot)
    return {stream: _without(one, of_slots(contested.get(stream, ()))) for stream, one in scope.items()}


def _without(scope: Scope, slots: Spans) -> Scope:
    return scope._replace(newly=missing(scope.newly, slots), touched=union(scope.touched, slots))


def write_changes(found: Found, existing: Mapping[Table, Rows], scope: Mapping[str, Scope]) -> list[TableChange]:
    """What a page changes. `existing` has at least the rows of the page's slots and the provisional rows of `newly`."""
    standing = cache(lambda stream, slot: _standing(scope[stream], slot) if stream in scope else "open")
    return [_table_changes(table, found.rows[table], existing.get(table, {}), standing) for table in TABLES]


def _standing(scope: Scope, slot: int) -> Standing:
    if covers(scope.reread, slot):
        return "mended" if scope.mends else "reread"
    if covers(scope.covered, slot):
        return "added" if scope.mends == "rows" else "covered"
    return "newly" if covers(scope.newly, slot) else "open"


def _table_changes(table: Table, found: Rows, existing: Rows, standing: Callable[[str, int], Standing]) -> TableChange:
    change, fresh = TableChange(table), []
    for key, row in found.items():
        of_row = "account" if row[_CHANNEL] == "account" else standing(row[_PROTOCOL], row[_SLOT])
        if key in existing or of_row in _READ_BEFORE:
            _put_page_row(change, key, existing.get(key), row, of_row)
        else:
            fresh.append(_settled(row, of_row != "open"))
    change.insert(fresh)
    for key, old in existing.items():
        if key in found or old[_CHANNEL] == "account":
            continue
        of_old = standing(old[_PROTOCOL], old[_SLOT])
        if of_old == "newly":
            change.delete(key, old)
        elif of_old in ("reread", "mended"):
            change.differ(old, "missing")
    return change


def _put_page_row(change: TableChange, key: Key, old: Row | None, row: Row, standing: Standing) -> None:
    if standing in (*_READ_BEFORE, "mended", "added"):
        _compare(change, old, row, is_whole=standing != "covered")
        return
    row = _settled(row, standing != "open")
    change.put(key, old, _keeping_place(old, row) if standing == "open" and old is not None else row)


def _settled(row: Row, is_settled: bool) -> Row:
    return row if row[_SETTLED] is is_settled else _with(row, _SETTLED, is_settled)


def _compare(change: TableChange, old: Row | None, row: Row, *, is_whole: bool) -> None:
    if old is None:
        change.differ(row, "additional")
        return
    ignored = {"settled", "decoder_version"} | (set() if is_whole else _GUESSED)
    names = change.table.names
    columns = [name for name, a, b in zip(names, old, row, strict=True) if a != b and name not in ignored]
    if columns:
        change.differ(row, "differing", *columns)
    else:
        change.counts["unchanged"] += 1


def _keeping_place(old: Row, row: Row) -> Row:
    """A source that does not know a transaction's index knows no better time either."""
    if row[_TX_INDEX] is None and old[_TX_INDEX] is not None:
        row = _with(row, _TX_INDEX, old[_TX_INDEX])
        return _with(row, _BLOCK_TIME, old[_BLOCK_TIME]) if old[_BLOCK_TIME] is not None else row
    return _with(row, _BLOCK_TIME, old[_BLOCK_TIME]) if row[_BLOCK_TIME] is None else row


def unchanged_since(stored: Iterable[StoredTransaction], now: Iterable[StoredTransaction]) -> set[Key]:
    """(protocol, slot, signature) of the transactions of `stored` that are still the same."""
    present = {(tx.protocol, tx.slot, tx.signature): tx for tx in now}
    return {key for tx in stored if present.get(key := (tx.protocol, tx.slot, tx.signature)) == tx}


def replace_changes(
    processed: Processed, fresh: set[Key], existing: Mapping[Table, Rows], covered: Mapping[str, Spans]
) -> list[TableChange]:
    """What reprocessing changes in the transactions `fresh`. `existing` has all rows of their slots."""
    found: dict[Table, Rows] = {table: {} for table in TABLES}
    for record in (*processed.events, *processed.records, *processed.failures):
        table, origin = BY_CLASS[type(record)], record.origin
        if (origin.protocol, origin.slot, origin.signature) in fresh:
            row = table.row(record, settled=covers(covered.get(origin.protocol, ()), origin.slot))
            found[table][table.key(row)] = row
    return [_replaced(table, found[table], existing.get(table, {}), fresh) for table in TABLES]


def _replaced(table: Table, found: Rows, existing: Rows, fresh: set[Key]) -> TableChange:
    change = TableChange(table)
    for key, row in found.items():
        change.put(key, existing.get(key), row)
    for key, old in existing.items():
        is_ours = (old[_PROTOCOL], old[_SLOT], old[_SIGNATURE]) in fresh
        if is_ours and key not in found and old[_INDEX] >= 0 and old[_CHANNEL] != "account":
            change.delete(key, old)
    return change


def written(
    changes: Iterable[TableChange], settled: Mapping[str, Spans], stale: int = 0, *, outdated: bool = False
) -> Written:
    kinds = {change.table.kind: dict(change.counts) for change in changes if change.counts}
    return Written(kinds, {name: spans for name, spans in settled.items() if spans}, stale, outdated)


def grouped(events: Iterable[Row], failures: Iterable[Row]) -> Sequence[StoredTransaction]:
    """Event and failure rows by transaction and protocol, in order."""
    both: dict[Key, tuple[list[Row], list[Row]]] = {}
    for place, rows in enumerate((events, failures)):
        for row in rows:
            if row[_CHANNEL] != "account":
                both.setdefault((row[_SLOT], row[_SIGNATURE], row[_PROTOCOL]), ([], []))[place].append(row)
    return [
        StoredTransaction(
            protocol=protocol,
            slot=slot,
            signature=signature,
            events=tuple(EVENTS.record(row) for row in sorted(found, key=EVENTS.key)),  # type: ignore[misc]
            failures=tuple(FAILURES.record(row) for row in sorted(failed, key=FAILURES.key)),  # type: ignore[misc]
        )
        for (slot, signature, protocol), (found, failed) in sorted(both.items())
    ]


def _with(row: Row, place: int, value: object) -> Row:
    return (*row[:place], value, *row[place + 1 :])


def _all(found: Mapping[Table, Rows]) -> Iterable[Row]:
    return (row for rows in found.values() for row in rows.values())
