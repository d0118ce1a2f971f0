"""Connections of the store: how values travel, and what the database's troubles mean.

Times are Unix seconds and numbers are int or Decimal on both sides; no float and no datetime comes
between. What may pass (no connection, disk full, read-only, no memory) is StoreUnavailable, whatever
the statement was; every other error is a bug and stays what it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from indexer.store import numeric
from indexer.store.connection import CONNECT_TIMEOUT_S, Connection, address_of, connect, unavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Session: TypeAlias = PoolConnectionProxy[asyncpg.Record]

_POSTGRES_EPOCH_S = 946_684_800  # 2000-01-01
_MICROSECONDS = 1_000_000

# The statement was right, the moment was not.
MAY_PASS = (
    asyncpg.PostgresConnectionError,  # Class 08.
    asyncpg.InsufficientResourcesError,  # Class 53: disk full, out of memory, too many connections.
    asyncpg.OperatorInterventionError,  # Class 57: the server is shut down, or not yet up.
    asyncpg.PostgresSystemError,  # Class 58: the server's own disk errors.
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    OSError,
)


@asynccontextmanager
async def open_pool(url: str, *, size: tuple[int, int], timeout_s: float = CONNECT_TIMEOUT_S) -> AsyncIterator[Pool]:
    """A pool of `size` (at least, at most) connections. Raises StoreUnavailable, ConfigError for a bad URL."""
    # One connection by the way that explains itself; the pool then asks the same server.
    await (await connect(url, timeout_s=timeout_s)).close()
    with may_pass(url):
        pool = await asyncpg.create_pool(
            url,
            min_size=size[0],
            max_size=size[1],
            timeout=timeout_s,
            init=_prepare,
            server_settings={"application_name": "perps-indexer", "timezone": "UTC"},
        )
    try:
        yield pool
    finally:
        await pool.close()


@contextmanager
def may_pass(url: str) -> Iterator[None]:
    """Errors that may pass become StoreUnavailable."""
    try:
        yield
    except MAY_PASS as error:
        raise unavailable(address_of(url), f"{type(error).__name__}: {error}") from error
    except asyncpg.InterfaceError as error:
        if "clos" not in str(error):  # The connection or its pool is closed: the only way asyncpg says so.
            raise
        raise unavailable(address_of(url), str(error)) from error


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec(
        "numeric", schema="pg_catalog", encoder=numeric.encode, decoder=numeric.decode, format="binary"
    )
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=_encode_time, decoder=_decode_time, format="tuple"
    )


def _encode_time(seconds: int) -> tuple[int]:
    return ((seconds - _POSTGRES_EPOCH_S) * _MICROSECONDS,)


def _decode_time(value: tuple[int]) -> int:
    return value[0] // _MICROSECONDS + _POSTGRES_EPOCH_S
