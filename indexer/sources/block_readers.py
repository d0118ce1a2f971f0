"""Large blocks are read in processes of their own, so that nothing else waits while one is unpacked and parsed.

Parsing holds the interpreter for the whole of a body: a thread would not help. Processes are started when the first
large body comes, and are killed at the end; one that is left in the middle of a job is killed too. Where one dies or
hangs its body is read here: slower for others, never wrong.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from indexer.core.rpc import Block
from indexer.sources.block_process import OUTCOME, Job, frame, read, result

LARGE_BYTES = 524_288  # Unpacked; smaller ones are parsed in half a millisecond, a job costs about as much.
_PIECE_BYTES = 1_048_576
_LONGEST_S = 60.0  # Of one job, a thousand times what the largest takes.
# The C library would give the memory of each body back and have it mapped anew for the next: a third of a job's time.
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "134217728", "MALLOC_TRIM_THRESHOLD_": "67108864"}
_log = structlog.get_logger()


def most_readers() -> int:
    """One process for each core, since they give way to everybody else; more than a few outrun any endpoint."""
    return min(4, os.cpu_count() or 1)


class BlockReaders:
    """At most so many processes; jobs beyond wait for one, in order. See `open_block_readers`."""

    def __init__(self, most: int) -> None:
        self._turn = asyncio.Semaphore(most)
        self._idle: deque[Process] = deque()
        self._running: set[Process] = set()
        self._ending: set[Process] = set()  # Told to end, or dead; each is told once.

    async def read(self, job: Job, body: bytes) -> Block:
        """The block in the body of an answer. Raises every kind of Fault, and Damaged."""
        async with self._turn:
            outcome = await self._outcome(job, body)
        return read(job, body) if outcome is None else result(outcome)

    async def _outcome(self, job: Job, body: bytes) -> bytes | None:
        """What a process said of it; None: it died, or none could be started."""
        try:
            process = self._idle.popleft() if self._idle else await self._start()
        except OSError as error:
            _log.warning("block_reader_not_started", reason=error.strerror)
            return None
        try:
            async with asyncio.timeout(_LONGEST_S):
                outcome = await _asked(process, job, body)
        except asyncio.CancelledError:
            self._kill(process)
            raise
        except TimeoutError:
            self._kill(process)
            _log.warning("block_reader_hung", slot=job.task.slot, body_bytes=len(body), seconds=_LONGEST_S)
            return None
        except (OSError, EOFError):  # asyncio.IncompleteReadError is an EOFError.
            self._forget(process)
            _log.warning("block_reader_died", slot=job.task.slot, body_bytes=len(body))
            return None
        self._idle.append(process)
        return outcome

    async def _start(self) -> Process:
        self._ending = {process for process in self._ending if process.returncode is None}
        # -P: no module of the folder that we stand in. In a session of its own, so that Ctrl-C is for us alone.
        command = (sys.executable, "-P", "-m", "indexer.sources.block_process")
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, start_new_session=True, env=os.environ | _MEMORY
        )
        self._running.add(process)
        return process

    def _forget(self, process: Process) -> None:
        self._running.discard(process)
        self._ending.add(process)

    def _kill(self, process: Process) -> None:
        self._forget(process)
        if process.returncode is None:
            process.kill()

    async def close(self) -> None:
        """End all processes."""
        self._idle.clear()
        for process in [*self._running]:
            self._kill(process)
        await asyncio.gather(*(process.communicate() for process in self._ending))  # Its pipes end too.


@asynccontextmanager
async def open_block_readers(most: int | None = None) -> AsyncIterator[BlockReaders]:
    """`most`: processes; as `most_readers` says where it is None."""
    readers = BlockReaders(most_readers() if most is None else most)
    try:
        yield readers
    finally:
        await readers.close()


async def _asked(process: Process, job: Job, body: bytes) -> bytes:
    """Raises OSError and IncompleteReadError where the process died."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(frame(job, body))
    for start in range(0, len(body), _PIECE_BYTES):
        process.stdin.write(body[start : start + _PIECE_BYTES])
        await process.stdin.drain()
    (size,) = OUTCOME.unpack(await process.stdout.readexactly(OUTCOME.size))
    return await process.stdout.readexactly(size)
