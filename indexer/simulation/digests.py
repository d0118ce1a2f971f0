"""The digests that a ledger must have, plainly by their definition from the truth of the chain.

Nothing of the indexer's own digest is asked: what both had wrong alike would not be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from indexer.core.coverage import Span, Spans, covers
from indexer.core.record import EventRow, Failure
from indexer.simulation.chain import Truth
from indexer.store.base import Store

BUCKET_SLOTS = 10_000
_EVERYTHING = Span(0, 2**62)
Place = tuple[str, int]  # Stream and bucket.
Sums = Mapping[Place, tuple[int, int]]  # How many payloads, and their sum.


async def wrong_digests(store: Store, truth: Truth, streams: Sequence[str]) -> list[str]:
    """Buckets whose kept digest is not that of the truth, or not that of the stored payloads; for people."""
    coverage = {name: await store.coverage(name) for name in streams}
    kept: dict[Place, tuple[int, int]] = {}
    stored: dict[Place, tuple[int, int]] = {}
    for name in streams:
        digests = await store.digests(name, _EVERYTHING)
        kept |= {(name, bucket): (one.payloads, one.total) for bucket, one in digests.items()}
        transactions = await store.payload_digests(name, _EVERYTHING)
        _sum_up(
            stored, (((name, slot // BUCKET_SLOTS), one.payloads, one.total) for (slot, _), one in transactions.items())
        )
    return _unlike("the truth", kept, true_digests(truth, coverage)) + _unlike("the stored payloads", kept, stored)


def true_digests(truth: Truth, coverage: Mapping[str, Spans]) -> Sums:
    """Of the slots that are settled. An event that is also a failure is one payload."""
    rows: Iterable[EventRow | Failure] = (*truth.events, *truth.failures)
    places = {
        _hashed(row): (row.origin.protocol, row.origin.slot // BUCKET_SLOTS)
        for row in rows
        if covers(coverage.get(row.origin.protocol, ()), row.origin.slot)
    }
    sums: dict[Place, tuple[int, int]] = {}
    _sum_up(sums, ((at, 1, int(sha256(hashed).hexdigest(), 16)) for hashed, at in places.items()))
    return sums


def _sum_up(sums: dict[Place, tuple[int, int]], parts: Iterable[tuple[Place, int, int]]) -> None:
    for place, payloads, number in parts:
        count, total = sums.get(place, (0, 0))
        sums[place] = count + payloads, (total + number) % 2**256


def _hashed(row: EventRow | Failure) -> bytes:
    """What a payload's number is the hash of."""
    origin = row.origin
    reason = row.reason if isinstance(row, Failure) and origin.index < 0 else ""
    text = [field.encode() for field in (origin.protocol, origin.channel, reason)]
    fields = [text[0], origin.program_id, *text[1:]]
    place = origin.slot.to_bytes(8, "big") + origin.index.to_bytes(4, "big", signed=True)
    signature = len(origin.signature).to_bytes(4, "big") + origin.signature
    payload = b"\0" if row.payload is None else b"\1"
    head = b"perps-indexer payload 1\0" + b"".join(bytes([len(field)]) + field for field in fields)
    return head + place + payload + signature + (row.payload or b"")


def _unlike(what: str, kept: Sums, other: Sums) -> list[str]:
    return [
        f"digest of {place[0]}, bucket {place[1]}: {kept.get(place)}, of {what} {other.get(place)}"
        for place in sorted(kept.keys() | other.keys())
        if kept.get(place) != other.get(place)
    ]
