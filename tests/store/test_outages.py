"""A disk that is full, a server that is gone: nothing is half-written, and writing goes on by itself."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import pytest

from indexer.core.coverage import Span
from indexer.errors import StoreUnavailable
from indexer.store.base import Page, Store, Written
from indexer.store.connection import connected
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.memory import MemoryStore
from indexer.store.migrate import migrate
from indexer.store.patience import patiently
from indexer.store.postgres import open_store
from tests.conftest import GIVEN_SERVER
from tests.store.ledger import event, origin, page, price, trade
from tests.store.test_embedded import gone, pid_of, soon

MOST_PAGES = 3000
A_PAGE = 20
PATIENCE_S = 60.0
WRITERS = 4
KILLS = 5

needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
needs_own_server = pytest.mark.skipif(GIVEN_SERVER is not None, reason="the disk and the server must be ours")


def some_page(number: int) -> Page:
    """A slot that settles, with rows of three kinds and payloads that no compression makes small."""
    dice, slot = random.Random(number), 1000 + number
    origins = [origin(slot, index, tx=number + 1) for index in range(A_PAGE)]
    records = [event(one, dice.randbytes(1000)) for one in origins]
    return page(*records, *map(trade, origins), price(origins[0], "3.5", mint=bytes(32)), settled=(slot, slot + 1))


async def ledger(store: Store) -> list[object]:
    return [await store.rows(Span(0, 1 << 50)), await store.coverage("drift"), await store.dirty_hours()]


async def undisturbed(numbers: Iterable[int]) -> list[object]:
    store = MemoryStore()
    for number in numbers:
        await store.write(some_page(number))
    return await ledger(store)


async def write_until_it_is_full(store: Store, first: int) -> int:
    """How many pages were written in all when the first was refused."""
    for number in range(first, MOST_PAGES):
        try:
            await store.write(some_page(number))
        except StoreUnavailable:
            return number
    raise AssertionError(f"{MOST_PAGES} pages fitted")


@pytest.fixture
def small_disk(open_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = open_folder / f"disk of {request.node.name[:20]}"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={request.param}m,mode=755", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave_bytes: int) -> Path:
    """A file that leaves so much room."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - leave_bytes)
    return filler


def give_away(folder: Path, data_directory: str) -> None:
    """To the user of the server."""
    owner = Path(data_directory).stat()
    os.chown(folder, owner.st_uid, owner.st_gid)


@needs_mount
@needs_own_server
@pytest.mark.parametrize("small_disk", [16], indirect=True)
async def test_a_full_disk_leaves_whole_pages_and_writing_goes_on_when_there_is_room(small_disk, database_url):
    tables = small_disk / "tables"
    tables.mkdir(mode=0o700)
    async with connected(database_url) as database:
        give_away(tables, await database.fetchval("SHOW data_directory"))
        name = await database.fetchval("SELECT current_database()")
        await database.execute(f"CREATE TABLESPACE of_{name} LOCATION '{tables}'")
        await database.execute(f"ALTER DATABASE {name} SET default_tablespace = of_{name}")
    try:
        async with open_store(database_url) as store:
            await store.write(some_page(0))  # Makes the partitions.
            filler = fill(small_disk, leave_bytes=1_000_000)
            count = await write_until_it_is_full(store, 1)
            with pytest.raises(StoreUnavailable, match="No space left on device"):
                await store.write(some_page(count))
            assert await ledger(store) == await undisturbed(range(count))
            waiting = asyncio.create_task(patiently(partial(store.write, some_page(count)), random.Random(1)))
            await asyncio.sleep(0.5)
            assert not waiting.done()
            filler.unlink()
            written = await asyncio.wait_for(waiting, PATIENCE_S)
            assert written.rows == {"inserted": 2 * A_PAGE + 1}
            assert await ledger(store) == await undisturbed(range(count + 1))
    finally:
        async with connected(database_url) as database:
            await database.execute("DROP SCHEMA ledger, perps CASCADE")
            await database.execute(f"ALTER DATABASE {name} RESET default_tablespace")
            await database.execute(f"DROP TABLESPACE of_{name}")


@needs_mount
@pytest.mark.parametrize("small_disk", [200], indirect=True)
async def test_a_server_that_dies_of_a_full_disk_comes_back_and_writing_goes_on(small_disk):
    """No room for its log of writes is the end of a PostgreSQL server: its supervisor starts it again and again."""
    with EmbeddedPostgres(small_disk / "postgres") as server:
        await migrate(server.url)
        async with open_store(server.url) as store:
            filler = fill(small_disk, leave_bytes=4_000_000)
            count = await write_until_it_is_full(store, 0)
            assert count > 0
            waiting = asyncio.create_task(patiently(partial(store.write, some_page(count)), random.Random(1)))
            assert await asyncio.to_thread(soon, lambda: vain_starts(server) > 1)
            filler.unlink()
            written = await asyncio.wait_for(waiting, PATIENCE_S)
            assert sum(written.rows.values()) == 2 * A_PAGE + 1
            assert await ledger(store) == await undisturbed(range(count + 1))


async def test_a_write_that_is_cancelled_at_any_await_leaves_a_whole_page_or_nothing(emptied_database_url):
    """And a connection that the next one may use as it is."""
    async with open_store(emptied_database_url, connections=(1, 1)) as store:
        for number in (0, 1):  # The first one makes partitions.
            began = time.monotonic()
            await store.write(some_page(number))
            lasts_s = time.monotonic() - began
        number, whole, cut = 2, 0, 0
        for part in range(40):
            writing = asyncio.create_task(store.write(some_page(number)))
            await asyncio.wait([writing], timeout=2 * lasts_s * part / 40)
            writing.cancel()
            await asyncio.wait([writing])
            is_there = 1000 + number in union_of(await store.coverage("drift"))
            assert await ledger(store) == await undisturbed(range(number + is_there))
            number, whole, cut = number + is_there, whole + is_there, cut + (not is_there)
        assert whole > 3
        assert cut > 3


def union_of(spans: Iterable[Span]) -> set[int]:
    return {slot for span in spans for slot in range(span.start, span.end)}


def vain_starts(server: EmbeddedPostgres) -> int:
    return (server.status().folder / "server.log").read_text().count("due to startup process failure")


@needs_mount  # A disk in memory: the servers that others test flush much.
@pytest.mark.parametrize("small_disk", [300], indirect=True)
async def test_a_pool_heals_by_itself_when_its_server_is_killed_again_and_again(small_disk):
    """Whatever its connections are doing: idle, or in the middle of a page."""
    with EmbeddedPostgres(small_disk / "postgres") as server:
        await migrate(server.url)
        async with open_store(server.url, connections=(WRITERS, WRITERS)) as store:
            kills = asyncio.create_task(kill_now_and_then(server, KILLS))
            writers = [Writer(store, number) for number in range(WRITERS)]
            await asyncio.gather(*(writer.write_until(kills) for writer in writers))
            assert sum(writer.refused for writer in writers) >= KILLS
            assert await ledger(store) == await undisturbed(n for writer in writers for n in writer.pages)


class Writer:
    """One of several, each with its own pages."""

    def __init__(self, store: Store, number: int) -> None:
        self.store = store
        self.pages = range(number, number, WRITERS)
        self.refused = 0

    async def write_until(self, kills: asyncio.Task[None]) -> None:
        """One page after another, the last one when the kills are done."""
        dice, is_last = random.Random(self.pages.start), False
        while not is_last:
            is_last = kills.done()
            number = self.pages.start + WRITERS * len(self.pages)
            await asyncio.wait_for(patiently(partial(self._write, some_page(number)), dice), PATIENCE_S)
            self.pages = range(self.pages.start, number + 1, WRITERS)
            await asyncio.sleep(0.05)

    async def _write(self, page: Page) -> Written:
        try:
            return await self.store.write(page)
        except StoreUnavailable:
            self.refused += 1
            raise


async def kill_now_and_then(server: EmbeddedPostgres, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0.3)
        pid = pid_of(server)
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(soon, partial(gone, pid))
        assert await asyncio.to_thread(soon, lambda pid=pid: server.url is not None and pid_of(server) != pid)
