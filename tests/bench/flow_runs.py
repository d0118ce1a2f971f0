"""How a contestant of whole pipelines is asked: run this recording into that database, and tell what it took.

The same loop for all sides, by the standard library alone. Wall time and CPU are those of the run itself, from the
first byte that is read to the last commit; opening the database is not in it, neither here nor in what the server took.
Processes that a contestant has started count as itself.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

BLOCKS_AT_ONCE, NOTIFICATIONS_AT_ONCE = 64, 200  # Of one database transaction: the pages of our side.
_TICKS = os.sysconf("SC_CLK_TCK")
Question = Mapping[str, Any]
Run = Callable[[Question, "Clock"], Awaitable[int]]  # How many events it read.


class Clock:
    """`async with clock.running()` around what is measured. Seconds, and megabytes at most of all processes until then.

    `postmaster`: the process of the server of which the CPU is told as well.
    """

    def __init__(self, postmaster: int | None = None) -> None:
        self.wall_s = self.cpu_s = self.postgres_s = self.begin_mb = self.most_mb = 0.0
        self._postmaster = postmaster

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        gc.collect()
        self.begin_mb = _most_mb()
        server, wall, cpu = self._server_s(), time.perf_counter(), _cpu_s()
        yield
        self.wall_s, self.cpu_s = time.perf_counter() - wall, _cpu_s() - cpu
        self.postgres_s = self._server_s() - server
        self.most_mb = _most_mb()

    def _server_s(self) -> float:
        return 0.0 if self._postmaster is None else server_cpu_s(self._postmaster)

    @property
    def told(self) -> dict[str, float]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


def server_cpu_s(postmaster: int) -> float:
    """Of all its processes, those that have ended too: their parent counts them. One may end meanwhile, and would be
    missed."""
    while True:
        before = _children(postmaster)
        ticks = sum(_stat(postmaster)[11:15]) + sum(sum(_stat(pid)[11:13]) for pid in before)
        if _children(postmaster) == before:
            return ticks / _TICKS


def _cpu_s() -> float:
    return time.process_time() + sum(sum(_stat(pid)[11:13]) for pid in _children("self")) / _TICKS


def _most_mb() -> float:
    """getrusage would tell the most of who started this process, too."""
    return sum(_most_kb(pid) for pid in ("self", *_children("self"))) / 1024


def _most_kb(pid: int | str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _children(pid: int | str) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text(encoding="ascii").split()]


def _stat(pid: int) -> list[int]:
    """The fields of /proc/PID/stat behind the name; the first, a letter, as 0. Zeros where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return [0] * 20
    return [0, *map(int, fields[1:])]


def serve(versions: Mapping[str, str], run: Run) -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        question = json.loads(line)
        if question["ask"] == "versions":
            answer: Any = {"python": sys.version.split()[0], **versions}
        else:
            clock = Clock(question["postmaster"])
            events = asyncio.run(run(question, clock))  # type: ignore[arg-type]  # They are coroutines.
            answer = {"events": events, **clock.told}
        print(json.dumps(answer), flush=True)
