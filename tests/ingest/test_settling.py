"""Loops over what is missing: nothing that stays open keeps others waiting, and none of them spins."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.core.coverage import Span, Spans, missing, of_slots
from indexer.errors import StoreUnavailable
from indexer.ingest.filling import Task
from indexer.ingest.settling import MOST_FRUITLESS, fill_all, keep_settled
from indexer.ingest.turns import Turns
from indexer.simulation.outages import Outages, outages
from indexer.simulation.virtual_time import run
from indexer.store.base import Store
from indexer.store.memory import MemoryStore
from tests.ingest.scripted import NAMES, WANTED, Way, filler, task

slots = st.sets(st.integers(0, 40)).map(of_slots)


def filled_all(store: Store, some: Task, *ways: Way, **made: int) -> dict[str, Spans]:
    async def main() -> dict[str, Spans]:
        return await fill_all(filler(store, *ways, **made), [some], WANTED, pause_s=0.5, rng=Random(2))

    return run(main())


FEW = settings(max_examples=30)  # Each is a life of its own.


@FEW
@given(slots, st.integers(1, 120))
def test_what_nobody_settles_hides_nothing_behind_it(stuck: Spans, span_slots: int):
    """A slot that stays open, for whatever reason, is no reason not to ask for the others."""
    store = MemoryStore()
    left = filled_all(store, task("blocks"), Way(leaves=stuck), span_slots=span_slots)
    assert left == (dict.fromkeys(NAMES, stuck) if stuck else {})


@FEW
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


class AwayOnce(Outages):
    """Refuses one call, the `at`-th."""

    def __init__(self, at: int | None = None) -> None:
        super().__init__(lambda: 0.0, ())
        self._at, self.calls = at, 0

    def strike(self) -> None:
        self.calls += 1
        if self.calls == self._at:
            raise StoreUnavailable("the database is away", place="memory")


def test_a_fill_outlives_a_database_that_is_away_at_any_moment():
    """From its first question to its last, when everything is settled."""

    def left(weather: AwayOnce) -> dict[str, Spans]:
        return filled_all(outages(MemoryStore(), weather), task("blocks"), Way(leaves=stuck), span_slots=40)

    stuck, calm = (Span(10, 11),), AwayOnce()
    undisturbed = left(calm)
    assert undisturbed == dict.fromkeys(NAMES, stuck)
    for moment in range(1, calm.calls + 1):
        try:
            assert left(AwayOnce(moment)) == undisturbed, f"away at call {moment} of {calm.calls}"
        except* StoreUnavailable:
            pytest.fail(f"it did not wait for the database at call {moment} of {calm.calls}")
