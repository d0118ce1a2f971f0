"""Processes that are measured: started, asked for their CPU time and memory, and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.live.cluster import Ended, Shape, Told

_TICKS = os.sysconf("SC_CLK_TCK")
_MADE_WITHIN_S = 600.0
_LINE_BYTES = 64 * 2**20
_STOP_S = 5.0


class Cluster:
    """The process of the simulated cluster."""

    def __init__(self, process: asyncio.subprocess.Process, told: Told) -> None:
        self.process, self.told = process, told

    async def begin(self) -> float:
        """Let its clock begin; when that was by the monotonic clock."""
        return msgspec.json.decode(await self._next(), type=float)

    async def end(self) -> Ended:
        return msgspec.json.decode(await self._next(), type=Ended)

    async def _next(self) -> bytes:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        return await self.process.stdout.readline()


@asynccontextmanager
async def cluster(shape: Shape, kept: Path) -> AsyncIterator[Cluster]:
    """Served; its clock has not begun. Its chain is in `kept`, or is made and written there."""
    words = (sys.executable, "-m", "tests.live.cluster", msgspec.json.encode(shape).decode(), str(kept))
    process = await asyncio.create_subprocess_exec(*words, stdin=-1, stdout=-1, limit=_LINE_BYTES)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_MADE_WITHIN_S):
            told = msgspec.json.decode(await process.stdout.readline(), type=Told)
        yield Cluster(process, told)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def command(*words: str, settings: Mapping[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command of ours. At the end SIGTERM has to end it, well and in time."""
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "indexer", *words, env=os.environ | settings, stdout=file, stderr=file
        )
    try:
        yield process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        assert process.returncode == 0, f"{words} ended with {process.returncode}, see {log}"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_mb(pid: int) -> float:
    """Memory of a process that is in use."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
