"""Bring a database to the state the files in `migrations/` describe. Forward only.

`NNNN_name.sql` files run once, in order, each in one transaction with the row in `ledger.migrations`
that says so. `views/*.sql` files say how readers see the ledger: when one of them or the ledger
changed, all run again in the order of their names, in one transaction.

What must stay true: a database is never half migrated; two runners at once are one after the other;
a file that was applied is never edited; a program never touches a ledger newer than itself.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import structlog

from indexer.errors import SchemaError
from indexer.resources import resource
from indexer.store.connection import CONNECT_TIMEOUT_S, Connection, address_of, connected, place_in_query
from indexer.store.pool import MAY_PASS, may_pass

log = structlog.get_logger()

OLDEST_SERVER, NEWEST_SERVER = 15, 18
# Any number, as long as no other program locks it in the same database: "perps" as bytes.
LOCK = 0x7065727073

_BOOKKEEPING = """
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.migrations (
    version     int          PRIMARY KEY,
    name        text         NOT NULL,
    sha256      text         NOT NULL,
    applied_at  timestamptz  NOT NULL DEFAULT now()
);
COMMENT ON TABLE ledger.migrations IS 'Migration files applied, with the checksum each had then.';
CREATE TABLE IF NOT EXISTS ledger.view_files (
    name        text         PRIMARY KEY,
    sha256      text         NOT NULL,
    applied_at  timestamptz  NOT NULL DEFAULT now()
);
COMMENT ON TABLE ledger.view_files IS 'View files as last applied; another checksum means: apply them again.';
"""


@dataclass(frozen=True, slots=True)
class SqlFile:
    """`sha256` is of the text with \\n newlines, so that a checkout on another system is no edit."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def version(self) -> int:
        return int(self.name.partition("_")[0])

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


async def migrate(url: str, folder: Path | None = None, *, timeout_s: float = CONNECT_TIMEOUT_S) -> list[str]:
    """Apply what is missing from `folder` (the shipped migrations); the names applied, in order.

    Raises SchemaError if database and files do not fit or a file fails, StoreUnavailable.
    """
    folder = folder or resource("migrations")
    migrations, views = _numbered(folder), _read(folder / "views")
    async with connected(url, timeout_s=timeout_s) as connection, _explained(url):
        check_server(connection)
        connection.add_log_listener(_tell)
        await connection.execute("SET statement_timeout = 0; SET lock_timeout = 0; SET client_min_messages = notice")
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)  # Ends with the connection.
        return await _apply(connection, migrations, views)


async def require_newest(url: str, *, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
    """Raises SchemaError unless every shipped file was applied. Asked in one transaction, also by way of a pooler."""
    folder = resource("migrations")
    wanted = {file.name: file.sha256 for file in [*_numbered(folder), *_read(folder / "views")]}
    async with (
        connected(url, timeout_s=timeout_s) as connection,
        _explained(url),
        connection.transaction(readonly=True),
    ):
        is_there = await connection.fetchval("SELECT to_regclass('ledger.view_files') IS NOT NULL")
        rows = await connection.fetch(_APPLIED) if is_there else []
    applied = {row["name"]: row["sha256"] for row in rows}
    if applied != wanted:
        differing = sorted(dict(applied.items() ^ wanted.items()))
        raise SchemaError(
            f"the ledger's schema is not that of this program: {len(differing)} files differ, first {differing[0]}",
            place=address_of(url),
            remedy="run `perps-indexer migrate` past the pooler, with the server's own address as DATABASE_URL",
        )


_APPLIED = "SELECT name, sha256 FROM ledger.migrations UNION ALL SELECT name, sha256 FROM ledger.view_files"


@asynccontextmanager
async def _explained(url: str) -> AsyncIterator[None]:
    """Whatever the database says no to is one line for people."""
    with may_pass(url):
        try:
            yield
        except asyncpg.InsufficientPrivilegeError as error:
            raise SchemaError(str(error), place=address_of(url), remedy=_NO_RIGHT) from None


_NO_RIGHT = "let the owner of the ledger run `perps-indexer migrate`, and be a member of perps_writer"


def _tell(_connection: object, message: asyncpg.PostgresLogMessage) -> None:
    """What the files say by RAISE, and warnings; not that something is there already."""
    if message.severity_en == "WARNING" or message.sqlstate == "00000":
        log.warning("migration_noticed", notice=message.message)


def check_server(connection: Connection) -> None:
    """Raises SchemaError unless it is PostgreSQL 15 to 18."""
    version = connection.get_server_version()
    if not OLDEST_SERVER <= version.major <= NEWEST_SERVER:
        raise SchemaError(
            f"the server is PostgreSQL {version.major}.{version.minor},"
            f" supported are {OLDEST_SERVER} to {NEWEST_SERVER}"
        )


async def _apply(connection: Connection, migrations: Sequence[SqlFile], views: Sequence[SqlFile]) -> list[str]:
    if await connection.fetchval("SELECT to_regclass('ledger.view_files') IS NULL"):
        await connection.execute(_BOOKKEEPING)
    rows = await connection.fetch("SELECT version, name, sha256 FROM ledger.migrations ORDER BY version")
    _check_applied(rows, migrations)
    missing = migrations[len(rows) :]
    for file in missing:
        await _apply_migration(connection, file)
    seen = {row["name"]: row["sha256"] for row in await connection.fetch("SELECT name, sha256 FROM ledger.view_files")}
    changed = [file for file in views if seen.get(file.name) != file.sha256]
    if missing or changed or len(seen) != len(views):
        await _apply_views(connection, views)
    return [file.name for file in missing] + [f"views/{file.name}" for file in changed]


async def _apply_migration(connection: Connection, file: SqlFile) -> None:
    async with connection.transaction():
        await _run(connection, file)
        await connection.execute(
            "INSERT INTO ledger.migrations (version, name, sha256) VALUES ($1, $2, $3)",
            file.version,
            file.name,
            file.sha256,
        )


async def _apply_views(connection: Connection, views: Sequence[SqlFile]) -> None:
    async with connection.transaction():
        for file in views:
            await _run(connection, file)
        await connection.execute("DELETE FROM ledger.view_files")
        await connection.executemany(
            "INSERT INTO ledger.view_files (name, sha256) VALUES ($1, $2)", [(file.name, file.sha256) for file in views]
        )


async def _run(connection: Connection, file: SqlFile) -> None:
    try:
        await connection.execute(file.text)
    except (*MAY_PASS, asyncpg.InsufficientPrivilegeError):
        raise
    except asyncpg.PostgresError as error:
        raise SchemaError(f"{error}{place_in_query(error, file.text)}", place=str(file.path)) from error


def _check_applied(rows: Sequence[asyncpg.Record], migrations: Sequence[SqlFile]) -> None:
    files = {file.version: file for file in migrations}
    for expected, row in enumerate(rows, start=1):
        file = files.get(row["version"])
        if file is None:
            raise SchemaError(
                f"the database has migration {row['name']}, which this program does not know",
                remedy="install a version of perps-indexer at least as new as the one that wrote it",
            )
        if row["version"] != expected:
            raise SchemaError(f"the database has migration {row['name']} but not number {expected:04d}")
        _check_unedited(row, file)


def _check_unedited(row: asyncpg.Record, file: SqlFile) -> None:
    if (row["name"], row["sha256"]) != (file.name, file.sha256):
        raise SchemaError(
            f"this file was applied as {row['name']} with sha256 {row['sha256'][:12]}, it now has {file.sha256[:12]}",
            place=str(file.path),
            remedy="restore the file as it was released; a change goes into a new migration",
        )


def _numbered(folder: Path) -> list[SqlFile]:
    """The migration files by version, which must be 1, 2, 3 ... without a gap."""
    files = _read(folder)
    for expected, file in enumerate(files, start=1):
        if not re.fullmatch(r"\d{4}_[a-z0-9_]+", file.name):
            raise SchemaError("a migration is named NNNN_name.sql", place=str(file.path))
        if file.version != expected:
            raise SchemaError(f"migration number {expected:04d} is missing or doubled", place=str(file.path))
    return files


def _read(folder: Path) -> list[SqlFile]:
    paths = sorted(folder.glob("*.sql"), key=lambda path: path.name)
    return [SqlFile(path, path.read_text(encoding="utf-8").replace("\r\n", "\n")) for path in paths]
