"""Filling: what is asked of which source for which stream, who else works on it, and what is left to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core.coverage import Span, Spans, missing, of_slots, union
from indexer.core.rpc import parse_transaction
from indexer.core.transaction import Transaction
from indexer.errors import StoreUnavailable
from indexer.ingest.filling import Filled, Task, tasks, together
from indexer.ingest.settling import MOST_FRUITLESS, fill_all, keep_settled
from indexer.ingest.turns import Turns
from indexer.ingest.writing import Writer
from indexer.simulation.outages import LASTS_S, Outages, outages
from indexer.simulation.virtual_time import run
from indexer.sources.base import RawPage, SourceInterrupted, Strategy
from indexer.store.memory import MemoryStore
from tests.ingest.scripted import ALL, Way, filler
from tests.programs import protocols
from tests.simulation.hand_chain import FIRST, hand_chain

NAMES = tuple(protocol.name for protocol in protocols())
DRIFT = protocols()[0]
WANTED: Mapping[str, Spans] = {name: (Span(0, 100),) for name in NAMES}
ONE = hand_chain("D")

slots = st.sets(st.integers(0, 40)).map(of_slots)


def task(*ways: Strategy, streams: Sequence[str] = NAMES) -> Task:
    return Task(tuple(one for one in protocols() if one.name in streams), ways)


def size(spans: Spans) -> int:
    return sum(map(len, spans))


# --- who is asked for what -----------------------------------------------------------------------------------------


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, slots)))
def test_every_slot_is_asked_for_once_and_for_exactly_the_streams_that_lack_it(left: dict[str, Spans]):
    pieces = list(together(protocols(), left))
    spans = [span for _, span in pieces]
    assert size(union(spans)) == sum(map(len, spans)), "no slot is asked for twice"
    for name in NAMES:
        asked = union(span for streams, span in pieces if name in [one.name for one in streams])
        assert asked == union(left[name])


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, slots)))
def test_neighbours_that_are_lacked_by_the_same_streams_are_one_piece(left: dict[str, Spans]):
    pieces = list(together(protocols(), left))
    for (streams, span), (others, behind) in pairwise(pieces):
        assert span.end < behind.start or streams != others


WAYS: list[tuple[Strategy, ...]] = [("blocks",), ("signatures", "blocks"), ("blocks", "portal"), ("portal", "blocks")]


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, st.sampled_from(WAYS))))
def test_streams_that_begin_with_blocks_share_one_reading_of_them(ways: dict[str, tuple[Strategy, ...]]):
    found = tasks(protocols(), ways.__getitem__)
    assert sorted(name for one in found for name in one.names) == sorted(NAMES)
    assert all(ways[name] == one.strategies for one in found for name in one.names)
    by_blocks = [one.strategies for one in found if one.strategies[0] == "blocks"]
    assert len(set(by_blocks)) == len(by_blocks)
    assert all(len(one.streams) == 1 for one in found if one.strategies[0] != "blocks")


# --- a step --------------------------------------------------------------------------------------------------------


def test_a_step_settles_what_one_claim_holds_and_says_so():
    async def main() -> None:
        store = MemoryStore()
        fill = filler(store, Way(), span_slots=30)
        heard: list[tuple[int, int]] = []
        filled = await fill.step(task("blocks"), WANTED, newest_first=True, on_page=lambda *one: heard.append(one))
        assert filled == Filled(Span(70, 100), dict.fromkeys(NAMES, 30), dict.fromkeys(NAMES, ()))
        assert sum(settled for settled, _ in heard) == 30 * len(NAMES)
        filled = await fill.step(task("blocks"), WANTED, newest_first=False)
        assert filled is not None
        assert filled.span == Span(0, 30)
        assert await store.coverage("drift") == (Span(0, 30), Span(70, 100))

    run(main())


def test_nothing_is_asked_where_nothing_is_missing():
    async def main() -> None:
        store, way = MemoryStore(), Way()
        fill = filler(store, way)
        await fill.step(task("blocks"), WANTED, newest_first=True)
        way.asked.clear()
        assert await fill.step(task("blocks"), WANTED, newest_first=True) is None
        assert way.asked == []

    run(main())


def test_what_a_source_does_not_reach_is_not_asked_of_it_and_stays_missing():
    """Below where all begin it is nowhere; above where all end it may come."""

    async def main() -> None:
        store, near, far = MemoryStore(), Way("signatures", reach=Span(40, 70)), Way("blocks", reach=Span(60, 90))
        fill, both = filler(store, near, far), task("signatures", "blocks")
        filled = await fill.step(both, WANTED, newest_first=False)
        assert filled is not None
        assert near.asked == [(NAMES, Span(40, 70))]
        assert far.asked == [(NAMES, Span(70, 90))]
        assert dict(filled.left) == dict.fromkeys(NAMES, (Span(0, 40), Span(90, 100)))
        assert await store.unavailable("drift") == (Span(0, 40),)
        assert await fill.lacking(both, WANTED) == dict.fromkeys(NAMES, (Span(90, 100),))

    run(main())


@pytest.mark.parametrize("kept_back", ["leaves", "lacks"])
def test_what_a_strategy_leaves_goes_to_the_next_one(kept_back: str):
    """Also what it says that it does not have: a transaction that nobody gives stands in its block."""

    async def main() -> None:
        some = (Span(20, 25), Span(50, 51))
        store, first, second = MemoryStore(), Way("signatures", **{kept_back: some}), Way("blocks")
        filled = await filler(store, first, second).step(task("signatures", "blocks"), WANTED, newest_first=False)
        assert filled is not None
        assert [span for _, span in second.asked] == list(some)
        assert not any(filled.left.values())
        assert await store.unavailable("drift") == ()

    run(main())


def test_what_no_strategy_has_is_left_alone_for_a_while():
    async def main() -> None:
        store, first, second = (
            MemoryStore(),
            Way("signatures", lacks=(Span(0, 100),)),
            Way("blocks", lacks=(Span(0, 100),)),
        )
        fill, both = filler(store, first, second), task("signatures", "blocks")
        filled = await fill.step(both, WANTED, newest_first=False)
        assert filled is not None
        assert not filled.progress
        assert await fill.step(both, WANTED, newest_first=False) is None
        await asyncio.sleep(700.0)
        assert await fill.step(both, WANTED, newest_first=False) is not None
        assert len(first.asked) == len(second.asked) == 2

    run(main())


def test_an_outage_of_one_strategy_is_the_next_ones_work():
    async def main() -> None:
        store, first, second = MemoryStore(), Way("signatures", breaks_at=35), Way("blocks")
        filled = await filler(store, first, second).step(task("signatures", "blocks"), WANTED, newest_first=False)
        assert filled is not None
        assert not any(filled.left.values())
        assert second.asked == [(NAMES, Span(30, 100))], "what the first one settled stays settled"

    run(main())


@pytest.mark.parametrize("way", [Way(breaks_at=5), Way(reach=None)])
def test_an_outage_of_all_strategies_is_raised_and_nothing_is_settled(way: Way):
    async def main() -> None:
        store = MemoryStore()
        with pytest.raises(SourceInterrupted):
            await filler(store, way).step(task("blocks"), WANTED, newest_first=False)
        assert await store.coverage("drift") == ()

    run(main())


# --- claims --------------------------------------------------------------------------------------------------------


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


# --- filling everything --------------------------------------------------------------------------------------------


def filled_all(store: MemoryStore, some: Task, *ways: Way, **made: int) -> dict[str, Spans]:
    async def main() -> dict[str, Spans]:
        return await fill_all(filler(store, *ways, **made), [some], WANTED, pause_s=0.5, rng=Random(2))

    return run(main())


@given(slots, st.integers(1, 120))
def test_what_nobody_settles_hides_nothing_behind_it(stuck: Spans, span_slots: int):
    """A slot that stays open, for whatever reason, is no reason not to ask for the others."""
    store = MemoryStore()
    left = filled_all(store, task("blocks"), Way(leaves=stuck), span_slots=span_slots)
    assert left == (dict.fromkeys(NAMES, stuck) if stuck else {})


@given(st.integers(0, 90), st.integers(1, 120))
def test_what_no_source_reaches_hides_nothing_behind_it(first: int, span_slots: int):
    left = filled_all(MemoryStore(), task("blocks"), Way(reach=Span(first, 100)), span_slots=span_slots)
    assert left == ({name: (Span(0, first),) for name in NAMES} if first else {})


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_slot_that_breaks_every_answer_is_alone_in_the_end(newest_first: bool):
    async def main() -> None:
        store = MemoryStore()
        wanted = {name: (Span(0, 1000),) for name in NAMES}

        async def wanted_now() -> Mapping[str, Spans]:
            return wanted

        fill, rng = filler(store, Way(breaks_at=435), span_slots=1000), Random(3)
        loop = keep_settled(fill, task("blocks"), wanted_now, newest_first=newest_first, pause_s=0.5, rng=rng)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300.0):
                await loop
        assert missing(wanted["drift"], await store.coverage("drift")) == (Span(435, 436),)

    run(main())


def test_a_slot_that_stays_open_keeps_no_loop_busy():
    async def main() -> None:
        way = Way(leaves=(Span(10, 11), Span(50, 52)))

        async def wanted_now() -> Mapping[str, Spans]:
            return WANTED

        loop = keep_settled(
            filler(MemoryStore(), way), task("blocks"), wanted_now, newest_first=True, pause_s=2.0, rng=Random(3)
        )
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(200.0):
                await loop
        assert 10 < len(way.asked) < 100

    run(main())


@given(st.lists(slots, max_size=12))
def test_everything_that_is_missing_has_its_turn_before_anything_has_it_again(steps: list[Spans]):
    """Whatever becomes missing meanwhile: no slot is tried a second time while another was not tried."""
    turns, tried = Turns(), set[int]()
    for lacking in steps:
        now = turns.next(lacking)
        wanted = {slot for span in lacking for slot in range(span.start, span.end)}
        expected = wanted - tried or wanted
        assert now == of_slots(expected)
        tried = (tried & wanted if wanted - tried else set()) | expected
        turns.tried(now, progress=False)


def test_a_fill_ends_though_something_stays_open():
    way = Way(leaves=(Span(10, 11), Span(50, 52)))
    filled_all(MemoryStore(), task("blocks"), way)
    assert sum(Span(10, 11) == span for _, span in way.asked) <= MOST_FRUITLESS + 1


# --- contested -----------------------------------------------------------------------------------------------------


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
