"""Rows of one table in memory, found by slot: what a page touches is found without looking at the rest."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from indexer.core.coverage import Span
from indexer.store.rows import Key, Row, Table


class Shelf:
    """Every key begins with its slot."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._by_slot: dict[int, dict[Key, Row]] = {}
        self._slots: list[int] = []  # Those that have rows, in order.

    def __len__(self) -> int:
        return sum(map(len, self._by_slot.values()))

    def __iter__(self) -> Iterator[Row]:
        """All rows, in order of slot."""
        return (row for slot in self._slots for row in self._by_slot[slot].values())

    def within(self, spans: Iterable[Span]) -> Iterator[tuple[Key, Row]]:
        """Keys and rows of these slots."""
        for span in spans:
            for place in range(bisect_left(self._slots, span.start), bisect_left(self._slots, span.end)):
                yield from self._by_slot[self._slots[place]].items()

    def add(self, row: Row) -> None:
        key = self._table.key(row)
        slot = key[0]
        if slot not in self._by_slot:
            self._by_slot[slot] = {}
            insort(self._slots, slot)
        assert key not in self._by_slot[slot], f"{self._table.name} has a row at {key} already"
        self._by_slot[slot][key] = row

    def remove(self, key: Key) -> None:
        slot = key[0]
        del self._by_slot[slot][key]
        if not self._by_slot[slot]:
            del self._by_slot[slot]
            del self._slots[bisect_left(self._slots, slot)]
