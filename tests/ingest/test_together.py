"""Daemons and backfills on one real database: the same ledger, little done twice, and a full disk waited for.

The loops are the daemon's own, the cluster is simulated without sockets, and time is real: PostgreSQL has no other.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import pytest
import structlog

from indexer.config import Settings, load
from indexer.core.coverage import Span, common, missing
from indexer.simulation.box import Box
from indexer.simulation.build import build_chain
from indexer.simulation.chain import Chain
from indexer.simulation.profile import Profile
from indexer.simulation.trial import EVERYTHING
from indexer.simulation.verdict import verdict
from indexer.store.base import Store
from indexer.store.connection import connected
from indexer.store.postgres import open_store
from indexer.trials import TheProgram
from tests.store.test_outages import fill, give_away, needs_mount, needs_own_server, small_disk

__all__ = ["small_disk"]  # A fixture.
SLOTS, HISTORY, SPEED = 200, 140, 10.0
PATIENCE_S = 90.0
MOST_OVERLAP = 0.3  # Of what was settled: claims avoid double work, they do not forbid it.


class Place:
    """One cluster, one database, and whoever works on it. Each has a pool of its own, as a process has."""

    def __init__(self, url: str, transactions: float = 2.0) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.url, self.program, self.rng = url, TheProgram(), Random(3)
        self.chain = build_chain(21, Profile(slots=SLOTS, transactions=transactions))
        self.box = Box(self.chain, lambda: loop.time() - began, start_slot=self.chain.first_slot + HISTORY, speed=SPEED)
        self.settings = settings_for(self.box, self.chain)

    @property
    def span(self) -> Span:
        return Span(min(self.chain.blocks), max(self.chain.blocks) + 1)

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        async with open_store(self.url) as store:
            await self.program.prepare(store, self.settings)
            yield store

    async def daemon(self, name: str) -> None:
        async with self.store() as store:
            await self.program.daemon(self.settings, store, self.box.http(), self.box.dial(), name, self.rng)

    async def backfill(self, name: str, span: Span) -> None:
        async with self.store() as store:
            await self.program.backfill(self.settings, store, self.box.http(), span, name, self.rng)

    async def until_settled(self, store: Store) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while any([missing([self.span], await store.coverage(name)) for name in self.program.streams]):  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    async def require_truth(self, store: Store) -> None:
        coverage = {name: common(await store.coverage(name), [self.span]) for name in self.program.streams}
        found = verdict(self.chain.truth, await store.rows(EVERYTHING), coverage, self.span)
        assert (found.lost, found.doubled, found.differing) == ([], [], [])
        assert await store.differences() == []


def settings_for(box: Box, chain: Chain) -> Settings:
    addresses = box.addresses()
    return load(
        environment={
            "PERPS_ENDPOINTS__RPC": json.dumps(list(addresses.rpc)),
            "PERPS_ENDPOINTS__WEBSOCKET": json.dumps(list(addresses.websocket)),
            "PERPS_ENDPOINTS__PORTAL": addresses.portal,
            "PERPS_ENDPOINTS__PORTAL_RATE": "20",
            "PERPS_CLUSTER__NAME": "simulated",
            "PERPS_CLUSTER__GENESIS_HASH": chain.genesis_hash,
            "PERPS_STRATEGY__SEAM_SLOTS": "20",
            "PERPS_STRATEGY__SPAN_SLOTS": "20",
            "PERPS_STRATEGY__RECENT_SLOTS": "60",
            "PERPS_RUN__START_SLOT": str(min(chain.blocks)),
            "PERPS_RUN__SETTLE_EVERY_S": "0.2",
            "PERPS_RUN__OBSERVE_EVERY_S": "0.2",
        }
    )


async def test_two_daemons_and_three_backfills_write_one_ledger_and_little_of_it_twice(database_url: str) -> None:
    place = Place(database_url)
    first = place.span.start
    spans = [Span(first, first + 60), Span(first + 30, first + 100), Span(first, first + HISTORY - 40)]
    with structlog.testing.capture_logs() as logs:
        async with place.store() as store, asyncio.TaskGroup() as tasks:
            daemons = [tasks.create_task(place.daemon(f"daemon {n}")) for n in range(2)]
            backfills = [tasks.create_task(place.backfill(f"backfill {n}", span)) for n, span in enumerate(spans)]
            await asyncio.wait(backfills)
            await place.until_settled(store)
            for daemon in daemons:
                daemon.cancel()
    async with place.store() as store:
        await place.require_truth(store)
    expected = "layout_unknown"  # The chain has events of no known layout.
    assert [x for x in logs if x["log_level"] in ("error", "critical") and x["event"] != expected] == []
    worked = [line for line in logs if line["event"] == "span_settled"]
    settled = sum(line["settled"] for line in worked)
    assert settled <= (1 + MOST_OVERLAP) * len(place.span) * len(place.program.streams)


@asynccontextmanager
async def tables_on(disk: Path, url: str) -> AsyncIterator[None]:
    """What is created in the database from now on lies on the disk; at the end all of it is dropped."""
    tables = disk / "tables"
    tables.mkdir(mode=0o700)
    async with connected(url) as database:
        give_away(tables, await database.fetchval("SHOW data_directory"))
        name = await database.fetchval("SELECT current_database()")
        await database.execute(f"CREATE TABLESPACE of_{name} LOCATION '{tables}'")
        await database.execute(f"ALTER DATABASE {name} SET default_tablespace = of_{name}")
    try:
        yield
    finally:
        async with connected(url) as database:
            await database.execute("DROP SCHEMA ledger, perps CASCADE")
            await database.execute(f"ALTER DATABASE {name} RESET default_tablespace")
            await database.execute(f"DROP TABLESPACE of_{name}")


@needs_mount
@needs_own_server
@pytest.mark.parametrize("small_disk", [32], indirect=True)
async def test_a_full_disk_pauses_the_daemon_which_goes_on_when_there_is_room(
    small_disk: Path, database_url: str
) -> None:
    async with AsyncExitStack() as resources:
        await resources.enter_async_context(tables_on(small_disk, database_url))
        place = Place(database_url, transactions=6.0)
        store = await resources.enter_async_context(place.store())
        async with connected(database_url) as database:  # The partitions, which are made before the disk is full.
            await database.execute("SELECT ledger.ensure_partitions($1, $2)", place.span.start, place.span.end)
        filler = fill(small_disk, leave_bytes=200_000)
        with structlog.testing.capture_logs() as logs:
            daemon = asyncio.create_task(place.daemon("daemon"))
            async with asyncio.timeout(PATIENCE_S):
                while not any("No space left" in str(line) for line in logs):  # noqa: ASYNC110 (it is told in logs)
                    await asyncio.sleep(0.1)
            await asyncio.sleep(1.0)
            assert not daemon.done(), "it ended of a full disk"
            assert any([missing([place.span], await store.coverage(name)) for name in place.program.streams])
            filler.unlink()
            await place.until_settled(store)
            daemon.cancel()
            await asyncio.wait([daemon])
        await place.require_truth(store)
