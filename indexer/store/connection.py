"""One connection to PostgreSQL, and what its failures mean to a person.

No message has the password: of a URL only host and port are told.
"""

import asyncio
import errno
import os
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from indexer.errors import ConfigError, StoreUnavailable
from indexer.redaction import redacted

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

CONNECT_TIMEOUT_S = 10.0
SESSION = {"application_name": "perps-indexer", "timezone": "UTC"}
REMEDY = "check DATABASE_URL and that the server runs; without DATABASE_URL an embedded server is used"
_FILES = ("sslrootcert", "sslcert", "sslkey")  # Options of a URL.


@asynccontextmanager
async def connected(url: str, *, timeout_s: float = CONNECT_TIMEOUT_S) -> AsyncIterator[Connection]:
    """A connection, closed in the end. Raises ConfigError for a bad URL, StoreUnavailable."""
    connection = await connect(url, timeout_s=timeout_s)
    try:
        yield connection
    finally:
        await connection.close(timeout=timeout_s)


async def connect(url: str, *, timeout_s: float = CONNECT_TIMEOUT_S) -> Connection:
    """A connection of which the caller must take care."""
    address = address_of(url)
    _check_files(url, address)
    try:
        return await _connect_when_it_is_up(url, timeout_s)
    except TimeoutError:
        raise unavailable(address, f"no answer within {timeout_s:g} s") from None
    except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
        raise unavailable(address, _reason(error)) from None
    except (asyncpg.InterfaceError, ValueError) as error:
        raise ConfigError(f"no usable database URL: {redacted(str(error))}", place=address, remedy=REMEDY) from None


async def _connect_when_it_is_up(url: str, timeout_s: float) -> Connection:
    """A server that starts, or recovers from a crash, is waited for."""
    end = time.monotonic() + timeout_s
    while True:
        try:
            # No statement is kept: a pooler may give the next transaction another session.
            return await asyncpg.connect(url, timeout=timeout_s, server_settings=SESSION, statement_cache_size=0)
        except asyncpg.CannotConnectNowError:
            if time.monotonic() > end:
                raise
        await asyncio.sleep(0.1)


def unavailable(address: str, reason: str) -> StoreUnavailable:
    return StoreUnavailable(f"cannot use the database: {reason}", place=address, remedy=REMEDY)


def address_of(url: str) -> str:
    """`host:port/database` for people. Raises ConfigError, which does not quote the URL."""
    try:
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2] or "localhost"
        port = parts.port or 5432 if "," not in hosts else None
    except ValueError:
        raise ConfigError(
            "the database URL has no valid host and port",
            remedy="in a password, write / as %2F, @ as %40, # as %23, ? as %3F",
        ) from None
    if parts.scheme not in ("postgres", "postgresql"):
        raise ConfigError(
            "the database URL does not begin with postgresql://",
            remedy="write DATABASE_URL=postgresql://user@host:5432/database, with the password after the user",
        )
    name = parts.path.lstrip("/") or "(default database)"
    options = dict(parse_qsl(parts.query))
    if not parts.netloc.rpartition("@")[2] and "host" in options:  # A folder of unix sockets cannot stand before the /.
        return f"{options['host']}:{options.get('port', port)}/{name}"
    return f"{hosts}/{name}" if port is None else f"{parts.hostname or 'localhost'}:{port}/{name}"


def place_in_query(error: asyncpg.PostgresError, query: str) -> str:
    """` (line 3, column 5)` where PostgreSQL tells it, else nothing."""
    position = getattr(error, "position", None)
    if not position:
        return ""
    before = query[: int(position) - 1]
    return f" (line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))})"


def _check_files(url: str, address: str) -> None:
    """That what it names for TLS is there: the library's error does not say which file is not. Raises ConfigError."""
    options = dict(parse_qsl(urlsplit(url).query))
    for name in _FILES:
        if name in options and not Path(options[name]).is_file():
            raise ConfigError(f"there is no file {options[name]}, which {name} names", place=address, remedy=REMEDY)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):  # Its errno is none of the system's.
        return f"no TLS with it: {error.reason or 'it broke off'}"
    if isinstance(error, OSError) and error.errno is not None:  # asyncio's own words repeat the address.
        return os.strerror(error.errno) if error.errno in errno.errorcode else str(error.strerror)
    return redacted(" ".join(str(error).split())) or type(error).__name__
