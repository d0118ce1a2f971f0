"""What of a reading of accounts is to be written: what says something else than what was last written of it. Pure.

Most accounts are the same from one snapshot to the next, and what their rows say holds on until the next is told. So an
account gives rows again only where one of them differs, or with the first reading of the next hour: what grows old is
then old by less than an hour more, and every hour with a reading has a row. All rows of an account come together, since
a list that names less means that something is gone. Who tells a price is always written: a price judges what lies in
the hour behind it, wherever that begins.

Where several processes read, one may see a value come back that only another saw change: that other one writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from indexer.core.protocol import Processed
from indexer.core.record import Failure, PriceObservation, Record

HOUR_S = 3600
Said = tuple[int | None, tuple[Record, ...]]  # In which hour, and the rows without slot and time.


class News(msgspec.Struct, frozen=True):
    """What to write, and what is known of each account, by its key, once it is written."""

    records: Sequence[Record] = ()
    failures: Sequence[Failure] = ()
    said: Mapping[bytes, Said] = {}
    failed: Mapping[bytes, bytes | None] = {}  # The bytes that could not be decoded.


def news(found: Processed, before: News) -> News:
    """`before`: of the last reading that was written."""
    said = {key: _said(rows) for key, rows in _by_account(found.records).items()}
    failed = {failure.origin.signature: failure.payload for failure in found.failures}
    old = {key for key, one in said.items() if before.said.get(key) == one and one[0] is not None}
    return News(
        records=[row for row in found.records if row.origin.signature not in old],
        failures=[one for one in found.failures if before.failed.get(one.origin.signature) != one.payload],
        said=said,
        failed=failed,
    )


def _by_account(rows: Iterable[Record]) -> Mapping[bytes, Sequence[Record]]:
    found: dict[bytes, list[Record]] = {}
    for row in rows:
        found.setdefault(row.origin.signature, []).append(row)
    return found


def _said(rows: Sequence[Record]) -> Said:
    """Hour None: nobody knows it, or it is a price; then it is no news that counts."""
    time = rows[0].origin.block_time
    tells_price = any(isinstance(row, PriceObservation) for row in rows)
    return None if time is None or tells_price else time // HOUR_S, tuple(map(placeless, rows))


def placeless(row: Record) -> Record:
    """What it says, wherever it stands."""
    return msgspec.structs.replace(row, origin=msgspec.structs.replace(row.origin, slot=0, block_time=None))
