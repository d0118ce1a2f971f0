"""What one ledger says of a range of slots in digests, as a file that another operator compares with his. Pure.

What must stay true: a digest is told with the slots that it lacks, so that what is not wholly settled is never taken
for the whole; a manifest says by which rules, of which cluster and in which buckets it was made; and one that was cut
or changed on its way is refused, since what it does not say any more would be called different.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from indexer.core.coverage import Span
from indexer.core.digest import BUCKET_SLOTS, NOTHING, VERSION, Digest
from indexer.errors import InputError

_REMEDY = "write one with `perps-indexer digest --manifest FILE`"


class TransactionDigest(msgspec.Struct, frozen=True):
    """What one transaction left of a stream."""

    slot: int
    signature: str  # Base58.
    payloads: int
    digest: str  # 64 hex digits.


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket, or what of it lies in the range. The last slots are included."""

    first_slot: int
    last_slot: int
    payloads: int
    digest: str
    unsettled: Sequence[tuple[int, int]] = ()  # First and last slot of each span that is not settled.
    transactions: Sequence[TransactionDigest] | None = None  # None: not asked for.


class StreamDigest(msgspec.Struct, frozen=True, kw_only=True):
    protocol: str
    payloads: int
    digest: str
    unsettled_slots: int
    buckets: Sequence[Part]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    genesis_hash: str
    first_slot: int
    last_slot: int
    streams: Sequence[StreamDigest]
    rules: int = VERSION  # Of digests.
    bucket_slots: int = BUCKET_SLOTS

    @property
    def span(self) -> Span:
        return Span(self.first_slot, self.last_slot + 1)

    @property
    def is_whole(self) -> bool:
        """Whether every slot of the range is settled in every stream."""
        return not any(one.unsettled_slots for one in self.streams)

    @property
    def unlike(self) -> Sequence[tuple[str, Part]]:
        """Buckets, with their streams, whose transactions as they are stored do not sum to what was written."""
        return [(one.protocol, part) for one in self.streams for part in one.buckets if not sums_up(part)]

    @property
    def has_transactions(self) -> bool:
        return any(part.transactions is not None for one in self.streams for part in one.buckets)


def stream_digest(protocol: str, parts: Sequence[Part]) -> StreamDigest:
    total = sum((digest_of(part) for part in parts), NOTHING)
    unsettled = sum(last + 1 - first for part in parts for first, last in part.unsettled)
    return StreamDigest(
        protocol=protocol, payloads=total.payloads, digest=total.hex, unsettled_slots=unsettled, buckets=parts
    )


def digest_of(one: Part | TransactionDigest) -> Digest:
    return Digest(one.payloads, int(one.digest, 16))


def sums_up(part: Part) -> bool:
    """Whether its transactions, where it tells them, are those of its digest."""
    return part.transactions is None or sum(map(digest_of, part.transactions), NOTHING) == digest_of(part)


def pieces(span: Span) -> Iterable[tuple[int, Span]]:
    """The buckets that a span touches, each with what of it lies in the span."""
    for bucket in range(span.start // BUCKET_SLOTS, (span.end - 1) // BUCKET_SLOTS + 1):
        first = bucket * BUCKET_SLOTS
        yield bucket, Span(max(first, span.start), min(first + BUCKET_SLOTS, span.end))


def encoded(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def read(path: Path) -> Manifest:
    """Raises InputError for what is no manifest, is one of other rules, or does not sum up."""
    try:
        raw = path.read_bytes()
        _check_rules(msgspec.json.decode(raw, type=_Rules), path)
        found = msgspec.json.decode(raw, type=Manifest)
        damage = next((damage for one in found.streams if (damage := _damage(one, found.span))), None)
    except (msgspec.MsgspecError, ValueError, UnicodeDecodeError) as error:
        raise InputError(f"is no manifest of digests: {error}", place=str(path), remedy=_REMEDY) from None
    if damage:
        raise InputError(f"was changed or cut: {damage}", place=str(path), remedy="get it again from who made it")
    return found


class _Rules(msgspec.Struct):
    """What every manifest says, whatever its version."""

    rules: int
    bucket_slots: int


def _check_rules(found: _Rules, path: Path) -> None:
    if (found.rules, found.bucket_slots) != (VERSION, BUCKET_SLOTS):
        raise InputError(
            f"has rules {found.rules} and buckets of {found.bucket_slots} slots, not {VERSION} and {BUCKET_SLOTS}",
            place=str(path),
            remedy="let both be made by the same version of perps-indexer",
        )


def _damage(one: StreamDigest, span: Span) -> str | None:
    """What of a stream does not fit together. A digest that is no number raises ValueError."""
    for part in one.buckets:
        sums_up(part)
    told, summed = one, stream_digest(one.protocol, one.buckets)
    if [(part.first_slot, part.last_slot) for part in one.buckets] != [(p.start, p.end - 1) for _, p in pieces(span)]:
        return f"the buckets of {one.protocol} are not those of slots {span.start} to {span.end - 1}"
    if (told.payloads, told.digest, told.unsettled_slots) != (summed.payloads, summed.digest, summed.unsettled_slots):
        return (
            f"{one.protocol} has {told.payloads} payloads, {told.unsettled_slots} unsettled slots and digest"
            f" {told.digest[:16]}, its buckets {summed.payloads}, {summed.unsettled_slots} and {summed.digest[:16]}"
        )
    return None
