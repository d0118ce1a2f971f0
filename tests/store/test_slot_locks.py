"""Locks of slots: writers whose slots touch exclude each other, all others do not wait."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core.coverage import Span
from indexer.store import writing
from indexer.store.connection import connected
from indexer.store.postgres import open_store
from indexer.store.slot_locks import LEVELS, MOST_BUCKETS, SlotLock, slot_locks
from tests.store.ledger import origin, page, trade

FINE = LEVELS[-1]
spans = st.builds(
    lambda start, size: Span(start, start + size),
    st.integers(0, 2**33) | st.integers(0, 10_000) | st.integers(2**62, 2**63 - 10**7 - 1),
    st.sampled_from([1, 5, 32, 2_000, 150_000, 10**7]).flatmap(lambda most: st.integers(1, most)),
)
streams = st.lists(st.sampled_from(["drift", "jupiter_perps", "gmx_solana"]), min_size=1, unique=True)


def exclude(one: Sequence[SlotLock], other: Sequence[SlotLock]) -> bool:
    theirs = {lock[:2]: lock for lock in other}
    return any(lock[:2] in theirs and not (lock.is_shared and theirs[lock[:2]].is_shared) for lock in one)


@given(streams, spans, streams, spans)
def test_writers_of_one_slot_of_one_stream_exclude_each_other(some: list[str], one: Span, others: list[str], two: Span):
    if set(some) & set(others) and max(one.start, two.start) < min(one.end, two.end):
        assert exclude(slot_locks(some, one), slot_locks(others, two))


@given(streams, spans, st.integers(0, 2**20))
def test_a_slot_inside_a_page_is_always_excluded(some: list[str], one: Span, place: int):
    slot = one.start + place % len(one)
    assert exclude(slot_locks(some, one), slot_locks([some[-1]], Span(slot, slot + 1)))


@given(streams, spans)
def test_locks_are_few_and_in_one_order(some: list[str], one: Span):
    found = slot_locks(some, one)
    assert found == sorted(found)
    assert len(found) <= len(some) * (MOST_BUCKETS + len(LEVELS) * 2)
    assert all(-(2**31) <= number < 2**31 for lock in found for number in lock[:2])


@given(st.integers(0, 2**33), st.integers(1, FINE))
def test_small_pages_far_enough_from_each_other_do_not_wait(start: int, size: int):
    one, other = Span(start, start + size), Span(start + 2 * FINE, start + 2 * FINE + size)
    assert not exclude(slot_locks(["drift"], one), slot_locks(["drift"], other))
    assert not exclude(slot_locks(["drift"], one), slot_locks(["gmx_solana"], one))


@asynccontextmanager
async def locked(database_url: str, bounds: Span) -> AsyncIterator[None]:
    """Somebody is in the middle of writing these slots."""
    async with open_store(database_url) as store, store._transaction() as session:
        await writing.lock(session, ["drift"], bounds, has_rows=True)
        yield


@pytest.mark.parametrize(("bounds", "waits"), [(Span(0, 2_000), False), (Span(99, 101), True), (Span(0, 10**6), True)])
async def test_a_page_waits_for_who_writes_its_slots_alone(database_url, bounds, waits):
    async with open_store(database_url) as store:
        await store.write(page(trade(origin(5)), settled=(5, 6)))
        one = page(trade(origin(100)), settled=(100, 101)) if waits else page(trade(origin(5_000)))
        async with locked(database_url, bounds):
            writing_it = asyncio.create_task(store.write(one))
            done, _ = await asyncio.wait([writing_it], timeout=1.0)
            assert bool(done) is not waits
        assert (await writing_it).rows == {"inserted": 1}


async def test_coverage_of_pages_that_do_not_wait_for_each_other_is_the_sum(database_url):
    """Both read the coverage before one of them writes it."""
    async with open_store(database_url) as store, connected(database_url) as other:
        await store.write(page(settled=(0, 1)))
        async with other.transaction():
            await other.execute("UPDATE ledger.coverage SET slots = slots + int8multirange(int8range(500, 600))")
            second = asyncio.create_task(store.write(page(settled=(9_000, 9_010))))
            await asyncio.sleep(0.3)
            assert not second.done()
        await second
        assert await store.coverage("drift") == (Span(0, 1), Span(500, 600), Span(9_000, 9_010))
