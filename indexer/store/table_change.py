"""What a write changes in one table: which keys go, which rows come, and what has to be made again because of them.

A row that changes goes and comes: there is no partial update. What must stay true: every row that comes or goes marks
the hour that it counts in and what it told others, and counts in the digest; one that is put again by another decoder,
word for word, does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Literal

from indexer.store.base import Change, Difference
from indexer.store.digesting import DigestChange
from indexer.store.rows import EVENTS, FAILURES, TABLES, Key, Row, Table
from indexer.store.told import Told, hour_of

Bucket = tuple[int, str, str]  # Hour in Unix seconds, protocol, market key or "".
_VERSION = EVENTS.position["decoder_version"]  # Every table begins with the same columns.
_PLACES: Mapping[Table, Callable[[Row], tuple[Any, ...]]] = {  # When and where a row counts.
    table: itemgetter(*(table.position[n] for n in ("block_time", "protocol", "market_key") if n in table.position))
    for table in TABLES
}


class TableChange:
    """Of one table: what goes, what comes, and how many rows of each change."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.gone: list[Key] = []
        self.new: list[Row] = []
        self.counts: Counter[Change] = Counter()
        self.differences: list[Difference] = []
        self._came: list[Row] = []
        self._went: list[Row] = []

    def insert(self, rows: Sequence[Row]) -> None:
        """Many rows of which none is there."""
        if rows:
            self.new += rows
            self._came += rows
            self.counts["inserted"] += len(rows)

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

    @property
    def dirty(self) -> set[Bucket]:
        """Hours, by protocol and market, that count rows which have come or gone."""
        if self.table in (EVENTS, FAILURES):
            return set()
        found = set(map(_PLACES[self.table], chain(self._came, self._went)))
        return {
            (hour_of(time), protocol, markets[0] or "" if markets else "")
            for time, protocol, *markets in found
            if time is not None
        }

    def tell(self, told: Told) -> None:
        """Add what rows that have come or gone told others."""
        told.add(self.table, (*self._came, *self._went))

    def digest(self, change: DigestChange) -> None:
        """Add what comes and take off what goes."""
        change.add(self.table, self._came, self._went)

    def _come(self, row: Row, change: Change) -> None:
        self.new.append(row)
        self.counts[change] += 1
        self._came.append(row)

    def _go(self, key: Key, old: Row) -> None:
        self.gone.append(key)
        self._went.append(old)


def _content(row: Row) -> Row:
    return row[:_VERSION] + row[_VERSION + 1 :]
