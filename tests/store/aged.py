"""A ledger that is half a year old: what of it is to go, what is to stay, and what lies below a border."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from indexer.core.coverage import Span
from indexer.core.digest import BUCKET_SLOTS
from indexer.store.base import Page
from indexer.store.connection import connected
from indexer.store.postgres import PARTITION_SLOTS, PostgresStore, open_store
from indexer.store.retention import Retention
from tests.store.ledger import event, origin, page, trade

OLD, NEW = 3 * PARTITION_SLOTS + 10, 9 * PARTITION_SLOTS + 10  # Slots; about 180 days lie between them.
HEAD = NEW + 100
ALL_60 = Retention(all_days=60, ahead=1)
RAW_60 = Retention(raw_days=60, ahead=1)


@asynccontextmanager
async def aged(url: str) -> AsyncIterator[PostgresStore]:
    """A ledger with a row and its bytes at OLD and at NEW, all between wanted."""
    async with open_store(url) as store:
        for slot in (OLD, NEW):
            await store.write(page(trade(origin(slot)), event(origin(slot)), settled=(slot, slot + 1)))
        await store.want_from(["drift"], OLD)
        await store.observe_head(["drift"], "daemon", finalized=HEAD, confirmed=HEAD)
        yield store


async def slots_of(url: str, table: str) -> list[int]:
    async with connected(url) as connection:
        rows = await connection.fetch(f"SELECT slot FROM ledger.{table} ORDER BY slot")
    return [row["slot"] for row in rows]


async def digest_buckets(store: PostgresStore) -> list[int]:
    return list(await store.digests("drift", Span(0, HEAD)))


def both(slot: int, **values) -> Page:
    """A row and its bytes, which settle their slot."""
    return page(trade(origin(slot)), event(origin(slot)), settled=(slot, slot + 1), **values)


async def nothing_below(store: PostgresStore, url: str, border: int) -> None:
    """No row, no coverage, no digest and no mark lies below it."""
    assert all(span.start >= border for span in await store.coverage("drift"))
    assert min(await digest_buckets(store)) * BUCKET_SLOTS >= border
    for table in ("trades", "events"):
        assert min(await slots_of(url, table)) >= border
    async with connected(url) as connection:
        assert (
            await connection.fetchval("SELECT count(*) FROM ledger.dirty_proofs WHERE bucket * 9000 < $1", border) == 0
        )
