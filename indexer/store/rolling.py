"""Aggregates in PostgreSQL: a run reads marks, makes all of it again that they stand for, and clears them.

A run is one transaction. A mark goes only if nobody touched it since it was read: its version is the
transaction that touched it last. Every session that writes has marks of its own. What a price, an amount or an
owner tells other hours is followed from its own mark, since a row that has gone leaves no other trace.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from indexer.redaction import redacted
from indexer.store.aggregates import AggregateFailed
from indexer.store.connection import CONNECT_TIMEOUT_S
from indexer.store.pool import MAY_PASS, may_pass, never_reused_if_lost, open_pool
from indexer.store.rollups import (
    AMOUNTS,
    BY_DAY,
    BY_MARKET,
    COVERED_SPANS,
    DAILY_TVL,
    DAYS,
    HOLDINGS,
    HOURLY_TVL,
    HOURS,
    INCENTIVES,
    LP_FLOWS,
    OBSERVATIONS,
    OWNERS,
    PRICES,
    SWAPS,
    TOKEN_PRICES,
    Bucket,
    Marks,
    Rollup,
    arrays,
    keep_statement,
)
from indexer.store.statements import query

if TYPE_CHECKING:
    from indexer.store.pool import Pool, Session

_KEPT_REFRESHES = 100  # Of each view.
_EPOCH = date(1970, 1, 1)
_DAY_S = 86_400


@asynccontextmanager
async def open_aggregates(
    url: str, *, timeout_s: float = CONNECT_TIMEOUT_S, pooled: bool = False
) -> AsyncIterator[PostgresAggregates]:
    """The aggregates of a migrated database, on connections of their own: hours, days, holdings and a refresh."""
    async with open_pool(url, size=(1, 4), timeout_s=timeout_s, pooled=pooled) as pool:
        yield PostgresAggregates(pool, url)


class PostgresAggregates:
    """See `aggregates.Aggregates` for what each method promises."""

    def __init__(self, pool: Pool, url: str) -> None:
        self._pool = pool
        self._url = url
        self._statements: dict[Rollup, str] = {}

    async def set_parameters(self, parameters: Mapping[str, Decimal]) -> bool:
        values = list(parameters), list(parameters.values())
        async with self._transaction() as session:
            changed = await _fetch(session, "changed_parameters", *values)
            if changed:
                await session.execute(query("lock_rolls"))
                await session.execute(query("set_parameters"), *values)
        return bool(changed)

    async def roll_hours(self, limit: int) -> int:
        async with self._run("hours") as run:
            hours, prices, amounts, owners = [
                await run.take(marks, limit) for marks in (HOURS, PRICES, AMOUNTS, OWNERS)
            ]
            reached = await _reached(run.session, [mark[::2] for mark in prices])
            await self._roll_markets(run.session, hours, reached)
            await self._roll_told(run.session, amounts, owners, reached)
            await run.clear()
        return run.taken

    async def roll_days(self, limit: int) -> int:
        async with self._run("days") as run:
            days = await run.take(DAYS, limit)
            for rollup in BY_DAY:
                await self._keep(run.session, rollup, days)
            await run.clear()
        return run.taken

    async def roll_holdings(self, limit: int) -> int:
        async with self._run("holdings") as run:
            await run.session.execute(await self._statement(run.session, COVERED_SPANS))
            marks = await _fetch(run.session, "take_dirty_holdings", limit)
            await self._keep(run.session, HOURLY_TVL, marks)
            await self._keep(run.session, DAILY_TVL, [(*holding, _day(hour)) for hour, *holding in marks])
            run.taken = len(marks)
        return run.taken

    async def views(self, names: Sequence[str] = ()) -> Sequence[str]:
        async with self._transaction() as session:
            return [name for (name,) in await _fetch(session, "materialized_views", list(names))]

    async def refresh(self, view: str) -> None:
        error: asyncpg.PostgresError | None = None
        async with self._transaction() as session:
            try:
                async with session.transaction():
                    await session.execute("SELECT ledger.refresh_view($1)", view)
            except MAY_PASS:
                raise
            except asyncpg.PostgresError as raised:
                error = raised
            await session.execute(query("insert_refresh"), view, error and _words(error))
            await session.execute(query("delete_old_refreshes"), view, _KEPT_REFRESHES)
        if error is not None:
            raise AggregateFailed(_words(error), place=f"perps.{view}") from error

    async def _roll_markets(self, session: Session, markets: Sequence[Bucket], reached: _Reached) -> None:
        """Hours of markets, with flows and swaps that a price elsewhere values or judges."""
        hours = [mark[:2] for mark in markets]
        for rollup in BY_MARKET:
            await self._keep(session, rollup, markets)
        await self._keep(session, SWAPS, [*markets, *reached.swaps])
        await self._keep(session, LP_FLOWS, [*hours, *reached.flows])
        await self._keep(session, INCENTIVES, hours)

    async def _roll_told(
        self, session: Session, amounts: Sequence[Bucket], owners: Sequence[Bucket], reached: _Reached
    ) -> None:
        """What prices, amounts and owners tell others: their own hours, and marks for days and holdings."""
        await self._keep(session, TOKEN_PRICES, reached.prices)
        await self._keep(session, OBSERVATIONS, amounts)
        await self._keep(session, HOLDINGS, [amount[1:] for amount in amounts])
        await session.execute(query("mark_told_holdings"), *arrays(amounts, 5))
        await session.execute(query("mark_holdings_at_prices"), *arrays(reached.prices, 2))
        await session.execute(query("mark_days_of_owners"), *arrays(owners, 2))
        await session.execute(query("mark_days_of_hours"), *arrays(reached.flows, 2))

    async def _keep(self, session: Session, rollup: Rollup, buckets: Sequence[Bucket]) -> None:
        if buckets:
            statement = await self._statement(session, rollup)
            await session.execute(statement, *arrays(buckets, len(rollup.scope)))

    async def _statement(self, session: Session, rollup: Rollup) -> str:
        if rollup not in self._statements:
            columns = await _fetch(session, "rollup_columns", f"ledger.{rollup.table}")
            self._statements[rollup] = keep_statement(rollup, [(name, is_key) for name, is_key in columns])
        return self._statements[rollup]

    @asynccontextmanager
    async def _run(self, name: str) -> AsyncIterator[_Run]:
        """A transaction in which nobody else rolls up; it says when it was, or why it failed."""
        try:
            async with self._transaction() as session:
                await session.execute(query("lock_rolls"))
                run = _Run(session)
                yield run
                await session.execute(query("upsert_roll"), name, run.taken)
        except asyncpg.PostgresError as error:
            async with self._transaction() as session:
                await session.execute(query("upsert_failed_roll"), name, _words(error))
            raise AggregateFailed(_words(error), place=f"rollup of {name}") from error

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Session]:
        with may_pass(self._url):
            async with self._pool.acquire() as session:
                with never_reused_if_lost(session):
                    async with session.transaction(isolation="read_committed"):
                        yield session


class _Run:
    """One transaction's work: the marks that it took, to be cleared when what they stand for is made."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.taken = 0
        self._marks: list[tuple[Marks, list[Bucket]]] = []

    async def take(self, marks: Marks, limit: int) -> list[Bucket]:
        """Keys of the newest marks."""
        found = [tuple(row) for row in await self.session.fetch(marks.take, limit)]
        self._marks.append((marks, found))
        self.taken += len(found)
        return list(dict.fromkeys(mark[:-2] for mark in found))

    async def clear(self) -> None:
        for marks, found in self._marks:
            if found:
                await self.session.execute(marks.clear, *arrays(found, len(marks.key) + 2))


class _Reached(NamedTuple):
    """(hour, mint) of prices that changed, and what they reach: (hour, protocol) of flows, hours of swaps' markets."""

    prices: Sequence[Bucket]
    flows: Sequence[Bucket]
    swaps: Sequence[Bucket]


async def _reached(session: Session, prices: Sequence[Bucket]) -> _Reached:
    if not prices:
        return _Reached((), (), ())
    flows, swaps = [await _fetch(session, name, *arrays(prices, 2)) for name in ("flows_at_prices", "swaps_at_prices")]
    return _Reached(prices, flows, swaps)


async def _fetch(session: Session, name: str, *arguments: object) -> list[Bucket]:
    return [tuple(row) for row in await session.fetch(query(name), *arguments)]


def _day(hour: int) -> date:
    return _EPOCH + timedelta(days=hour // _DAY_S)


def _words(error: asyncpg.PostgresError) -> str:
    return redacted(f"{type(error).__name__}: {error}")
