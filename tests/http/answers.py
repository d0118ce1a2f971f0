"""The server of a test, on a real socket, and what it answers."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from indexer.config import Settings, load
from indexer.http.listening import listen
from indexer.http.server import address_of, serve
from indexer.ingest.inside import Known


class Answer(msgspec.Struct, frozen=True):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def error(self) -> dict[str, Any]:
        """What is said of why there is no answer."""
        (error,) = self.json.values()
        assert set(error) == {"code", "message", "remedy"}
        return dict(error)


class Client:
    """Asks one server. `address`: with the / at its end."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self.session, self.address = session, address

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, self.address + path.lstrip("/"), headers=names) as response:
            return Answer(response.status, dict(response.headers), await response.read())

    async def rows(self, path: str) -> list[dict[str, Any]]:
        answer = await self.get(f"/api/v1/{path}")
        assert answer.status == 200, answer.text
        return list(answer.json["rows"])


def settings_for(url: str, **http: Any) -> Settings:
    """`http`: settings of that section."""
    given = {f"PERPS_HTTP__{name.upper()}": json.dumps(value) if isinstance(value, list) else str(value)
             for name, value in http.items()}  # fmt: skip
    return load(environment={"DATABASE_URL": url, "PERPS_HTTP__PORT": "0", **given})


@asynccontextmanager
async def serving(settings: Settings, url: str, told: AsyncIterator[Known] | None = None) -> AsyncIterator[Client]:
    """A server on a port of its own, in this event loop."""
    listening: socket.socket = listen(settings.http)
    async with asyncio.TaskGroup() as tasks, aiohttp.ClientSession() as session:
        server = tasks.create_task(serve(settings, url, listening, told))
        yield Client(session, address_of(listening))
        server.cancel()
