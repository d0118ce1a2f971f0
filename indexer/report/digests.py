"""Manifests read from a ledger, and what `digest` prints of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.coverage import Span, missing
from indexer.core.digest import BUCKET_SLOTS, NOTHING, Digest
from indexer.errors import InputError
from indexer.report import records
from indexer.report.manifest import Manifest, Part, StreamDigest, TransactionDigest, pieces, stream_digest
from indexer.store.base import Store
from indexer.store.digests import Digested

MOST_LINES = 50  # For people; programs and files get all.
Row = Mapping[str, Any]


class Wrong(msgspec.Struct, frozen=True):
    """A bucket whose stored payloads do not sum to the digest that was kept when they were written."""

    protocol: str
    first_slot: int
    last_slot: int
    kept_payloads: int
    stored_payloads: int
    kept: str
    stored: str


async def manifest_of(
    store: Store, genesis_hash: str, protocols: Sequence[str], span: Span, *, transactions: bool = False
) -> Manifest:
    """`transactions`: with a digest of each, which reads all payloads of the span; else kept digests are read alone."""
    streams = [await _stream(store, name, span, transactions=transactions) for name in protocols]
    return Manifest(genesis_hash=genesis_hash, first_slot=span.start, last_slot=span.end - 1, streams=streams)


class Recomputed(msgspec.Struct, frozen=True):
    """What a recomputation found. `let_go_below`: the bytes of earlier slots were let go; 0: of none."""

    checked: int
    wrong: Sequence[Wrong]
    let_go_below: int = 0


def check_bytes(span: Span, bytes_from: int, *, transactions: bool) -> None:
    """Raises InputError where something is asked that only bytes tell which were let go."""
    lacking = [piece for _, piece in pieces(span) if piece.start < bytes_from]
    if cut := [piece for piece in lacking if transactions or len(piece) < BUCKET_SLOTS]:
        what = "transactions" if transactions else "a part of a bucket"
        raise InputError(
            f"slots {cut[0].start} to {cut[0].end - 1}: the bytes of slots below {bytes_from} were let go, and they"
            f" alone tell the digest of {what}",
            remedy=f"ask from slot {bytes_from} on, or below it for whole buckets of {BUCKET_SLOTS} slots alone",
        )


async def recompute(store: Store, protocols: Sequence[str], span: Span, bytes_from: int) -> Recomputed:
    """Of the whole buckets that the span touches and whose bytes are kept."""
    begins = max(span.start, bytes_from)
    kept = Span(begins, span.end) if begins < span.end else None
    wrong = [one for name in protocols for one in await wrong_buckets(store, name, kept)] if kept else []
    checked = len(protocols) * sum(1 for _ in pieces(kept)) if kept else 0
    return Recomputed(checked, wrong, bytes_from if span.start < bytes_from else 0)


async def wrong_buckets(store: Store, protocol: str, span: Span) -> list[Wrong]:
    """Of the whole buckets that the span touches; what is kept and what is stored are read as of one moment."""
    found = []
    for bucket, _ in pieces(span):
        whole = Span(bucket * BUCKET_SLOTS, (bucket + 1) * BUCKET_SLOTS)
        told = await store.digested(protocol, whole, payloads=True)
        kept, stored = told.kept.get(bucket, NOTHING), sum((told.stored or {}).values(), NOTHING)
        if kept != stored:
            sums = kept.payloads, stored.payloads, kept.hex, stored.hex
            found.append(Wrong(protocol, whole.start, whole.end - 1, *sums))
    return found


async def _stream(store: Store, protocol: str, span: Span, *, transactions: bool) -> StreamDigest:
    whole = await store.digested(protocol, span, payloads=False)
    parts = []
    for bucket, piece in pieces(span):
        is_cut = len(piece) < BUCKET_SLOTS
        # What a bucket is told to lack, and the digest of the rest, are of one moment: pages are written meanwhile.
        found = await store.digested(protocol, piece, payloads=True) if is_cut or transactions else whole
        parts.append(_part(bucket, piece, found, is_cut=is_cut, transactions=transactions))
    return stream_digest(protocol, parts)


def _part(bucket: int, piece: Span, found: Digested, *, is_cut: bool, transactions: bool) -> Part:
    stored = found.stored or {}
    digest = sum(stored.values(), NOTHING) if is_cut else found.kept.get(bucket, NOTHING)
    return Part(
        first_slot=piece.start,
        last_slot=piece.end - 1,
        payloads=digest.payloads,
        digest=digest.hex,
        unsettled=[(one.start, one.end - 1) for one in missing([piece], found.covered)],
        transactions=_transactions(stored) if transactions else None,
    )


def _transactions(stored: Mapping[tuple[int, bytes], Digest]) -> Sequence[TransactionDigest]:
    return [
        TransactionDigest(slot, base58.encode(signature), digest.payloads, digest.hex)
        for (slot, signature), digest in stored.items()
    ]


def text(manifest: Manifest) -> str:
    """One line a protocol, then its buckets."""
    lines = [_whole(manifest)]
    lines.append(records.table([_line(one) for one in manifest.streams]))
    buckets = [_bucket(one.protocol, part) for one in manifest.streams for part in one.buckets]
    lines.append(records.table(buckets[:MOST_LINES]))
    if len(buckets) > MOST_LINES:
        lines.append(f"and {len(buckets) - MOST_LINES} more (--manifest FILE has all)\n")
    lines += [_unlike(protocol, part) for protocol, part in manifest.unlike[:MOST_LINES]]
    return "\n".join(lines)


def _unlike(protocol: str, part: Part) -> str:
    return (
        f"{protocol}, slots {part.first_slot} to {part.last_slot}: the stored payloads are NOT those that were written"
        " (see `digest --recompute`)\n"
    )


def _whole(manifest: Manifest) -> str:
    head = f"slots {manifest.first_slot} to {manifest.last_slot}"
    if manifest.is_whole:
        return f"{head}: all settled\n"
    return f"{head}: NOT WHOLLY SETTLED, so these digests are of what is settled so far (see `gaps`)\n"


def _line(one: StreamDigest) -> Row:
    names = "protocol", "payloads", "unsettled_slots", "digest"
    return {name: getattr(one, name) for name in names}


def _bucket(protocol: str, part: Part) -> Row:
    return {
        "protocol": protocol,
        "first_slot": part.first_slot,
        "last_slot": part.last_slot,
        "payloads": part.payloads,
        "unsettled_slots": sum(last + 1 - first for first, last in part.unsettled),
        "digest": part.digest,
    }


def recomputed(found: Recomputed) -> str:
    """What a recomputation found."""
    let_go = f"the bytes of slots below {found.let_go_below} were let go, so that nothing tells whether theirs are\n"
    told = _checked(found)
    return told + (let_go if found.let_go_below else "")


def _checked(found: Recomputed) -> str:
    if not found.wrong:
        return f"{found.checked} buckets: the stored payloads are those that were written\n"
    head = f"{len(found.wrong)} of {found.checked} buckets: the stored payloads are NOT those that were written\n"
    rows = [{**msgspec.structs.asdict(one), "kept": one.kept[:16], "stored": one.stored[:16]} for one in found.wrong]
    return head + "\n" + records.table(rows[:MOST_LINES])
