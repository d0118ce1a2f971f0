"""Settling by whole blocks: what parent links prove, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from indexer.core.coverage import Span, Spans, of_slots, union
from indexer.core.transaction import Transaction
from indexer.sources.base import RawPage, SourceInterrupted
from indexer.sources.blocks import BlocksSettings, BlocksSource
from indexer.sources.rpc import Rpc
from tests.adversarial.cases import FILL
from tests.programs import DRIFT, protocols
from tests.sources.blockchain import SmallBlock, chain, hash_of, node
from tests.sources.scripted import Error, Node, pool, run
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
