"""Claims: kept while work goes on, given back whatever happens, and no ledger that is away makes them eternal."""

from __future__ import annotations

import asyncio

import pytest

from indexer.core.coverage import Span, Spans, union
from indexer.errors import StoreUnavailable
from indexer.ingest.claims import Claims
from indexer.simulation.outages import LASTS_S, Outages, outages
from indexer.simulation.virtual_time import run
from indexer.store.memory import MemoryStore
from tests.ingest.scripted import ALL, NAMES, WANTED, Way, filler, task

SOME = (Span(0, 10),)
LEASE_S = 9.0


# --- steps that claim ------------------------------------------------------------------------------------------------


async def is_free(store: MemoryStore) -> bool:
    """Whether nobody holds anything: another worker gets everything."""
    claim = await store.claim(NAMES, (ALL,), "another", 1.0, len(ALL), newest_first=False)
    if claim is not None:
        await store.release(NAMES, claim, "another")
    return claim == ALL


@pytest.mark.parametrize("breaks_at", [None, 5, 55])
def test_a_claim_ends_with_its_step(breaks_at: int | None):
    async def main() -> None:
        store, way = MemoryStore(), Way(breaks_at=breaks_at)
        step = asyncio.create_task(filler(store, way).step(task("blocks"), WANTED, newest_first=True))
        await asyncio.sleep(0.05)
        assert not await is_free(store)
        await asyncio.wait([step])
        assert await is_free(store)
        assert way.open == 0

    run(main())


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.05, 0.1, 0.105, 0.115, 0.31, 1.0])
def test_a_cancel_at_any_moment_gives_the_claim_back_and_leaves_nothing_running(after_s: float):
    async def main() -> None:
        store, way = SlowStore(), Way()
        before = asyncio.all_tasks()
        step = asyncio.create_task(filler(store, way).step(task("blocks"), WANTED, newest_first=True))
        await asyncio.sleep(after_s)
        step.cancel()
        await asyncio.wait([step])
        assert step.cancelled()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        assert await is_free(store)
        assert way.open == 0

    run(main())


class SlowStore(MemoryStore):
    """Its calls take a moment, so that a cancel may strike within them."""

    async def coverage(self, stream: str) -> Spans:
        await asyncio.sleep(0.001)
        return await super().coverage(stream)

    async def write(self, page):  # type: ignore[no-untyped-def]
        await asyncio.sleep(0.01)
        return await super().write(page)


def test_a_claim_is_renewed_for_as_long_as_its_step_takes():
    async def main() -> None:
        store = MemoryStore()
        way = Way(pause_s=20.0)  # Each page takes longer than the lease.
        step = asyncio.create_task(filler(store, way, lease_s=9.0).step(task("blocks"), WANTED, newest_first=True))
        for _ in range(15):
            await asyncio.sleep(13.0)
            assert not await is_free(store)
        await step
        assert await is_free(store)

    run(main())


def test_a_ledger_that_is_away_for_a_moment_costs_no_claim_and_no_page():
    async def main() -> None:
        loop = asyncio.get_running_loop()
        memory, way = MemoryStore(), Way(pause_s=1.0)
        store = outages(memory, Outages(loop.time, [2.5, 9.0]))
        await filler(store, way, lease_s=3 * LASTS_S).step(task("blocks"), WANTED, newest_first=True)
        assert way.asked == [(NAMES, Span(0, 100))]
        assert await memory.coverage("drift") == (Span(0, 100),)

    run(main())


def test_a_ledger_that_is_away_at_the_start_of_a_step_is_told():
    async def main() -> None:
        store = outages(MemoryStore(), Outages(asyncio.get_running_loop().time, [0.0]))
        with pytest.raises(StoreUnavailable):
            await filler(store, Way()).step(task("blocks"), WANTED, newest_first=True)

    run(main())


@pytest.mark.parametrize("newest_first", [True, False])
def test_two_fillers_of_one_ledger_never_work_on_the_same_slots(newest_first: bool):
    async def main() -> None:
        store, ways = MemoryStore(), [Way(pause_s=0.1), Way(pause_s=0.13)]
        fillers = [filler(store, way, holder=str(way.pause_s), span_slots=7) for way in ways]
        await asyncio.gather(*(until_nothing(one, newest_first=newest_first) for one in fillers))
        asked = [span for way in ways for _, span in way.asked]
        assert union(asked) == (Span(0, 100),)
        assert sum(map(len, asked)) == 100
        assert all(way.asked for way in ways)

    run(main())


async def until_nothing(fill, *, newest_first: bool) -> None:  # type: ignore[no-untyped-def]
    while any((await fill.missing(task("blocks"), WANTED)).values()):
        if await fill.step(task("blocks"), WANTED, newest_first=newest_first) is None:
            await asyncio.sleep(0.05)


# --- claims alone ----------------------------------------------------------------------------------------------------


async def is_free_of(store: MemoryStore, stream: str) -> bool:
    claim = await store.claim([stream], SOME, "another", 1.0, 10, newest_first=True)
    if claim is not None:
        await store.release([stream], claim, "another")
    return claim == SOME[0]


def test_a_claim_that_could_not_be_given_back_is_given_back_before_the_next_one():
    """Until then it is renewed with the others of its holder, and keeps everybody off."""

    async def main() -> None:
        memory = MemoryStore()
        store = outages(memory, Outages(asyncio.get_running_loop().time, [1.0]))
        ours, of_another_loop = Claims(store, "us", LEASE_S), Claims(memory, "us", LEASE_S)
        async with of_another_loop.claimed(["drift"], SOME, 10, newest_first=True):
            async with ours.claimed(["gmx_solana"], SOME, 10, newest_first=True) as claim:
                assert claim == SOME[0]
                await asyncio.sleep(2.0)
            await asyncio.sleep(LASTS_S + 3 * LEASE_S)
            assert not await is_free_of(memory, "gmx_solana"), "this test shows nothing: the lease ended"
            async with ours.claimed(["gmx_solana"], SOME, 10, newest_first=True) as claim:
                assert claim == SOME[0]
            assert await is_free_of(memory, "gmx_solana")
        assert await is_free_of(memory, "drift")

    run(main())


class SilentStore(MemoryStore):
    """It answers nothing when a claim is given back."""

    async def release(self, *_: object) -> None:
        await asyncio.Event().wait()


def test_a_ledger_that_does_not_answer_delays_no_stop():
    async def main() -> None:
        async def working() -> None:
            async with Claims(SilentStore(), "us", LEASE_S).claimed(["drift"], SOME, 10, newest_first=True):
                await asyncio.sleep(1000.0)

        task = asyncio.create_task(working())
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.wait([task], timeout=4.0)
        assert task.cancelled()

    run(main())


def test_nobody_who_gets_no_claim_holds_one():
    async def main() -> None:
        store = MemoryStore()
        async with Claims(store, "one", LEASE_S).claimed(["drift"], SOME, 10, newest_first=True):
            async with Claims(store, "two", LEASE_S).claimed(["drift"], SOME, 10, newest_first=True) as claim:
                assert claim is None
            assert not await is_free_of(store, "drift")
        assert await is_free_of(store, "drift")

    run(main())
