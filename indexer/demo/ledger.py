"""How far the daemon is, as the ledger's views tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from indexer.report.query import fetch

_TIMEOUT_S = 5.0
_STREAMS = """
SELECT protocol, settled_to, missing_slots, finalized_slot, now() AS read_at FROM perps.status
"""
_LIVE = """
SELECT
    (SELECT max(lag_slots) FROM perps.status) AS lag_slots,
    (SELECT min(settled_to) FROM perps.status) AS settled_to,
    (SELECT sum(trades) FROM perps.volume_hourly) AS fills
"""
_AGGREGATES = "SELECT kind, as_of, waiting, oldest_waiting, now() AS read_at FROM perps.freshness"
_FEW = 200  # Marks without a time that a daemon has always about: what the newest seconds have changed.

Row = Mapping[str, Any]


class History(msgspec.Struct, frozen=True):
    """How much of the history is settled, of all protocols together: `settled` slots of `wanted`."""

    settled: int
    wanted: int
    read_at: datetime

    @property
    def is_whole(self) -> bool:
        return self.settled == self.wanted


class Behind(msgspec.Struct, frozen=True):
    """What the aggregates have not taken in: marks that wait, or views that were refreshed before."""

    steps: int
    read_at: datetime


async def read_history(url: str, first_slot: int, live_slot: int) -> History | None:
    """Of the slots from `first_slot` up to `live_slot`. None: no daemon has said yet what it wants.

    Raises StoreUnavailable.
    """
    rows: Sequence[Row] = await fetch(url, _STREAMS, timeout_s=_TIMEOUT_S)
    if not rows or any(row["finalized_slot"] is None for row in rows):
        return None
    slots = live_slot - first_slot
    missing = sum(0 if _is_past(row, live_slot) else min(max(row["missing_slots"], 1), slots) for row in rows)
    return History(slots * len(rows) - missing, slots * len(rows), rows[0]["read_at"])


def _is_past(row: Row, live_slot: int) -> bool:
    settled_to: int | None = row["settled_to"]
    return settled_to is not None and settled_to >= live_slot


async def read_marks(url: str, since: datetime) -> Behind:
    """Marks of what was written before `since`. Raises StoreUnavailable."""
    rows: Sequence[Row] = await fetch(url, _AGGREGATES, timeout_s=_TIMEOUT_S)
    waiting = [max(row["waiting"], 1) for row in rows if row["kind"] == "rollup" and _waits(row, since)]
    return Behind(sum(waiting), rows[0]["read_at"])


async def read_views(url: str, since: datetime) -> Behind:
    """Materialized views that were not refreshed since. Raises StoreUnavailable."""
    rows: Sequence[Row] = await fetch(url, _AGGREGATES, timeout_s=_TIMEOUT_S)
    older = sum(row["kind"] != "rollup" and _is_older(row["as_of"], since) for row in rows)
    return Behind(older, rows[0]["read_at"])


def _waits(row: Row, since: datetime) -> bool:
    if _is_older(row["as_of"], since):
        return True
    oldest: datetime | None = row["oldest_waiting"]
    return bool(row["waiting"] > _FEW) if oldest is None else oldest < since


def _is_older(as_of: datetime | None, since: datetime) -> bool:
    return as_of is None or as_of < since


async def read_live(url: str) -> Row:
    """How far behind the head the slowest protocol is, and how many fills there are. Raises StoreUnavailable."""
    (row,) = await fetch(url, _LIVE, timeout_s=_TIMEOUT_S)
    return row
