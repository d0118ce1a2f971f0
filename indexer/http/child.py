"""The server as a child of the daemon: what it is given, and that the daemon does not depend on it.

What must stay true:
- Nothing that the child does, or fails to do, stops or slows the daemon: it has a process, an event loop and
  connections of its own, and is told things without a wait. A dead child is started again, by growing pauses.
- The child ends when the daemon does, however that ends: its standard input ends then.
- The socket is the daemon's: a port that is taken is told once, and tried again; a new child goes on where the old one
  listened.

Standard input of the child: a line with the settings, then once a second a line with what the daemon knows.
"""

from __future__ import annotations

import asyncio
import io
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import msgspec
import structlog

from indexer.config import Settings, handed_over, taken_over
from indexer.errors import ConfigError
from indexer.http.listening import listen
from indexer.ingest.inside import Known
from indexer.ingest.patience import BRIEF_S, waits

TELL_EVERY_S = 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
LIVES_S = 60.0  # A child that lived so long was well: the next one begins with short pauses again.
_MOST_LINE = 16 * 1024 * 1024  # Bytes that the daemon may say at once.
_PACKAGE = Path(__file__).resolve().parents[2]
_log = structlog.get_logger()


async def keep_served(settings: Settings, knows: Callable[[], Known], rng: Random) -> None:
    """Serve in a child until cancelled. `knows`: what is told."""
    with await _listening(settings, rng) as shared:
        pauses = waits(rng, FIRST_PAUSE_S, LONGEST_PAUSE_S)
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            code = await _child(settings, shared, knows)
            if loop.time() - began > LIVES_S:
                pauses = waits(rng, FIRST_PAUSE_S, LONGEST_PAUSE_S)
            pause = next(pauses)
            _log.error("http_server_ended", code=code, again_in_s=round(pause, 1))
            await asyncio.sleep(pause)


async def _listening(settings: Settings, rng: Random) -> socket.socket:
    """The socket, as soon as it can be had; why it cannot be is told once."""
    is_told = False
    for pause in waits(rng, FIRST_PAUSE_S, LONGEST_PAUSE_S):
        try:
            return listen(settings.http)
        except ConfigError as error:
            if not is_told:
                _log.error("http_not_served", reason=str(error), remedy=error.remedy)
            is_told = True
        await asyncio.sleep(pause)
    raise AssertionError("pauses never end")


async def _child(settings: Settings, shared: socket.socket, knows: Callable[[], Known]) -> int:
    """One life of a child: its exit code."""
    paths = [str(_PACKAGE), *filter(None, [os.environ.get("PYTHONPATH")])]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "indexer.http", str(shared.fileno()),
        stdin=asyncio.subprocess.PIPE, pass_fds=(shared.fileno(),),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,  # Ctrl-C is for the daemon, whose end ends this process as well.
    )  # fmt: skip
    assert child.stdin is not None, "it was asked for"
    telling = asyncio.create_task(_tell(child.stdin, handed_over(settings), knows), name="tell the server")
    try:
        return await child.wait()
    finally:
        telling.cancel()
        await asyncio.wait([telling])
        await _ended(child)


async def _tell(pipe: asyncio.StreamWriter, first: bytes, knows: Callable[[], Known]) -> None:
    """Until nobody listens. What the child has not read yet is never more than the pipe and a line hold."""
    try:
        pipe.write(first)
        while True:
            pipe.write(msgspec.json.encode(knows()) + b"\n")
            await pipe.drain()
            await asyncio.sleep(TELL_EVERY_S)
    except (BrokenPipeError, ConnectionResetError):
        return  # It has ended, which `wait` tells.
    finally:
        pipe.close()


async def _ended(child: asyncio.subprocess.Process) -> None:
    """The end of its input ends it; a child that does not hear that is killed."""
    if child.returncode is not None:
        return
    try:
        async with asyncio.timeout(BRIEF_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()


def settings_from_input() -> Settings:
    """The child's side: the first line. Byte by byte, so that none of the next lines is swallowed."""
    return taken_over(io.FileIO(0, closefd=False).readline())


async def told() -> AsyncIterator[Known]:
    """The child's side: what the daemon says, until it ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_MOST_LINE)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    decode = msgspec.json.Decoder(Known).decode
    try:
        while (line := await reader.readline()).endswith(b"\n"):
            yield decode(line)
    finally:
        transport.close()
