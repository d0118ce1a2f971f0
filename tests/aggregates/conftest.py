"""One database and its connections for the tests of a module: each test begins without rows."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.aggregates.days import Numbers, numbers


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_ledger(module_database_url: str) -> AsyncIterator[Numbers]:
    async with numbers(module_database_url) as ledger:
        yield ledger


@pytest_asyncio.fixture(loop_scope="module")
async def ledger(one_ledger: Numbers) -> Numbers:
    await one_ledger.empty()
    return one_ledger
