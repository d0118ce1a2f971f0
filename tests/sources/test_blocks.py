"""Settling by whole blocks: what parent links prove, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest

from indexer.core.coverage import Span, Spans, missing, of_slots, union
from indexer.core.transaction import Transaction
from indexer.sources.base import RawPage, SourceInterrupted
from indexer.sources.blocks import BlocksSettings, BlocksSource
from indexer.sources.rpc import Rpc
from indexer.sources.wire import WireBroken
from tests.adversarial.cases import FILL
from tests.programs import DRIFT, protocols
from tests.sources.blockchain import TIME, SmallBlock, chain, hash_of, node
from tests.sources.scripted import Error, Node, Null, pool, run
from tests.world import log_transaction, signature

DRIFT_STREAM = [protocol for protocol in protocols() if protocol.name == "drift"]


def fill(n: int, **facts: Any) -> Transaction:
    return log_transaction(DRIFT, FILL, signature=signature(n), **facts)


class Found:
    """All pages of a span together."""

    def __init__(self, pages: Sequence[RawPage], broken: str | None) -> None:
        self.pages = pages
        self.broken = broken  # What interrupted it.

    @property
    def settled(self) -> Spans:
        return union(*(page.settled.get("drift", ()) for page in self.pages))

    @property
    def unavailable(self) -> Spans:
        return union(*(page.unavailable.get("drift", ()) for page in self.pages))

    @property
    def places(self) -> list[tuple[int, int | None]]:
        return [(tx.slot, tx.tx_index) for page in self.pages for tx in page.transactions]


def read(nodes: Sequence[Node] | Mapping[str, Node], span: Span, streams: Any = DRIFT_STREAM, **settings: Any) -> Found:
    settings.setdefault("young_slots", 0)

    async def main() -> Found:
        source = BlocksSource(Rpc(pool(nodes)), "backfill", BlocksSettings(**settings))
        pages = []
        try:
            async for page in source.pages(streams, span):
                pages.append(page)
        except SourceInterrupted as interrupted:
            return Found(pages, str(interrupted))
        return Found(pages, None)

    return run(main())


def test_every_slot_between_linked_blocks_is_settled() -> None:
    blocks = chain([9, 10, 12, 15, 20, 21], {12: [fill(1), fill(2)], 15: [fill(3)]})
    found = read([node(blocks)], Span(10, 20))
    assert found.settled == (Span(10, 20),)
    assert found.places == [(12, 0), (12, 1), (15, 0)]
    assert found.unavailable == ()


def test_a_block_that_the_list_lacks_is_fetched_when_its_child_names_it() -> None:
    blocks = chain(range(9, 22), {13: [fill(1)]})
    found = read([node(blocks, listed=lambda slot: slot not in (10, 12, 13, 19, 20))], Span(10, 20))
    assert found.settled == (Span(10, 20),)
    assert found.places == [(13, 0)]


@pytest.mark.parametrize("code", [-32001, -32004, -32007, -32009, -32014])
def test_no_error_code_makes_a_slot_empty(code: int) -> None:
    """Handoff defect 7: a block whose child names it is there, whatever a node says."""
    blocks = chain(range(9, 22), {13: [fill(1)]})
    found = read([node(blocks, instead={13: Error(code)})], Span(10, 20))
    assert found.settled == of_slots(set(range(10, 20)) - {13})
    assert found.unavailable == of_slots([13])


def test_a_slot_that_was_listed_and_is_not_there_is_empty_where_links_prove_it() -> None:
    blocks = chain([9, 10, 12, 20])
    wrong = {**blocks, 11: SmallBlock(11, 10, hash_of(11), hash_of(10))}
    found = read([node(wrong, instead={11: Error(-32007)})], Span(10, 20))
    assert found.settled == (Span(10, 20),)


def test_behind_the_last_block_nothing_is_known() -> None:
    found = read([node(chain([9, 10, 12]), slot=17)], Span(10, 17))
    assert found.settled == (Span(10, 13),)
    assert found.unavailable == ()
    assert found.broken is None


def test_the_edges_are_proven_by_parent_links_too() -> None:
    blocks = chain([5, 25], before=4)
    assert read([node(blocks)], Span(10, 20)).settled == (Span(10, 20),)  # One link over all of it.
    missing_first = chain([5, 10, 11, 25], {10: [fill(1)]}, before=4)
    found = read([node(missing_first, listed=lambda slot: slot != 10)], Span(10, 20))
    assert (found.settled, found.places) == ((Span(10, 20),), [(10, 0)])


def test_the_block_behind_the_span_may_be_far() -> None:
    found = read([node(chain([9, 15, 9_000]))], Span(10, 20), range_slots=50)
    assert found.settled == (Span(10, 20),)


def test_a_block_behind_the_span_that_nobody_has_proves_nothing() -> None:
    blocks = chain([9, 12, 25, 30])
    found = read([node(blocks, has=lambda slot: slot < 20)], Span(10, 20))
    assert found.settled == (Span(10, 13),)
    assert found.unavailable == ()
    found = read([node(blocks, has=lambda slot: slot != 25)], Span(10, 20))
    assert found.settled == (Span(10, 13),)  # 30 names 25, of which nobody tells what it names.
    assert found.unavailable == (Span(13, 20),)


def test_the_first_block_of_a_cluster_has_no_parent() -> None:
    blocks = chain(range(5), {0: [fill(1)]}, before=0)
    found = read([node(blocks)], Span(0, 4))
    assert (found.settled, found.places) == ((Span(0, 4),), [(0, 0)])


@pytest.mark.parametrize("instead", [Null, Error(-32004), Error(-32007), Error(-32009), Error(-32015), "no block"])
def test_a_block_that_one_endpoint_lacks_comes_from_another(instead: Any) -> None:
    blocks = chain(range(9, 22), {13: [fill(1)]})
    nodes = [node(blocks, instead={13: instead}), node(blocks, latency_s=0.5)]
    found = read(nodes, Span(10, 20))
    assert (found.settled, found.places, found.unavailable) == ((Span(10, 20),), [(13, 0)], ())


@pytest.mark.parametrize("instead", [Null, Error(-32004), Error(-32007), Error(-32015), "no block"])
def test_a_block_that_nobody_has_is_unavailable_and_never_settled(instead: Any) -> None:
    """Handoff defects 7 and 10: an error about a whole block is no skipped slot."""
    blocks = chain([9, 10, 12, 14, 15, 20], {14: [fill(1)]})
    found = read([node(blocks, instead={14: instead})], Span(10, 20))
    names_its_parent = isinstance(instead, Error) and instead.code == -32015
    assert found.unavailable == (Span(14, 15) if names_its_parent else Span(13, 15),)
    assert found.settled == of_slots(set(range(10, 20)) - {14} - (set() if names_its_parent else {13}))


def test_a_transaction_without_meta_is_sought_elsewhere_and_hides_its_slot() -> None:
    """Handoff defect 8."""
    bare = fill(1, logs=None, instructions=None)
    poor, rich = chain(range(9, 22), {13: [bare, fill(2)]}), chain(range(9, 22), {13: [fill(1), fill(2)]})
    found = read([node(poor), node(rich, latency_s=0.5)], Span(10, 20))
    assert (found.settled, found.places) == ((Span(10, 20),), [(13, 0), (13, 1)])
    found = read([node(poor)], Span(10, 20))
    assert found.settled == of_slots(set(range(10, 20)) - {13})
    assert found.unavailable == of_slots([13])
    assert found.places == [(13, 1)]  # What could be read is brought all the same.


def test_a_channel_that_was_not_recorded_hides_its_stream_alone() -> None:
    blocks = chain(range(9, 22), {13: [fill(1, logs=None)]})
    found = read([node(blocks)], Span(10, 20), protocols())
    (page,) = found.pages
    assert page.unavailable == {"drift": of_slots([13])}
    assert page.settled["jupiter_perps"] == page.settled["gmx_solana"] == (Span(10, 20),)


def test_of_partial_blocks_the_one_that_hides_least_is_taken() -> None:
    worse = chain(range(9, 22), {13: [fill(1, logs=None, instructions=None), fill(2)]})
    better = chain(range(9, 22), {13: [fill(1, logs=None), fill(2)]})
    found = read([node(worse), node(better, latency_s=0.5)], Span(10, 20), protocols())
    assert union(*(page.unavailable.get("jupiter_perps", ()) for page in found.pages)) == ()
    assert found.unavailable == of_slots([13])


def test_a_failed_transaction_hides_nothing() -> None:
    blocks = chain(range(9, 22), {13: [fill(1, logs=None, succeeded=False), fill(2)]})
    found = read([node(blocks)], Span(10, 20))
    assert (found.settled, found.places) == ((Span(10, 20),), [(13, 1)])


def test_what_nobody_has_yet_of_the_newest_slots_is_missing_and_not_unavailable() -> None:
    blocks = chain(range(9, 31))
    one = node(blocks, instead={slot: Error(-32015) for slot in (12, 19)}, slot=30)
    found = read([one], Span(10, 25), young_slots=15)
    assert found.unavailable == (Span(12, 13),)
    assert found.settled == (Span(10, 12), Span(13, 19), Span(20, 25))


# --- contradictions -----------------------------------------------------------------------------------------------


def forked(blocks: Mapping[int, SmallBlock], slot: int, parent: int, *transactions: Transaction) -> SmallBlock:
    """Another block in this slot, of a fork."""
    return SmallBlock(slot, parent, hash_of(slot, fork=1), blocks[parent].blockhash, transactions)


def test_a_block_of_a_fork_is_not_believed_where_its_successor_does_not_name_it() -> None:
    blocks = chain(range(9, 22), {13: [fill(1)]})
    lie = forked(blocks, 13, 12, fill(99))
    nodes = [node(blocks, instead={13: lie}), node(blocks, latency_s=0.5)]
    found = read(nodes, Span(10, 20))
    assert (found.settled, found.places) == ((Span(10, 20),), [(13, 0)])
    assert found.pages[0].transactions[0].signature == signature(1)


def test_a_block_of_a_fork_in_a_slot_that_was_skipped_is_dropped() -> None:
    blocks = chain([9, 10, 11, 13, 14, 20])
    lie = forked(blocks, 12, 11, fill(99))
    nodes = [node({**blocks, 12: lie}), node(blocks, latency_s=0.5)]
    found = read(nodes, Span(10, 20))
    assert (found.settled, found.places) == ((Span(10, 20),), [])


def test_a_block_whose_parent_is_not_the_block_below_is_asked_for_elsewhere() -> None:
    blocks = chain(range(9, 22), {13: [fill(1)], 14: [fill(2)]})
    lie = forked(blocks, 14, 12)  # It says that 13 was skipped.
    nodes = [node(blocks, instead={14: lie}), node(blocks, latency_s=0.5)]
    found = read(nodes, Span(10, 20))
    assert (found.settled, found.places) == ((Span(10, 20),), [(13, 0), (14, 0)])


def test_where_nobody_else_can_tell_nothing_of_a_contradiction_is_settled() -> None:
    blocks = chain(range(9, 22), {13: [fill(1)]})
    for lie in (forked(blocks, 13, 12, fill(99)), forked(blocks, 13, 10, fill(99))):
        found = read([node(blocks, instead={13: lie})], Span(10, 20))
        assert 13 not in {slot for span in found.settled for slot in range(span.start, span.end)}
        assert found.places == []
        assert found.unavailable != ()


def test_a_block_that_names_itself_or_a_later_one_as_its_parent_is_none() -> None:
    blocks = chain(range(9, 22))
    lie = msgspec.structs.replace(blocks[13], parent_slot=13)
    found = read([node(blocks, instead={13: lie})], Span(10, 20))
    assert found.unavailable == of_slots([13])


# --- who answers --------------------------------------------------------------------------------------------------


def test_a_node_that_is_behind_is_waited_for() -> None:
    """Handoff defect 11."""
    blocks = chain(range(9, 22), {18: [fill(1)]})
    found = read([node(blocks, slot=15)], Span(10, 20))
    assert found.pages == []
    assert "15" in str(found.broken)
    assert read([node(blocks, slot=15), node(blocks, latency_s=1)], Span(10, 20)).settled == (Span(10, 20),)


def test_a_fetch_that_fails_settles_nothing_and_what_was_settled_stays() -> None:
    """Handoff defect 1."""
    blocks = chain(range(9, 42), {18: [fill(1)]})
    found = read([node(blocks, instead={30: WireBroken("reset")})], Span(10, 40), prefetch=4, page_slots=5)
    assert found.settled in ((Span(10, end),) for end in range(25, 30))
    assert "reset" in str(found.broken)
    assert found.places == [(18, 0)]


def test_a_list_out_of_order_or_of_another_span_is_not_believed() -> None:
    blocks = chain(range(9, 22))
    for wrong in ([12, 11], [11, 11], [9, 10], ["10"]):
        nodes = [Node({"getBlocks": wrong}, slot=21), node(blocks, latency_s=0.5)]
        assert read(nodes, Span(10, 20)).settled == (Span(10, 20),)


def test_whose_history_begins_above_the_span_is_not_asked_for_its_list() -> None:
    """Else its first block would be walked down from, and every block between asked for."""
    blocks = chain(range(9, 500), {13: [fill(1)]})
    young = node(blocks, listed=lambda slot: slot >= 400, has=lambda slot: slot >= 400, first_block=400)
    old = node(blocks, latency_s=0.5)

    async def main() -> None:
        source = BlocksSource(Rpc(pool([young, old])), "backfill", BlocksSettings(young_slots=0, most_unlisted=1000))
        assert await source.reach() == Span(0, 500)
        for span in (Span(start, start + 10) for start in range(10, 100, 10)):
            pages = [page async for page in source.pages(DRIFT_STREAM, span)]
            assert union(*(page.settled["drift"] for page in pages)) == (span,)

    run(main())
    assert young.calls("getBlocks") == []
    assert len(old.calls("getBlock")) == 9 * 11


def test_a_list_that_begins_far_above_the_span_is_walked_down_no_further_than_settings_say() -> None:
    blocks = chain(range(9, 500))
    one = node(blocks, listed=lambda slot: slot < 15 or slot >= 400)
    found = read([one], Span(10, 20), most_unlisted=50)
    assert found.settled == (Span(10, 14),)
    assert found.broken == "50 blocks in a row below slot 400 are in no list"
    assert len(one.calls("getBlock")) == 5 + 1 + 50


def test_lists_are_asked_for_in_bounded_ranges() -> None:
    one = node(chain(range(9, 230)))
    assert read([one], Span(10, 220), range_slots=50).settled == (Span(10, 220),)
    ranges = [call.params[1] - call.params[0] + 1 for call in one.calls("getBlocks")]
    assert max(ranges) <= 50 + 32


def test_fetching_ahead_is_bounded() -> None:
    one = node(chain(range(9, 230)))
    read([one], Span(10, 220), prefetch=3)
    assert one.most_in_flight == 3


def test_pages_have_whole_slots_in_ascending_order_and_a_bound() -> None:
    blocks = chain(range(9, 230), {slot: [fill(slot), fill(-slot)] for slot in range(10, 220)})
    found = read([node(blocks)], Span(10, 220), page_slots=16, page_transactions=20)
    assert max(len(page.transactions) for page in found.pages) <= 21
    spans = [page.settled["drift"] for page in found.pages]
    assert all(len(span) == 1 for span in spans)
    assert [span for (span,) in spans] == sorted(span for (span,) in spans)
    for page in found.pages:
        ((span,),) = page.settled.values()
        assert {tx.slot for tx in page.transactions} == set(range(span.start, span.end))
        assert page.slot_times == {slot: TIME + slot for slot in range(span.start, span.end)}
        assert page.endpoint == "a"


def test_leaving_early_leaves_nothing_running() -> None:
    async def main() -> None:
        source = BlocksSource(Rpc(pool([node(chain(range(9, 230)))])), "backfill", BlocksSettings(page_slots=8))
        async with aclosing(source.pages(DRIFT_STREAM, Span(10, 220))) as pages:
            async for _ in pages:
                break
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_it_reaches_from_the_first_block_of_anybody_to_the_finalized_head_of_anybody() -> None:
    async def main(nodes: Sequence[Node]) -> Span | None:
        return await BlocksSource(Rpc(pool(nodes)), "live").reach()

    dead = Node({"getFirstAvailableBlock": WireBroken("refused")})
    assert run(main([Node(slot=500, first_block=100), Node(slot=510, first_block=400), dead])) == Span(100, 511)
    assert run(main([dead])) is None


# --- any weather --------------------------------------------------------------------------------------------------


def weather(seed: int) -> tuple[list[Node], Span, dict[int, SmallBlock], bool]:
    """A chain, and nodes each of which lacks and hides something; whether one of them is without fault."""
    rng = Random(seed)
    slots = [slot for slot in range(100, 200) if rng.random() < rng.choice((0.5, 0.95))]
    blocks = chain([99, *slots, 210], {slot: [fill(slot)] for slot in slots if rng.random() < 0.3}, before=98)
    nodes = []
    span = Span(rng.randint(100, 120), rng.randint(150, 205))
    # Where forks are told, the next block is in the span and told by all, so that a fork can be known for one.
    forks = {slot for slot, after in pairwise(slots) if after in span and rng.random() < 0.1}
    told = {after for slot, after in pairwise(slots) if slot in forks}
    for place in range(rng.randint(1, 3)):
        wrong = {slot: _wrong(rng) for slot in slots if slot not in forks | told and rng.random() < 0.1}
        wrong |= {slot: _fork(rng, blocks, slot) for slot in forks - told if rng.random() < 0.5}
        unlisted = {slot for slot in slots if slot not in told and rng.random() < 0.2}
        nodes.append(
            node(
                blocks,
                listed=lambda slot, unlisted=unlisted: slot not in unlisted,
                instead=wrong,
                latency_s=0.01 * (place + 1),
            )
        )
    whole = rng.random() < 0.5
    if whole:
        nodes.append(node(blocks, latency_s=1))
    return nodes, span, blocks, whole


def _wrong(rng: Random) -> Any:
    return rng.choice([Null, Error(-32007), Error(-32015), Error(-32004), "no block"])


def _fork(rng: Random, blocks: Mapping[int, SmallBlock], slot: int) -> SmallBlock:
    """A block of this slot that was dropped, upon one of the last blocks before it."""
    return forked(blocks, slot, rng.choice([s for s in sorted(blocks) if s < slot][-3:]), fill(-slot))


@pytest.mark.parametrize("part", range(4))
def test_in_any_weather_what_is_settled_is_true_and_with_one_sound_node_all_is(part: int) -> None:
    seen = {"whole": 0, "unavailable": 0}
    for seed in range(30 * part, 30 * part + 30):
        nodes, span, blocks, whole = weather(seed)
        found = read(nodes, span, prefetch=seed % 5 + 1, page_slots=7)
        truth = {tx.signature: slot for slot, block in blocks.items() for tx in block.transactions}
        told = {tx.signature: tx.slot for page in found.pages for tx in page.transactions}
        for slot in (slot for one in found.settled for slot in range(one.start, one.end)):
            true = {signature for signature, place in truth.items() if place == slot}
            assert {signature for signature, place in told.items() if place == slot} == true, (seed, slot)
        assert missing([span], [*found.settled, *found.unavailable]) == (), seed
        assert missing(found.settled, missing(found.settled, found.unavailable)) == (), seed
        if whole:
            assert found.settled == (span,), seed
        seen["whole"] += whole
        seen["unavailable"] += bool(found.unavailable)
    assert seen["whole"] > 5
    assert seen["unavailable"] > 5
