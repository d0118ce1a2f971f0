"""A random ledger with rows of every kind, made once for all tests of a module, and a client of a server over it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from msgspec.structs import replace

from indexer.app import witnesses
from indexer.core.coverage import Span
from indexer.core.record import Counter
from indexer.store.connection import connected
from indexer.store.coordination import ProviderHealth
from indexer.store.postgres import PostgresStore
from indexer.store.proofs import Opinion, open_proofs
from indexer.store.told import PROOF_SLOTS
from tests.aggregates.days import numbers, time_of
from tests.aggregates.parity import live, made_fresh
from tests.aggregates.worlds import World
from tests.http.answers import Client, serving, settings_for
from tests.store.ledger import failure, origin, page
from tests.verify.test_witnesses import row

SEED = 5
VERIFIED = 81_100  # The first slot of what is proven, behind the world.
HEALTH = ProviderHealth(endpoint="https://rpc.example", method="getBlock", requests=10, errors=2, rate_limited=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world_url(module_database_url: str) -> AsyncIterator[str]:
    async with numbers(module_database_url) as ledger:
        await live(World(SEED), ledger)
        await made_fresh(ledger)
        await ledger.store.write(page(*(failure(origin(80_000 + n, n % 2, tx=n)) for n in range(5))))
        await ledger.store.write(page(unavailable={"drift": [Span(80_100, 80_110), Span(80_120, 80_130)]}))
        await ledger.store.want_from(["drift"], 100)
        await ledger.store.observe_head(["drift"], "a", finalized=90_000, confirmed=90_010)
        await ledger.store.report_health("a", [HEALTH])
        async with connected(module_database_url) as connection:
            await connection.execute("ANALYZE")
        await _verify(ledger.store, module_database_url)
    yield module_database_url


async def _verify(store: PostgresStore, url: str) -> None:
    """Deposits 1, 2 and 4 of a market, and what its account tells: proven, with a gap; and a second opinion."""
    deposits = [
        row("drift", VERIFIED + number, 0, "DepositRecord", marketIndex=0, depositRecordId=number)
        for number in (1, 2, 4)
    ]
    timed = [replace(one, origin=replace(one.origin, block_time=time_of(one.origin.slot))) for one in deposits]
    of_account = replace(timed[-1].origin, channel="account", slot=VERIFIED + 9)
    counter = Counter(origin=of_account, counter_kind="deposits", market_key="spot:0", value=4)
    await store.write(page(*timed, counter, settled=(VERIFIED, VERIFIED + 10)))
    async with open_proofs(url) as proofs:
        await proofs.prove(VERIFIED // PROOF_SLOTS, witnesses()["drift"])
        await proofs.count(Opinion("https://rpc.example", "drift", slots=10, rows=40, differing=1))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(world_url: str) -> AsyncIterator[Client]:
    async with serving(settings_for(world_url), world_url) as client:
        yield client
