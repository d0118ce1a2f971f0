"""What `status` and `gaps` print: how far the ledger is, what it lacks, how the endpoints fare.

Everything is read from `perps.*`, so that whoever may read the views gets the same answers in SQL.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from indexer.report import records
from indexer.report.query import fetch

Row = Mapping[str, Any]

NOTHING_YET = "nothing was indexed yet; start with `perps-indexer run`\n"
STATUS = """
SELECT *, round(extract(epoch FROM now() - head_seen_at))::bigint AS heard_s_ago FROM perps.status ORDER BY protocol
"""
_GAPS = "SELECT * FROM perps.gaps ORDER BY protocol, first_slot"
WORKERS = "SELECT * FROM perps.workers WHERE alive ORDER BY holder, protocol"
BACKFILL = "SELECT * FROM perps.backfill ORDER BY protocol"
SHARES = "SELECT * FROM perps.endpoint_shares ORDER BY endpoint, budget"
PROVIDERS = "SELECT * FROM perps.providers ORDER BY holder, endpoint, method"


async def read_status(url: str, *, timeout_s: float) -> tuple[list[Row], list[Row]]:
    """Rows of perps.status and of perps.providers. Raises InputError, StoreUnavailable."""
    streams: list[Row] = [*await fetch(url, STATUS, timeout_s=timeout_s)]
    providers: list[Row] = [*await fetch(url, PROVIDERS, timeout_s=timeout_s)]
    return streams, providers


async def read_work(url: str, *, timeout_s: float) -> tuple[list[Row], list[Row]]:
    """Rows of perps.backfill, and of perps.workers of those alive. Raises InputError, StoreUnavailable."""
    asked: list[Row] = [*await fetch(url, BACKFILL, timeout_s=timeout_s)]
    workers: list[Row] = [*await fetch(url, WORKERS, timeout_s=timeout_s)]
    return asked, workers


async def read_gaps(url: str, *, timeout_s: float) -> list[Row]:
    """Rows of perps.gaps. Raises InputError, StoreUnavailable."""
    return [*await fetch(url, _GAPS, timeout_s=timeout_s)]


def status(
    streams: Sequence[Row], providers: Sequence[Row], asked: Sequence[Row] = (), workers: Sequence[Row] = ()
) -> str:
    """A block for each protocol, then tables of endpoints, of what backfills were asked for, and of workers."""
    if not streams:
        return NOTHING_YET
    blocks = ["".join(f"{line}\n" for line in _block(row)) for row in streams]
    tables = ([_provider(row) for row in providers], [_asked(row) for row in asked], [_worker(row) for row in workers])
    return "\n".join([*blocks, *(records.table(rows) for rows in tables if rows)])


def gaps(rows: Sequence[Row], streams: Sequence[Row]) -> str:
    """A line for each gap, and the sums. `streams`: the status of the protocols that were asked for."""
    if rows:
        return records.table([_gap(row) for row in rows]) + "".join(_sums(rows))
    if not streams:
        return NOTHING_YET
    if not any(_is_wanted(row) for row in streams):
        return "no gaps: nothing is wanted yet; start with `perps-indexer run`\n"
    return "no gaps: every wanted slot is settled\n"


def _block(row: Row) -> list[str]:
    lines = {
        "settled": _settled(row),
        "head": _head(row),
        "missing": _missing(row),
        "unavailable": f"{row['unavailable_slots']} slots" if row["unavailable_slots"] else "none",
        "rows": f"{row['provisional_rows']} provisional; {row['failures']} payloads could not be read{_layouts(row)}",
        "last settled": _last(row),
    }
    width = max(map(len, lines))
    return [f"{row['protocol']}: {_life(row)}", *(f"  {name:<{width}}  {text}" for name, text in lines.items())]


def _layouts(row: Row) -> str:
    return f", {row['unknown_layouts']} unknown layouts (perps.unknown_events)" if row["unknown_layouts"] else ""


def _life(row: Row) -> str:
    if row["head_seen_at"] is None:
        return "no daemon was ever at work"
    return f"{'a daemon is at work' if row['alive'] else 'no daemon is at work'}, heard {row['heard_s_ago']} s ago"


def _settled(row: Row) -> str:
    if row["newest_settled"] is None:
        return "nothing"
    if row["settled_to"] is None:
        return f"newest {row['newest_settled']}"
    return f"{row['wanted_from']} to {row['settled_to']} without a gap, newest {row['newest_settled']}"


def _head(row: Row) -> str:
    if row["finalized_slot"] is None:
        return "not known"
    lag = "" if row["lag_slots"] is None else f"; {row['lag_slots']} slots ({row['lag_s']} s) behind it"
    return f"finalized {row['finalized_slot']}, confirmed {_or_unknown(row['confirmed_slot'])}{lag}"


def _missing(row: Row) -> str:
    if not _is_wanted(row):
        return "nothing is wanted yet"
    if not row["missing_slots"]:
        return "none"
    return f"{row['missing_slots']} slots, the oldest gap at {row['oldest_gap']}{_at(row['oldest_gap_time'])}"


def _is_wanted(row: Row) -> bool:
    return row["wanted_from"] is not None or bool(row["asked_slots"])


def _last(row: Row) -> str:
    if row["last_settled_at"] is None:
        return "never"
    endpoint = f" from {row['last_endpoint']}" if row["last_endpoint"] else ""
    return f"{_time(row['last_settled_at'])} by {row['last_source']}{endpoint}"


def _gap(row: Row) -> Row:
    state = f"{row['state']} (at the head)" if row["at_head"] else row["state"]
    times = {"about from": _time(row["from_time"]), "to": _time(row["to_time"])}
    return {**{name: row[name] for name in ("protocol", "first_slot", "last_slot", "slots")}, "state": state, **times}


def _sums(rows: Iterable[Row]) -> Iterable[str]:
    sums: dict[tuple[str, str], int] = {}
    for row in rows:
        key = row["protocol"], row["state"]
        sums[key] = sums.get(key, 0) + row["slots"]
    return (f"{protocol}: {slots} slots {state}\n" for (protocol, state), slots in sorted(sums.items()))


def _provider(row: Row) -> Row:
    shown = {"quarantined_until": _time(row["quarantined_until"]), "seen_at": _time(row["seen_at"])}
    return {name: value for name, value in {**row, **shown}.items() if name != "first_slot"}


def _asked(row: Row) -> Row:
    """`left`: nobody is at work on what has no time left."""
    left = "not known" if row["eta_s"] is None else str(timedelta(seconds=row["eta_s"]))
    asked = {"backfill": row["protocol"], "asked": row["asked_slots"], "left": row["left_slots"]}
    return {**asked, "workers": row["workers"], "slots a second": row["slots_per_s"], "time left": left}


def _worker(row: Row) -> Row:
    shown = {"worker": row["holder"], "protocol": row["protocol"], "settled": row["settled_slots"]}
    return {**shown, "slots a second": row["slots_per_s"], "at slot": row["at_slot"], "since": _time(row["started_at"])}


def _time(time: datetime | None) -> str:
    return "" if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _at(time: datetime | None) -> str:
    return f" (about {_time(time)})" if time else ""


def _or_unknown(value: object) -> str:
    return "not known" if value is None else str(value)
