"""Which database a command works on: DATABASE_URL always wins, else the embedded server.

The embedded server runs while a command needs it, unless `db start` made it stay. Where it dies, a command that runs
for long starts it again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog

from indexer.config import Settings
from indexer.errors import StoreUnavailable
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate, require_newest

_LOOKS_EVERY_S, _MOST_PAUSE_S = 1.0, 30.0
_Result = TypeVar("_Result")
_log = structlog.get_logger()


def embedded(settings: Settings) -> EmbeddedPostgres:
    """The embedded server of these settings, not yet started."""
    return EmbeddedPostgres(settings.data.folder / "postgres")


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[str]:
    """The URL of a reachable database with the newest schema. Raises StoreUnavailable, SchemaError."""
    async with serving(settings) as url:
        if settings.database.pooled:  # A migration locks by its session.
            await require_newest(url, timeout_s=settings.database.connect_timeout_s)
        else:
            await migrate(url, timeout_s=settings.database.connect_timeout_s)
        yield url


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """The URL of the database as it is."""
    if settings.database.url is not None:
        yield settings.database.url.get_secret_value()
        return
    server = embedded(settings)
    try:
        url = await _to_its_end(server.start)
    except asyncio.CancelledError:
        await asyncio.to_thread(server.release)
        raise
    try:
        yield url
    finally:
        await asyncio.to_thread(server.release)


async def keep_serving(settings: Settings) -> None:
    """Start the embedded server again where it and its supervisor were killed; until cancelled.

    One that `db stop` stopped is left to whoever starts it, one of DATABASE_URL to its owner. Raises StoreUnavailable
    where it comes back on another port, since nobody would find it.
    """
    if settings.database.url is not None:
        return
    server = embedded(settings)
    url, pause_s = server.url, _LOOKS_EVERY_S
    try:
        while True:
            await asyncio.sleep(pause_s)
            if server.has_died():
                pause_s = await _started_again(server, url, pause_s)
    finally:
        await asyncio.to_thread(server.release)


async def _started_again(server: EmbeddedPostgres, url: str | None, pause_s: float) -> float:
    """How long to wait before the next look: longer and longer while it cannot be started."""
    try:
        found = await _to_its_end(server.start)
    except StoreUnavailable as error:
        _log.warning("embedded_server_not_started", reason=str(error))
        return min(2 * pause_s, _MOST_PAUSE_S)
    if url not in (None, found):
        raise StoreUnavailable("the embedded server came back on another port", remedy="start this command again")
    _log.warning("embedded_server_started_again")
    return _LOOKS_EVERY_S


async def _to_its_end(call: Callable[[], _Result]) -> _Result:
    """In a thread, which no cancel ends: whoever is cancelled waits for it, or its lease would never be given back."""
    running = asyncio.ensure_future(asyncio.to_thread(call))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise
