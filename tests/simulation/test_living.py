"""A chain that goes on while it is served: what was shown of it stays, and in the end it is the chain made at once."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from indexer.simulation import virtual_time
from indexer.simulation.build import Builder, build_chain
from indexer.simulation.chain import Chain
from indexer.simulation.cluster import Cluster
from indexer.simulation.living import AHEAD_SLOTS, LivingChain
from indexer.simulation.places import Places
from indexer.simulation.prices import Beat
from indexer.simulation.profile import Live, Profile

SLOTS, HISTORY = 240, 60
LIVE = Live(transactions=2.0, jupiter=(3, 2))
SHAPE = Profile(slots=SLOTS, history_slots=HISTORY, history_slot_ms=300_000, transactions=0.7, forked=0.2, live=LIVE)
MOST_LIVE = 400
PROGRAM = "dRiftyHA39MWEi3m9aunc5MzRF1JYuBsbn6VPcn33UH"


@pytest.fixture(scope="module")
def whole() -> Chain:
    return build_chain(3, SHAPE)


def shown(places: Places, end_slot: int) -> list[object]:
    """Everything that nodes are told of the slots below."""
    arrivals = [one for one in places.arrivals if one.slot < end_slot and one.block.slot < end_slot]
    branches = [one for one in places.branches if one.overtaken_slot < end_slot]
    slots = [slot for slot in places.slots if slot < end_slot]
    history = [place for place in places.history(PROGRAM)[0] if place.block.slot < end_slot]
    return [arrivals, branches, slots, history, [places.transaction_count(slot) for slot in slots]]


def test_in_parts_it_is_the_chain_that_is_made_at_once(whole: Chain):
    builder, dice = Builder(3, SHAPE), Random(1)
    while builder.end_slot < whole.end_slot:
        builder.build(min(dice.randint(1, 40), whole.end_slot - builder.end_slot))
    assert builder.chain() == whole
    assert whole.forks


def test_what_was_taken_in_stays_as_it_was_and_in_the_end_all_is_there(whole: Chain):
    builder, dice = Builder(3, SHAPE), Random(2)
    builder.build(10)
    places = Places(builder.chain(), builder.final_slot + 1)
    while builder.end_slot < whole.end_slot:
        end, before = places.end_slot, shown(places, places.end_slot)
        builder.build(min(dice.randint(1, 9), whole.end_slot - builder.end_slot))
        places.grow(builder.final_slot + 1)
        assert shown(places, end) == before
    places.grow(whole.end_slot)
    expected = Places(whole)
    assert shown(places, whole.end_slot) == shown(expected, whole.end_slot)
    signatures = {one.signature for block in whole.blocks.values() for one in block.transactions}
    assert all(places.of_signature(one) == expected.of_signature(one) for one in signatures)


def test_history_has_its_own_pace_and_neither_forks_nor_accounts(whole: Chain):
    live = whole.first_slot + HISTORY
    assert SHAPE.time_of(live) - SHAPE.time_of(live - 1) == 300
    assert SHAPE.time_of(live + 5) - SHAPE.time_of(live) == 2
    assert all(fork.blocks[0].slot > live - 10 for fork in whole.forks)  # One may lie across the seam: nobody sees it.
    assert all(one.slot >= live for versions in whole.accounts.values() for one in versions)
    times = [block.block_time for slot, block in sorted(whole.blocks.items()) if block.block_time]
    assert times == sorted(times)


def test_live_it_may_be_busier_than_its_history(whole: Chain):
    live = whole.first_slot + HISTORY
    counts = {slot: len(block.transactions) for slot, block in whole.blocks.items()}
    history, later = (
        [count for slot, count in counts.items() if (slot >= live) is is_live] for is_live in (False, True)
    )
    assert sum(later) / len(later) > 1.5 * sum(history) / len(history)


def test_it_is_ahead_of_its_clock_until_its_end():
    """A node never comes to a slot that is not made, nor to one that a fork may still touch."""

    async def live() -> None:
        loop = asyncio.get_running_loop()
        builder = Builder(5, SHAPE, keeps_truth=False)
        builder.build(HISTORY)
        chain = LivingChain(builder, loop.time, MOST_LIVE)
        cluster = Cluster(chain.places, loop.time, start_slot=chain.live_slot)
        growing = asyncio.create_task(chain.grow())
        while not growing.done():
            assert chain.places.end_slot >= min(cluster.slot() + AHEAD_SLOTS // 2, chain.end_slot - AHEAD_SLOTS)
            assert all(len(versions) <= 4 for versions in builder.accounts.values())
            await asyncio.sleep(1.0)
        assert loop.time() >= MOST_LIVE * 0.4
        assert builder.end_slot == chain.end_slot

    virtual_time.run(live())


def test_prices_take_a_step_with_each_block_or_once_in_so_many_seconds():
    always, seldom = Beat(0), Beat(60)
    times = (1000, 1000, 1030, 1060, 1061, 1400)
    assert [always.is_due(time) for time in times] == [True] * 6
    assert [seldom.is_due(time) for time in times] == [True, False, False, True, False, True]
