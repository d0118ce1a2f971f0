"""The ledger of `weeks`, filled once for all tests of a module."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.aggregates.days import numbers
from tests.report import weeks


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def week_url(module_database_url: str) -> AsyncIterator[str]:
    async with numbers(module_database_url) as ledger:
        await weeks.fill(ledger)
    yield module_database_url
