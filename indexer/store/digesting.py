"""Which rows count in the digest, and what a write changes of it. Pure, so that both stores count alike.

What must stay true: a settled payload counts once. Provisional rows and rows of accounts do not count; neither does a
failure `unexpected_length`, since the event of the same payload always stands beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from indexer.core.digest import BUCKET_SLOTS, MODULUS, NOTHING, Digest, payload_number
from indexer.store.rows import EVENTS, FAILURES, Row, Table

Place = tuple[str, int]  # Stream and bucket.
Counted = tuple[str, int, bytes, int]  # Protocol, slot and signature of a payload that counts, and its number.
DIGESTED = (EVENTS, FAILURES)
_NAMES = ("protocol", "program_id", "slot", "signature", "channel", "index", "settled", "payload")
# The columns that are read of a row, in the order of `counted`.
NAMES: Mapping[Table, Sequence[str]] = {EVENTS: _NAMES, FAILURES: (*_NAMES, "reason")}
_READ: Mapping[Table, Callable[[Row], Row]] = {
    table: itemgetter(*(table.position[name] for name in names)) for table, names in NAMES.items()
}


def counted(table: Table, values: Iterable[tuple[Any, ...]]) -> Iterator[Counted]:
    """Of rows with the columns `NAMES` alone."""
    return _events(values) if table is EVENTS else _failures(values)


def _events(values: Iterable[tuple[Any, ...]]) -> Iterator[Counted]:
    """Nothing is looked at but what must be: each event that is ever written passes here."""
    for protocol, program_id, slot, signature, channel, index, settled, payload in values:
        if settled and channel != "account":
            number = payload_number(protocol, program_id, slot, signature, channel, index, payload)
            yield protocol, slot, signature, number


def _failures(values: Iterable[tuple[Any, ...]]) -> Iterator[Counted]:
    for protocol, program_id, slot, signature, channel, index, settled, payload, reason in values:
        if settled and channel != "account" and reason != "unexpected_length":
            said = reason if index < 0 else ""
            number = payload_number(protocol, program_id, slot, signature, channel, index, payload, said)
            yield protocol, slot, signature, number


def counted_rows(table: Table, rows: Iterable[Row]) -> Iterator[Counted]:
    """Of whole rows."""
    return counted(table, map(_READ[table], rows))


class DigestChange:
    """What comes and goes, by stream and bucket."""

    def __init__(self) -> None:
        self._came: defaultdict[Place, list[int]] = defaultdict(list)
        self._went: defaultdict[Place, list[int]] = defaultdict(list)

    def add(self, table: Table, came: Sequence[Row], went: Sequence[Row]) -> None:
        if table in NAMES:
            _sort(table, came, self._came)
            _sort(table, went, self._went)

    @property
    def by_place(self) -> Mapping[Place, Digest]:
        """Where anything changed; in order, so that all writers touch buckets in the same one."""
        places = sorted(self._came.keys() | self._went.keys())
        changed = {place: _sum(self._came[place]) - _sum(self._went[place]) for place in places}
        return {place: digest for place, digest in changed.items() if digest != NOTHING}


def _sort(table: Table, rows: Iterable[Row], numbers: defaultdict[Place, list[int]]) -> None:
    for protocol, slot, _, number in counted_rows(table, rows):
        numbers[protocol, slot // BUCKET_SLOTS].append(number)


def _sum(numbers: Sequence[int]) -> Digest:
    return Digest(len(numbers), sum(numbers) % MODULUS)


def by_transaction(found: Iterable[Counted]) -> Mapping[tuple[int, bytes], Digest]:
    """By slot and signature, in their order."""
    digests: dict[tuple[int, bytes], Digest] = {}
    for _, slot, signature, number in found:
        digests[slot, signature] = digests.get((slot, signature), NOTHING) + Digest(1, number)
    return dict(sorted(digests.items()))
