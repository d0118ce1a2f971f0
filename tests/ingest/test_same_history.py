"""One history, whichever way it came: the same rows, all columns, all tables.

In virtual time, over the twin in memory, which other tests hold equal to PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from indexer import app as wiring
from indexer.config import Strategy
from indexer.core.coverage import covers
from indexer.ingest import recording
from indexer.simulation.chain import Chain
from indexer.simulation.trial import EVERYTHING
from indexer.simulation.verdict import verdict
from indexer.simulation.virtual_time import run
from indexer.store.memory import MemoryStore
from indexer.store.rows import BY_CLASS
from tests.ingest.one_history import World, files_of, finalized, span_of
from tests.simulation.chains import DECEITFUL, chain_of

LATE_S = 60.0  # Virtual seconds until everything is finalized.
# What a lone transaction, or its lines alone, cannot know.
UNPLACED = ("tx_index", "block_time", "settled")
Rows = Mapping[str, Sequence[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def chain() -> Chain:
    """Of everything that is rare much; no forks, so that what is confirmed stays."""
    return chain_of(5, msgspec.structs.replace(DECEITFUL, slots=150, forked=0.0))


def settled_by(chain: Chain, strategy: Strategy) -> MemoryStore:
    async def main() -> MemoryStore:
        world = await finalized(chain)
        await world.fill(strategy, span_of(chain))
        return world.store

    return run(main())


@pytest.mark.parametrize("strategy", ["portal", "signatures", "blocks"])
def test_each_strategy_alone_gives_the_truth(chain: Chain, strategy: Strategy) -> None:
    store = settled_by(chain, strategy)

    async def main() -> None:
        coverage = {name: await store.coverage(name) for name in wiring.stream_names()}
        found = verdict(chain.truth, await store.rows(EVERYTHING), coverage, span_of(chain))
        assert (found.lost, found.doubled, found.differing) == ([], [], [])
        assert not any(found.uncovered.values())

    run(main())


def test_recorded_blocks_that_are_replayed_give_what_the_chain_gives_by_every_strategy(
    chain: Chain, tmp_path: Path
) -> None:
    async def replayed() -> MemoryStore:
        world = await finalized(chain)
        assert len(await world.record(tmp_path)) == len(chain.blocks)
        await world.replay(files_of(tmp_path), settle=True)
        return world.store

    async def main(stores: Sequence[MemoryStore]) -> None:
        first, *others = [await store.rows(EVERYTHING) for store in stores]
        assert sum(map(len, first.values())) > 300
        for other in others:
            assert {k: sorted(v, key=repr) for k, v in other.items()} == {
                k: sorted(v, key=repr) for k, v in first.items()
            }
        for name in wiring.stream_names():
            spans = await stores[0].coverage(name)
            assert all(covers(spans, slot) for slot in chain.blocks)

    replay = run(replayed())
    ways: list[Strategy] = ["portal", "signatures", "blocks"]
    run(main([replay, *(settled_by(chain, way) for way in ways)]))


def test_single_transactions_that_are_replayed_lack_their_place_alone(chain: Chain, tmp_path: Path) -> None:
    async def main() -> Rows:
        world = await finalized(chain)
        for block in chain.blocks.values():
            for one in block.transactions:
                await recording.transaction(world.rpc, one.signature, tmp_path)
        await world.replay(files_of(tmp_path), settle=False)
        return await world.store.rows(EVERYTHING)

    found = verdict(chain.truth, run(main()), {}, span_of(chain), ignore=UNPLACED)
    assert (found.lost, found.doubled, found.differing) == ([], [], [])


def test_notifications_give_every_record_but_for_its_place(chain: Chain) -> None:
    """Of events written from lines alone nobody knows the enclosing instruction; records have all the rest."""

    async def main() -> Rows:
        world = await World(chain, start_slot=chain.first_slot, seconds=None).prepared()
        await world.listen(DECEITFUL.slots * 0.4 + LATE_S)
        return await world.store.rows(EVERYTHING)

    found = verdict(chain.truth, run(main()), {}, span_of(chain), ignore=UNPLACED)
    kinds = {table.kind for cls, table in BY_CLASS.items() if cls.__name__ not in ("EventRow", "Failure")}
    later = [one for one in found.lost if one[1][0] > chain.first_slot + 5]  # Before, nobody listened yet.
    assert later == []
    assert found.doubled == []
    assert [one for one in found.differing if one[0] in kinds] == []
