"""The daemon through days of a cluster in a box, with faults, forks and kills; and the ledger that it wrote.

A slot takes a quarter of an hour of block time and 0.4 s of the clock. Every page that the daemon wrote, provisional
ones too, is written to PostgreSQL again in the same order: in virtual time no socket may be waited for.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random

import msgspec
import structlog

from indexer.app import seed
from indexer.config import load
from indexer.core.coverage import Span, missing
from indexer.simulation import virtual_time
from indexer.simulation.box import Box
from indexer.simulation.build import build_chain
from indexer.simulation.chain import Chain
from indexer.simulation.fault_kinds import PROFILES
from indexer.simulation.profile import Profile
from indexer.simulation.trial import Plan, environment_for, portal_behind
from indexer.store.base import Page, Written
from indexer.store.memory import MemoryStore
from indexer.trials import TheProgram
from tests.aggregates.days import Numbers

SLOT_MS, SLOT_S = 900_000, 0.4
SLOTS, HISTORY_SLOTS = 1000, 900
TRANSACTIONS, FORKED = 2.0, 0.04
KILLS = 2
MOST_S = 2000.0  # Of the clock.


class Life(msgspec.Struct, frozen=True):
    """`pages`: what the daemon wrote, in order. `met`: what occurred, counted."""

    chain: Chain
    pages: list[Page]
    met: dict[str, int]


class _Recording(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.pages: list[Page] = []
        self.dropped = 0

    async def write(self, page: Page) -> Written:
        written = await super().write(page)
        self.pages.append(page)
        self.dropped += written.rows.get("deleted", 0)
        return written


def lived(number: int) -> Life:
    """A daemon's life by seed, until every slot is settled. Its world is full of errors: none is logged."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    try:
        return virtual_time.run(_Living(number).live())
    finally:
        structlog.configure(**before)


async def write_again(life: Life, ledger: Numbers) -> None:
    """The same ledger in PostgreSQL, rolled up and refreshed."""
    await ledger.empty()
    await ledger.store.seed(seed())
    for page in life.pages:
        await ledger.store.write(page)
    await ledger.roll()
    for view in await ledger.aggregates.views():
        await ledger.aggregates.refresh(view)


class _Living:
    def __init__(self, seed: int) -> None:
        self.seed, self.rng = seed, Random(f"life {seed}")
        profile = tuple(PROFILES)[seed % len(PROFILES)]
        shape = Profile(slots=SLOTS, slot_ms=SLOT_MS, transactions=TRANSACTIONS, forked=FORKED)
        self.chain = build_chain(seed, shape)
        self.plan = Plan(seed=seed, profile=profile)
        self.program, self.store = TheProgram(), _Recording()
        self.lives_s = (SLOTS - HISTORY_SLOTS) * SLOT_S
        self.span = Span(min(self.chain.blocks), max(self.chain.blocks) + 1)

    async def live(self) -> Life:
        loop = asyncio.get_running_loop()
        self.box = Box(
            self.chain, loop.time, seed=self.seed, profile=self.plan.profile, span_s=self.lives_s,
            start_slot=self.chain.first_slot + HISTORY_SLOTS, speed=SLOT_MS / 1000 / SLOT_S,
            portal_behind=portal_behind(self.plan),
        )  # fmt: skip
        drawn = environment_for(self.chain, self.box.addresses(), self.rng, self.plan)
        self.settings = load(environment=drawn | {"PERPS_RUN__SNAPSHOT_EVERY_S": "0"})
        await self.program.prepare(self.store, self.settings)
        async with asyncio.TaskGroup() as tasks:
            daemons = tasks.create_task(self._daemons())
            await self._until_settled()
            daemons.cancel()
        met = {"faults": sum(self.box.faults.struck.values()), "forks": len(self.chain.forks)}
        return Life(self.chain, self.store.pages, met | {"dropped": self.store.dropped})

    async def _daemons(self) -> None:
        """One after the other; all but the last are killed."""
        for number in range(KILLS):
            with suppress(TimeoutError):
                async with asyncio.timeout(self.rng.uniform(0.1, 0.5) * self.lives_s):
                    await self._daemon(number)
        await self._daemon(KILLS)

    async def _daemon(self, number: int) -> None:
        http, dial = self.box.http(), self.box.dial()
        await self.program.daemon(self.settings, self.store, http, dial, f"daemon {number}", self.rng)

    async def _until_settled(self) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < MOST_S:
            await asyncio.sleep(1.0)
            open_slots = [missing([self.span], await self.store.coverage(name)) for name in self.program.streams]
            if loop.time() > self.lives_s and not any(open_slots):
                return
        raise AssertionError(f"seed {self.seed}: not settled after {MOST_S:g} s: {open_slots}")
