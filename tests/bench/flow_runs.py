"""How a contestant of whole pipelines is asked: run this recording into that database, and tell what it took.

The same loop for both sides, by the standard library alone. Wall time and CPU are those of the run itself, from the
first byte that is read to the last commit; opening the database is not in it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

Question = Mapping[str, Any]
Run = Callable[[Question, "Clock"], Awaitable[int]]  # How many events it read.


class Clock:
    """`async with clock:` around what is measured. Seconds, and megabytes at most of the whole process until then."""

    def __init__(self) -> None:
        self.wall_s = self.cpu_s = self.begin_mb = self.most_mb = 0.0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        gc.collect()
        self.begin_mb = _most_mb()
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall_s, self.cpu_s = time.perf_counter() - wall, time.process_time() - cpu
        self.most_mb = _most_mb()


def _most_mb() -> float:
    """getrusage would tell the most of who started this process, too."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def serve(versions: Mapping[str, str], run: Run) -> None:
    """Answer until the input ends."""
    for line in sys.stdin:
        question = json.loads(line)
        if question["ask"] == "versions":
            answer: Any = {"python": sys.version.split()[0], **versions}
        else:
            clock = Clock()
            events = asyncio.run(run(question, clock))  # type: ignore[arg-type]  # They are coroutines.
            answer = {"events": events, **vars(clock)}
        print(json.dumps(answer), flush=True)
