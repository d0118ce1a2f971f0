"""Connections of the store: how values travel, and what the database's troubles mean.

Times are Unix seconds and numbers are int or Decimal on both sides; no float and no datetime comes
between. What may pass (no connection, disk full, read-only, no memory) is StoreUnavailable, whatever
the statement was; every other error is a bug and stays what it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from indexer.errors import StoreUnavailable
from indexer.store import numeric, times
from indexer.store.connection import CONNECT_TIMEOUT_S, SESSION, Connection, address_of, connect, unavailable

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Session: TypeAlias = PoolConnectionProxy[asyncpg.Record]

# What a session that nobody hears of any more may hold up: the locks of its slots. A host that was cut off amid
# a page never says goodbye, and by the defaults of Linux its session would live on for hours.
GOODBYE = (
    "SET idle_in_transaction_session_timeout = '60s'; SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5;"
    " SET tcp_keepalives_count = 3; SET tcp_user_timeout = '30s'"
)
MOST_STATEMENTS = 250  # Prepared for each connection: every table has five of its own.

# Every statement is planned once for a connection and without its arguments: they are of few shapes, and to plan over
# thirteen tables of many partitions costs more than to run. All that is asked often is asked by a key, so that a plan
# made while a partition was empty must not read it whole when it is full. None runs long enough for compiled code.
PLANS = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off"

# The statement was right, the moment was not.
MAY_PASS = (
    asyncpg.PostgresConnectionError,  # Class 08.
    asyncpg.InsufficientResourcesError,  # Class 53: disk full, out of memory, too many connections.
    asyncpg.IdleInTransactionSessionTimeoutError,  # We stood still in the middle of a page: it was not written.
    asyncpg.OperatorInterventionError,  # Class 57: the server is shut down, or not yet up.
    asyncpg.PostgresSystemError,  # Class 58: the server's own disk errors.
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    OSError,
)


@asynccontextmanager
async def open_pool(
    url: str, *, size: tuple[int, int], timeout_s: float = CONNECT_TIMEOUT_S, pooled: bool = False
) -> AsyncIterator[Pool]:
    """A pool of `size` (at least, at most) connections. Raises StoreUnavailable, ConfigError for a bad URL.

    `pooled`: a pooler may give each transaction another session. Then nothing is left in one: no statement is kept
    prepared, and what sessions are set to is the pooler's to say (config/pgbouncer/pgbouncer.ini).
    """
    # One connection by the way that explains itself; the pool then asks the same server.
    await (await connect(url, timeout_s=timeout_s)).close()
    asyncio.get_running_loop().set_exception_handler(_without_echo)
    with may_pass(url):
        pool = await asyncpg.create_pool(
            url,
            min_size=size[0],
            max_size=size[1],
            timeout=timeout_s,
            init=_know_types if pooled else _prepare,
            reset=_keep,
            statement_cache_size=0 if pooled else MOST_STATEMENTS,
            server_settings=SESSION,
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
    except asyncpg.InsufficientPrivilegeError as error:
        remedy = "a role that is a member of perps_writer may write, the owner may do all"
        raise StoreUnavailable(str(error), place=address_of(url), remedy=remedy) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        if not _is_lost(error):
            raise
        cause = error.__context__ if isinstance(error.__context__, MAY_PASS) else error
        raise unavailable(address_of(url), f"the connection broke: {cause}") from error


@contextmanager
def never_reused_if_lost(session: Session) -> Iterator[None]:
    """End a session whose connection broke: else the pool would ask it to roll back."""
    try:
        yield
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        if _is_lost(error):
            with suppress(asyncpg.InterfaceError):  # It has ended already.
                session.terminate()
        raise


def _is_lost(error: asyncpg.InterfaceError | asyncpg.InternalClientError) -> bool:
    """Whether the error says that a connection, or its pool, is closed: asyncpg has no class for it.

    `another operation`: the server said goodbye between two statements. A session is one task's alone, so that no
    other operation can be in progress.
    """
    return any(words in str(error) for words in ("clos", "another operation"))


def _without_echo(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A connection that broke between two statements leaves a future that nobody waits for; the error was told."""
    if not isinstance(context.get("exception"), asyncpg.ConnectionDoesNotExistError):
        loop.default_exception_handler(context)


async def _keep(_connection: object) -> None:
    """A session listens to nothing and holds no lock longer than its transaction; what `_prepare` set shall stay."""


async def _prepare(connection: Connection) -> None:
    await connection.execute(f"{PLANS}; {GOODBYE}")
    await _know_types(connection)


async def _know_types(connection: Connection) -> None:
    async with connection.transaction():  # Statements of one transaction are asked of one session.
        await connection.set_type_codec(
            "numeric", schema="pg_catalog", encoder=numeric.encode, decoder=numeric.decode, format="binary"
        )
        await connection.set_type_codec(
            "timestamptz", schema="pg_catalog", encoder=_encode_time, decoder=_decode_time, format="tuple"
        )


def _encode_time(unix_s: int) -> tuple[int]:
    return (times.microseconds(unix_s),)


def _decode_time(value: tuple[int]) -> int:
    return times.seconds(value[0])
