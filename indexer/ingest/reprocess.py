"""Reprocess: make every record again from the bytes that the ledger keeps. No endpoint is asked.

One bucket of slots at a time, each in one database transaction: what is gone is deleted, what changed is
put in place, buckets of aggregates are marked. What is still to do lies in the ledger, so a reprocess that
was stopped goes on, and ingest may go on meanwhile: what it changed since it was read is taken again, and
so is what was made with reference rows that a seed changed since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from indexer.core.coverage import Span, union
from indexer.core.protocol import Processed, Protocol, reinterpret
from indexer.core.reference import Reference
from indexer.errors import PerpsIndexerError
from indexer.store.base import Store, StoredTransaction

MOST_SLOTS = 4096  # Of a bucket: about half an hour of chain.
MOST_TRANSACTIONS = 2000  # A bucket that had more makes the next one smaller, so that memory stays bounded.
MOST_TRIES = 20  # Of one bucket that ingest keeps changing.
MOST_CAUSES = 10_000


class Rebuilt(msgspec.Struct):
    """What a reprocess did."""

    buckets: int = 0
    transactions: int = 0
    rows: Counter[str] = msgspec.field(default_factory=Counter)  # inserted, updated, unchanged, deleted.
    bytes_from: int = 0  # The bytes of slots below were let go: their rows stay as they are.


async def reprocess_ledger(
    store: Store,
    protocols: Sequence[Protocol],
    reference: Reference,
    *,
    only_failures: bool = False,
    from_slot: int | None = None,
    on_bucket: Callable[[], None] = lambda: None,
) -> Rebuilt:
    """Reprocess what is asked for: what an earlier run left, else everything, or every slot with a failure.

    `from_slot`: what is stored from this slot on, besides what an earlier run left; for a layout that holds from there.
    """
    if only_failures:
        await store.want_reprocess(await _failed(store))
    elif from_slot is not None:
        await store.want_reprocess(await _stored_from(store, from_slot))
    elif not await store.to_reprocess() and (everything := await store.stored_span()) is not None:
        await store.want_reprocess([everything])
    done = Rebuilt(bytes_from=await store.bytes_from())
    by_name, size = {protocol.name: protocol for protocol in protocols}, MOST_SLOTS
    while waiting := await store.to_reprocess():
        span = await _bucket(store, waiting[0], size)
        count, reference = await _rebuild(store, span, by_name, reference, done)
        size = min(MOST_SLOTS, size * 2) if count < MOST_TRANSACTIONS else max(1, size // 2)
        on_bucket()
    return done


async def _failed(store: Store) -> Sequence[Span]:
    return union(Span(one.first_slot, one.last_slot + 1) for one in await store.failures(limit=MOST_CAUSES))


async def _stored_from(store: Store, slot: int) -> Sequence[Span]:
    everything = await store.stored_span()
    if everything is None or everything.end <= slot:
        return ()
    return (Span(max(slot, everything.start), everything.end),)


async def _bucket(store: Store, span: Span, size: int) -> Span:
    """The next bucket of a span: slots in which nothing is stored are one bucket, however many."""
    slot = await store.next_stored(span.start)
    if slot is None or slot >= span.end:
        return span
    if slot > span.start:
        return Span(span.start, slot)
    return Span(slot, min(span.end, slot + size))


async def _rebuild(
    store: Store, span: Span, protocols: Mapping[str, Protocol], reference: Reference, done: Rebuilt
) -> tuple[int, Reference]:
    """How many transactions the span has, and the reference rows that fitted."""
    for _ in range(MOST_TRIES):
        stored = await store.stored(span)
        written = await store.replace(span, stored, _processed(stored, protocols, reference), reference.version)
        done.rows.update(written.rows)
        if not written.stale:
            done.buckets += 1
            done.transactions += len(stored)
            return len(stored), reference
        reference = await store.reference()
    raise PerpsIndexerError(
        f"slots {span.start} to {span.end - 1} changed {MOST_TRIES} times while they were reprocessed",
        remedy="run it again when ingest has passed them",
    )


def _processed(
    stored: Sequence[StoredTransaction], protocols: Mapping[str, Protocol], reference: Reference
) -> Processed:
    result = Processed()
    for transaction in stored:
        result.add(
            reinterpret(protocols[transaction.protocol], (*transaction.events, *transaction.failures), reference)
        )
    return result
