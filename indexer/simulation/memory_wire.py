"""The wire in memory: HTTP and WebSockets to simulated servers, by the running loop's time and without sockets.

Servers are found by the host of a URL. Every way takes a latency that is drawn anew; what a server says of an
answer's journey comes on top. What a client would see of a broken connection is a WireBroken here.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from indexer.simulation.exchange import Answer, Connection, Request, Server
from indexer.simulation.subscriptions import Closed
from indexer.sources.wire import Link, Reply, Streamed, WireBroken

_Result = TypeVar("_Result")
_MOST_UNREAD = 10_000  # Frames on their way; a client that reads slower is cut off.


class Latency(msgspec.Struct, frozen=True):
    """One way, in seconds: at least `least_s`, and a tail that is exponential."""

    least_s: float = 0.010
    tail_s: float = 0.010

    def draw(self, random: Random) -> float:
        return self.least_s + random.expovariate(1 / self.tail_s) if self.tail_s else self.least_s


class MemoryHttp:
    """wire.Http over simulated servers."""

    def __init__(self, servers: Mapping[str, Server], random: Random, latency: Latency | None = None) -> None:
        """`servers`: by host, with its port if it has one."""
        self._servers, self._random, self._latency = servers, random, latency or Latency()

    async def post(self, url: str, body: bytes, *, timeout_s: float, most_bytes: int) -> Reply:
        return await self._whole(url, "POST", body, timeout_s, most_bytes)

    async def get(self, url: str, *, timeout_s: float, most_bytes: int) -> Reply:
        return await self._whole(url, "GET", b"", timeout_s, most_bytes)

    @asynccontextmanager
    async def stream(self, url: str, body: bytes, *, idle_timeout_s: float) -> AsyncIterator[Streamed]:
        answer = await _within(idle_timeout_s, self._ask(url, "POST", body))
        yield _MemoryStream(answer, idle_timeout_s)

    async def _whole(self, url: str, method: str, body: bytes, timeout_s: float, most_bytes: int) -> Reply:
        return await _within(timeout_s, self._read(url, method, body, most_bytes))

    async def _read(self, url: str, method: str, body: bytes, most_bytes: int) -> Reply:
        answer = await self._ask(url, method, body)
        if len(answer.body) > most_bytes:
            raise WireBroken(f"a body of {len(answer.body)} bytes, at most {most_bytes} are read")
        async for _ in _pieces(answer):
            pass
        return Reply(answer.status, answer.headers, answer.body)

    async def _ask(self, url: str, method: str, body: bytes) -> Answer:
        parts = urlsplit(url)
        if (server := self._servers.get(parts.netloc)) is None:
            raise WireBroken(f"no server at {parts.hostname}")
        await asyncio.sleep(self._latency.draw(self._random))
        answer = server.respond(Request(method, parts.path, body)).made()
        await asyncio.sleep(self._latency.draw(self._random) + answer.wait_s)
        return answer


class _MemoryStream:
    """wire.Streamed."""

    def __init__(self, answer: Answer, idle_timeout_s: float) -> None:
        self.status, self.headers = answer.status, answer.headers
        self._answer, self._idle_timeout_s = answer, idle_timeout_s

    async def chunks(self) -> AsyncIterator[bytes]:
        pieces = _pieces(self._answer)
        while (piece := await _within(self._idle_timeout_s, anext(pieces, None))) is not None:
            yield piece


async def _pieces(answer: Answer) -> AsyncIterator[bytes]:
    for start in range(0, len(answer.body), answer.piece_bytes):
        await asyncio.sleep(answer.pause_s)
        yield answer.body[start : start + answer.piece_bytes]
    if answer.ending == "reset":
        raise WireBroken(f"connection reset after {len(answer.body)} bytes")
    if answer.ending == "silence":
        await asyncio.Event().wait()


async def _within(seconds: float, coming: Awaitable[_Result]) -> _Result:
    try:
        async with asyncio.timeout(seconds):
            return await coming
    except TimeoutError:
        raise WireBroken(f"no answer within {seconds} s") from None


class MemoryDial:
    """wire.Dial over simulated servers."""

    def __init__(self, servers: Mapping[str, Server], random: Random, latency: Latency | None = None) -> None:
        self._servers, self._random, self._latency = servers, random, latency or Latency()

    @asynccontextmanager
    async def __call__(self, url: str) -> AsyncIterator[Link]:
        parts = urlsplit(url)
        if (server := self._servers.get(parts.netloc)) is None:
            raise WireBroken(f"no server at {parts.hostname}")
        await asyncio.sleep(3 * self._latency.draw(self._random))  # TCP, then the upgrade there and back.
        try:
            connection = server.connect()
        except Closed as closed:
            raise WireBroken(f"{parts.hostname}: {closed}") from None
        yield _MemoryLink(connection, self._latency.draw(self._random))


class _MemoryLink:
    """wire.Link. Frames arrive in order, each one way's latency after it was due."""

    def __init__(self, connection: Connection, latency_s: float) -> None:
        self._connection, self._latency_s = connection, latency_s
        self._coming: deque[tuple[float, str]] = deque()  # (time of arrival, frame)
        self._asked = asyncio.Event()
        self._closed: Closed | None = None

    async def send(self, text: str) -> None:
        await asyncio.sleep(self._latency_s)
        self._look()
        if self._closed is not None:
            raise WireBroken(str(self._closed))
        self._connection.take(text)
        self._asked.set()

    async def receive(self) -> str:
        while True:
            self._look()
            if self._coming:
                arrival, frame = self._coming[0]
                await asyncio.sleep(max(0.0, arrival - asyncio.get_running_loop().time()))
                self._coming.popleft()
                return frame
            if self._closed is not None:
                raise WireBroken(str(self._closed))
            await self._until_asked(self._connection.next_in_s())

    def _look(self) -> None:
        """Take over what has become due, at the time when it did."""
        if self._closed is not None:
            return
        try:
            arrival = asyncio.get_running_loop().time() + self._latency_s
            self._coming.extend((arrival, frame) for frame in self._connection.due())
        except Closed as closed:
            self._closed = closed
        if len(self._coming) > _MOST_UNREAD:
            self._closed = Closed(1009)

    async def _until_asked(self, seconds: float) -> None:
        self._asked.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            return
