"""Large blocks beside live requests: what a block costs, and how long whoever is live waits for the event loop.

Over real sockets, from a node in a process of its own. `alone`: no blocks; `here`: blocks are unpacked and parsed by
the process that asks; `apart`: by one of its own. A turn of the loop is as long as the CPU time that it takes, so that
other work on the machine does not count; blocks a second and live requests go by wall clock, where it does.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from random import Random
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, thread_time
from typing import Any, NamedTuple

from indexer.app import protocols
from indexer.core import base58
from indexer.sources.block_readers import BlockReaders, open_block_readers
from indexer.sources.endpoint import EndpointSettings
from indexer.sources.http import open_http
from indexer.sources.providers import PoolSettings, Providers
from indexer.sources.rpc import Rpc
from tests.bench import bodies
from tests.bench.block_server import GENESIS
from tests.bench.contests import SEED
from tests.shared import REPOSITORY
from tests.world import SLOT

WAYS = ("alone", "here", "apart")
AT_ONCE, LIVE_EVERY_S, TICK_S, WARM_S = 8, 0.02, 0.001, 1.0


class Turn(NamedTuple):
    """What one turn found. `cpu_ms`: a block, of the process that asks and of those that it started."""

    blocks_per_s: float
    cpu_ms: tuple[float, float]
    loop_ms: Sequence[float]  # Of CPU, between ticks.
    live_ms: Sequence[float]


class Found(NamedTuple):
    """Turns of each way over one block."""

    block: str
    turns: dict[str, list[Turn]]

    def blocks_per_s(self, way: str) -> float:
        return median(turn.blocks_per_s for turn in self.turns[way])

    def cpu_ms(self, way: str) -> tuple[float, float]:
        own, others = zip(*(turn.cpu_ms for turn in self.turns[way]), strict=True)
        return median(own), median(others)

    def loop_ms(self, way: str) -> tuple[float, float]:
        """The 99th percentile and the longest."""
        return _percentile([ms for turn in self.turns[way] for ms in turn.loop_ms])

    def live_ms(self, way: str) -> tuple[float, float]:
        return _percentile([ms for turn in self.turns[way] for ms in turn.live_ms])

    @property
    def holds(self) -> bool:
        """Apart, either of two cores has less to do for a block, and who is live waits less for the loop."""
        here, apart = sum(self.cpu_ms("here")), sum(self.cpu_ms("apart")) / 2
        return apart < here and self.loop_ms("apart")[0] < self.loop_ms("here")[0]


def measured(rounds: int, seconds: float) -> list[Found]:
    gc.collect()
    gc.freeze()  # As in production.
    names = [base58.encode(program) for protocol in protocols() for program in protocol.programs]
    whole = bodies.synthetic(SEED)
    given = {"synthetic": whole, "synthetic, none ours": bodies.without(whole, names)}
    return [Found(name, _rounds(body, rounds, seconds)) for name, body in given.items()]


def _rounds(body: bytes, rounds: int, seconds: float) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {way: [] for way in WAYS}
    with served(body) as url:
        for number in range(rounds):
            for way in WAYS if number % 2 == 0 else reversed(WAYS):
                turns[way].append(asyncio.run(turn(url, way, seconds)))
    return turns


@contextmanager
def served(body: bytes) -> Iterator[str]:
    """A node that sends this block; its address."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "block.json"
        path.write_bytes(body)
        command = [sys.executable, "-m", "tests.bench.block_server", str(path)]
        with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            try:
                yield f"http://127.0.0.1:{int(server.stdout.readline())}/"
            finally:
                server.kill()


async def turn(url: str, way: str, seconds: float) -> Turn:
    """So many seconds of one way."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(open_http())
        readers = await stack.enter_async_context(open_block_readers()) if way == "apart" else None
        settings = EndpointSettings(url=url, start_per_s=1e6, most_per_s=1e6, most_in_flight=64)
        providers = Providers(http, [settings], PoolSettings(genesis_hash=GENESIS), Random(0), readers)
        client = _Client(Rpc(providers))
        fetching = [] if way == "alone" else [client.fetch] * AT_ONCE
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work()) for work in (client.live, client.tick, *fetching)]
            found = await _measured(client, readers, seconds, has_blocks=bool(fetching))
            for task in tasks:
                task.cancel()
        return found


async def _measured(client: _Client, readers: BlockReaders | None, seconds: float, *, has_blocks: bool) -> Turn:
    """From some time behind the first block on, for so many seconds, and at least for one block."""
    if has_blocks:
        await client.came.wait()
    await asyncio.sleep(WARM_S)
    client.forget()
    began, own, others = perf_counter(), process_time(), _cpu_s(readers)
    await asyncio.sleep(seconds)
    if has_blocks:
        await client.came.wait()
    cpu_s = process_time() - own, _cpu_s(readers) - others
    own_ms, others_ms = (1e3 * spent / max(1, client.blocks) for spent in cpu_s)
    return Turn(client.blocks / (perf_counter() - began), (own_ms, others_ms), client.loop_ms, client.live_ms)


def _cpu_s(readers: BlockReaders | None) -> float:
    """What the processes that read blocks have spent so far."""
    pids = [] if readers is None else [process.pid for process in readers._running]
    spent = (Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13] for pid in pids)
    return sum(int(user) + int(system) for user, system in spent) / os.sysconf("SC_CLK_TCK")


class _Client:
    """Somebody who reads blocks, asks live questions and looks at the clock, all by one loop."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._programs = frozenset(program for protocol in protocols() for program in protocol.programs)
        self.came = asyncio.Event()  # A block, since all was forgotten.
        self.forget()

    def forget(self) -> None:
        self.blocks = 0
        self.came.clear()
        self.loop_ms: list[float] = []
        self.live_ms: list[float] = []

    async def fetch(self) -> None:
        while True:
            await self._rpc.block(SLOT, lane="backfill", programs=self._programs, check=lambda block: block)
            self.blocks += 1
            self.came.set()

    async def live(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            await self._rpc.confirmed_slot(lane="live")
            self.live_ms.append(1e3 * (clock() - began))
            await asyncio.sleep(LIVE_EVERY_S)

    async def tick(self) -> None:
        while True:
            began = thread_time()
            await asyncio.sleep(TICK_S)
            self.loop_ms.append(1e3 * (thread_time() - began))


def _percentile(values: Sequence[float]) -> tuple[float, float]:
    return quantiles(values, n=100, method="inclusive")[98], max(values)


def lines(found: Sequence[Found]) -> Iterator[str]:
    yield (
        f"{'what':24} {'way':6} {'blocks/s':>8} {'CPU ms a block: own, apart':>27} {'loop CPU ms, p99 (longest)':>27}"
        f" {'live ms, p99 (longest)':>23}"
    )
    for one in found:
        for way in WAYS:
            cpu = one.cpu_ms(way)
            shown = f"{cpu[0]:.1f}, {cpu[1]:.1f}" if way != "alone" else ""
            loop, live = (f"{ms[0]:.1f} ({ms[1]:.1f})" for ms in (one.loop_ms(way), one.live_ms(way)))
            yield f"{one.block:24} {way:6} {one.blocks_per_s(way):8.1f} {shown:>27} {loop:>27} {live:>23}"
        yield f"{one.block:24} {'held' if one.holds else 'BELOW'}"


def document(found: Sequence[Found]) -> list[dict[str, Any]]:
    return [
        {"block": one.block, "way": way, "blocks_per_s": one.blocks_per_s(way), "cpu_ms": one.cpu_ms(way),
         "loop_ms": one.loop_ms(way), "live_ms": one.live_ms(way), "holds": one.holds}
        for one in found
        for way in WAYS
    ]  # fmt: skip
