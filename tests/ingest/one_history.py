"""One simulated history, and a world in which a ledger is filled from it in every way that there is.

In virtual time, over the twin in memory, which other tests hold equal to PostgreSQL.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

from indexer import app as wiring
from indexer import app_network as composed
from indexer.config import Settings, Strategy, load
from indexer.core.coverage import Span
from indexer.ingest import recording
from indexer.ingest.listening import Listener
from indexer.ingest.precedence import Precedence
from indexer.ingest.replay import Replay
from indexer.ingest.settling import fill_all
from indexer.ingest.writing import Writer
from indexer.simulation.box import Box
from indexer.simulation.chain import Chain
from indexer.sources.confirmed import Confirmed
from indexer.sources.recorded import find_files
from indexer.sources.websocket import LogSubscriptions
from indexer.store.memory import MemoryStore
from tests.simulation.chains import DECEITFUL


class World:
    """The chain's nodes and archive, all of it finalized, and one ledger, empty unless one is given."""

    def __init__(
        self, chain: Chain, *, start_slot: int, seconds: float | None, store: MemoryStore | None = None
    ) -> None:
        """`seconds`: where the clock stands; None: it runs."""
        clock = asyncio.get_running_loop().time
        self.chain, self.rng, self.store = chain, Random(1), store or MemoryStore()
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

    async def record(self, folder: Path) -> Sequence[Path]:
        """Every block, a file each."""
        return [path async for path in recording.blocks(self.rpc, span_of(self.chain), folder, lambda: None)]

    async def replay(self, files: Sequence[Path], *, settle: bool) -> None:
        bounds = wiring.limits(self.settings)
        reading = Replay(self.store, wiring.protocols(), wiring.seed(), bounds, page_transactions=100, settle=settle)
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


def files_of(folder: Path) -> Sequence[Path]:
    return find_files([str(folder)])[1]


async def finalized(chain: Chain, store: MemoryStore | None = None) -> World:
    """Slots behind the chain's end have passed: all of it is finalized."""
    seconds = (DECEITFUL.slots + 100) * 0.4
    return await World(chain, start_slot=chain.first_slot, seconds=seconds, store=store).prepared()
