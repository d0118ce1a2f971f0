"""Settling by lists of signatures: what a list proves, and who may prove it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from random import Random
from typing import Any

import msgspec
import pytest

from indexer.core import base58
from indexer.core.coverage import Span, Spans, missing, of_slots, union
from indexer.core.transaction import Transaction
from indexer.sources.base import RawPage, Recent, SourceInterrupted
from indexer.sources.listing import ListingSettings
from indexer.sources.rpc import Rpc
from indexer.sources.signatures import SignaturesSettings, SignaturesSource, addresses_of
from indexer.sources.wire import WireBroken
from tests.adversarial.answers import as_json
from tests.adversarial.cases import FILL
from tests.programs import DRIFT, GMX_AUTHORITY, JUPITER_AUTHORITY, VAULTS, protocols
from tests.sources.blockchain import TIME, SmallBlock, chain, listing, node
from tests.sources.scripted import Error, Node, Null, pool, run
from tests.world import frame, key, log_transaction, signature, transaction

DRIFT_STREAM = [protocol for protocol in protocols() if protocol.name == "drift"]
SPAN = Span(10, 25)


def fill(n: int, **facts: Any) -> Transaction:
    return log_transaction(DRIFT, FILL, signature=signature(n), **facts)


def vote(n: int) -> Transaction:
    """A transaction of nobody we know: every block has some."""
    return transaction(frame(key(77)), signature=signature(10_000 + n))


def name(n: int) -> str:
    return base58.encode(signature(n))


def blocks_with(fills: Mapping[int, Sequence[Transaction]], slots: Sequence[int] = tuple(range(9, 31))) -> Any:
    """A chain in which every block has a vote, and these slots fills behind it."""
    return chain(slots, {slot: [vote(slot), *fills.get(slot, ())] for slot in slots})


class Found:
    def __init__(self, pages: Sequence[RawPage], broken: str | None) -> None:
        self.pages = pages
        self.broken = broken

    @property
    def settled(self) -> Spans:
        return union(*(page.settled.get("drift", ()) for page in self.pages))

    @property
    def unavailable(self) -> Spans:
        return union(*(page.unavailable.get("drift", ()) for page in self.pages))

    @property
    def places(self) -> list[tuple[int, int | None]]:
        return sorted((tx.slot, tx.tx_index) for page in self.pages for tx in page.transactions)


def read(
    nodes: Sequence[Node], span: Span = SPAN, limit: int = 1000, seam: int = 3, near: int = 0, **settings: Any
) -> Found:
    listed = ListingSettings(limit=limit, seam_slots=seam, near_slots=near)
    streams = settings.pop("streams", DRIFT_STREAM)
    settings.setdefault("young_slots", 0)

    async def main() -> Found:
        source = SignaturesSource(Rpc(pool(nodes)), "backfill", SignaturesSettings(listing=listed, **settings))
        pages = []
        try:
            async for page in source.pages(streams, span):
                pages.append(page)
        except SourceInterrupted as interrupted:
            return Found(pages, str(interrupted))
        return Found(pages, None)

    return run(main())


def test_the_addresses_of_a_stream_are_its_event_authorities_and_its_logging_programs() -> None:
    found = {protocol.name: list(addresses_of(protocol)) for protocol in protocols()}
    assert found["jupiter_perps"] == [JUPITER_AUTHORITY]
    assert found["gmx_solana"] == [GMX_AUTHORITY]
    assert sorted(found["drift"]) == sorted([DRIFT, VAULTS])


def test_every_slot_that_lists_reach_is_settled_with_places_and_times() -> None:
    blocks = blocks_with({12: [fill(1), fill(2)], 20: [fill(3)]})
    found = read([node(blocks)])
    assert found.settled == (Span(10, 25),)
    assert found.places == [(12, 1), (12, 2), (20, 1)]
    for page in found.pages:
        assert all(tx.block_time == TIME + tx.slot for tx in page.transactions)
        assert page.slot_times == {tx.slot: tx.block_time for tx in page.transactions}
        assert page.endpoint == "a"


def test_both_addresses_of_drift_are_read() -> None:
    vaulted = log_transaction(VAULTS, signature=signature(5))
    both = msgspec.structs.replace(fill(6), keys=frozenset((DRIFT, VAULTS)))
    found = read([node(blocks_with({12: [fill(1)], 15: [vaulted], 18: [both]}))])
    assert found.settled == (Span(10, 25),)
    assert found.places == [(12, 1), (18, 1)]  # What emits nothing is left out.


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 1000])
def test_a_page_that_is_cut_inside_a_slot_settles_only_the_slots_above(limit: int) -> None:
    fills = {11: [fill(1)], 12: [fill(2), fill(3)], 13: [fill(4)], 14: [fill(5), fill(6)], 20: [fill(7), fill(8)]}
    found = read([node(blocks_with(fills))], limit=limit)
    full = {slot for slot, inside in fills.items() if len(inside) >= limit}  # A page has no room for anything below.
    assert found.settled == of_slots(set(range(10, 25)) - full)
    assert len(found.places) == 8
    assert found.unavailable == ()


def test_where_the_order_inside_a_slot_changes_between_pages_nothing_is_lost() -> None:
    """The next page lists the slot again that the last one was cut in, from above."""
    blocks = blocks_with({12: [fill(1), fill(2), fill(3), fill(4)], 14: [fill(5)], 16: [fill(6)]})
    one = node(blocks)
    true, calls = one.answers["getSignaturesForAddress"], [0]

    def unstable(params: list[Any]) -> Any:
        calls[0] += 1
        limit = params[1]["limit"]
        found = true([params[0], {**params[1], "limit": 1000}])
        if calls[0] % 2:
            found.sort(key=lambda entry: (-entry["slot"], entry["signature"]))
        return found[:limit]

    one.answers["getSignaturesForAddress"] = unstable
    found = read([one], limit=5)
    assert found.settled == (Span(10, 25),)
    assert len(found.places) == 6


def test_a_page_of_failed_transactions_does_not_end_the_history() -> None:
    """Handoff defect 13."""
    failed = [fill(100 + n, succeeded=False) for n in range(9)]
    found = read([node(blocks_with({20: failed[:3], 19: failed[3:6], 18: failed[6:], 12: [fill(1)]}))], limit=4)
    assert found.settled == (Span(10, 25),)
    assert found.places == [(12, 1)]


def test_an_empty_page_ends_the_history_only_of_who_has_the_span() -> None:
    blocks = blocks_with({22: [fill(1)]})
    found = read([node(blocks, first_block=15)])
    assert found.settled == (Span(15, 25),)
    assert "15" in str(found.broken)
    assert read([node(blocks, first_block=10)]).settled == (Span(10, 25),)


def test_who_has_the_rest_of_the_history_goes_on() -> None:
    blocks = blocks_with({12: [fill(1)], 22: [fill(2)]})
    young, old = node(blocks, first_block=15), node(blocks, latency_s=0.5)
    found = read([young, old])
    assert (found.settled, found.places, found.broken) == ((Span(10, 25),), [(12, 1), (22, 1)], None)


def test_a_node_that_is_behind_settles_nothing_by_its_lists() -> None:
    """Handoff defect 11."""
    blocks = blocks_with({22: [fill(1)], 12: [fill(2)]})
    found = read([node(blocks, slot=20)])
    assert found.pages == []
    assert "20" in str(found.broken)
    assert read([node(blocks, slot=20), node(blocks, latency_s=0.5)]).settled == (Span(10, 25),)


def test_a_backend_that_is_behind_its_own_balancer_settles_nothing() -> None:
    """It says by getSlot that it is there, and answers lists from another machine."""
    blocks = blocks_with({22: [fill(1)], 12: [fill(2)]})
    balancer = node(blocks)
    balancer.answers["getSignaturesForAddress"] = node(blocks, slot=20).answers["getSignaturesForAddress"]
    found = read([balancer])
    assert found.settled == ()
    assert "-32016" in str(found.broken)


def test_the_list_begins_below_a_signature_that_the_same_endpoint_has() -> None:
    one = node(blocks_with({12: [fill(1)], 27: [fill(2)]}))
    found = read([one])
    assert found.settled == (Span(10, 25),)
    assert one.calls("getSignaturesForAddress")[0].params[1]["before"] == name(10_025)
    assert all(call.params[1]["minContextSlot"] == 24 for call in one.calls("getSignaturesForAddress"))


@pytest.mark.parametrize("last", [24, 30])
def test_near_the_head_the_list_begins_at_its_newest(last: int) -> None:
    one = node(blocks_with({12: [fill(1)], 24: [fill(2)]}, tuple(range(9, last + 1))))
    found = read([one], near=10)
    assert (found.settled, found.places) == ((Span(10, 25),), [(12, 1), (24, 1)])
    assert "before" not in one.calls("getSignaturesForAddress")[0].params[1]
    assert one.calls("getBlocks") == []


def test_an_empty_page_is_asked_for_twice() -> None:
    """An archive's index of addresses answers with an empty list at times."""
    blocks = blocks_with({12: [fill(1)], 22: [fill(2)]})
    one = node(blocks)
    true, calls = one.answers["getSignaturesForAddress"], [0]

    def forgetful(params: list[Any]) -> Any:
        calls[0] += 1
        return [] if calls[0] % 2 else true(params)

    one.answers["getSignaturesForAddress"] = forgetful
    found = read([one])
    assert (found.settled, found.places) == ((Span(10, 25),), [(12, 1), (22, 1)])


def test_an_empty_block_behind_the_span_gives_no_signature_and_the_next_one_does() -> None:
    blocks = blocks_with({12: [fill(1)]})
    blocks[25] = msgspec.structs.replace(blocks[25], transactions=())
    blocks[26] = msgspec.structs.replace(blocks[26], transactions=())
    one = node(blocks)
    assert read([one]).settled == (Span(10, 25),)
    assert one.calls("getSignaturesForAddress")[0].params[1]["before"] == name(10_027)


def test_the_block_behind_the_span_may_be_far() -> None:
    one = node(blocks_with({12: [fill(1)]}, (*range(9, 25), 20_000)))
    assert read([one]).settled == (Span(10, 25),)
    assert one.calls("getSignaturesForAddress")[0].params[1]["before"] == name(30_000)


def test_a_list_that_was_made_without_before_is_not_believed() -> None:
    blocks = blocks_with({12: [fill(1)], 28: [fill(2)]})
    careless = node(blocks)
    true = careless.answers["getSignaturesForAddress"]
    careless.answers["getSignaturesForAddress"] = lambda params: true([params[0], {"limit": params[1]["limit"]}])
    assert read([careless]).settled == ()
    assert read([careless, node(blocks, latency_s=0.5)]).settled == (Span(10, 25),)


@pytest.mark.parametrize("change", ["order", "circle", "repeat"])
def test_a_list_that_goes_in_circles_ends(change: str) -> None:
    blocks = blocks_with({12: [fill(1), fill(2), fill(3), fill(4)]})
    strange = node(blocks)
    entries = listing(blocks, base58.encode(DRIFT), 30, 0, lambda _: False)
    pages = {
        "order": lambda _: [entries[0], {**entries[1], "slot": 13}],
        "circle": lambda p: entries[:2] if p[1].get("before") != entries[1]["signature"] else entries[2:] + entries[:1],
        "repeat": lambda _: entries[:2],
    }
    strange.answers["getSignaturesForAddress"] = lambda p: pages[change](p) if p[0] == base58.encode(DRIFT) else []
    found = read([strange], limit=2)
    assert found.broken is not None
    assert 12 not in {slot for one in found.settled for slot in range(one.start, one.end)}


def test_duplicates_in_lists_count_once() -> None:
    blocks = blocks_with({12: [fill(1)], 13: [fill(2)]})
    one = node(blocks)
    true = one.answers["getSignaturesForAddress"]
    one.answers["getSignaturesForAddress"] = lambda params: [e for entry in true(params) for e in (entry, entry)]
    found = read([one])
    assert (found.settled, found.places) == ((Span(10, 25),), [(12, 1), (13, 1)])
    assert len(one.calls("getTransaction")) == 2


# --- the archive seam ---------------------------------------------------------------------------------------------


def test_around_the_archive_seam_lists_settle_nothing() -> None:
    """Handoff defect 12: signatures are missing between two storage tiers."""
    blocks = blocks_with({12: [fill(1)], 17: [fill(2)], 22: [fill(3)]})
    tiers = node(blocks, absent=lambda one: one == name(2))
    tiers.known["minimumLedgerSlot"] = 18
    found = read([tiers], seam=2)
    assert found.settled == of_slots(set(range(10, 25)) - set(range(16, 21)))
    assert found.unavailable == ()  # Left to the blocks.
    assert found.places == [(12, 1), (22, 1)]


def test_where_a_ledger_just_begins_there_is_no_seam() -> None:
    one = node(blocks_with({12: [fill(1)]}), first_block=9)
    one.known["minimumLedgerSlot"] = 9
    assert read([one]).settled == (Span(10, 25),)


def test_who_does_not_tell_its_floor_has_no_seam_that_could_be_known() -> None:
    one = node(blocks_with({12: [fill(1)]}))
    one.known["minimumLedgerSlot"] = Error(-32601)
    assert read([one]).settled == (Span(10, 25),)


# --- several lists ------------------------------------------------------------------------------------------------


def test_what_one_list_lacks_another_tells() -> None:
    blocks = blocks_with({12: [fill(1)], 17: [fill(2)], 22: [fill(3)]})
    nodes = [node(blocks, absent=lambda one: one == name(2)), node(blocks, absent=lambda one: one == name(1))]
    found = read(nodes, lists=2)
    assert (found.settled, len(found.places)) == ((Span(10, 25),), 3)
    assert found.pages[0].endpoint == "a, b"


def test_lists_to_be_united_come_from_different_endpoints_or_not_at_all() -> None:
    found = read([node(blocks_with({12: [fill(1)]}))], lists=2)
    assert found.settled == ()
    assert found.broken is not None


def test_a_slot_counts_when_the_last_list_has_told_it() -> None:
    blocks = blocks_with({slot: [fill(slot), fill(-slot)] for slot in range(10, 25)})
    slow = node(blocks, first_block=18, latency_s=0.3)
    found = read([node(blocks), slow], lists=2, limit=5)
    assert found.settled == (Span(18, 25),)
    assert found.broken is not None


# --- transactions -------------------------------------------------------------------------------------------------


def bare(tx: Transaction, slot: int) -> dict[str, Any]:
    shown = as_json(msgspec.structs.replace(tx, slot=slot, block_time=TIME))
    return {**shown, "meta": None}


@pytest.mark.parametrize(
    "instead",
    [Null, bare(fill(1), 12), Error(-32015), Error(-32011), as_json(msgspec.structs.replace(fill(2), slot=12))],
    ids=["null", "meta null", "version", "no history", "another transaction"],
)
def test_a_transaction_that_nobody_has_leaves_its_slot_open(instead: Any) -> None:
    """Handoff defects 1 and 8."""
    blocks = blocks_with({12: [fill(1)], 20: [fill(3)]})
    poor = node(blocks, transactions={name(1): instead})
    found = read([poor])
    assert found.settled == of_slots(set(range(10, 25)) - {12})
    assert found.unavailable == of_slots([12])
    found = read([poor, node(blocks, latency_s=0.5)])
    assert (found.settled, found.places) == ((Span(10, 25),), [(12, 1), (20, 1)])


def test_what_nobody_has_yet_of_the_newest_slots_is_missing_and_not_unavailable() -> None:
    blocks = blocks_with({12: [fill(1)], 20: [fill(3)]})
    found = read([node(blocks, transactions={name(1): Null, name(3): Null})], young_slots=15)
    assert found.settled == of_slots(set(range(10, 25)) - {12, 20})
    assert found.unavailable == of_slots([12])


def test_a_channel_that_was_not_recorded_leaves_its_slot_open() -> None:
    hidden = msgspec.structs.replace(fill(1, logs=None), slot=12, block_time=TIME)
    found = read([node(blocks_with({12: [fill(1)]}), transactions={name(1): as_json(hidden)})])
    assert found.unavailable == of_slots([12])


def test_where_list_and_transaction_disagree_about_the_slot_neither_slot_counts() -> None:
    blocks = blocks_with({20: [fill(1)]})
    moved = as_json(msgspec.structs.replace(fill(1), slot=14, block_time=TIME))
    found = read([node(blocks, transactions={name(1): moved})], page_transactions=1)
    assert found.settled == of_slots(set(range(10, 25)) - {14, 20})
    assert found.unavailable == of_slots([20])
    assert found.places == []
    healed = read([node(blocks, transactions={name(1): moved}), node(blocks, latency_s=0.5)])
    assert (healed.settled, healed.places) == ((Span(10, 25),), [(20, 1)])


def test_a_block_without_the_transaction_is_sought_elsewhere_and_leaves_its_slot_open() -> None:
    blocks = blocks_with({12: [fill(1)], 20: [fill(2)]})
    other = {12: SmallBlock(12, 11, blocks[12].blockhash, blocks[11].blockhash, [vote(12)])}
    found = read([node(blocks, instead=other)])
    assert found.settled == of_slots(set(range(10, 25)) - {12})
    assert found.unavailable == of_slots([12])
    assert read([node(blocks, instead=other), node(blocks, latency_s=0.5)]).settled == (Span(10, 25),)


def test_a_success_that_the_list_alone_claims_gives_nothing() -> None:
    lie = msgspec.structs.replace(fill(1), slot=12, succeeded=False, block_time=TIME)
    found = read([node(blocks_with({12: [fill(1)]}), transactions={name(1): as_json(lie)})])
    assert (found.settled, found.places) == ((Span(10, 25),), [])


def test_blocks_are_asked_for_only_where_a_transaction_emits() -> None:
    silent = {slot: [transaction(frame(DRIFT), signature=signature(slot))] for slot in range(10, 25)}
    one = node(blocks_with({**silent, 12: [fill(1)]}))
    assert read([one]).settled == (Span(10, 25),)
    assert [call.params[0] for call in one.calls("getBlock") if call.params[0] < 25] == [12]


def test_an_outage_settles_nothing_below_and_what_was_settled_stays() -> None:
    blocks = blocks_with({12: [fill(1)], 22: [fill(2)]})
    found = read([node(blocks, transactions={name(1): WireBroken("reset")})], page_transactions=1)
    assert found.settled == (Span(13, 25),)
    assert "reset" in str(found.broken)


def test_pages_are_bounded_and_run_from_the_newest_slot_to_the_oldest() -> None:
    blocks = blocks_with({slot: [fill(slot), fill(-slot)] for slot in range(10, 25)})
    found = read([node(blocks)], limit=7, page_transactions=4)
    assert max(len(page.transactions) for page in found.pages) <= 5
    spans = [span for page in found.pages for span in page.settled["drift"]]
    assert spans == sorted(spans, reverse=True)
    assert found.settled == (Span(10, 25),)
    for page in found.pages:
        assert [(tx.slot, tx.tx_index) for tx in page.transactions] == sorted(
            (tx.slot, tx.tx_index) for tx in page.transactions
        )


def test_leaving_early_leaves_nothing_running() -> None:
    async def main() -> None:
        blocks = blocks_with({slot: [fill(slot)] for slot in range(10, 25)})
        settings = SignaturesSettings(page_transactions=2, listing=ListingSettings(limit=3))
        source = SignaturesSource(Rpc(pool([node(blocks)])), "backfill", settings)
        async with aclosing(source.pages(DRIFT_STREAM, Span(10, 25))) as pages:
            async for _ in pages:
                break
        assert len(asyncio.all_tasks()) == 1

    run(main())


# --- recent -------------------------------------------------------------------------------------------------------


def recent(one: Node, after: Any, limit: int = 1000) -> Recent:
    async def main() -> Recent:
        settings = SignaturesSettings(listing=ListingSettings(limit=limit))
        return await SignaturesSource(Rpc(pool([one])), "live", settings).recent(DRIFT_STREAM, after)

    return run(main())


def test_what_is_confirmed_above_a_slot_is_brought_and_settles_nothing() -> None:
    blocks = blocks_with({12: [fill(1)], 20: [fill(2)], 25: [fill(3), fill(4, succeeded=False)]})
    one = node(blocks, transactions={name(2): Null})
    for after in (12, {"drift": 12}):
        found = recent(one, after)
        assert [tx.slot for tx in found.transactions] == [25]
        assert found.lacking == {"drift": 20}
    commitments = {call.params[1]["commitment"] for call in one.asked if call.method.startswith(("getSig", "getTr"))}
    assert commitments == {"confirmed"}


def test_what_a_list_has_in_another_slot_than_a_node_tells_of_is_still_lacking() -> None:
    blocks = blocks_with({20: [fill(2)]})
    fork = as_json(msgspec.structs.replace(fill(2), slot=19))
    found = recent(node(blocks, transactions={name(2): fork}), 12)
    assert (found.transactions, found.lacking) == ([], {"drift": 20})


def test_what_is_recent_is_read_in_a_bounded_number_of_pages() -> None:
    blocks = blocks_with({slot: [fill(slot)] for slot in range(10, 31)})
    one = node(blocks)
    page = recent(one, 5, limit=2)
    assert len(one.calls("getSignaturesForAddress")) == 5 + 1  # Of the vaults' address there is nothing.
    assert [tx.slot for tx in page.transactions] == list(range(21, 31))


# --- any weather --------------------------------------------------------------------------------------------------


def weather(seed: int) -> tuple[list[Node], Span, dict[int, SmallBlock], bool]:
    rng = Random(seed)
    slots = tuple(slot for slot in range(99, 260) if rng.random() < 0.9)
    fills = {
        slot: [fill(slot * 10 + n, succeeded=rng.random() < 0.6) for n in range(rng.randint(1, 3))]
        for slot in slots
        if rng.random() < 0.5
    }
    blocks = blocks_with(fills, slots)
    signatures = [base58.encode(tx.signature) for found in fills.values() for tx in found]
    nodes = []
    for place in range(rng.randint(1, 2)):
        wrong = {
            one: rng.choice([Null, Error(-32015), WireBroken("reset")]) for one in signatures if rng.random() < 0.02
        }
        nodes.append(
            node(
                blocks,
                transactions=wrong,
                slot=rng.choice([max(slots), 180]),
                first_block=rng.choice([0, 120]),
                latency_s=0.01 * (place + 1),
            )
        )
    whole = rng.random() < 0.5
    if whole:
        nodes.append(node(blocks, latency_s=1))
    return nodes, Span(rng.randint(100, 130), rng.randint(150, 250)), blocks, whole


@pytest.mark.parametrize("part", range(4))
def test_in_any_weather_what_is_settled_is_true_and_with_one_sound_node_all_is(part: int) -> None:
    seen = {"whole": 0, "open": 0, "broken": 0}
    for seed in range(15 * part, 15 * part + 15):
        nodes, span, blocks, whole = weather(seed)
        found = read(nodes, span, limit=seed % 9 + 4, page_transactions=seed % 5 + 2)
        truth = {tx.signature: slot for slot, b in blocks.items() for tx in b.transactions[1:] if tx.succeeded}
        told = {tx.signature: tx.slot for page in found.pages for tx in page.transactions}
        for slot in (slot for one in found.settled for slot in range(one.start, one.end)):
            true = {one for one, place in truth.items() if place == slot}
            assert {one for one, place in told.items() if place == slot} == true, (seed, slot)
        if whole:
            assert found.settled == (span,), seed
        elif found.broken is None:
            assert missing([span], [*found.settled, *found.unavailable]) == (), seed
        seen["whole"] += whole
        seen["open"] += found.settled != (span,)
        seen["broken"] += found.broken is not None
    assert min(seen.values()) > 0, seen
