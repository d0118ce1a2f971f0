"""Real WebSockets: wire.Dial over the `websockets` library, which answers pings and sends its own.

A frame that is larger than `max_bytes` closes the link (1009), as does a peer that answers no ping (1011): both are
WireBroken, like every other end. Addresses may hold keys, and no message shows one.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from indexer.redaction import redacted
from indexer.sources.addresses import Scrubber, shown
from indexer.sources.wire import Link, WireBroken

_QUIET = logging.getLogger("indexer.websockets")
_QUIET.setLevel(logging.WARNING)  # Below it the library logs requests, and with them keys in paths.


class DialSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds."""

    max_bytes: int = 16 * 2**20  # Of a frame. Log lines of a transaction have 10 kB; nodes may send more than that.
    open_timeout_s: float = 10.0
    ping_interval_s: float = 15.0  # Providers drop links that are idle for minutes.
    ping_timeout_s: float = 15.0
    close_timeout_s: float = 2.0


class WebSocketDial:
    """Opens WebSockets over the network."""

    def __init__(self, settings: DialSettings | None = None) -> None:
        self._settings = settings or DialSettings()

    @asynccontextmanager
    async def __call__(self, url: str) -> AsyncIterator[Link]:
        """Connect; raises WireBroken."""
        settings = self._settings
        opening = connect(
            url,
            max_size=settings.max_bytes,
            open_timeout=settings.open_timeout_s,
            ping_interval=settings.ping_interval_s,
            ping_timeout=settings.ping_timeout_s,
            close_timeout=settings.close_timeout_s,
            logger=_QUIET,
        )
        try:
            connection = await opening
        except (OSError, TimeoutError, WebSocketException, UnicodeError, ImportError) as error:
            # UnicodeError: no name of a host. ImportError: the environment names a proxy that needs a library.
            reason = Scrubber(url)(str(error)) or type(error).__name__
            raise WireBroken(f"{shown(url)}: not opened: {reason}") from None
        try:
            yield _Link(connection)
        finally:
            await connection.close()


class _Link:
    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            raise WireBroken(_ended(error)) from None

    async def receive(self) -> str | bytes:
        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            raise WireBroken(_ended(error)) from None


def _ended(error: ConnectionClosed) -> str:
    return redacted(f"the link was closed: {error}")
