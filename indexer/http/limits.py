"""Bounds of what clients can hold: requests at once, the time of each, and connections.

A connection over which no request comes, or whose answer nobody takes, is closed: one costs little, many cost all that
there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from aiohttp import web

from indexer.http.trouble import Trouble

BEYOND_STATEMENT_S = 5.0  # For everything but the statement: a connection to the database, and the answer's text.
SILENT_S = 15.0  # Until a connection has to have brought its next request.
UNREAD_S = 30.0  # Until the reader of an answer has to have taken some of it.
MOST_CONNECTIONS = 256
_LOOK_EVERY_S = 1.0


class AtOnce:
    """How many requests are being answered."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.now = 0
        self.refused = 0  # Since the start.

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises Trouble where there are too many: to let them wait would only make the line longer."""
        if self.now >= self.most:
            self.refused += 1
            raise Trouble("too_busy", f"{self.now} requests are being answered, the most there may be")
        self.now += 1
        try:
            yield
        finally:
            self.now -= 1


class _State:
    """Of one connection. Times are those of the event loop."""

    def __init__(self, now: float) -> None:
        self.quiet_since = now  # Nothing of it is being answered.
        self.unread, self.unread_since = 0, now


class Connections:
    """Watches the connections of a server. `began` and `ended` enclose each request."""

    def __init__(self) -> None:
        self._states: WeakKeyDictionary[asyncio.BaseTransport, _State] = WeakKeyDictionary()
        self._answering: WeakKeyDictionary[asyncio.BaseTransport, int] = WeakKeyDictionary()

    def began(self, transport: asyncio.BaseTransport | None) -> None:
        if transport is not None:
            self._answering[transport] = self._answering.get(transport, 0) + 1

    def ended(self, transport: asyncio.BaseTransport | None, now: float) -> None:
        if transport is not None:
            self._answering[transport] = max(0, self._answering.get(transport, 0) - 1)
            self._state(transport, now).quiet_since = now

    async def watch(self, server: web.Server) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            transports = [one.transport for one in server.connections if one.transport is not None]
            for transport in [*self._useless(transports, loop.time()), *transports[MOST_CONNECTIONS:]]:
                transport.abort()
            await asyncio.sleep(_LOOK_EVERY_S)

    def _useless(self, transports: list[asyncio.Transport], now: float) -> list[asyncio.Transport]:
        return [one for one in transports if self._is_unread(one, now) or self._is_silent(one, now)]

    def _is_silent(self, transport: asyncio.Transport, now: float) -> bool:
        state = self._state(transport, now)
        return not self._answering.get(transport) and now - state.quiet_since > SILENT_S and not state.unread

    def _is_unread(self, transport: asyncio.Transport, now: float) -> bool:
        state, waiting = self._state(transport, now), transport.get_write_buffer_size()
        if waiting == 0 or waiting < state.unread:
            state.unread_since = now
        state.unread = waiting
        return bool(waiting) and now - state.unread_since > UNREAD_S

    def _state(self, transport: asyncio.BaseTransport, now: float) -> _State:
        return self._states.setdefault(transport, _State(now))
