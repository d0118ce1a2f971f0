"""Which database a command works on: DATABASE_URL always wins, else the embedded server.

The embedded server runs while a command needs it, unless `db start` made it stay.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from indexer.config import Settings
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate


def embedded(settings: Settings) -> EmbeddedPostgres:
    """The embedded server of these settings, not yet started."""
    return EmbeddedPostgres(settings.data.folder / "postgres")


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[str]:
    """The URL of a reachable database with the newest schema. Raises StoreUnavailable, SchemaError."""
    async with serving(settings) as url:
        await migrate(url, timeout_s=settings.database.connect_timeout_s)
        yield url


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """The URL of the database as it is."""
    if settings.database.url is not None:
        yield settings.database.url.get_secret_value()
        return
    server = embedded(settings)
    url = await asyncio.to_thread(server.start)
    try:
        yield url
    finally:
        await asyncio.to_thread(server.release)
