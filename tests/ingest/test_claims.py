"""Claims: kept while work goes on, given back whatever happens, and no ledger that is away makes them eternal."""

from __future__ import annotations

import asyncio

from indexer.core.coverage import Span
from indexer.ingest.claims import Claims
from indexer.simulation.outages import LASTS_S, Outages, outages
from indexer.simulation.virtual_time import run
from indexer.store.memory import MemoryStore

WANTED = (Span(0, 10),)
LEASE_S = 9.0


async def is_free(store: MemoryStore, stream: str) -> bool:
    claim = await store.claim([stream], WANTED, "another", 1.0, 10, newest_first=True)
    if claim is not None:
        await store.release([stream], claim, "another")
    return claim == WANTED[0]


def test_a_claim_that_could_not_be_given_back_is_given_back_before_the_next_one():
    """Until then it is renewed with the others of its holder, and keeps everybody off."""

    async def main() -> None:
        memory = MemoryStore()
        store = outages(memory, Outages(asyncio.get_running_loop().time, [1.0]))
        ours, of_another_loop = Claims(store, "us", LEASE_S), Claims(memory, "us", LEASE_S)
        async with of_another_loop.claimed(["drift"], WANTED, 10, newest_first=True):
            async with ours.claimed(["gmx_solana"], WANTED, 10, newest_first=True) as claim:
                assert claim == WANTED[0]
                await asyncio.sleep(2.0)
            await asyncio.sleep(LASTS_S + 3 * LEASE_S)
            assert not await is_free(memory, "gmx_solana"), "this test shows nothing: the lease ended"
            async with ours.claimed(["gmx_solana"], WANTED, 10, newest_first=True) as claim:
                assert claim == WANTED[0]
            assert await is_free(memory, "gmx_solana")
        assert await is_free(memory, "drift")

    run(main())


class SilentStore(MemoryStore):
    """It answers nothing when a claim is given back."""

    async def release(self, *_: object) -> None:
        await asyncio.Event().wait()


def test_a_ledger_that_does_not_answer_delays_no_stop():
    async def main() -> None:
        async def working() -> None:
            async with Claims(SilentStore(), "us", LEASE_S).claimed(["drift"], WANTED, 10, newest_first=True):
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
        async with Claims(store, "one", LEASE_S).claimed(["drift"], WANTED, 10, newest_first=True):
            async with Claims(store, "two", LEASE_S).claimed(["drift"], WANTED, 10, newest_first=True) as claim:
                assert claim is None
            assert not await is_free(store, "drift")
        assert await is_free(store, "drift")

    run(main())
