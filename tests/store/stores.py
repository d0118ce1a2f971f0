"""Both stores, and a clock that tests can move on: one suite for all that a store promises daemons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from indexer.store.base import Store
from indexer.store.connection import connected
from indexer.store.memory import MemoryStore
from indexer.store.postgres import open_store

OLDER = """
UPDATE ledger.claims SET lease_until = lease_until - make_interval(secs => $1);
UPDATE ledger.unavailable SET tried_at = tried_at - make_interval(secs => $1);
UPDATE ledger.rate_leases SET lease_until = lease_until - make_interval(secs => $1);
UPDATE ledger.workers SET seen_at = seen_at - make_interval(secs => $1);
UPDATE ledger.providers SET seen_at = seen_at - make_interval(secs => $1);
UPDATE ledger.streams SET seen_at = seen_at - make_interval(secs => $1);
UPDATE ledger.settlements SET at = at - make_interval(secs => $1), last_at = last_at - make_interval(secs => $1)
"""


class Clocked(NamedTuple):
    """A store, and where its time comes from."""

    store: Store
    url: str | None  # None: in memory.
    seconds: list[float]  # The clock of the one in memory.

    async def later(self, seconds: float) -> None:
        """So many seconds pass. In PostgreSQL everything becomes so much older instead."""
        self.seconds[0] += seconds
        if self.url is not None:
            await grow_older(self.url, seconds)


async def grow_older(url: str, seconds: float) -> None:
    async with connected(url) as connection:
        for statement in OLDER.split(";"):
            await connection.execute(statement, seconds)


@asynccontextmanager
async def clocked(url: str | None) -> AsyncIterator[Clocked]:
    seconds = [1000.0]
    if url is None:
        yield Clocked(MemoryStore(lambda: seconds[0]), None, seconds)
        return
    async with open_store(url) as store:
        yield Clocked(store, url, seconds)
