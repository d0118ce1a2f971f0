"""The ledger in PostgreSQL.

A page is one transaction: lock its slots, read what is there, decide (`changes`), delete what goes,
insert what comes, mark, move coverage. Because all who write rows of a slot hold its lock, what was
read is still true when it is written: there is nothing to resolve at insert, and many rows go by COPY.
Streams and partitions are made before, in transactions of their own: an empty one harms nobody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import asyncpg

from indexer.core.coverage import Span, Spans
from indexer.core.protocol import Processed
from indexer.core.reference import Market, Reference, Token
from indexer.store import changes, writing
from indexer.store.base import Difference, FailureSummary, Page, StoredTransaction, Written
from indexer.store.borders import leave_bytes_out, within
from indexer.store.changes import Found
from indexer.store.cluster import check_cluster
from indexer.store.connection import CONNECT_TIMEOUT_S, address_of, unavailable
from indexer.store.coordination import new_anchors
from indexer.store.pool import open_pool
from indexer.store.postgres_digests import PostgresDigests
from indexer.store.rows import EVENTS, FAILURES, TABLES, Row, Table
from indexer.store.seeding import BUCKET_SLOTS, SEEDED_TABLES, Seeding, altered_condition, bucket_spans, seeding
from indexer.store.statements import multirange, query, spans_of

if TYPE_CHECKING:
    from indexer.store.pool import Pool, Session

PARTITION_SLOTS = 6_480_000
MOST_KNOWN_ANCHORS = 10_000


@asynccontextmanager
async def open_store(
    url: str, *, connections: tuple[int, int] = (1, 4), timeout_s: float = CONNECT_TIMEOUT_S, pooled: bool = False
) -> AsyncIterator[PostgresStore]:
    """The store of a migrated database; `connections` at least and at most. Raises StoreUnavailable, ConfigError."""
    async with open_pool(url, size=connections, timeout_s=timeout_s, pooled=pooled) as pool:
        yield PostgresStore(pool, url)


class PostgresStore(PostgresDigests):
    """See `base.Store` for what each method promises."""

    def __init__(self, pool: Pool, url: str) -> None:
        super().__init__(pool, url)
        self._streams: set[str] = set()  # Known to be there, as what follows.
        self._partitions: set[int] = set()
        self._anchors: set[int] = set()  # Numbers of some.

    @property
    def url(self) -> str:
        """Where it is; may hold a password."""
        return self._url

    def connections(self) -> tuple[int, int]:
        """How many of its connections are at work, and how many wait for work."""
        idle = self._pool.get_idle_size()
        return self._pool.get_size() - idle, idle

    async def write(self, page: Page) -> Written:
        found = changes.page_rows(page)
        bounds = changes.bounds(page, found)
        if bounds is None:
            return Written({})
        streams = changes.streams(page, found)
        await self._ensure_streams(streams)
        await self._ensure_partitions(found)
        anchors = new_anchors(page.slot_times, (s for spans in page.settled.values() for s in spans), self._anchors)
        async with self._in_partitions() as session:
            has_rows = bool(found.places)
            locked = await writing.lock(session, streams, bounds, has_rows=has_rows)
            is_cut = bounds.start < locked.borders.bytes_from
            if is_cut:
                page, found = within(page, found, locked.borders, locked.covered)
            scopes = changes.scopes(page, found, locked.covered)
            existing = await writing.existing_rows(session, found, scopes)
            scopes = changes.uncontested(page, existing, scopes)
            made = changes.write_changes(found, existing, scopes)
            if is_cut:
                leave_bytes_out(made, locked.borders)
            await writing.apply(session, made, page.source, page.endpoint)
            newly = {name: scope.newly for name, scope in scopes.items()}
            await writing.keep_anchors(session, anchors.values())
            await writing.mark_unavailable(session, page.unavailable)
            outdated = page.reference_version not in (None, locked.reference_version)
            if outdated and has_rows:
                await session.execute(query("add_to_reprocess"), multirange(changes.payload_slots(found)))
            await writing.settle(session, newly, page.source, page.endpoint)
        self._keep_in_mind(anchors)
        return changes.written(made, newly, outdated=outdated)

    def _keep_in_mind(self, anchors: Iterable[int]) -> None:
        if len(self._anchors) > MOST_KNOWN_ANCHORS:
            self._anchors.clear()
        self._anchors.update(anchors)

    async def coverage(self, stream: str) -> Spans:
        return await self._spans("SELECT slots FROM ledger.coverage WHERE stream = $1", stream)

    async def unavailable(self, stream: str, older_than_s: float | None = None) -> Spans:
        return await self._spans(query("unavailable"), stream, older_than_s)

    async def to_reprocess(self) -> Spans:
        return await self._spans("SELECT wanted FROM ledger.reprocess_state")

    async def bytes_from(self) -> int:
        async with self._transaction() as session:
            first: int = await session.fetchval(query("bytes_from"))
        return first

    async def want_reprocess(self, spans: Sequence[Span]) -> None:
        async with self._transaction() as session:
            await session.execute(query("add_to_reprocess"), multirange(spans))

    async def seed(self, reference: Reference) -> None:
        async with self._transaction() as session:
            await session.execute(query("lock_reference"))
            seeded = seeding(await _reference(session), reference)
            await session.executemany(query("upsert_market"), [_fields(market) for market in seeded.markets])
            await session.executemany(query("upsert_token"), [_fields(token) for token in seeded.tokens])
            if seeded.alters_records:
                await session.execute(query("raise_reference_version"))
                await session.execute(query("add_to_reprocess"), multirange(await _spans_of(session, seeded)))

    async def reference(self) -> Reference:
        async with self._transaction() as session:
            return await _reference(session)

    async def claim_cluster(self, genesis_hash: str, name: str) -> None:
        async with self._transaction() as session:
            await session.execute(query("claim_cluster"), genesis_hash, name)
            row = await session.fetchrow("SELECT genesis_hash, name FROM ledger.cluster")
        assert row is not None
        check_cluster((row["genesis_hash"], row["name"]), (genesis_hash, name))

    async def counts(self) -> Mapping[str, int]:
        async with self._transaction() as session:
            parts = " UNION ALL ".join(query("count_rows", table=table.name) for table in TABLES)
            found = {row["name"]: row["count"] for row in await session.fetch(parts)}
        return {table.kind: found[table.name] for table in TABLES}

    async def failures(self, limit: int = 100) -> Sequence[FailureSummary]:
        async with self._transaction() as session:
            return [FailureSummary(**dict(row)) for row in await session.fetch(query("failures"), limit)]

    async def differences(self) -> Sequence[Difference]:
        names = Difference.__struct_fields__
        async with self._transaction() as session:
            rows = await session.fetch(f"SELECT {', '.join(names)} FROM ledger.differences")  # noqa: S608 (our names)
        return sorted(Difference(**{**row, "columns": tuple(row["columns"])}) for row in rows)

    async def dirty_hours(self) -> Sequence[tuple[int, str, str]]:
        async with self._transaction() as session:
            rows = await session.fetch("SELECT DISTINCT hour, protocol, market_key FROM ledger.dirty_hours")
        return sorted((row["hour"], row["protocol"], row["market_key"]) for row in rows)

    async def rows(self, span: Span) -> Mapping[str, Sequence[Row]]:
        async with self._transaction() as session:
            return {table.kind: await _rows(session, table, span) for table in TABLES}

    async def stored(self, span: Span) -> Sequence[StoredTransaction]:
        async with self._transaction() as session:
            return changes.grouped(await _rows(session, EVENTS, span), await _rows(session, FAILURES, span))

    async def stored_span(self) -> Span | None:
        async with self._transaction() as session:
            row = await session.fetchrow(query("stored_span"))
        assert row is not None
        return None if row["first"] is None else Span(row["first"], row["behind"])

    async def next_stored(self, slot: int) -> int | None:
        async with self._transaction() as session:
            found: int | None = await session.fetchval(query("next_stored"), slot)
        return found

    async def replace(
        self,
        span: Span,
        stored: Sequence[StoredTransaction],
        processed: Processed,
        reference_version: int | None = None,
    ) -> Written:
        streams = sorted({tx.protocol for tx in stored})
        await self._ensure_streams(streams)
        async with self._transaction() as session:
            locked = await writing.lock(session, streams, span, has_rows=True)
            stored = [tx for tx in stored if tx.slot >= locked.borders.bytes_from]
            if stored and reference_version not in (None, locked.reference_version):
                return Written({}, stale=len(stored))
            existing = {table: {table.key(row): row for row in await _rows(session, table, span)} for table in TABLES}
            now = changes.grouped(existing[EVENTS].values(), existing[FAILURES].values())
            fresh = changes.unchanged_since(stored, now)
            made = changes.replace_changes(processed, fresh, existing, locked.covered)
            await writing.apply(session, made, "reprocess", None)
            stale = len(stored) - len(fresh)
            if not stale:
                await session.execute(query("take_from_reprocess"), multirange([span]))
            return changes.written(made, {}, stale)

    async def _ensure_streams(self, streams: Sequence[str]) -> None:
        if not self._streams.issuperset(streams):
            await self._execute(query("insert_streams"), streams)
            self._streams.update(streams)

    async def _ensure_partitions(self, found: Found) -> None:
        wanted = {slot // PARTITION_SLOTS for _, slot, _ in found.places}
        for number in sorted(wanted - self._partitions):
            first = number * PARTITION_SLOTS
            async with self._transaction() as session:
                await session.execute("SELECT ledger.ensure_partitions($1, $2)", first, first + PARTITION_SLOTS)
            self._partitions.add(number)

    @asynccontextmanager
    async def _in_partitions(self) -> AsyncIterator[Session]:
        """One that we know was let go, and somebody asked for its slots again: the next try makes it."""
        try:
            async with self._transaction() as session:
                yield session
        except asyncpg.CheckViolationError as error:
            if error.constraint_name is not None:
                raise
            self._partitions.clear()
            raise unavailable(address_of(self._url), f"a partition was let go: {error}") from error

    async def _spans(self, statement: str, *arguments: object) -> Spans:
        async with self._transaction() as session:
            return spans_of(await session.fetchval(statement, *arguments))


async def _rows(session: Session, table: Table, span: Span) -> list[Row]:
    key = ", ".join(f"t.{name}" for name in table.key_names)
    statement = query("rows_in_span", table=table.name, columns=writing.columns(table, "t."), key=key)
    return [tuple(record) for record in await session.fetch(statement, span.start, span.end)]


async def _reference(session: Session) -> Reference:
    # The version first: of rows that change meanwhile it is then too old, never too new.
    version = await session.fetchval("SELECT version FROM ledger.reference_state")
    markets = await session.fetch(f"SELECT {', '.join(Market.__struct_fields__)} FROM ledger.markets")  # noqa: S608
    tokens = await session.fetch(f"SELECT {', '.join(Token.__struct_fields__)} FROM ledger.tokens")  # noqa: S608
    return Reference((_market(row) for row in markets), (Token(**dict(row)) for row in tokens), version=version)


def _market(row: asyncpg.Record) -> Market:
    leverage = row["max_leverage"]
    return Market(**{**row, "max_leverage": None if leverage is None else Decimal(leverage)})


async def _spans_of(session: Session, seeded: Seeding) -> Spans:
    markets = sorted(seeded.altered_markets)
    arguments = [name for name, _ in markets], [key for _, key in markets], sorted(seeded.altered_mints)
    buckets: set[int] = set()
    for table in SEEDED_TABLES:
        statement = query("buckets_with_rows_of", table=table.name, condition=altered_condition(table) or "false")
        buckets |= {row["bucket"] for row in await session.fetch(statement, BUCKET_SLOTS, *arguments)}
    return bucket_spans(buckets)


def _fields(row: Market | Token) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in row.__struct_fields__)
