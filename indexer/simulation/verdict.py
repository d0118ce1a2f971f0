"""The verdict on a ledger: is it the truth, row for row and slot for slot? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from indexer.core.coverage import Span, Spans, missing
from indexer.core.record import Record
from indexer.simulation.chain import Truth
from indexer.simulation.snapshots import is_of_account
from indexer.store.rows import BY_CLASS, Key, Row, Table

_WORDS = frozenset({"detail"})  # For people; what it says is no fact of the chain.


class Verdict(msgspec.Struct, frozen=True):
    """What a ledger has wrong; (kind, key) of each row."""

    lost: Sequence[tuple[str, Key]]  # In the truth, not in the ledger.
    doubled: Sequence[tuple[str, Key]]  # In the ledger, not in the truth.
    differing: Sequence[tuple[str, Key, tuple[str, ...]]]  # With the columns.
    uncovered: Mapping[str, Spans]  # Slots that should be settled and are not, by stream.

    @property
    def is_true(self) -> bool:
        return not (self.lost or self.doubled or self.differing or any(self.uncovered.values()))


def verdict(
    truth: Truth,
    rows: Mapping[str, Sequence[Row]],
    coverage: Mapping[str, Spans],
    span: Span,
    *,
    ignore: Iterable[str] = (),
) -> Verdict:
    """Compare a ledger (its rows by kind, its coverage by stream) with the truth of the slots of `span`.

    Rows of accounts are not in it: see `snapshots`.
    `ignore`: columns that need not be equal.
    """
    lost: list[tuple[str, Key]] = []
    doubled: list[tuple[str, Key]] = []
    differing: list[tuple[str, Key, tuple[str, ...]]] = []
    ignored = _WORDS | set(ignore)
    wanted = _rows_of(truth, span)
    for table in BY_CLASS.values():
        true, there = wanted.get(table.kind, {}), _of_payloads(table, rows.get(table.kind, ()))
        lost += [(table.kind, key) for key in true.keys() - there.keys()]
        doubled += [(table.kind, key) for key in there.keys() - true.keys()]
        for key in true.keys() & there.keys():
            pairs = zip(table.names, true[key], there[key], strict=True)
            if columns := tuple(name for name, a, b in pairs if a != b and name not in ignored):
                differing.append((table.kind, key, columns))
    return Verdict(lost, doubled, differing, {name: missing([span], spans) for name, spans in coverage.items()})


def _of_payloads(table: Table, rows: Sequence[Row]) -> dict[Key, Row]:
    return {table.key(row): row for row in rows if not is_of_account(row)}


def _rows_of(truth: Truth, span: Span) -> dict[str, dict[Key, Row]]:
    found: dict[str, dict[Key, Row]] = {}
    everything: Iterable[Record] = (*truth.records, *truth.events, *truth.failures)
    for record in everything:
        if record.origin.slot in span:
            table = BY_CLASS[type(record)]
            row = table.row(record, settled=True)
            found.setdefault(table.kind, {})[table.key(row)] = row
    return found
