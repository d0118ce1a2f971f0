"""Partitions: there before the head comes, gone when the settings say so, and nothing that went counts as empty."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from indexer.core.coverage import Span
from indexer.core.digest import BUCKET_SLOTS
from indexer.errors import StoreUnavailable
from indexer.store.connection import connected
from indexer.store.postgres import PARTITION_SLOTS
from indexer.store.retention import Kept, Retention, border_of, keep_partitions, look_after
from tests.store.aged import ALL_60, HEAD, NEW, OLD, RAW_60, aged, both, digest_buckets, slots_of
from tests.store.ledger import origin, page, trade


@pytest.fixture
async def store(database_url):
    async with aged(database_url) as store:
        yield store


async def test_partitions_are_there_before_the_head_and_a_second_look_makes_none(store, database_url):
    kept = await look_after(database_url, Retention(ahead=2))
    assert kept.made > 0
    assert await look_after(database_url, Retention(ahead=2)) == Kept()
    async with connected(database_url) as connection:
        name = f"ledger.trades_p{HEAD // PARTITION_SLOTS + 1:04d}"
        assert await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name)


async def test_without_a_setting_nothing_goes(store, database_url):
    await look_after(database_url, Retention())
    assert await slots_of(database_url, "trades") == [OLD, NEW]


async def test_what_goes_as_a_whole_goes_with_its_coverage_and_is_wanted_no_more(store, database_url):
    kept = await look_after(database_url, ALL_60)
    assert kept.dropped
    assert await slots_of(database_url, "trades") == await slots_of(database_url, "events") == [NEW]
    assert await store.coverage("drift") == (Span(NEW, NEW + 1),)
    wanted = (await store.stream_states())["drift"].wanted_from
    assert wanted == border_of(HEAD, 60) > OLD


async def test_raw_bytes_go_alone_and_their_rows_are_not_made_again(store, database_url):
    await look_after(database_url, RAW_60)
    assert await slots_of(database_url, "events") == [NEW]
    assert await slots_of(database_url, "trades") == [OLD, NEW]
    assert await store.coverage("drift") == (Span(OLD, OLD + 1), Span(NEW, NEW + 1))
    await store.want_reprocess([Span(OLD, NEW + 1)])
    assert await store.to_reprocess() == (Span(border_of(HEAD, 60), NEW + 1),)


async def test_where_somebody_works_nothing_goes_until_he_is_done(store, database_url):
    claim = await store.claim(["drift"], (Span(OLD, OLD + 5),), "other", 60.0, 5, newest_first=False)
    assert claim is not None
    assert (await look_after(database_url, ALL_60)).postponed
    assert await slots_of(database_url, "trades") == [OLD, NEW]
    await store.release(["drift"], claim, "other")
    assert not (await look_after(database_url, ALL_60)).postponed
    assert await slots_of(database_url, "trades") == [NEW]


async def test_digests_go_with_what_goes_as_a_whole_and_stay_where_bytes_go_alone(store, database_url):
    await look_after(database_url, RAW_60)
    assert await digest_buckets(store) == [OLD // BUCKET_SLOTS, NEW // BUCKET_SLOTS]
    async with connected(database_url) as connection:
        await connection.execute("INSERT INTO ledger.digests_waiting VALUES ('drift', 1), ('drift', 100000)")
    await look_after(database_url, ALL_60)
    assert await digest_buckets(store) == [NEW // BUCKET_SLOTS]
    assert await store.digests_waiting("drift", Span(0, 1 << 40)) == [100_000]


async def test_what_was_let_go_is_not_wanted_because_a_setting_still_says_so(store, database_url):
    await look_after(database_url, ALL_60)
    await store.want_from(["drift"], OLD)
    assert (await store.stream_states())["drift"].wanted_from == border_of(HEAD, 60)


async def test_what_somebody_asks_for_comes_back_with_its_bytes(store, database_url):
    """Also by a process that knows a partition which is gone by now."""
    await look_after(database_url, ALL_60)
    await store.ask(["drift"], [Span(OLD, OLD + 1)])
    with pytest.raises(StoreUnavailable, match="a partition was let go"):
        await store.write(both(OLD))
    await store.write(both(OLD))
    assert await slots_of(database_url, "trades") == await slots_of(database_url, "events") == [OLD, NEW]
    assert await store.bytes_from() == 3 * PARTITION_SLOTS


async def test_a_partition_that_was_detached_and_not_dropped_goes_the_next_time(store, database_url):
    part = f"ledger.trades_p{OLD // PARTITION_SLOTS:04d}"
    async with connected(database_url) as connection:
        await connection.execute(f"ALTER TABLE ledger.trades DETACH PARTITION {part} CONCURRENTLY")
    await look_after(database_url, ALL_60)
    async with connected(database_url) as connection:
        assert await connection.fetchval("SELECT to_regclass($1) IS NULL", part)


async def test_a_writer_never_waits_for_partitions_that_come_or_go(store, database_url):
    """Letting go waits here for a reader that looks at the old rows; who writes new ones is done meanwhile."""
    async with connected(database_url) as reader:
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await reader.fetch("SELECT FROM ledger.trades")
        looking = asyncio.create_task(look_after(database_url, ALL_60))
        await asyncio.sleep(0.5)
        assert not looking.done()
        slot = NEW + 1
        async with asyncio.timeout(5):
            await store.write(page(trade(origin(slot)), settled=(slot, slot + 1)))
        await reader.execute("COMMIT")
        assert (await looking).dropped
    assert await slots_of(database_url, "trades") == [NEW, slot]


async def test_who_may_not_reach_the_database_goes_on_trying():
    keeping = asyncio.create_task(keep_partitions("postgresql://127.0.0.1:1/x", ALL_60, every_s=0.05, rng=Random(1)))
    await asyncio.sleep(0.5)
    assert not keeping.done()
    keeping.cancel()


async def test_sizes_are_told_by_protocol_and_partition(store, database_url):
    async with connected(database_url) as connection:
        await connection.execute("ANALYZE")
        rows = await connection.fetch("SELECT * FROM perps.storage WHERE record = 'trades' ORDER BY first_slot")
    assert [row["first_slot"] for row in rows] == [3 * PARTITION_SLOTS, 9 * PARTITION_SLOTS]
    assert all(row["bytes"] > 0 for row in rows)


async def test_growth_is_told_of_the_days_of_a_partition_that_are_settled(store, database_url):
    rows = [
        trade(origin(slot)) for slot in range(NEW, NEW + 30)
    ]  # The planner has to see that they are of one protocol.
    await store.write(page(*rows, settled=(NEW, NEW + 30)))
    async with connected(database_url) as connection:
        await connection.execute("ANALYZE")
        for slots, growth in (("{}", None), (f"{{[{NEW},{NEW + 432_000})}}", 0.5), ("{[0,1000000000)}", 1 / 30)):
            await connection.execute("UPDATE ledger.coverage SET slots = $1::text::int8multirange", slots)
            row = await connection.fetchrow(
                "SELECT * FROM perps.storage WHERE record = 'trades' ORDER BY 3 DESC LIMIT 1"
            )
            assert row["protocol"] == "drift"
            assert row["bytes_per_day"] == (None if growth is None else round(row["bytes"] * growth))
