"""Witnesses: what was seen is not dropped since a list lacks it; whole blocks decide."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from indexer.core.coverage import Span
from indexer.core.rpc import parse_transaction
from indexer.core.transaction import Transaction
from indexer.ingest.writing import Writer
from indexer.simulation.virtual_time import run
from indexer.sources.base import RawPage, Strategy
from indexer.store.memory import MemoryStore
from tests.ingest.scripted import Way, filler, task
from tests.programs import protocols
from tests.simulation.hand_chain import FIRST, hand_chain

DRIFT = protocols()[0]
ONE = hand_chain("D")


def seen_before() -> Transaction:
    block = ONE.chain.blocks[FIRST]
    (one,) = block.transactions
    return parse_transaction({"slot": FIRST, "blockTime": block.block_time, **one.shown})


@pytest.mark.parametrize("way", ["signatures", "portal"])
def test_a_slot_is_not_settled_by_what_lacks_a_transaction_that_was_seen(way: Strategy):
    async def main() -> None:
        store = MemoryStore()
        await Writer(store, Random(1)).provisional(RawPage(transactions=[seen_before()]), [DRIFT], "websocket")
        wanted = {"drift": (Span(FIRST - 5, FIRST + 5),)}
        forgetful = Way(way)
        filled = await filler(store, forgetful).step(task(way, streams=["drift"]), wanted, newest_first=True)
        assert filled is not None
        assert filled.left["drift"] == (Span(FIRST, FIRST + 1),)
        assert (await store.counts())["event"] > 0
        forgetful.transactions = [seen_before()]
        await filler(store, forgetful).step(task(way, streams=["drift"]), wanted, newest_first=True)
        assert await store.coverage("drift") == wanted["drift"]
        assert (await store.counts())["event"] > 0

    run(main())


class LateStore(MemoryStore):
    """A page takes a second to get there."""

    async def write(self, page):  # type: ignore[no-untyped-def]
        await asyncio.sleep(1.0)
        return await super().write(page)


def test_what_is_seen_while_a_list_is_on_its_way_is_not_settled_by_it_either():
    async def main() -> None:
        store, wanted = LateStore(), {"drift": (Span(FIRST - 5, FIRST + 5),)}
        fill = filler(store, Way("signatures", pause_s=0.5))
        step = asyncio.create_task(fill.step(task("signatures", streams=["drift"]), wanted, newest_first=True))
        await Writer(store, Random(1)).provisional(RawPage(transactions=[seen_before()]), [DRIFT], "websocket")
        filled = await step
        assert filled is not None
        assert filled.left["drift"] == (Span(FIRST, FIRST + 1),)

    run(main())


def test_a_whole_block_decides_what_was_seen_and_is_not_there():
    async def main() -> None:
        store = MemoryStore()
        await Writer(store, Random(1)).provisional(RawPage(transactions=[seen_before()]), [DRIFT], "websocket")
        wanted = {"drift": (Span(FIRST - 5, FIRST + 5),)}
        both = task("signatures", "blocks", streams=["drift"])
        listed, blocks = Way("signatures"), Way("blocks")
        filled = await filler(store, listed, blocks).step(both, wanted, newest_first=True)
        assert filled is not None
        assert blocks.asked == [(("drift",), Span(FIRST, FIRST + 1))]
        assert not any((await store.counts()).values())
        assert await store.coverage("drift") == wanted["drift"]

    run(main())
