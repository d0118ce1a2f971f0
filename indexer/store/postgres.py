"""The ledger in PostgreSQL.

A page is one transaction: lock its streams, read what is there, decide (`changes`), delete what goes,
insert what comes, mark, move coverage. Because all who write rows of a stream hold its lock, what was
read is still true when it is written: there is nothing to resolve at insert, and many rows go by COPY.
Partitions are made before, in a transaction of their own: an empty one harms nobody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from indexer.core.coverage import Span, Spans
from indexer.core.protocol import Processed
from indexer.core.reference import Market, Reference, Token
from indexer.store import changes
from indexer.store.base import Difference, FailureSummary, Page, StoredTransaction, Written
from indexer.store.changes import Rows, Scope, TableChange
from indexer.store.cluster import check_cluster
from indexer.store.connection import CONNECT_TIMEOUT_S
from indexer.store.pool import may_pass, never_reused_if_lost, open_pool
from indexer.store.rows import EVENTS, FAILURES, TABLES, Row, Table
from indexer.store.seeding import BUCKET_SLOTS, SEEDED_TABLES, Seeding, altered_condition, bucket_spans, seeding

if TYPE_CHECKING:
    from indexer.store.pool import Pool, Session

COPY_ROWS = 100  # From about here COPY is faster than single inserts.
PARTITION_SLOTS = 6_480_000
_QUERIES = Path(__file__).parent / "queries"


@asynccontextmanager
async def open_store(
    url: str, *, connections: tuple[int, int] = (1, 4), timeout_s: float = CONNECT_TIMEOUT_S
) -> AsyncIterator[PostgresStore]:
    """The store of a migrated database; `connections` at least and at most. Raises StoreUnavailable, ConfigError."""
    async with open_pool(url, size=connections, timeout_s=timeout_s) as pool:
        yield PostgresStore(pool, url)


class PostgresStore:
    """See `base.Store` for what each method promises."""

    def __init__(self, pool: Pool, url: str) -> None:
        self._pool = pool
        self._url = url
        self._partitions: set[int] = set()  # Known to be there.

    async def write(self, page: Page) -> Written:
        found = changes.page_rows(page)
        bounds = changes.bounds(page, found)
        await self._ensure_partitions(found)
        async with self._transaction() as session:
            await _insert_slot_times(session, page.slot_times)
            if bounds is None:
                return Written({})
            covered = await _lock(session, changes.streams(page, found), bounds)
            scopes = changes.scopes(page, found, covered)
            existing = await _existing(session, found, scopes)
            made = changes.write_changes(found, existing, scopes)
            await _apply(session, made, page.source, page.endpoint)
            newly = {name: scope.newly for name, scope in scopes.items()}
            await _settle(session, page, newly)
            outdated = await _is_outdated(session, page.reference_version)
            if outdated:
                await session.execute(query("add_to_reprocess"), _multirange(changes.payload_slots(found)))
            return changes.written(made, newly, outdated=outdated)

    async def coverage(self, stream: str) -> Spans:
        return await self._spans("SELECT slots FROM ledger.coverage WHERE stream = $1", stream)

    async def unavailable(self, stream: str) -> Spans:
        return await self._spans("SELECT slots FROM ledger.unavailable WHERE stream = $1", stream)

    async def to_reprocess(self) -> Spans:
        return await self._spans("SELECT wanted FROM ledger.reprocess_state")

    async def want_reprocess(self, spans: Sequence[Span]) -> None:
        async with self._transaction() as session:
            await session.execute(query("add_to_reprocess"), _multirange(spans))

    async def seed(self, reference: Reference) -> None:
        async with self._transaction() as session:
            await session.execute(query("lock_reference"))
            seeded = seeding(await _reference(session), reference)
            await session.executemany(query("upsert_market"), [_fields(market) for market in seeded.markets])
            await session.executemany(query("upsert_token"), [_fields(token) for token in seeded.tokens])
            if seeded.alters_records:
                await session.execute(query("raise_reference_version"))
                await session.execute(query("add_to_reprocess"), _multirange(await _spans_of(session, seeded)))

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
            rows = await session.fetch("SELECT hour, protocol, market_key FROM ledger.dirty_hours")
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
        async with self._transaction() as session:
            covered = await _lock(session, streams, span)
            if stored and await _is_outdated(session, reference_version):
                return Written({}, stale=len(stored))
            existing = {table: {table.key(row): row for row in await _rows(session, table, span)} for table in TABLES}
            now = changes.grouped(existing[EVENTS].values(), existing[FAILURES].values())
            fresh = changes.unchanged_since(stored, now)
            made = changes.replace_changes(processed, fresh, existing, covered)
            await _apply(session, made, "reprocess", None)
            stale = len(stored) - len(fresh)
            if not stale:
                await session.execute(query("take_from_reprocess"), _multirange([span]))
            return changes.written(made, {}, stale)

    async def _ensure_partitions(self, found: Mapping[Table, Rows]) -> None:
        place = EVENTS.position["slot"]
        wanted = {row[place] // PARTITION_SLOTS for rows in found.values() for row in rows.values()}
        for number in sorted(wanted - self._partitions):
            first = number * PARTITION_SLOTS
            async with self._transaction() as session:
                await session.execute("SELECT ledger.ensure_partitions($1, $2)", first, first + PARTITION_SLOTS)
            self._partitions.add(number)

    async def _spans(self, statement: str, *arguments: object) -> Spans:
        async with self._transaction() as session:
            return _spans(await session.fetchval(statement, *arguments))

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Session]:
        with may_pass(self._url):
            async with self._pool.acquire() as session:
                with never_reused_if_lost(session):
                    async with session.transaction(isolation="read_committed"):
                        yield session


@cache
def query(name: str, **parts: str) -> str:
    """The statement in queries/<name>.sql with its {parts} filled in."""
    return (_QUERIES / f"{name}.sql").read_text(encoding="utf-8").format(**parts).strip()


async def _lock(session: Session, streams: Sequence[str], bounds: Span) -> dict[str, Spans]:
    """Lock the streams until the end of the transaction; their coverage within `bounds`."""
    await session.execute(query("insert_streams"), streams)
    rows = await session.fetch(query("lock_streams"), streams, _multirange([bounds]))
    return {row["stream"]: _spans(row["slots"]) for row in rows}


async def _existing(session: Session, found: Mapping[Table, Rows], scopes: Mapping[str, Scope]) -> dict[Table, Rows]:
    """The rows that a page may touch."""
    existing: dict[Table, Rows] = {table: {} for table in TABLES}
    for stream, scope in scopes.items():
        provisional = await _tables_with_provisional_rows(session, stream, scope.newly)
        for table in TABLES:
            if table.name in provisional:
                await _read(session, "provisional_rows_in_spans", existing, table, stream, scope.newly)
            spans = scope.reread + scope.touched if found[table] else scope.reread
            await _read(session, "rows_in_spans", existing, table, stream, spans)
    return existing


async def _tables_with_provisional_rows(session: Session, stream: str, spans: Spans) -> set[str]:
    if not spans:
        return set()
    parts = " UNION ALL ".join(query("tables_with_provisional_rows", table=table.name) for table in TABLES)
    return {row["name"] for row in await session.fetch(parts, stream, spans[0].start, spans[-1].end)}


async def _read(
    session: Session, name: str, existing: dict[Table, Rows], table: Table, stream: str, spans: Spans
) -> None:
    if not spans:
        return
    statement = query(name, table=table.name, columns=_columns(table, "t."))
    starts, ends = [span.start for span in spans], [span.end for span in spans]
    for record in await session.fetch(statement, stream, starts, ends, min(starts), max(ends)):
        row = tuple(record)
        existing[table][table.key(row)] = row


async def _rows(session: Session, table: Table, span: Span) -> list[Row]:
    key = ", ".join(f"t.{name}" for name in table.key_names)
    statement = query("rows_in_span", table=table.name, columns=_columns(table, "t."), key=key)
    return [tuple(record) for record in await session.fetch(statement, span.start, span.end)]


async def _apply(session: Session, made: Iterable[TableChange], source: str, endpoint: str | None) -> None:
    dirty: set[changes.Bucket] = set()
    differences: list[Difference] = []
    for change in made:
        await _delete(session, change)
        await _insert(session, change)
        dirty |= change.dirty
        differences += change.differences
    if dirty:
        hours, protocols, market_keys = map(list, zip(*dirty, strict=True))
        await session.execute(query("mark_hours"), hours, protocols, market_keys)
        await session.execute(query("mark_days"), hours, protocols)
    rows = [(d.record, d.protocol, d.slot, d.signature, d.channel, d.index, d.part, d.reason, d.difference,
             d.columns, source, endpoint) for d in differences]  # fmt: skip
    await session.executemany(query("insert_difference"), rows)


async def _delete(session: Session, change: TableChange) -> None:
    if change.gone:
        key = " AND ".join(f"{name} = ${place}" for place, name in enumerate(change.table.key_names, start=1))
        await session.executemany(query("delete_row", table=change.table.name, key=key), change.gone)


async def _insert(session: Session, change: TableChange) -> None:
    table = change.table
    if len(change.new) >= COPY_ROWS:
        await session.copy_records_to_table(table.name, schema_name="ledger", columns=table.names, records=change.new)
    elif change.new:
        parameters = ", ".join(f"${place}" for place in range(1, len(table.names) + 1))
        statement = query("insert_row", table=table.name, columns=_columns(table), parameters=parameters)
        await session.executemany(statement, change.new)


async def _settle(session: Session, page: Page, newly: Mapping[str, Spans]) -> None:
    for stream, spans in newly.items():
        if spans:
            await session.execute(query("settle"), stream, _multirange(spans), page.source, page.endpoint)
    for stream, wanted in sorted(page.unavailable.items()):
        if wanted:
            await session.execute(query("insert_unavailable"), stream, _multirange(wanted))


async def _insert_slot_times(session: Session, times: Mapping[int, int]) -> None:
    if times:
        await session.executemany(query("insert_slot_time"), sorted(times.items()))


async def _is_outdated(session: Session, version: int | None) -> bool:
    """Whether the reference rows are no longer those of `version`; they stay as they are until the transaction ends."""
    return version is not None and version != await session.fetchval(query("hold_reference_version"))


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


def _columns(table: Table, prefix: str = "") -> str:
    return ", ".join(prefix + name for name in table.names)


def _fields(row: Market | Token) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in row.__struct_fields__)


def _multirange(spans: Iterable[Span]) -> list[asyncpg.Range[int]]:
    return [asyncpg.Range(span.start, span.end) for span in spans]


def _spans(multirange: Sequence[asyncpg.Range[int]] | None) -> Spans:
    return tuple(_span(part) for part in multirange or ())


def _span(part: asyncpg.Range[int]) -> Span:
    assert part.lower is not None, "a coverage has bounds"
    assert part.upper is not None, "a coverage has bounds"
    return Span(part.lower, part.upper)
