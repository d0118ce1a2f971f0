"""Whatever is killed while files are replayed, the ledger becomes that of an undisturbed replay."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from indexer.app import limits, protocols, seed
from indexer.config import load
from indexer.core.coverage import Span
from indexer.ingest.replay import Replay
from indexer.sources.recorded import find_files
from indexer.store.base import Store
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.memory import MemoryStore
from indexer.store.migrate import migrate
from indexer.store.postgres import open_store
from tests.encoder import encode_event
from tests.ingest.test_replay import answer, block, write
from tests.store.test_embedded import soon
from tests.unit.test_cli_frame import clean
from tests.world import key

NOON = 1_700_049_600
LONE, BLOCKS, OF_BLOCK, FILES = 900, 25, 10, 4
TOTAL = LONE + BLOCKS * OF_BLOCK  # One event each.
PATIENCE_S = 15.0


def some_answer(number: int) -> dict[str, Any]:
    amount = 10**6 + number
    swap = {"ts": NOON + number, "user": key(number % 50 + 1), "amountIn": amount, "inOraclePrice": 10**6}
    return answer(number, encode_event("drift.json", "SwapRecord", **swap)) | {"blockTime": NOON + number * 10}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of lone transactions, and one of whole blocks over some of the same slots."""
    made = tmp_path_factory.mktemp("answers")
    lone = [{"slot": 1000 + n % 500, "result": some_answer(n)} for n in range(LONE)]
    for n in range(FILES):
        write(made / f"lone{n}.jsonl", *lone[n::FILES])
    blocks = range(BLOCKS)
    write(
        made / "blocks.jsonl",
        *(block(*(some_answer(LONE + n * OF_BLOCK + one) for one in range(OF_BLOCK)), slot=5000 + n) for n in blocks),
    )
    return made


async def ledger(store: Store) -> list[object]:
    coverage = [await store.coverage(protocol.name) for protocol in protocols()]
    return [await store.rows(Span(0, 1 << 50)), coverage, await store.dirty_hours(), await store.to_reprocess()]


async def undisturbed(folder: Path) -> list[object]:
    """What a replay of the folder makes that nothing stops, in the twin."""
    settings, store = load(), MemoryStore()
    await store.seed(seed())
    reference = await store.reference()
    run = Replay(store, protocols(), reference, limits(settings), page_transactions=50, settle=True)
    for path in find_files([str(folder)])[1]:
        await run.file(path)
    assert run.summary.events == TOTAL
    return await ledger(store)


def replaying(folder: Path, url: str) -> subprocess.Popen[str]:
    return started(folder, DATABASE_URL=url)


def started(folder: Path, **environment: str) -> subprocess.Popen[str]:
    environment |= {"PERPS_REPLAY__PAGE_TRANSACTIONS": "10"}
    command = [sys.executable, "-m", "indexer", "replay", "--settle", str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, cwd="/", env=clean(environment), **pipes)  # type: ignore[call-overload,no-any-return]


async def until_written(store: Store, events: int) -> int:
    """Wait until the ledger has so many events; how many it has."""
    async with asyncio.timeout(PATIENCE_S):
        while (count := (await store.counts())["event"]) < events:  # noqa: ASYNC110 (another process writes)
            await asyncio.sleep(0.005)
    return count


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it was already at its end"


async def test_a_replay_that_is_killed_at_any_moment_is_made_whole_by_the_next(folder: Path, database_url: str) -> None:
    dice, seen = random.Random(5), []
    async with open_store(database_url) as store:
        for part in (0.02, 0.4, 0.8):
            process = replaying(folder, database_url)
            await until_written(store, int(TOTAL * part) + dice.randrange(50))
            await asyncio.sleep(dice.random() * 0.01)
            killed(process)
            seen.append((await store.counts())["event"])
        assert sorted(set(seen)) == seen, "every one was killed while it wrote"
        assert 0 < seen[0] < seen[-1] < TOTAL
        assert code(replaying(folder, database_url)) == 0
        assert await ledger(store) == await undisturbed(folder)


async def test_a_server_that_is_killed_is_one_line_and_the_next_replay_makes_it_whole(
    folder: Path, open_folder: Path
) -> None:
    data = open_folder / "killed"
    with EmbeddedPostgres(data / "postgres") as server:
        assert server.url is not None
        await migrate(server.url)
        process = started(folder, PERPS_DATA_DIR=str(data))
        async with open_store(server.url) as store:
            assert await until_written(store, TOTAL // 4) < TOTAL
            pid = server.status().pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert (process.returncode, out) == (2, ""), err
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        again = started(folder, PERPS_DATA_DIR=str(data))
        out, err = again.communicate(timeout=PATIENCE_S)
        assert (again.returncode, err) == (0, ""), err
        async with open_store(server.start()) as store:
            assert await ledger(store) == await undisturbed(folder)
    assert EmbeddedPostgres(data / "postgres").status().port is None, "nobody uses it any more"


def code(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=PATIENCE_S)
    return process.returncode


def test_a_killed_replay_leaves_no_server_behind(folder: Path, open_folder: Path) -> None:
    data = open_folder / "left"
    server = EmbeddedPostgres(data / "postgres")
    process = started(folder, PERPS_DATA_DIR=str(data))
    assert soon(lambda: server.status().port is not None)
    killed(process)
    assert soon(lambda: server.status().port is None)


async def test_two_replays_of_the_same_files_at_once_give_one_ledger(folder: Path, database_url: str) -> None:
    both = [replaying(folder, database_url) for _ in range(2)]
    told = [process.communicate(timeout=PATIENCE_S) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    async with open_store(database_url) as store:
        assert await ledger(store) == await undisturbed(folder)
