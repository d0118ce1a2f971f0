"""Blocks in processes of their own: read as here, whoever dies or leaves; nobody waits; no process is left behind."""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from indexer import app_network as composed
from indexer.config import load
from indexer.core.jsonrpc import Malformed, NoAnswer, RpcError, unchecked
from indexer.core.rpc import BlockTask, block_reading
from indexer.core.transaction import Unavailable
from indexer.sources import block_process, block_readers
from indexer.sources.block_process import Job
from indexer.sources.block_readers import BlockReaders, open_block_readers
from indexer.sources.packing import Damaged
from tests.adversarial.answers import as_block, as_json
from tests.adversarial.cases import CASES
from tests.programs import DRIFT, GMX, JUPITER
from tests.world import SLOT

PROGRAMS = frozenset((DRIFT, JUPITER, GMX))
SHOWN = [as_json(case.tx) for case in CASES]


def enveloped(**said: Any) -> bytes:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": 3, **said})


BLOCK = enveloped(result=as_block(*SHOWN))


def large(size: int) -> bytes:
    """An answer of at least so many bytes, with transactions of ours in it."""
    shown = SHOWN * (size // len(BLOCK) + 1)
    return enveloped(result=as_block(*shown))


def job(*, is_packed: bool = False, programs: frozenset[bytes] | None = PROGRAMS, most_bytes: int = 10**8) -> Job:
    return Job(BlockTask(SLOT, programs), 3, is_packed, most_bytes)


def pids(readers: BlockReaders) -> list[int]:
    return [process.pid for process in readers._running]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.01)


async def test_a_block_is_read_there_as_it_is_here() -> None:
    async with open_block_readers(1) as readers:
        for programs in (PROGRAMS, frozenset((DRIFT,)), frozenset((bytes(32),)), None):
            here = unchecked(BLOCK, 3, block_reading(SLOT, programs))
            assert await readers.read(job(programs=programs), BLOCK) == here
            assert await readers.read(job(programs=programs, is_packed=True), gzip.compress(BLOCK)) == here
        assert len(pids(readers)) == 1


FAULTS: list[tuple[bytes, bool, type[Exception]]] = [
    (BLOCK[:-5], False, NoAnswer),
    (b"", False, NoAnswer),
    (enveloped(error={"code": -32007, "message": "Slot 5 was skipped"}), False, RpcError),
    (enveloped(result=None), False, Unavailable),
    (enveloped(result={"transactions": 5}), False, Malformed),
    (gzip.compress(BLOCK)[:-1], True, Damaged),
    (gzip.compress(bytes(10**6)), True, Damaged),
    (b"no gzip", True, Damaged),
]


@pytest.mark.parametrize(("body", "is_packed", "kind"), FAULTS)
async def test_what_is_wrong_there_is_what_is_wrong_here(body: bytes, is_packed: bool, kind: type[Exception]) -> None:
    asked = job(is_packed=is_packed, most_bytes=10**5)
    with pytest.raises(kind) as here:
        block_process.read(asked, body)
    async with open_block_readers(1) as readers:
        with pytest.raises(kind) as there:
            await readers.read(asked, body)
        assert (await readers.read(job(), BLOCK)).slot == SLOT
    assert (str(there.value), vars(there.value)) == (str(here.value), vars(here.value))


async def test_a_body_whose_process_is_killed_is_read_here_and_the_next_one_by_another() -> None:
    async with open_block_readers(1) as readers:
        await readers.read(job(), BLOCK)
        (first,) = pids(readers)
        os.kill(first, signal.SIGSTOP)
        reading = asyncio.create_task(readers.read(job(), body := large(3_000_000)))
        await until(lambda: not readers._idle)
        os.kill(first, signal.SIGKILL)
        assert await reading == unchecked(body, 3, block_reading(SLOT, PROGRAMS))
        await readers.read(job(), BLOCK)
        assert first not in pids(readers)


async def test_a_body_whose_process_hangs_is_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_block_readers(1) as readers:
        await readers.read(job(), BLOCK)
        (first,) = pids(readers)
        os.kill(first, signal.SIGSTOP)
        monkeypatch.setattr(block_readers, "_LONGEST_S", 0.2)
        assert (await readers.read(job(), BLOCK)).slot == SLOT
        monkeypatch.undo()
        await readers.read(job(), BLOCK)
        assert first not in pids(readers)
    assert not is_running(first)


async def test_where_no_process_can_be_started_bodies_are_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    async with open_block_readers(1) as readers:
        assert (await readers.read(job(), BLOCK)).slot == SLOT
        assert pids(readers) == []


async def test_a_process_that_is_left_in_the_middle_answers_nobody_else() -> None:
    body = large(3_000_000)
    async with open_block_readers(1) as readers:
        for pause_s in (0.0, 0.001, 0.02, 0.05):
            reading = asyncio.create_task(readers.read(Job(BlockTask(SLOT + 1, None), 3, False, 10**8), body))
            await asyncio.sleep(pause_s)
            reading.cancel()
            await asyncio.wait([reading])
            assert (await readers.read(job(), BLOCK)).slot == SLOT
            assert len(pids(readers)) == 1


async def test_bodies_beyond_the_processes_wait_for_one() -> None:
    async with open_block_readers(2) as readers:
        found = await asyncio.gather(*(readers.read(job(), BLOCK) for _ in range(9)))
        assert [block.slot for block in found] == [SLOT] * 9
        assert len(pids(readers)) == 2


async def test_no_process_is_left_at_the_end() -> None:
    async with open_block_readers(2) as readers:
        await asyncio.gather(*(readers.read(job(), BLOCK) for _ in range(2)))
        reading = asyncio.create_task(readers.read(job(), large(3_000_000)))
        await until(lambda: len(readers._idle) == 1)
        left = pids(readers)
        reading.cancel()
    assert len(left) == 2
    assert not any(map(is_running, left))


def test_no_process_is_left_by_a_program_that_is_killed() -> None:
    code = (
        "import asyncio, sys\n"
        "from tests.sources.test_block_readers import *\n"
        "async def main():\n"
        "    async with open_block_readers(1) as readers:\n"
        "        await readers.read(job(), BLOCK)\n"
        "        print(*pids(readers), flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        assert is_running(pid)
        program.kill()
    asyncio.run(until(lambda: not is_running(pid)))


async def longest_turn_s(work: Callable[[], Any]) -> float:
    """The longest time that this thread worked on one turn of the loop while `work` was done: CPU time."""
    longest, last = 0.0, time.thread_time()
    task = asyncio.create_task(work())
    while not task.done():
        await asyncio.sleep(0)
        now = time.thread_time()
        longest, last = max(longest, now - last), now
    await task
    return longest


async def test_nothing_waits_while_large_blocks_are_read() -> None:
    body = large(10_000_000)
    packed = gzip.compress(body, 1)

    async def here() -> None:
        block_process.read(job(is_packed=True), packed)

    async with open_block_readers(1) as readers:
        await readers.read(job(is_packed=True), packed)

        async def there() -> None:
            await readers.read(job(is_packed=True, programs=frozenset((bytes(32),))), packed)

        assert await longest_turn_s(there) < await longest_turn_s(here) / 4


async def test_what_is_loaded_is_no_garbage_to_look_for() -> None:
    """A full collection walks over everything that is alive, while the loop stands."""
    try:
        async with composed.network(load(environment={})):
            assert gc.get_freeze_count() > 10_000
            assert len(gc.get_objects()) < gc.get_freeze_count() / 10
    finally:
        gc.unfreeze()


def test_there_is_a_process_for_each_of_a_few_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, most in ((1, 1), (2, 2), (64, 4), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert block_readers.most_readers() == most
