"""A random ledger with rows of every kind, made once for all tests of a module, and a client of a server over it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from indexer.core.coverage import Span
from indexer.store.connection import connected
from indexer.store.coordination import ProviderHealth
from tests.aggregates.days import numbers
from tests.aggregates.parity import live, made_fresh
from tests.aggregates.worlds import World
from tests.http.answers import Client, serving, settings_for
from tests.store.ledger import failure, origin, page

SEED = 5
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
    yield module_database_url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(world_url: str) -> AsyncIterator[Client]:
    async with serving(settings_for(world_url), world_url) as client:
        yield client
