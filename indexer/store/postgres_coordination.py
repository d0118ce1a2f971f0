"""Claims, what is wanted, heads, anchors and health in PostgreSQL.

Each is a short transaction of its own, and none touches a stream's rows or coverage: they wait for no writer, and no
writer waits for them. Whatever changes claims holds one lock, so that what was found free is still free when it is
claimed. Leases run by the server's clock alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import asyncpg

from indexer.core.coverage import Span, Spans
from indexer.store.coordination import (
    FORGOTTEN_AFTER_S,
    Anchor,
    Bracket,
    Budget,
    ProviderHealth,
    StreamState,
    Work,
    part_to_claim,
    stored_health,
)
from indexer.store.pool import may_pass, never_reused_if_lost
from indexer.store.statements import multirange, query, span_of, span_range, spans_of

if TYPE_CHECKING:
    from indexer.store.pool import Pool, Session

Isolation = Literal["read_committed", "repeatable_read"]


class PostgresCoordination:
    """See `coordination.Coordination` for what each method promises."""

    def __init__(self, pool: Pool, url: str) -> None:
        self._pool = pool
        self._url = url

    async def claim(
        self,
        streams: Sequence[str],
        wanted: Spans,
        holder: str,
        lease_s: float,
        most_slots: int,
        *,
        newest_first: bool,
        least_slots: int | None = None,
    ) -> Span | None:
        async with self._claims() as session:
            held = [span_of(row["slots"]) for row in await session.fetch(query("held_claims"), streams)]
            part = part_to_claim(wanted, held, most_slots, newest_first=newest_first, least_slots=least_slots)
            if part is not None:
                await session.execute(query("insert_claims"), streams, span_range(part), holder, lease_s)
            return part

    async def renew(self, holder: str, lease_s: float) -> int:
        async with self._claims() as session:
            count: int = await session.fetchval(query("renew_claims"), holder, lease_s)
            return count

    async def release(self, streams: Sequence[str], span: Span, holder: str) -> None:
        async with self._claims() as session:
            await session.execute(query("delete_claims"), streams, span_range(span), holder)

    async def leave(self, holder: str) -> None:
        async with self._claims() as session:
            await session.execute("DELETE FROM ledger.claims WHERE holder = $1", holder)
        await self._execute(query("leave"), holder)

    async def budget_key(self) -> bytes:
        async with self._transaction() as session:
            await session.execute(query("make_lease_key"))
            key: bytes = await session.fetchval("SELECT key FROM ledger.lease_key")
            return key

    async def share(self, budgets: Sequence[Budget], holder: str, lease_s: float) -> Mapping[bytes, int]:
        keys, names = [one.key for one in budgets], [one.name for one in budgets]
        async with self._transaction() as session:
            await session.execute(query("upsert_rate_leases"), holder, keys, names, lease_s)
            await session.execute(query("forget_rate_leases"))
            return {row["endpoint"]: row["holders"] for row in await session.fetch(query("rate_leases"), keys)}

    async def report_work(self, holder: str, work: Mapping[str, Work]) -> None:
        some = list(work.values())
        async with self._transaction() as session:
            await session.execute(
                query("upsert_work"),
                holder,
                list(work),
                [one.settled_slots for one in some],
                [one.transactions for one in some],
                [Decimal(f"{one.slots_per_s:.2f}") for one in some],
            )
            await session.execute(query("forget_work"), FORGOTTEN_AFTER_S)

    async def want_from(self, streams: Sequence[str], slot: int, *, skip: bool = False) -> None:
        await self._execute(query("want_from"), streams, slot, skip)

    async def ask(self, streams: Sequence[str], spans: Sequence[Span]) -> None:
        await self._execute(query("ask"), streams, multirange(spans))

    async def observe_head(
        self, streams: Sequence[str], holder: str, *, finalized: int | None, confirmed: int | None
    ) -> None:
        await self._execute(query("observe_head"), streams, holder, finalized, confirmed)

    async def stream_states(self) -> Mapping[str, StreamState]:
        names = StreamState.__struct_fields__
        rows = await self._fetch(f"SELECT stream, {', '.join(names)} FROM ledger.streams")  # noqa: S608 (our names)
        return {row["stream"]: _state(row) for row in rows}

    async def slot_at(self, time: int) -> Bracket:
        return _bracket(await self._fetch(query("anchors_around_time"), time))

    async def time_of(self, slot: int) -> Bracket:
        return _bracket(await self._fetch(query("anchors_around_slot"), slot))

    async def report_health(self, holder: str, health: Sequence[ProviderHealth]) -> None:
        stored = [stored_health(one) for one in health]
        values = [[_value(one, name) for one in stored] for name in ProviderHealth.__struct_fields__]
        async with self._transaction() as session:
            await session.execute(query("upsert_health"), holder, *values)
            await session.execute(query("forget_health"), holder, FORGOTTEN_AFTER_S)

    async def _execute(self, statement: str, *arguments: object) -> None:
        async with self._transaction() as session:
            await session.execute(statement, *arguments)

    async def _fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        async with self._transaction() as session:
            return await session.fetch(statement, *arguments)

    @asynccontextmanager
    async def _claims(self) -> AsyncIterator[Session]:
        async with self._transaction() as session:
            await session.execute(query("lock_claims"))
            yield session

    @asynccontextmanager
    async def _transaction(self, isolation: Isolation = "read_committed") -> AsyncIterator[Session]:
        with may_pass(self._url):
            async with self._pool.acquire() as session:
                with never_reused_if_lost(session):
                    async with session.transaction(isolation=isolation):
                        yield session


def _state(row: asyncpg.Record) -> StreamState:
    values = {name: row[name] for name in StreamState.__struct_fields__}
    return StreamState(**{**values, "asked": spans_of(row["asked"])})


def _bracket(rows: Sequence[asyncpg.Record]) -> Bracket:
    found = {row["is_before"]: Anchor(row["slot"], row["time"]) for row in rows}
    return Bracket(found.get(True), found.get(False))


def _value(one: ProviderHealth, name: str) -> object:
    value = getattr(one, name)
    return Decimal(f"{value:.2f}") if name == "rate_per_s" and value is not None else value
