"""Scripted wires in virtual time: WebSocket peers that a test drives frame by frame, and a Portal's HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from indexer.sources.wire import Link, WireBroken

CLOSED = object()


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


class FakeDial:
    """Opens links to scripted peers. `script` runs beside each link, in order of their opening; None: refused."""

    def __init__(self, *scripts: Callable[[Peer], Awaitable[None]] | None) -> None:
        self.scripts = list(scripts)
        self.peers: list[Peer] = []
        self.open = 0
        self.dialled_at: list[float] = []

    @asynccontextmanager
    async def __call__(self, url: str) -> AsyncIterator[Link]:
        self.dialled_at.append(asyncio.get_running_loop().time())
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        if script is None:
            raise WireBroken(f"{url}: no connection")
        peer = Peer(url)
        self.peers.append(peer)
        running = asyncio.create_task(script(peer))  # type: ignore[arg-type]
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
