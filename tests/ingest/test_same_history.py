"""One history, whichever way it came: the same rows, all columns, all tables.

In virtual time, over the twin in memory, which other tests hold equal to PostgreSQL.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from indexer import app as wiring
from indexer import app_network as composed
from indexer.config import Settings, Strategy, load
from indexer.core.coverage import Span, covers
from indexer.ingest import recording
from indexer.ingest.listening import Listener
from indexer.ingest.precedence import Precedence
from indexer.ingest.replay import Replay
from indexer.ingest.settling import fill_all
from indexer.ingest.writing import Writer
from indexer.simulation.box import Box
from indexer.simulation.chain import Chain
from indexer.simulation.trial import EVERYTHING
from indexer.simulation.verdict import verdict
from indexer.simulation.virtual_time import run
from indexer.sources.confirmed import Confirmed
from indexer.sources.recorded import find_files
from indexer.sources.websocket import LogSubscriptions
from indexer.store.memory import MemoryStore
from indexer.store.rows import BY_CLASS
from tests.simulation.chains import DECEITFUL, chain_of

LATE_S = 60.0  # Virtual seconds until everything is finalized.
# What a lone transaction, or its lines alone, cannot know.
UNPLACED = ("tx_index", "block_time", "settled")
Rows = Mapping[str, Sequence[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def chain() -> Chain:
    """Of everything that is rare much; no forks, so that what is confirmed stays."""
    return chain_of(5, msgspec.structs.replace(DECEITFUL, slots=150, forked=0.0))


class World:
    """The chain's nodes and archive, all of it finalized, and one empty ledger."""

    def __init__(self, chain: Chain, *, start_slot: int, seconds: float | None) -> None:
        """`seconds`: where the clock stands; None: it runs."""
        clock = asyncio.get_running_loop().time
        self.chain, self.rng, self.store = chain, Random(1), MemoryStore()
        self.box = Box(chain, clock if seconds is None else lambda: seconds, start_slot=start_slot, portal_behind=0)
        self.settings = settings_for(self.box)
        self.rpc = composed.pool(self.settings, self.box.http(), self.rng)

    async def prepared(self) -> World:
        await self.store.claim_cluster(self.chain.genesis_hash, "simulated")
        await self.store.seed(wiring.seed())
        return self

    async def fill(self, strategy: Strategy, span: Span) -> None:
        archive = composed.portal(self.settings, self.rpc, self.box.http(), self.rng)
        ways = composed.sources(self.settings, self.rpc, archive, "backfill")
        filler = composed.filler(self.settings, self.store, Writer(self.store, self.rng), ways, "one")
        tasks = composed.backfill_tasks(self.settings, (), strategy)
        wanted = dict.fromkeys(wiring.stream_names(), (span,))
        assert await fill_all(filler, tasks, wanted, pause_s=1.0, rng=self.rng) == {}

    async def replay(self, folder: Path, *, settle: bool) -> None:
        bounds = wiring.limits(self.settings)
        reading = Replay(self.store, wiring.protocols(), wiring.seed(), bounds, page_transactions=100, settle=settle)
        _, files = find_files([str(folder)])
        for path in files:
            await reading.file(path)
        assert reading.summary.skipped == []

    async def listen(self, seconds: float) -> None:
        streams = wiring.protocols()
        listener = Listener(
            streams,
            LogSubscriptions(self.settings.endpoints.websocket_urls, streams, self.box.dial(), rng=self.rng),
            Confirmed(self.rpc, "live"),
            Writer(self.store, self.rng),
            Precedence(),
            rng=self.rng,
            queue=1000,
            fetches=16,
            poll_every_s=1e6,
        )
        await asyncio.wait([asyncio.create_task(listener.run())], timeout=seconds)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()


def settings_for(box: Box) -> Settings:
    addresses = box.addresses()
    return load(
        environment={
            "PERPS_ENDPOINTS__RPC": json.dumps(list(addresses.rpc)),
            "PERPS_ENDPOINTS__WEBSOCKET": json.dumps(list(addresses.websocket)),
            "PERPS_ENDPOINTS__PORTAL": addresses.portal,
            "PERPS_CLUSTER__GENESIS_HASH": box.cluster.chain.genesis_hash,
            "PERPS_STRATEGY__SEAM_SLOTS": "0",
        }
    )


def span_of(chain: Chain) -> Span:
    return Span(min(chain.blocks), max(chain.blocks) + 1)


async def finalized(chain: Chain) -> World:
    """Slots behind the chain's end have passed: all of it is finalized."""
    return await World(chain, start_slot=chain.first_slot, seconds=(DECEITFUL.slots + 100) * 0.4).prepared()


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
        paths = [path async for path in recording.blocks(world.rpc, span_of(chain), tmp_path, lambda: None)]
        assert len(paths) == len(chain.blocks)
        await world.replay(tmp_path, settle=True)
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
        await world.replay(tmp_path, settle=False)
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
