"""A cluster in a box on real sockets, and our commands against it, as a user types them.

The box lives in a thread of its own. Its clock stands where a test puts it, or runs. Every address holds a key, and
nothing that a command prints may hold one: whoever runs a command here has that checked.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from indexer.simulation.box import Addresses, Box
from indexer.simulation.chain import Chain
from indexer.store.connection import connected
from tests.unit.test_cli_frame import run

SECRET = "SECRET"  # In every key of a box.
START_LIMIT_S = 30.0


class Clock:
    """Seconds that stand still, or run `speed` times as fast as the loop's time since `run`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._loop = asyncio.new_event_loop()  # Its time alone.

    def __call__(self) -> float:
        return self._seconds + (0.0 if self._since is None else self._loop.time() - self._since)

    def run(self) -> None:
        self._since = self._loop.time()

    def close(self) -> None:
        self._loop.close()


class Served(msgspec.Struct, frozen=True):
    """A box and where it is."""

    chain: Chain
    box: Box
    addresses: Addresses
    clock: Clock

    def settings(self, url: str, **more: str) -> dict[str, str]:
        """What a user sets, and rates that no test waits for."""
        return {
            "DATABASE_URL": url,
            "SOLANA_RPC_URL": ",".join(self.addresses.rpc),
            "SOLANA_WS_URL": ",".join(self.addresses.websocket),
            "PERPS_ENDPOINTS__PORTAL": self.addresses.portal,
            "PERPS_ENDPOINTS__PORTAL_RATE": "50",
            "PERPS_ENDPOINTS__FIRST_RATE": "100",
            "PERPS_CLUSTER__NAME": "simulated",
            "PERPS_CLUSTER__GENESIS_HASH": self.chain.genesis_hash,
            "PERPS_STRATEGY__SEAM_SLOTS": "20",
            "PERPS_RUN__SETTLE_EVERY_S": "0.2",
            "PERPS_HTTP__ENABLED": "false",  # Or every daemon of a test would want the one port.
            **more,
        }

    def run(self, *words: str, url: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        done = run(*words, **self.settings(url, **more))
        assert SECRET not in done.stdout + done.stderr
        return done

    def printed(self, *words: str, url: str, **more: str) -> str:
        """What a command prints that has nothing to complain of."""
        done = self.run(*words, url=url, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def served(chain: Chain, *, seconds: float = 0.0, **shape: Any) -> Iterator[Served]:
    """Serve while the context is open; the clock stands at `seconds`. `shape`: more of Box."""
    clock = Clock(seconds)
    runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)  # Its end cancels what still answers.
    box, ready, ends, loop = Box(chain, clock, **shape), threading.Event(), asyncio.Event(), runner.get_loop()
    found: list[Addresses] = []

    async def serve() -> None:
        async with box.served() as addresses:
            found.append(addresses)
            ready.set()
            await ends.wait()

    def live() -> None:
        with runner:
            runner.run(serve())

    thread = threading.Thread(target=live, name="box", daemon=True)
    thread.start()
    try:
        assert ready.wait(START_LIMIT_S), "the box is not there"
        yield Served(chain, box, found[0], clock)
    finally:
        loop.call_soon_threadsafe(ends.set)
        thread.join(START_LIMIT_S)
        clock.close()


async def told_in_ledger(url: str, text: str) -> Mapping[str, int]:
    """How many rows of each table of the ledger hold the text anywhere; tables without one are left out."""
    async with connected(url) as database:
        names = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'ledger' ORDER BY 1")
        found = {}
        for (name,) in names:
            query = f'SELECT count(*) FROM ledger."{name}" AS row WHERE strpos(row::text, $1) > 0'
            found[name] = await database.fetchval(query, text)
        return {name: count for name, count in found.items() if count}
