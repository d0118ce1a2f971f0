"""The demo's two processes: the simulated cluster, and the daemon as `run` starts it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from indexer.children import child
from indexer.config import SHORT_NAMES
from indexer.demo.cluster import Made, Said, Served
from indexer.demo.shape import Shape
from indexer.demo.stages import Moved
from indexer.errors import InputError

CLUSTER_LOG, DAEMON_LOG = "cluster.log", "daemon.log"
_OURS = "PERPS_"
_HOST, _PORTS = "127.0.0.1", (9464, 0)  # The usual port; where it is taken, any that is free.


class Cluster:
    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process, self._log = process, log

    async def served(self, moved: Moved) -> Served:
        """Where it is, once its history is made; `moved` hears how far that is."""
        assert self._process.stdout is not None, "a pipe was asked for"
        while line := await self._process.stdout.readline():
            said: Said = msgspec.json.decode(line, type=Made | Served)
            if isinstance(said, Served):
                return said
            moved(said.slots / said.of)
        raise InputError("the simulated cluster ended", place=str(self._log))

    async def ended(self) -> None:
        """Until its chain has ended. Raises InputError where it ended otherwise."""
        if await self._process.wait():
            raise InputError("the simulated cluster ended", place=str(self._log))

    async def ended_early(self) -> None:
        """As `ended`, where even the end of its chain is too early. Raises InputError."""
        await self.ended()
        raise InputError("the simulated chain ended before the table was there", remedy="give it longer: --hours")


@asynccontextmanager
async def cluster(shape: Shape, folder: Path) -> AsyncIterator[Cluster]:
    words = ("-m", "indexer.demo.cluster", msgspec.json.encode(shape).decode())
    async with child(*words, environment=_clean(), log=folder / CLUSTER_LOG) as process:
        yield Cluster(process, folder / CLUSTER_LOG)


class Daemon:
    """`page`: where it serves its pages."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, page: str) -> None:
        self._process, self._log, self.page = process, log, page

    async def ended(self) -> None:
        """Raises InputError when it has: it should not."""
        code = await self._process.wait()
        raise InputError(f"the daemon ended with exit code {code}", place=str(self._log))


@asynccontextmanager
async def daemon(served: Served, folder: Path) -> AsyncIterator[Daemon]:
    port = _free_port()
    environment = _clean() | daemon_environment(served, folder, port)
    async with child("-m", "indexer", "run", environment=environment, log=folder / DAEMON_LOG) as process:
        yield Daemon(process, folder / DAEMON_LOG, f"http://{_HOST}:{port}/")


def daemon_environment(served: Served, folder: Path, port: int) -> dict[str, str]:
    """Settings of the daemon: the usual ones, but for whom it asks, and aggregates that follow at once."""
    return {
        "PERPS_DATA_DIR": str(folder),
        "PERPS_CLUSTER__NAME": "simulated",
        "PERPS_CLUSTER__GENESIS_HASH": served.genesis_hash,
        "SOLANA_RPC_URL": ",".join(served.rpc),
        "SOLANA_WS_URL": ",".join(served.websocket),
        "PERPS_ENDPOINTS__PORTAL": served.portal,
        "PERPS_ENDPOINTS__PORTAL_RATE": "50",
        "PERPS_ENDPOINTS__FIRST_RATE": "100",
        "PERPS_STRATEGY__RECENT_SLOTS": "400",
        "PERPS_RUN__START_SLOT": str(served.first_slot),
        "PERPS_AGGREGATES__DAYS_S": "5",
        "PERPS_AGGREGATES__REFRESH_S": "10",
        "PERPS_HTTP__HOST": _HOST,
        "PERPS_HTTP__PORT": str(port),
        "PERPS_LOG__FORMAT": "json",
    }


def _free_port() -> int:
    for port in _PORTS:
        with suppress(OSError), socket.create_server((_HOST, port)) as found:
            return int(found.getsockname()[1])
    raise InputError("no port is free", place=_HOST)


def _clean() -> dict[str, str]:
    """Our environment without settings: none that is meant for real data may reach the demo."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS) and name not in SHORT_NAMES}
