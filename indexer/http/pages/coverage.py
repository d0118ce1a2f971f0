"""Coverage: how far each stream is, what it lacks, what could not be read, and how endpoints fare."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from indexer.http.pages import asking, cells
from indexer.http.pages.cells import Grid, Head, Row
from indexer.http.pages.page import Page
from indexer.http.pages.strip import DAYS, GAP, HEIGHT, STATES, WIDTH, strips
from indexer.http.pages.words import called
from indexer.report.comparison import query as report_query
from indexer.store.connection import Connection

_STATUS = (
    "protocol", "alive", "newest_settled", "settled_to", "finalized_slot", "confirmed_slot", "lag_slots", "lag_s",
    "missing_slots", "oldest_gap_time", "unavailable_slots", "provisional_rows", "failures", "last_settled_at",
    "last_source", "last_endpoint",
)  # fmt: skip
_GAPS = ("protocol", "state", "first_slot", "last_slot", "slots", "from_time", "to_time")
_FAILURES = ("protocol", "reason", "event", "discriminator", "payloads", "first_slot", "last_slot", "last_time")
_PROVIDERS = (
    "endpoint", "method", "requests", "errors", "rate_limited", "latency_ms", "rate_per_s", "observed_slot",
    "quarantined_until", "last_error", "seen_at",
)  # fmt: skip
_FRESHNESS = ("view", "kind", "as_of", "waiting", "error")


class Found(msgspec.Struct, frozen=True):
    """What was read: rows of the queries of these names."""

    status: Sequence[Row]
    strip: Sequence[Row]
    gaps: Sequence[Row]
    failures: Sequence[Row]
    providers: Sequence[Row]
    freshness: Sequence[Row]


async def read(connection: Connection) -> Found:
    return Found(
        status=await asking.rows(connection, "status"),
        strip=await asking.rows(connection, "strip", DAYS),
        gaps=await asking.rows(connection, "gaps"),
        failures=await asking.rows(connection, "failures"),
        providers=await asking.rows(connection, "providers"),
        freshness=[dict(row) for row in await connection.fetch(report_query("freshness"))],
    )


def page(found: Found) -> Page:
    """The page of what was read."""
    provisional = [row["protocol"] for row in found.status if row["provisional_rows"]]
    return Page(
        template="coverage", title="Coverage", place="/coverage",
        shown={
            "strips": strips(found.strip, provisional),
            "states": STATES, "day_width": WIDTH, "day_gap": GAP, "height": HEIGHT,
            "status": _status(found.status),
            "grids": _grids(found),
        },
    )  # fmt: skip


def _status(rows: Sequence[Row]) -> Grid:
    heads = [
        Head(called(row["protocol"]), right=True, note=_heard(row["heard_s_ago"]), is_short=not row["alive"])
        for row in rows
    ]
    says = "Settled: everything of the slot is in the ledger, or it is proven empty."
    return cells.turned("status", "How far it is", says, _STATUS, rows, heads)


def _heard(seconds: int | None) -> str:
    if seconds is None:
        return "no daemon was ever at work"
    return "heard just now" if seconds < 60 else f"heard {_ago(seconds)} ago"


def _ago(seconds: int) -> str:
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} seconds"


def _grids(found: Found) -> list[Grid]:
    return [
        cells.listed("gaps", "Gaps", "Wanted slots that are not settled, the newest first, at most 50; the head, on "
                     "which a daemon is at work, is none.", _GAPS, found.gaps,
                     empty="Every wanted slot behind the head is settled."),
        cells.listed("failures", "What could not be read", "Payloads by cause; their bytes are kept, and read again by "
                     "`perps-indexer reprocess`.", _FAILURES, found.failures, empty="Everything could be read."),
        cells.listed("providers", "Endpoints", "As each daemon sees them, since it started.", _PROVIDERS,
                     found.providers, empty="No daemon is at work: `perps-indexer run` starts one."),
        cells.listed("freshness", "How old numbers are", "When each aggregate was last true.", _FRESHNESS,
                     [{**row, "view": row["name"]} for row in found.freshness], empty="There are no aggregates."),
    ]  # fmt: skip
