"""Digests in PostgreSQL: each session moves rows of its own with what it writes, and their sum counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from indexer.core.coverage import Span, common
from indexer.core.digest import BUCKET_SLOTS, NOTHING, Digest
from indexer.store import writing
from indexer.store.digesting import DIGESTED, NAMES, Counted, by_transaction, counted
from indexer.store.digests import Digested
from indexer.store.postgres_coordination import PostgresCoordination
from indexer.store.statements import query, spans_of

if TYPE_CHECKING:
    from indexer.store.pool import Session


class PostgresDigests(PostgresCoordination):
    """See `digests.Digests` for what each method promises."""

    async def digests(self, stream: str, span: Span) -> Mapping[int, Digest]:
        async with self._transaction() as session:
            return await _kept(session, stream, span)

    async def payload_digests(self, stream: str, span: Span) -> Mapping[tuple[int, bytes], Digest]:
        async with self._transaction() as session:
            return by_transaction(await _payloads(session, stream, span))

    async def digested(self, stream: str, span: Span, *, payloads: bool) -> Digested:
        async with self._transaction("repeatable_read") as session:
            covered = await session.fetchval("SELECT slots FROM ledger.coverage WHERE stream = $1", stream)
            kept = await _kept(session, stream, span)
            stored = by_transaction(await _payloads(session, stream, span)) if payloads else None
        return Digested(common(spans_of(covered), [span]), kept, stored)

    async def digests_waiting(self, stream: str, span: Span) -> Sequence[int]:
        async with self._transaction() as session:
            return [row["bucket"] for row in await session.fetch(query("digests_waiting"), stream, *_buckets(span))]

    async def build_digest(self, stream: str, bucket: int) -> None:
        span = Span(bucket * BUCKET_SLOTS, (bucket + 1) * BUCKET_SLOTS)
        async with self._transaction() as session:
            locked = await writing.lock(session, [stream], span, has_rows=False)
            if span.start < locked.borders.bytes_from:
                return  # Of what is left of it no digest can be made.
            if not await session.fetchval(query("take_waiting_digest"), stream, bucket):
                return  # Somebody else built it.
            found = by_transaction(await _payloads(session, stream, span))
            total = sum(found.values(), Digest())
            await session.execute(query("insert_digest"), stream, bucket, total.payloads, total.total)


async def _kept(session: Session, stream: str, span: Span) -> Mapping[int, Digest]:
    rows = await session.fetch(query("digests"), stream, *_buckets(span))
    found = {row["bucket"]: Digest(row["payloads"], int(row["digest"])) for row in rows}
    return {bucket: digest for bucket, digest in found.items() if digest != NOTHING}


async def _payloads(session: Session, stream: str, span: Span) -> Iterator[Counted]:
    """Those that count. Read at once, so that the span bounds what is held."""
    found = []
    for table in DIGESTED:
        columns = ", ".join(f"t.{name}" for name in NAMES[table])
        statement = query("payloads_in_span", table=table.name, columns=columns)
        found.append((table, await session.fetch(statement, stream, span.start, span.end)))
    return chain.from_iterable(counted(table, map(tuple, rows)) for table, rows in found)


def _buckets(span: Span) -> tuple[int, int]:
    """The first and the last one that it touches."""
    return span.start // BUCKET_SLOTS, (span.end - 1) // BUCKET_SLOTS
