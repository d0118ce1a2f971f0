"""Filling: what is asked of which source for which stream, and what is left to whom."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core.coverage import Span, Spans, of_slots, union
from indexer.ingest.filling import Filled, tasks, together
from indexer.simulation.virtual_time import run
from indexer.sources.base import SourceInterrupted, Strategy
from indexer.store.base import Page
from indexer.store.memory import MemoryStore
from tests.ingest.scripted import NAMES, WANTED, Way, filler, task
from tests.programs import protocols

slots = st.sets(st.integers(0, 40)).map(of_slots)


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


class Overtaken(MemoryStore):
    """Before it gives a claim, another worker settles the first 30 slots and gives its own claim back."""

    async def claim(self, streams, *given, **more):
        await self.write(Page(settled=dict.fromkeys(streams, (Span(0, 30),)), source="blocks"))
        return await super().claim(streams, *given, **more)


def test_what_others_settled_before_it_was_claimed_is_not_asked_again():
    async def main() -> Filled | None:
        return await filler(Overtaken(), way).step(task("blocks"), WANTED, newest_first=False)

    way = Way()
    assert run(main()).progress
    assert way.asked
    assert all(span.start >= 30 for _, span in way.asked)


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
