"""Where flows are run: a PostgreSQL of its own, and a fresh database for every run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from indexer.core.coverage import Span
from indexer.store.connection import connected
from indexer.store.migrate import migrate
from indexer.store.rows import TABLES
from tests.bench.own_server import own_server
from tests.bench.recorded_portal import DATASET
from tests.shared import REPOSITORY

_EMPTY = "bench_empty"


class Server:
    """`fresh`: a migrated database without rows, whose partitions are there. `postmaster`: its first process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._is_prepared = False
        self.postmaster = asyncio.run(_postmaster(url))

    def prepare(self, span: Span) -> None:
        """Make what `fresh` copies, with partitions for this span too."""
        asyncio.run(self._prepare(span))

    @contextmanager
    def fresh(self, name: str) -> Iterator[str]:
        asyncio.run(_execute(self.url, f"CREATE DATABASE {name} TEMPLATE {_EMPTY}", "CHECKPOINT"))
        try:
            yield self._at(name)
        finally:
            asyncio.run(_execute(self.url, f"DROP DATABASE {name} WITH (FORCE)"))

    def contents(self, url: str) -> dict[str, tuple[int, int]]:
        """Of each table of rows: how many, and a sum over all that they hold."""
        return asyncio.run(_contents(url))

    async def _prepare(self, span: Span) -> None:
        if not self._is_prepared:
            await _execute(self.url, f"CREATE DATABASE {_EMPTY} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
            await migrate(self._at(_EMPTY))
            self._is_prepared = True
        await _execute(self._at(_EMPTY), f"SELECT ledger.ensure_partitions({span.start}, {span.end})")

    def _at(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))


@contextmanager
def server() -> Iterator[Server]:
    with own_server() as (_, url):
        yield Server(url)


@contextmanager
def portal(folder: Path) -> Iterator[str]:
    """The address of the recorded Portal's dataset."""
    words = [sys.executable, "-m", "tests.bench.recorded_portal", str(folder)]
    process = subprocess.Popen(words, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}{DATASET}"
    finally:
        process.kill()
        process.communicate()


async def _postmaster(url: str) -> int:
    async with connected(url) as connection:
        told = await connection.fetchval("SELECT pg_read_file('postmaster.pid')")
        return int(told.split()[0])


async def _execute(url: str, *statements: str) -> None:
    async with connected(url) as connection:
        for statement in statements:
            await connection.execute(statement)


async def _contents(url: str) -> dict[str, tuple[int, int]]:
    query = "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM ledger.{} AS t"
    async with connected(url) as connection:
        rows = {table.name: await connection.fetchrow(query.format(table.name)) for table in TABLES}
    return {name: (row[0], int(row[1])) for name, row in rows.items() if row is not None and row[0]}
