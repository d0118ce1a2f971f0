"""Connections that read, and what the database's troubles mean to whoever asked.

What must stay true:
- A session cannot write: its transactions are read-only, and where the role perps_reader may be taken, it sees schema
  perps alone.
- A statement ends by itself: the server gives it up after its time, also when nobody waits for it any more.
- The pool opens connections when they are needed, so that a server which starts before its database is there, or
  outlives it, heals by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from indexer.errors import StoreUnavailable
from indexer.http.trouble import Trouble
from indexer.store.connection import SESSION, Connection
from indexer.store.pool import may_pass

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Session: TypeAlias = PoolConnectionProxy[asyncpg.Record]

ROLE = "perps_reader"
WAIT_S = 2.0  # For a free connection, or for one to be made; whoever waited so long is told to come back.
_REFUSAL_REMEDY = "perps-indexer doctor looks at the database"
_OUTDATED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)
_MAY_TAKE_ROLE = """
SELECT count(*) > 0 FROM pg_roles AS r WHERE r.rolname = $1 AND pg_has_role(r.oid, 'MEMBER')
"""


@asynccontextmanager
async def open_reader(url: str, *, most: int, statement_timeout_s: float, idle_s: float = 60.0) -> AsyncIterator[Pool]:
    """A pool of at most `most` connections, none of which is opened yet."""
    milliseconds = str(max(1, round(statement_timeout_s * 1000)))
    async with asyncpg.create_pool(
        url,
        min_size=0,
        max_size=most,
        timeout=WAIT_S,
        max_inactive_connection_lifetime=idle_s,
        init=_take_role,
        reset=_keep,
        server_settings={
            **SESSION,
            "application_name": "perps-indexer http",
            "default_transaction_read_only": "on",
            "statement_timeout": milliseconds,
            "lock_timeout": milliseconds,
            "idle_in_transaction_session_timeout": milliseconds,
            # Each query has its own filters: a plan made without them reads a table of years for an hour.
            "plan_cache_mode": "force_custom_plan",
            "jit": "off",
        },
    ) as pool:
        yield pool


async def _take_role(connection: Connection) -> None:
    """Where the user may: an owner may, a user of another role sees the views anyway."""
    if await connection.fetchval(_MAY_TAKE_ROLE, ROLE):
        # Some members may not become it (PostgreSQL 16): transactions are read-only all the same.
        with suppress(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"SET ROLE {ROLE}")


async def _keep(_connection: object) -> None:
    """What a session was made with stays, and no handler changes it."""


@asynccontextmanager
async def session(pool: Pool) -> AsyncIterator[Session]:
    """A connection for one answer. Raises Trouble."""
    with explained():
        async with pool.acquire(timeout=WAIT_S) as connection:
            yield connection


@contextmanager
def explained() -> Iterator[None]:
    """The database's errors, as those who asked are told them."""
    try:
        with may_pass("postgresql:///"):
            yield
    except StoreUnavailable as error:
        raise _told(error) from None
    except TimeoutError:
        raise Trouble("too_busy", f"no connection to the database was free within {WAIT_S:g} s") from None
    except _OUTDATED as error:
        raise Trouble("schema_outdated", str(error), "perps-indexer migrate") from None


def _told(error: StoreUnavailable) -> Trouble:
    """No address of the database: whoever reads the answer need not know it."""
    cause = error.__cause__
    if isinstance(cause, asyncpg.QueryCanceledError):
        return Trouble("too_slow", "the query took longer than it may", "ask for a shorter time, or for fewer rows")
    if isinstance(cause, TimeoutError):  # An OSError since Python 3.10.
        return Trouble("too_busy", f"no connection to the database was free within {WAIT_S:g} s")
    kind = type(cause or error).__name__
    return Trouble("database_unavailable", f"the database does not serve: {kind}", _REFUSAL_REMEDY)
