"""Processes of ours that do not outlive us.

A child has a session of its own: Ctrl-C reaches us alone, and we end it in order. Where we are killed, Linux ends it.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

PATIENCE_S = 3.0  # A child has so long to end by itself.
_LINE_BYTES = 1 << 20


@asynccontextmanager
async def child(*words: str, environment: Mapping[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Python with these words, alive while the context is open. Its standard error goes to `log`; the other two are
    pipes to us."""
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            limit=_LINE_BYTES,
            start_new_session=True,
            preexec_fn=dies_with_us(signal.SIGTERM),
        )
    try:
        yield process
    finally:
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def dies_with_us(by: signal.Signals) -> Callable[[], None] | None:
    """For `preexec_fn`: on Linux the kernel itself sends the signal when the thread that starts the child dies."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # Looked up here: after the fork only the call is left to do.
    set_parent_death_signal = 1

    def ask() -> None:
        prctl(set_parent_death_signal, int(by))

    return ask
