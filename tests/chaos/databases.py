"""A database of its own for a trial or a measurement, dropped afterwards; its server may just have been killed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from indexer.errors import StoreUnavailable
from indexer.store.connection import connected
from tests.conftest import in_database

PATIENCE_S = 60.0


@asynccontextmanager
async def database(server_url: str, name: str) -> AsyncIterator[str]:
    """The URL of an empty one. Kept after an error, to be looked at."""
    await execute(server_url, f"CREATE DATABASE {name} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
    yield in_database(server_url, name)
    await execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


async def execute(url: str, statement: str) -> None:
    """Tried until it can be done, for a minute."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            async with connected(url) as connection:
                await connection.execute(statement)
                return
        except (StoreUnavailable, asyncpg.PostgresError, OSError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
