"""Heads: they never go back, no start skips anything in silence, and what is wanted is split by age without a hole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from indexer.core.coverage import Span, Spans, common, missing, of_slots, union
from indexer.errors import ConfigError
from indexer.ingest.heads import SLOTS_A_DAY, Heads, Watch
from indexer.simulation.outages import LASTS_S, Outages, outages
from indexer.simulation.virtual_time import run
from indexer.sources.base import SourceInterrupted
from indexer.store.base import Page, Store
from indexer.store.coordination import ProviderHealth
from indexer.store.memory import MemoryStore

NAMES = ("drift", "jupiter_perps")
HEALTH = ProviderHealth(endpoint="a", method="getSlot", requests=1, errors=0, rate_limited=0)


class Told:
    """Nodes that tell these heads, one after the other, and the last one for ever. None: nobody answers."""

    def __init__(self, *heads: tuple[int, int] | None) -> None:
        self.heads_to_tell = list(heads)
        self.asked_at: list[float] = []

    async def heads(self) -> Heads:
        self.asked_at.append(asyncio.get_running_loop().time())
        told = self.heads_to_tell.pop(0) if len(self.heads_to_tell) > 1 else self.heads_to_tell[0]
        if told is None:
            raise SourceInterrupted("nobody answers")
        return Heads(*told)

    def health(self) -> Sequence[ProviderHealth]:
        return [HEALTH]


def watch(store: Store, nodes: Told, recent_slots: int = 100) -> Watch:
    return Watch(store, nodes, NAMES, holder="us", recent_slots=recent_slots, rng=Random(1))


async def watched(one: Watch, seconds: float) -> None:
    """It runs for so long, asking every second."""
    running = asyncio.create_task(one.run(1.0))
    await asyncio.sleep(seconds)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])


# --- heads ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 50), st.integers(0, 50))), min_size=1, max_size=8))
def test_heads_never_go_back_whoever_answers(told: list[tuple[int, int] | None]):
    never_back(told)


def never_back(told: Sequence[tuple[int, int] | None]) -> None:
    async def main() -> None:
        store = MemoryStore()
        one = watch(store, Told((10, 20), *told))
        running = asyncio.create_task(one.run(0.1))
        seen = [await one.heads()]
        for _ in range(40):
            await asyncio.sleep(0.1)
            seen.append(await one.heads())
        running.cancel()
        await asyncio.wait([running])
        for before, after in pairwise(seen):
            assert after.finalized >= before.finalized
            assert after.confirmed >= before.confirmed
        states = await store.stream_states()
        assert {states[name].finalized_slot for name in NAMES} == {seen[-1].finalized}

    run(main())


def test_before_the_first_answer_everybody_waits():
    async def main() -> None:
        nodes = Told(None, None, None, (10, 20))
        one = watch(MemoryStore(), nodes)
        running = asyncio.create_task(one.run(1.0))
        assert await one.heads() == Heads(10, 20)
        assert len(nodes.asked_at) == 4
        running.cancel()

    run(main())


def test_nobody_is_asked_in_a_hurry_while_nobody_answers():
    async def main() -> None:
        nodes = Told(None)
        await watched(watch(MemoryStore(), nodes), 120.0)
        assert 10 < len(nodes.asked_at) < 30

    run(main())


def test_a_ledger_that_is_away_stops_no_watching():
    async def main() -> None:
        memory = MemoryStore()
        nodes = Told(*((slot, slot + 30) for slot in range(10, 40)))
        store = outages(memory, Outages(asyncio.get_running_loop().time, [3.0]))
        await watched(watch(store, nodes), 12.0)
        assert (await memory.stream_states())["drift"].finalized_slot == 21
        assert [one for _, one in memory.health.values()] == [HEALTH]

    run(main())


# --- the start -----------------------------------------------------------------------------------------------------


async def begun(store: Store, head: int = 1_000_000, **start: float | int | None) -> None:
    one = watch(store, Told((head, head + 30)))
    running = asyncio.create_task(one.run(1.0))
    try:
        await one.begin(history_days=start.get("history_days") or 0.0, start_slot=start.get("start_slot"))  # type: ignore[arg-type]
    finally:
        running.cancel()
        await asyncio.wait([running])


async def wanted_from(store: Store) -> set[int | None]:
    states = await store.stream_states()
    return {states[name].wanted_from for name in NAMES}


def settled(start: int, end: int) -> Page:
    return Page(settled={name: [Span(start, end)] for name in NAMES}, source="test")


def test_a_first_start_wants_so_many_days():
    async def main() -> None:
        store = MemoryStore()
        await begun(store, 10 * SLOTS_A_DAY, history_days=7.0)
        assert await wanted_from(store) == {3 * SLOTS_A_DAY}

    run(main())


def test_a_later_start_goes_on_where_the_first_one_began():
    async def main() -> None:
        store = MemoryStore()
        await begun(store, 10 * SLOTS_A_DAY, history_days=7.0)
        for head in (20 * SLOTS_A_DAY, 9 * SLOTS_A_DAY):
            await begun(store, head, history_days=0.5)
            assert await wanted_from(store) == {3 * SLOTS_A_DAY}

    run(main())


BEHIND_SETTLED_ONES = ("settled up to 120", 150, (120, 149))


@pytest.mark.parametrize(
    ("before", "start", "left_out"),
    [
        ("wanted from 100 on", 150, (100, 149)),
        BEHIND_SETTLED_ONES,
        ("wanted from 100 on, settled up to 120", 150, (120, 149)),
    ],
)
def test_a_start_that_leaves_out_slots_is_refused_and_changes_nothing(
    before: str, start: int, left_out: tuple[int, int]
):
    async def main() -> None:
        store = MemoryStore()
        if "wanted" in before:
            await store.want_from(NAMES, 100)
        if "settled" in before:
            await store.write(settled(100, 120))
            await store.observe_head(NAMES, "us", finalized=130, confirmed=160)
        was = await store.stream_states()
        with pytest.raises(ConfigError, match=f"slots {left_out[0]} to {left_out[1]} of drift .* a start at {start}"):
            await begun(store, start_slot=start)
        assert {name: one.wanted_from for name, one in (await store.stream_states()).items()} == {
            name: one.wanted_from for name, one in was.items()
        }

    run(main())


@pytest.mark.parametrize("start", [0, 50, 100, 120])
def test_a_start_that_leaves_nothing_out_is_taken(start: int):
    """Up to where the ledger is settled without a hole."""

    async def main() -> None:
        store = MemoryStore()
        await store.want_from(NAMES, 100)
        await store.write(settled(100, 120))
        await begun(store, start_slot=start)
        assert await wanted_from(store) == {min(start, 100)}

    run(main())


@pytest.mark.parametrize("away_s", [0.0, 0.3, 0.6])
def test_a_start_waits_for_a_ledger_that_is_away(away_s: float):
    """Whichever of its questions finds it so."""

    async def main() -> None:
        loop, memory = asyncio.get_running_loop(), MemoryStore()
        await memory.want_from(NAMES, 100)
        store = outages(SlowStore(memory), Outages(loop.time, [away_s]))  # type: ignore[arg-type]
        await begun(store, start_slot=50)
        assert await wanted_from(memory) == {50}
        assert loop.time() > away_s + LASTS_S

    run(main())


class SlowStore:
    """A call takes a quarter of a second."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._store, name)

        async def call(*arguments: object, **named: object) -> object:
            await asyncio.sleep(0.25)
            return await method(*arguments, **named)

        return call


# --- recent and deep -----------------------------------------------------------------------------------------------

slots = st.sets(st.integers(0, 80)).map(of_slots)


@given(st.integers(0, 60), st.integers(1, 30), st.one_of(st.none(), st.integers(0, 80)), slots)
def test_what_is_wanted_is_recent_or_deep_and_never_both(head: int, recent: int, first: int | None, asked: Spans):
    async def main() -> None:
        store = MemoryStore()
        await store.ask(NAMES, asked)
        if first is not None:
            await store.want_from(NAMES, first)
        one = watch(store, Told((head, head)), recent_slots=recent)
        running = asyncio.create_task(one.run(1.0))
        newest, older = (await one.recent())["drift"], (await one.deep())["drift"]
        running.cancel()
        wanted = union(asked, [Span(first, head + 1)] if first is not None and first <= head else [])
        assert union(newest, older) == common(wanted, [Span(0, head + 1)])
        assert not common(newest, older)
        assert not missing(newest, [Span(max(0, head + 1 - recent), head + 1)])

    run(main())


def test_a_store_that_is_away_is_told_once_and_so_is_its_return():
    async def main() -> None:
        weather = Outages(asyncio.get_running_loop().time, [1.5])
        with structlog.testing.capture_logs() as logs:
            await watched(watch(outages(MemoryStore(), weather), Told((10, 20))), 2.5 + LASTS_S + 2)
        assert weather.struck["database_away"] > 2
        assert [line["event"] for line in logs] == ["store_unavailable", "store_available"]

    run(main())
