"""Workers: what is asked for gets filled by any number of them, and what one lets lie another takes up."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from structlog.testing import capture_logs

from indexer.core.coverage import Span, Spans
from indexer.errors import StoreUnavailable
from indexer.ingest.filling import Filler
from indexer.ingest.sharing import SHARE_LEASE_S, Shared, Shares
from indexer.ingest.working import Worker, asked_for, followed
from indexer.ingest.writing import Writer
from indexer.simulation.virtual_time import run
from indexer.store.memory import MemoryStore
from tests.ingest.scripted import NAMES, Way, task

SPAN = Span(0, 1000)
LEASE_S = 9.0
STALLED_S = 30.0


class Stuck(Way):
    """Never answers again once it was asked."""

    async def pages(self, streams, span):
        self.asked.append((tuple(stream.name for stream in streams), span))
        await asyncio.Event().wait()
        yield


def worker(store: MemoryStore, way: Way, holder: str, lanes: int = 1, *, span_slots: int = 100) -> Worker:
    def filler(name: str) -> Filler:
        return Filler(
            store,
            Writer(store, Random(1)),
            {way.strategy: way},
            holder=name,
            lease_s=LEASE_S,
            span_slots=span_slots,
            divides=True,
            retry_unavailable_s=600.0,
            most_stalled_s=STALLED_S,
        )

    return Worker(store, [task("blocks")], filler, holder=holder, lanes=lanes, pause_s=1.0, rng=Random(1))


async def filled_after(store: MemoryStore, *workers: Worker, limit_s: float = 1000.0) -> float:
    """Seconds until all that is asked for is there."""
    clock = asyncio.get_running_loop().time
    began = clock()
    running = [asyncio.create_task(one.run()) for one in workers]
    following = asyncio.create_task(followed(store, dict.fromkeys(NAMES, (SPAN,)), pause_s=0.1))
    try:
        await asyncio.wait([following], timeout=limit_s)
        assert following.done(), f"not filled within {limit_s:g} s"
    finally:
        following.cancel()
        for one in running:
            one.cancel()
        await asyncio.wait(running)
    return clock() - began


async def asking() -> MemoryStore:
    store = MemoryStore()
    await store.ask(NAMES, [SPAN])
    return store


def test_what_nobody_asked_for_is_left_alone():
    async def main() -> None:
        store, way = MemoryStore(), Way()
        await store.want_from(NAMES, 0)
        await store.observe_head(NAMES, "daemon", finalized=1000, confirmed=1000)
        running = asyncio.create_task(worker(store, way, "a").run())
        await asyncio.sleep(60)
        running.cancel()
        assert way.asked == []
        assert await asked_for(store, NAMES) == dict.fromkeys(NAMES, ())

    run(main())


@pytest.mark.parametrize(("workers", "lanes"), [(1, 4), (4, 1), (4, 2)])
def test_workers_and_lanes_share_what_is_asked_for_and_none_does_it_twice(workers: int, lanes: int):
    async def main() -> None:
        store = await asking()
        alone_s = await filled_after(store, worker(store, Way(), "alone"))
        store, ways = await asking(), [Way() for _ in range(workers)]
        together_s = await filled_after(store, *(worker(store, way, f"h{n}", lanes) for n, way in enumerate(ways)))
        spans = sorted(span for way in ways for _, span in way.asked)
        assert sum(len(span) for span in spans) == len(SPAN), "every slot once"
        assert alone_s / together_s > 0.8 * min(workers * lanes, 5)  # Ten spans: eight lanes need two rounds.

    run(main())


def test_the_last_spans_are_divided_so_that_nobody_waits_for_one_who_has_a_whole_one():
    """Five spans of 200 slots for four: undivided, the fifth would take as long again."""

    async def main() -> None:
        store, ways = await asking(), [Way() for _ in range(4)]
        took_s = await filled_after(store, *(worker(store, way, f"h{n}", span_slots=200) for n, way in enumerate(ways)))
        seconds_of_all = len(SPAN) // 10 * 0.1
        assert took_s < 1.4 * seconds_of_all / 4
        lengths = sorted(len(span) for way in ways for _, span in way.asked)
        assert lengths[1] >= 200 // 16, "but for what is left at the end"

    run(main())


def test_a_worker_that_dies_loses_its_span_to_another_when_its_lease_is_over():
    async def main() -> None:
        store = await asking()
        claim = await store.claim(NAMES, (SPAN,), "dead/0", LEASE_S, 100, newest_first=False)
        assert claim == Span(0, 100)
        assert await filled_after(store, worker(store, Way(pause_s=0.01), "alive")) >= LEASE_S

    run(main())


def test_a_lane_that_stands_still_loses_its_span_and_the_worker_keeps_the_others():
    async def main() -> None:
        store = await asking()
        took_s = await filled_after(store, worker(store, Stuck(), "stuck"), worker(store, Way(pause_s=0.01), "other"))
        assert STALLED_S <= took_s <= STALLED_S + 2 * LEASE_S

    run(main())


class StuckOnce(Way):
    """Never answers the first question."""

    async def pages(self, streams, span):
        if not self.asked:
            self.asked.append((tuple(stream.name for stream in streams), span))
            await asyncio.Event().wait()
        async for page in super().pages(streams, span):
            yield page


def test_a_lane_does_not_keep_alive_what_another_lane_of_its_worker_stands_still_at():
    async def main() -> None:
        store = await asking()
        took_s = await filled_after(store, worker(store, StuckOnce(pause_s=1.0), "one", lanes=2))
        assert took_s <= 10 * 10 + LEASE_S / 2, "the other lane had it before it ran out of spans, ten of ten seconds"

    run(main())


def test_following_ends_with_what_nobody_has():
    async def main() -> None:
        store = await asking()
        lacks: Spans = (Span(500, 520),)
        running = asyncio.create_task(worker(store, Way(lacks=lacks), "a").run())
        heard: list[int] = []
        left = await followed(store, dict.fromkeys(NAMES, (SPAN,)), pause_s=0.1, on_progress=heard.append)
        running.cancel()
        assert left == dict.fromkeys(NAMES, lacks)
        assert sum(heard) == len(NAMES) * (len(SPAN) - 20)

    run(main())


def test_who_waits_is_told_each_minute_that_nobody_works():
    async def main() -> None:
        store = await asking()
        following = asyncio.create_task(followed(store, dict.fromkeys(NAMES, (SPAN,)), pause_s=0.1))
        with capture_logs() as told:
            await asyncio.sleep(130)
        following.cancel()
        assert [one["event"] for one in told] == ["nobody_settles"] * 2
        assert told[0]["left_slots"] == len(NAMES) * len(SPAN)

    run(main())


def test_what_retention_let_go_of_is_not_waited_for():
    async def main() -> None:
        store = await asking()
        following = asyncio.create_task(followed(store, dict.fromkeys(NAMES, (SPAN,)), pause_s=0.1))
        await asyncio.sleep(1)
        for name in NAMES:
            store._set(name, asked=())
        async with asyncio.timeout(1):
            assert await following == dict.fromkeys(NAMES, (SPAN,))

    run(main())


def test_what_a_worker_did_is_told_and_goes_when_it_ends():
    async def main() -> None:
        store = await asking()
        running = asyncio.create_task(worker(store, Way(), "host:1").run())
        await followed(store, dict.fromkeys(NAMES, (SPAN,)), pause_s=0.1)
        await asyncio.sleep(6)
        told = {stream: work for (_, stream), (_, work) in store.work.items()}
        assert sum(work.settled_slots for work in told.values()) == len(NAMES) * len(SPAN)
        running.cancel()
        await asyncio.wait([running])
        assert store.work == {}

    run(main())


# --- budgets ---------------------------------------------------------------------------------------------------------


def test_a_budget_is_divided_among_those_alive_and_comes_back_from_the_dead():
    async def main() -> None:
        store = MemoryStore()
        parts: dict[str, list[int]] = {"a": [], "b": []}

        def shares(holder: str) -> Shares:
            one = Shared("rpc.example", lambda key: b"same", parts[holder].append)
            return Shares(store, [one], holder, Random(1))

        first = asyncio.create_task(shares("a").keep())
        await asyncio.sleep(10)
        second = asyncio.create_task(shares("b").keep())
        await asyncio.sleep(10)
        assert parts == {"a": [2], "b": [2]}
        second.cancel()  # Killed: it gives nothing back.
        await asyncio.sleep(2 * SHARE_LEASE_S)
        assert parts["a"] == [2, 1]
        first.cancel()

    run(main())


class Away(MemoryStore):
    """Away while `is_away`."""

    is_away = False

    async def share(self, *given):
        if self.is_away:
            raise StoreUnavailable("away", place="here", remedy="wait")
        return await super().share(*given)


def test_a_ledger_that_is_away_leaves_parts_as_they_are():
    async def main() -> None:
        store, parts = Away(), {"a": [], "b": []}
        for holder, heard in parts.items():
            one = Shared("rpc.example", lambda key: b"same", heard.append)
            keeping = asyncio.create_task(Shares(store, [one], holder, Random(1)).keep())
            await asyncio.sleep(10)
        store.is_away = True
        await asyncio.sleep(10)
        assert parts == {"a": [2], "b": [2]}
        keeping.cancel()

    run(main())


def test_budgets_of_two_keys_at_one_host_are_two():
    async def main() -> None:
        store = MemoryStore()
        parts: list[int] = []
        for holder, key in (("a", b"1"), ("b", b"2")):
            one = Shared("rpc.example", lambda _, key=key: key, parts.append)
            running = asyncio.create_task(Shares(store, [one], holder, Random(1)).keep())
            await asyncio.sleep(10)
        running.cancel()
        assert parts == []

    run(main())
