"""Partitions for years: there before they are needed, and gone when nobody wants them any more.

What must stay true:
- What is let go as a whole goes together with its coverage, before its rows: slots that count as settled and empty
  would be zeros where nothing is known. Where raw bytes alone go, rows and coverage stay, and reprocess keeps off.
- Ingest hardly waits: for a border that moves, no longer than the pages that are being written then take, and two
  seconds at most; for partitions never, since they are attached and detached, one at a time, under locks that writers
  and readers do not meet. Slots at which somebody works are left for the next time.
- Whatever is broken off is finished the next time.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import msgspec
import structlog

from indexer.errors import StoreUnavailable
from indexer.store.connection import CONNECT_TIMEOUT_S, connected
from indexer.store.pool import may_pass
from indexer.store.postgres import PARTITION_SLOTS

if TYPE_CHECKING:
    from indexer.store.connection import Connection

SLOTS_A_DAY = 216_000  # At 400 ms.
_PATIENCE = "SET lock_timeout = '60s'; SET statement_timeout = 0"
_log = structlog.get_logger()


class Retention(msgspec.Struct, frozen=True):
    """Days that are kept behind the finalized head; 0: all. `ahead`: partitions made before the head reaches them."""

    raw_days: float = 0.0
    all_days: float = 0.0
    ahead: int = 2


class Kept(msgspec.Struct, frozen=True):
    """What a look did. `postponed`: somebody worked on what was to go."""

    made: int = 0
    dropped: tuple[str, ...] = ()
    postponed: bool = False


async def keep_partitions(url: str, retention: Retention, *, every_s: float, rng: Random) -> None:
    """Look after partitions until it is cancelled. Who may not drop them, or finds the database away, tries again."""
    while True:
        try:
            kept = await look_after(url, retention)
        except StoreUnavailable as error:
            _log.warning("partitions_not_kept", reason=str(error))
        else:
            if kept != Kept():
                _log.info("partitions_kept", made=kept.made, dropped=len(kept.dropped), postponed=kept.postponed)
        await asyncio.sleep(every_s * rng.uniform(0.75, 1.25))


async def look_after(url: str, retention: Retention, *, timeout_s: float = CONNECT_TIMEOUT_S) -> Kept:
    """Make partitions ahead, and let go of old ones. Raises StoreUnavailable. Letting go needs the owner."""
    async with connected(url, timeout_s=timeout_s) as connection:
        with may_pass(url):
            head: int | None = await connection.fetchval("SELECT max(finalized_slot) FROM ledger.streams")
            if head is None:
                return Kept()
            made = await _ahead(connection, head, retention.ahead)
            if retention.all_days or retention.raw_days:
                await connection.execute(_PATIENCE)
            dropped: list[str] = []
            for which, days in (("all", retention.all_days), ("raw", retention.raw_days)):
                border = border_of(head, days)
                if border and not await _forget(connection, which, border):
                    return Kept(made, tuple(dropped), postponed=True)
                dropped += await _drop(connection, border, only_raw=which == "raw")
            return Kept(made, tuple(dropped))


def border_of(head: int, days: float) -> int:
    """The first slot that is kept: where a partition begins. 0: everything."""
    first = head - round(days * SLOTS_A_DAY) if days else 0
    return max(0, first // PARTITION_SLOTS * PARTITION_SLOTS)


async def _forget(connection: Connection, which: str, border: int) -> bool:
    """Whether nobody worked there. What was let go up to this border before is not locked out once more."""
    known = await connection.fetchval("SELECT border FROM ledger.retention WHERE kind = $1", which)
    if known is not None and border <= known:
        return True
    name = {"all": "forget_below", "raw": "forget_raw_below"}[which]
    return bool(await connection.fetchval(f"SELECT ledger.{name}($1)", border))


async def _ahead(connection: Connection, head: int, partitions: int) -> int:
    made = "SELECT ledger.ensure_partitions($1, $2)"
    return int(await connection.fetchval(made, head, head + partitions * PARTITION_SLOTS + 1))


async def _drop(connection: Connection, border: int, *, only_raw: bool) -> list[str]:
    """One after the other, each in statements of its own: no lock is held from one to the next."""
    rows = await connection.fetch("SELECT * FROM ledger.partitions_below($1, $2)", border, only_raw)
    for row in rows:
        for statement in filter(None, (row["detach"], row["drop"])):
            await connection.execute(statement)
    return [row["part"] for row in rows]
