"""Decide what a write changes: pure, so that both stores decide alike.

A store locks its streams, says what is settled already, reads the rows that a page may touch, and gets
back which keys go, which rows come, which buckets are dirty and which differences were found. A row that
changes goes and comes: there is no partial update.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from indexer.core.coverage import Span, Spans, common, covers, missing, of_slots, union
from indexer.core.protocol import Processed
from indexer.store.base import Change, Difference, Page, StoredTransaction, Written
from indexer.store.rows import BY_CLASS, EVENTS, FAILURES, TABLES, Key, Row, Table
from indexer.store.told import HOUR_S, Told

# Every table begins with the same columns.
_PROTOCOL, _SLOT, _SIGNATURE, _CHANNEL, _INDEX, _TX_INDEX, _BLOCK_TIME, _PART, _SETTLED, _VERSION = (
    EVENTS.position[name]
    for name in (
        "protocol", "slot", "signature", "channel", "index", "tx_index", "block_time", "part", "settled",
        "decoder_version",
    )
)  # fmt: skip
# What a source that settles nothing may not know, so that it is no difference.
_GUESSED = (
    {"tx_index", "block_time"} | {name for name in EVENTS.names if name.startswith("enclosing_")} | {"stack_height"}
)

Rows = dict[Key, Row]
Bucket = tuple[int, str, str]  # Hour in Unix seconds, protocol, market key or "".


class Scope(NamedTuple):
    """What a page means for one stream."""

    covered: Spans  # Settled before this page.
    newly: Spans  # Settled by this page: its provisional rows may have to go.
    reread: Spans  # Settled before, and whole in this page: its rows may be found missing.
    touched: Spans  # Other slots in which the page has rows that may be there already, settled or not.


class TableChange:
    """Of one table: what goes, what comes, and how many rows of each change."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.gone: list[Key] = []
        self.new: list[Row] = []
        self.counts: Counter[Change] = Counter()
        self.dirty: set[Bucket] = set()
        self.told = Told()
        self.differences: list[Difference] = []

    def put(self, key: Key, old: Row | None, row: Row) -> None:
        if old is None:
            self._come(row, "inserted")
        elif _content(old) != _content(row):
            self._go(key, old)
            self._come(row, "updated")
        else:
            self.counts["unchanged"] += 1
            if old[_VERSION] != row[_VERSION]:  # The same row from another decoder: only its stamp is new.
                self.gone.append(key)
                self.new.append(row)

    def delete(self, key: Key, old: Row) -> None:
        self._go(key, old)
        self.counts["deleted"] += 1

    def differ(self, row: Row, difference: Literal["differing", "additional", "missing"], *columns: str) -> None:
        value = dict(zip(self.table.names, row, strict=True))
        self.counts["differing"] += 1
        self.differences.append(
            Difference(
                record=self.table.kind,
                difference=difference,
                columns=columns,
                reason=value.get("reason", ""),
                **{name: value[name] for name in ("protocol", "slot", "signature", "channel", "index", "part")},
            )
        )

    def _come(self, row: Row, change: Change) -> None:
        self.new.append(row)
        self.counts[change] += 1
        self._mark(row)

    def _go(self, key: Key, old: Row) -> None:
        self.gone.append(key)
        self._mark(old)

    def _mark(self, row: Row) -> None:
        self.told.add(self.table, row)
        time = row[_BLOCK_TIME]
        if time is None or self.table in (EVENTS, FAILURES):
            return
        place = self.table.position.get("market_key")
        market_key = (row[place] if place is not None else None) or ""
        self.dirty.add((time - time % HOUR_S, row[_PROTOCOL], market_key))


def page_rows(page: Page) -> dict[Table, Rows]:
    """The rows of a page by table and key, all provisional but those of accounts; of equal keys the last."""
    found: dict[Table, Rows] = {table: {} for table in TABLES}
    for record in (*page.events, *page.records, *page.failures):
        table = BY_CLASS[type(record)]
        row = table.row(record, settled=record.origin.channel == "account")
        found[table][table.key(row)] = row
    return found


def streams(page: Page, found: Mapping[Table, Rows]) -> list[str]:
    """Every stream that the page speaks of, in order: the order in which they are locked."""
    return sorted({*page.settled, *page.unavailable, *(row[_PROTOCOL] for row in _all(found))})


def bounds(page: Page, found: Mapping[Table, Rows]) -> Span | None:
    """A span around every slot that the page speaks of."""
    spans = [span for some in (*page.settled.values(), *page.unavailable.values()) for span in some]
    slots = [row[_SLOT] for row in _all(found)]
    starts, ends = [*slots, *(span.start for span in spans)], [*(slot + 1 for slot in slots), *(s.end for s in spans)]
    return Span(min(starts), max(ends)) if starts else None


def payload_slots(found: Mapping[Table, Rows]) -> Spans:
    """The slots of rows that can be made again from their payloads."""
    return of_slots({row[_SLOT] for row in _all(found) if row[_CHANNEL] != "account"})


def scopes(page: Page, found: Mapping[Table, Rows], covered: Mapping[str, Spans]) -> dict[str, Scope]:
    """What the page means for each stream. `covered` must be true within `bounds`, elsewhere it may be short."""
    names = streams(page, found)
    of_payloads: dict[str, set[int]] = {name: set() for name in names}
    of_accounts: dict[str, set[int]] = {name: set() for name in names}
    for row in _all(found):
        (of_accounts if row[_CHANNEL] == "account" else of_payloads)[row[_PROTOCOL]].add(row[_SLOT])
    result = {}
    for name in names:
        wanted, have = union(page.settled.get(name, ())), covered.get(name, ())
        newly, reread = missing(wanted, have), common(wanted, have)
        others = union(missing(of_slots(of_payloads[name]), newly), of_slots(of_accounts[name]))
        result[name] = Scope(have, newly, reread, missing(others, reread))
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


def write_changes(
    found: Mapping[Table, Rows], existing: Mapping[Table, Rows], scope: Mapping[str, Scope]
) -> list[TableChange]:
    """What a page changes. `existing` has at least the rows of the page's slots and the provisional rows of `newly`."""
    return [_table_changes(table, found[table], existing.get(table, {}), scope) for table in TABLES]


def _table_changes(table: Table, found: Rows, existing: Rows, scope: Mapping[str, Scope]) -> TableChange:
    change = TableChange(table)
    for key, row in found.items():
        _put_page_row(change, key, existing.get(key), row, scope[row[_PROTOCOL]])
    for key, old in existing.items():
        if key in found or old[_CHANNEL] == "account" or old[_PROTOCOL] not in scope:
            continue
        if covers(scope[old[_PROTOCOL]].newly, old[_SLOT]):
            change.delete(key, old)
        elif covers(scope[old[_PROTOCOL]].reread, old[_SLOT]):
            change.differ(old, "missing")
    return change


def _put_page_row(change: TableChange, key: Key, old: Row | None, row: Row, scope: Scope) -> None:
    slot = row[_SLOT]
    if row[_CHANNEL] == "account":
        change.put(key, old, row)
    elif covers(scope.covered, slot):
        _compare(change, old, row, is_whole=covers(scope.reread, slot))
    elif covers(scope.newly, slot):
        change.put(key, old, _with(row, _SETTLED, True))
    else:
        change.put(key, old, row if old is None else _keeping_place(old, row))


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


def _content(row: Row) -> Row:
    return row[:_VERSION] + row[_VERSION + 1 :]


def _with(row: Row, place: int, value: object) -> Row:
    return (*row[:place], value, *row[place + 1 :])


def _all(found: Mapping[Table, Rows]) -> Iterable[Row]:
    return (row for rows in found.values() for row in rows.values())
