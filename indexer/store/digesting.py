"""Which rows count in the digest, and what a write changes of it. Pure, so that both stores count alike.

What must stay true: a settled payload counts once. Provisional rows and rows of accounts do not count; neither does a
failure `unexpected_length`, since the event of the same payload always stands beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from indexer.core.digest import BUCKET_SLOTS, MODULUS, Digest, payload_number
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
    for protocol, program_id, slot, signature, channel, index, settled, payload, *more in values:
        if not settled or channel == "account" or more == ["unexpected_length"]:
            continue
        reason = more[0] if index < 0 and table is FAILURES else ""
        number = payload_number(protocol, program_id, slot, signature, channel, index, payload, reason)
        yield protocol, slot, signature, number


def counted_rows(table: Table, rows: Iterable[Row]) -> Iterator[Counted]:
    """Of whole rows."""
    return counted(table, map(_READ[table], rows))


class DigestChange:
    """What comes and goes, by stream and bucket."""

    def __init__(self) -> None:
        self._found: defaultdict[Place, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, table: Table, came: Sequence[Row], went: Sequence[Row]) -> None:
        if table in NAMES:
            self._count(table, came, 1)
            self._count(table, went, -1)

    def _count(self, table: Table, rows: Iterable[Row], sign: int) -> None:
        for protocol, slot, _, number in counted_rows(table, rows):
            sums = self._found[protocol, slot // BUCKET_SLOTS]
            sums[0] += sign
            sums[1] += sign * number

    @property
    def by_place(self) -> Mapping[Place, Digest]:
        """Where anything changed; in order, so that all writers touch buckets in the same one."""
        changed = {place: Digest(count, total % MODULUS) for place, (count, total) in sorted(self._found.items())}
        return {place: digest for place, digest in changed.items() if digest != Digest()}


def by_transaction(found: Iterable[Counted]) -> Mapping[tuple[int, bytes], Digest]:
    """By slot and signature, in their order."""
    digests: dict[tuple[int, bytes], Digest] = {}
    for _, slot, signature, number in found:
        digests[slot, signature] = digests.get((slot, signature), Digest()) + Digest(1, number)
    return dict(sorted(digests.items()))
