"""The daemon through days of a cluster in a box, with faults, forks and kills; and the ledger that it wrote.

A slot takes a quarter of an hour of block time. Every page that daemons and backfills wrote, provisional ones too,
is written to PostgreSQL again in the same order. No accounts are read: when they are is not told by the chain.
"""

from __future__ import annotations

from random import Random

import msgspec
import structlog

from indexer.app import seed
from indexer.config import Settings
from indexer.simulation import virtual_time
from indexer.simulation.chain import Chain
from indexer.simulation.fault_kinds import PROFILES
from indexer.simulation.trial import Outcome, Plan, chain_of, trial
from indexer.sources.wire import Dial, Http
from indexer.store.base import Page, Store, Written
from indexer.store.memory import MemoryStore
from indexer.trials import TheProgram
from tests.aggregates.days import Numbers

SLOT_MS = 900_000
SLOTS, HISTORY_SLOTS = 1000, 900
TRANSACTIONS, FORKED = 2.0, 0.04


class Life(msgspec.Struct, frozen=True):
    """`pages`: what was written, in order."""

    chain: Chain
    pages: list[Page]
    outcome: Outcome


class _Recording(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.pages: list[Page] = []

    async def write(self, page: Page) -> Written:
        written = await super().write(page)
        self.pages.append(page)
        return written


class _WithoutAccounts(TheProgram):
    async def daemon(self, settings: Settings, store: Store, http: Http, dial: Dial, holder: str, rng: Random) -> None:
        run = settings.run.model_copy(update={"snapshot_every_s": 0.0})
        await super().daemon(settings.model_copy(update={"run": run}), store, http, dial, holder, rng)


def lived(number: int) -> Life:
    """A daemon's life by seed, until every slot is settled. Its world is full of errors: none is logged."""
    plan = Plan(
        seed=number, profile=tuple(PROFILES)[number % len(PROFILES)], slots=SLOTS, history_slots=HISTORY_SLOTS,
        transactions=TRANSACTIONS, forked=FORKED, slot_ms=SLOT_MS,
    )  # fmt: skip
    before, store = structlog.get_config(), _Recording()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    try:
        outcome = virtual_time.run(trial(plan, _WithoutAccounts(), store))
    finally:
        structlog.configure(**before)
    return Life(chain_of(plan), store.pages, outcome)


async def write_again(life: Life, ledger: Numbers) -> None:
    """The same ledger in PostgreSQL, rolled up and refreshed."""
    await ledger.empty()
    await ledger.store.seed(seed())
    for page in life.pages:
        await ledger.store.write(page)
    await ledger.roll()
    for view in await ledger.aggregates.views():
        await ledger.aggregates.refresh(view)
