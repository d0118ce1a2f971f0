"""Scripted wires in virtual time: WebSocket peers that a test drives frame by frame, and a Portal's HTTP."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec

from indexer.sources.wire import Link, Reply, Streamed, WireBroken
from tests.sources.archive import Archive, BadQuery


class Peer:
    """The far end of one link. `asked`: every request that came, in order; `said` queues frames for the client."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[dict[str, Any]] = []
        self.is_open = True
        self.opened_at = asyncio.get_running_loop().time()
        self._frames: asyncio.Queue[Any] = asyncio.Queue()
        self._asked = asyncio.Event()

    def say(self, frame: Any) -> None:
        """Send a frame: text or bytes as they are, anything else as JSON."""
        self._frames.put_nowait(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def hang_up(self, reason: str = "closed 1006") -> None:
        self._frames.put_nowait(WireBroken(reason))

    def answer(self, request: dict[str, Any], result: Any) -> None:
        self.say({"jsonrpc": "2.0", "id": request["id"], "result": result})

    def refuse(self, request: dict[str, Any], code: int, message: str) -> None:
        self.say({"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message}})

    async def request(self, place: int) -> dict[str, Any]:
        """The request at this place, as soon as it came."""
        while len(self.asked) <= place:
            self._asked.clear()
            await self._asked.wait()
        return self.asked[place]

    # --- the client's end

    async def send(self, text: str) -> None:
        if not self.is_open:
            raise WireBroken("closed")
        self.asked.append(json.loads(text))
        self._asked.set()

    async def receive(self) -> str | bytes:
        frame = await self._frames.get()
        if isinstance(frame, WireBroken):
            self.is_open = False
            raise frame
        return frame  # type: ignore[no-any-return]


Script = Callable[[Peer], Coroutine[Any, Any, None]]


class FakeDial:
    """Opens links to scripted peers. A script runs beside each link, in order of their opening; None: refused.

    The last one is used again and again. `by_url`: an endpoint's own script.
    """

    def __init__(self, *scripts: Script | None, by_url: Mapping[str, Script | None] | None = None) -> None:
        self.scripts = list(scripts)
        self.by_url = by_url or {}
        self.peers: list[Peer] = []
        self.open = 0
        self.dialled_at: list[float] = []

    @asynccontextmanager
    async def __call__(self, url: str) -> AsyncIterator[Link]:
        self.dialled_at.append(asyncio.get_running_loop().time())
        script = self.by_url[url] if url in self.by_url else self.scripts[0]
        if url not in self.by_url and len(self.scripts) > 1:
            self.scripts.pop(0)
        if script is None:
            raise WireBroken(f"{url}: no connection")
        peer = Peer(url)
        self.peers.append(peer)
        running = asyncio.create_task(script(peer))
        self.open += 1
        try:
            yield peer
        finally:
            self.open -= 1
            peer.is_open = False
            running.cancel()
            await asyncio.wait([running])
            if not running.cancelled():
                running.result()


# --- the Portal ------------------------------------------------------------------------------------------------------


class Body(msgspec.Struct):
    """An answer to a stream request. `cut`: the connection breaks behind the pieces."""

    pieces: Sequence[bytes]
    status: int = 200
    headers: Mapping[str, str] = {}
    cut: bool = False
    pause_s: float = 0.0  # Before each piece.

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            await asyncio.sleep(self.pause_s)
            yield piece
        if self.cut:
            raise WireBroken("reset in the middle of a body")


Turn = Callable[[list[bytes]], Body]


def whole(lines: list[bytes]) -> Body:
    return Body([b"".join(line + b"\n" for line in lines)])


class FakePortal:
    """wire.Http over an archive. `turns`: what becomes of the answers to stream requests, one after the other."""

    def __init__(self, archive: Archive, *turns: Turn, first: int = 0, head: int | None = None) -> None:
        self.archive = archive
        self.turns = deque(turns)
        self.head = max(archive.blocks) if head is None else head
        self.gets: dict[str, list[Reply]] = {}  # Answers that come instead, in order.
        self.first = first
        self.asked_at: list[float] = []
        self.queries: list[dict[str, Any]] = []
        self.open = 0

    async def post(self, url: str, body: bytes, *, timeout_s: float, most_bytes: int) -> Reply:
        raise AssertionError("the Portal is asked by GET and streams")

    async def get(self, url: str, *, timeout_s: float, most_bytes: int) -> Reply:
        self.asked_at.append(asyncio.get_running_loop().time())
        path = urlsplit(url).path.removeprefix("/datasets/solana-mainnet")
        if self.gets.get(path):
            return self.gets[path].pop(0)
        return json_reply(self._got(path))

    @asynccontextmanager
    async def stream(self, url: str, body: bytes, *, idle_timeout_s: float) -> AsyncIterator[Streamed]:
        self.asked_at.append(asyncio.get_running_loop().time())
        assert urlsplit(url).path == "/datasets/solana-mainnet/finalized-stream"
        query = json.loads(body)
        self.queries.append(query)
        self.open += 1
        try:
            yield self._answer(query)
        finally:
            self.open -= 1

    def _answer(self, query: dict[str, Any]) -> Body:
        try:
            lines = self.archive.lines({**query, "toBlock": min(query["toBlock"], self.head)})
        except BadQuery as error:
            return Body([str(error).encode()], status=400)
        return self.turns.popleft()(lines) if self.turns else whole(lines)

    def _got(self, path: str) -> Any:
        if path == "/finalized-head":
            return {"number": self.head, "hash": self.archive.blocks[self.head].hash}
        if path == "/metadata":
            return {"dataset": "solana-mainnet", "aliases": [], "real_time": True, "start_block": self.first}
        _, name, seconds, last = path.split("/")
        assert (name, last) == ("timestamps", "block")
        later = [block.slot for block in self.archive.blocks.values() if block.time >= int(seconds)]
        return {"block_number": min(later)} if later else None


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    if value is None:
        return Reply(204, {}, b"")
    return Reply(status, {name.replace("_", "-"): text for name, text in headers.items()}, msgspec.json.encode(value))
