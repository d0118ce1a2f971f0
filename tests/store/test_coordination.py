"""What daemons tell each other through any store: claims, wants, anchors, vain tries, witnesses."""

import asyncio
from contextlib import AsyncExitStack

import msgspec
import pytest

from indexer.core.coverage import Span, missing, union
from indexer.store.connection import connected
from indexer.store.coordination import Anchor, Bracket, Budget, ProviderHealth, StreamState
from indexer.store.coordination import Work as Done
from indexer.store.memory import MemoryStore
from indexer.store.postgres import open_store
from tests.store.ledger import NOON, page
from tests.store.stores import clocked, grow_older

BOTH = ("drift", "gmx_solana")
LEASE_S = 60.0


@pytest.fixture(params=["postgres", "memory"])
async def clock(request):
    url = request.getfixturevalue("emptied_database_url") if request.param == "postgres" else None
    async with clocked(url) as clock:
        yield clock


@pytest.fixture
def store(clock):
    return clock.store


async def claim(store, *wanted, holder="a", streams=("drift",), most=100, newest=False, least=None):
    spans = union(Span(*one) for one in wanted)
    return await store.claim(streams, spans, holder, LEASE_S, most, newest_first=newest, least_slots=least)


# --- claims ----------------------------------------------------------------------------------------------------------


async def test_a_claim_takes_the_oldest_or_the_newest_part(store):
    assert await claim(store, (0, 150), (400, 550)) == Span(0, 100)
    assert await claim(store, (0, 150), (400, 550), newest=True) == Span(450, 550)


async def test_a_claim_is_at_most_so_long_and_at_most_a_gap(store):
    assert await claim(store, (0, 7), (400, 550)) == Span(0, 7)
    assert await claim(store, (0, 7), (400, 550), most=1) == Span(400, 401)


async def test_what_is_left_is_divided_among_all_who_hold_a_part(store):
    both, spans = ("drift", "gmx_solana"), []
    while part := await claim(store, (0, 150), streams=both, least=10):
        spans.append(len(part))
    assert spans == [100, 25, 10, 10, 5], "of 50 a half, of 25 a third but 10 at least"


async def test_what_is_claimed_is_not_claimed_again_not_even_by_its_holder(store):
    parts = [await claim(store, (0, 250), holder=holder) for holder in ("a", "b", "a", "b")]
    assert parts == [Span(0, 100), Span(100, 200), Span(200, 250), None]


async def test_a_claim_for_several_streams_is_free_in_all_of_them(store):
    await claim(store, (0, 100))
    await claim(store, (150, 200), streams=["gmx_solana"])
    assert await claim(store, (0, 300), streams=BOTH) == Span(100, 150)
    assert await claim(store, (0, 300), streams=["jupiter_perps"]) == Span(0, 100)


async def test_nothing_wanted_is_nothing_claimed(store):
    assert await claim(store) is None


async def test_a_lease_that_ran_out_is_free(clock):
    await claim(clock.store, (0, 100))
    await clock.later(LEASE_S - 10)
    assert await claim(clock.store, (0, 100), holder="b") is None
    await clock.later(20)
    assert await claim(clock.store, (0, 100), holder="b") == Span(0, 100)


async def test_a_renewed_lease_runs_from_then_on(clock):
    await claim(clock.store, (0, 100), streams=BOTH)
    await clock.later(LEASE_S - 10)
    assert await clock.store.renew("a", LEASE_S) == 2
    await clock.later(LEASE_S - 10)
    assert await claim(clock.store, (0, 100), holder="b") is None


async def test_who_renews_too_late_learns_what_was_taken(clock):
    await claim(clock.store, (0, 100))
    await clock.later(LEASE_S + 1)
    await claim(clock.store, (0, 100), holder="b")
    assert await clock.store.renew("a", LEASE_S) == 0
    assert await clock.store.renew("b", LEASE_S) == 1


async def test_only_its_holder_gives_a_claim_back(store):
    await claim(store, (0, 100), streams=BOTH)
    await store.release(BOTH, Span(0, 100), "b")
    assert await claim(store, (0, 100)) is None
    await store.release(BOTH, Span(0, 100), "a")
    await store.release(BOTH, Span(0, 100), "a")
    assert await claim(store, (0, 100), streams=BOTH) == Span(0, 100)


async def test_who_leaves_keeps_nothing(store):
    for holder in ("a", "b"):
        await claim(store, (0, 200), holder=holder)
    await store.leave("a")
    assert await claim(store, (0, 300), holder="c") == Span(0, 100)
    assert await claim(store, (0, 300), holder="c") == Span(200, 300)


CREW = [(BOTH, True), (BOTH, True), (("drift",), False), (("gmx_solana",), False), (BOTH, False)]
ALL = Span(0, 2000)


class Work:
    """What is done by stream, and who is at work on what."""

    def __init__(self) -> None:
        self.done: dict[str, list[Span]] = {name: [] for name in BOTH}
        self.live: dict[str, list[Span]] = {name: [] for name in BOTH}
        self.claims = 0

    def lacking(self, streams: tuple[str, ...]):
        return union(*(missing([ALL], self.done[name]) for name in streams))

    async def begin(self, store, holder: str, streams: tuple[str, ...], newest: bool) -> Span | None:
        span = await store.claim(streams, self.lacking(streams), holder, LEASE_S, 60, newest_first=newest)
        for name in streams if span else ():
            assert [one for one in self.live[name] if one.start < span.end and span.start < one.end] == []
            self.live[name].append(span)
        return span

    async def end(self, store, holder: str, streams: tuple[str, ...], span: Span) -> None:
        self.claims += 1
        for name in streams:
            self.live[name].remove(span)
            if self.claims % 3:  # Some give up, and somebody else goes on.
                self.done[name].append(span)
        await store.release(streams, span, holder)


async def worker(clock, work: Work, number: int, streams: tuple[str, ...], newest: bool) -> None:
    async with AsyncExitStack() as resources:
        store = clock.store
        if clock.url is not None:  # Connections of its own, as another process has.
            store = await resources.enter_async_context(open_store(clock.url, connections=(1, 1)))
        while work.lacking(streams):
            span = await work.begin(store, f"worker {number}", streams, newest)
            await asyncio.sleep(0)
            if span is not None:
                await work.end(store, f"worker {number}", streams, span)


async def test_two_daemons_and_three_backfills_at_once_never_hold_the_same_and_do_all(clock):
    work = Work()
    async with asyncio.TaskGroup() as tasks:
        for number, (streams, newest) in enumerate(CREW):
            tasks.create_task(worker(clock, work, number, streams, newest))
    assert [union(work.done[name]) for name in BOTH] == [(ALL,)] * 2


# --- what is wanted, and the head ------------------------------------------------------------------------------------


async def test_nobody_has_said_anything_of_a_stream(store):
    assert await store.stream_states() == {}


async def test_what_is_wanted_only_grows_unless_slots_shall_be_skipped(store):
    found = []
    for slot, skip in ((500, False), (900, False), (300, False), (400, True)):
        await store.want_from(BOTH, slot, skip=skip)
        found.append((await store.stream_states())["gmx_solana"].wanted_from)
    assert found == [500, 500, 300, 400]


async def test_what_backfills_were_asked_for_adds_up(store):
    await store.ask(BOTH, [Span(100, 200)])
    await store.ask(["drift"], [Span(200, 250), Span(400, 500)])
    states = await store.stream_states()
    assert states["drift"] == StreamState(asked=(Span(100, 250), Span(400, 500)))
    assert states["gmx_solana"] == StreamState(asked=(Span(100, 200),))


async def test_the_last_word_about_the_head_counts(store):
    await store.observe_head(BOTH, "a", finalized=1000, confirmed=1032)
    await store.observe_head(["drift"], "b", finalized=990, confirmed=None)
    states = await store.stream_states()
    assert states["drift"] == StreamState(finalized_slot=990, confirmed_slot=1032)
    assert states["gmx_solana"] == StreamState(finalized_slot=1000, confirmed_slot=1032)


async def test_what_is_wanted_and_the_head_do_not_disturb_each_other(store):
    await store.observe_head(["drift"], "a", finalized=1000, confirmed=None)
    await store.want_from(["drift"], 10)
    await store.leave("a")
    assert (await store.stream_states())["drift"] == StreamState(wanted_from=10, finalized_slot=1000)


# --- anchors ---------------------------------------------------------------------------------------------------------


async def test_anchors_are_of_settled_slots_one_in_150(store):
    times = {slot: NOON + slot // 2 for slot in (90, 100, 149, 151, 400)}
    await store.write(page(settled=(95, 300), slot_times=times))
    await store.write(page(settled=(300, 310), slot_times={160: NOON, 305: NOON + 150, 310: NOON + 160}))
    await store.write(page(slot_times={700: NOON}))
    kept = [await store.time_of(slot) for slot in (0, 100, 101, 155, 306)]
    one, two, three = Anchor(100, NOON + 50), Anchor(151, NOON + 75), Anchor(305, NOON + 150)
    assert kept == [Bracket(None, one), Bracket(one, one), Bracket(one, two), Bracket(two, three), Bracket(three, None)]


async def test_the_first_slot_of_a_time_lies_between_two_anchors(store):
    await store.write(page(settled=(0, 1000), slot_times={0: NOON, 150: NOON + 60, 300: NOON + 60, 450: NOON + 120}))
    found = {after: await store.slot_at(NOON + after) for after in (0, 1, 60, 61, 121)}
    sides = {after: tuple(one and one.slot for one in (b.before, b.after)) for after, b in found.items()}
    assert sides == {0: (None, 0), 1: (0, 150), 60: (0, 150), 61: (300, 450), 121: (450, None)}


# --- what no source has ----------------------------------------------------------------------------------------------


def lacking(*span: int):
    return page(unavailable={"drift": [Span(*span)]})


async def test_unavailable_slots_wait_before_they_are_tried_again(clock):
    await clock.store.write(lacking(100, 110))
    assert await clock.store.unavailable("drift", older_than_s=600) == ()
    await clock.later(661)
    assert await clock.store.unavailable("drift", older_than_s=600) == (Span(100, 110),)


async def test_slots_that_were_tried_again_in_vain_wait_anew(clock):
    await clock.store.write(lacking(100, 110))
    await clock.later(661)
    await clock.store.write(lacking(100, 105))
    assert await clock.store.unavailable("drift", older_than_s=600) == (Span(105, 110),)
    assert await clock.store.unavailable("drift") == (Span(100, 110),)


async def test_unavailable_slots_vanish_when_they_are_settled_whenever_they_were_tried(clock):
    for start in (100, 200):
        await clock.store.write(lacking(start, start + 10))
        await clock.later(661)
    await clock.store.write(page(settled=(105, 205)))
    assert await clock.store.unavailable("drift") == (Span(100, 105), Span(205, 210))
    assert await clock.store.coverage("drift") == (Span(105, 205),)


# --- health ----------------------------------------------------------------------------------------------------------

HEALTH = ProviderHealth(
    endpoint="https://rpc.example/?api-key=SECRET-0123456789", method="getBlock", requests=10, errors=2, rate_limited=1
)


OTHER = msgspec.structs.replace(HEALTH, method="getSlot", requests=11)


async def reported(clock) -> list[tuple[str, str, int]]:
    """(holder, method, requests) of all that is kept."""
    if isinstance(clock.store, MemoryStore):
        return sorted((holder, method, one.requests) for (holder, _, method), (_, one) in clock.store.health.items())
    async with connected(clock.url) as connection:
        rows = await connection.fetch("SELECT holder, method, requests FROM perps.providers")
    return sorted(map(tuple, rows))


async def test_a_report_takes_the_place_of_the_holders_last_one(clock):
    await clock.store.report_health("a", [HEALTH, OTHER])
    await clock.store.report_health("b", [OTHER])
    await clock.store.report_health("a", [msgspec.structs.replace(OTHER, requests=12)])
    assert await reported(clock) == [("a", "getSlot", 12), ("b", "getSlot", 11)]
    await clock.store.leave("b")
    assert await reported(clock) == [("a", "getSlot", 12)]


async def test_health_of_a_silent_daemon_is_dropped_by_the_next_that_speaks(clock):
    await clock.store.report_health("a", [HEALTH])
    await clock.later(500)
    await clock.store.report_health("b", [OTHER])
    assert len(await reported(clock)) == 2
    await clock.later(101)
    await clock.store.report_health("b", [OTHER])
    assert await reported(clock) == [("b", "getSlot", 11)]


async def test_reports_at_once_do_not_wait_for_each_other(clock):
    await clock.store.report_health("dead", [HEALTH, OTHER])
    await clock.later(661)
    await asyncio.gather(*(clock.store.report_health(str(n), [HEALTH, OTHER]) for n in range(8)))
    assert len(await reported(clock)) == 16


# --- many machines ---------------------------------------------------------------------------------------------------

ONE, TWO = Budget(b"1" * 16, "rpc.example"), Budget(b"2" * 16, "rpc.example")


async def test_a_budget_is_shared_by_those_whose_lease_runs(clock, store):
    assert await store.share([ONE], "a", 15.0) == {ONE.key: 1}
    assert await store.share([ONE, TWO], "b", 15.0) == {ONE.key: 2, TWO.key: 1}
    await clock.later(10)
    assert await store.share([ONE], "a", 15.0) == {ONE.key: 2}
    await clock.later(10)  # Nobody heard of b.
    assert await store.share([ONE], "a", 15.0) == {ONE.key: 1}


async def test_who_leaves_gives_its_part_back(store):
    await store.share([ONE], "a", 15.0)
    await store.share([ONE], "b", 15.0)
    await store.leave("b")
    assert await store.share([ONE], "a", 15.0) == {ONE.key: 1}


async def test_all_hash_addresses_with_one_key(store):
    keys = set(await asyncio.gather(*(store.budget_key() for _ in range(5))))
    assert len(keys) == 1
    assert len(keys.pop()) == 32


async def test_a_backfill_tells_what_is_left_and_for_how_long(emptied_database_url):
    async with open_store(emptied_database_url) as store, connected(emptied_database_url) as connection:
        await store.ask(["drift"], [Span(0, 1000)])
        await store.write(page(settled=(0, 400)))
        told = "SELECT asked_slots, left_slots, workers, eta_s FROM perps.backfill"
        assert tuple(await connection.fetchrow(told)) == (1000, 600, 0, None)
        for holder in ("a", "b"):
            await store.report_work(holder, {"drift": Done(settled_slots=200, transactions=7, slots_per_s=15.0)})
        assert tuple(await connection.fetchrow(told)) == (1000, 600, 2, 20)
        await grow_older(emptied_database_url, 40)
        assert tuple(await connection.fetchrow(told)) == (1000, 600, 0, None)
        await store.leave("a")
        assert [row["holder"] for row in await connection.fetch("SELECT holder FROM perps.workers")] == ["b"]
