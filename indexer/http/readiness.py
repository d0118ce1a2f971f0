"""Whether what is read here is up to date, and what is lacking where it is not. Pure.

Ready: a daemon is at work on every protocol that is indexed, nothing that it wants is missing but the newest slots, and
the aggregates follow. Slots that no source has do not count: they would keep it from being ready for good; they have a
name in perps.gaps and a metric of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from indexer.http.facts import Facts, Row
from indexer.http.trouble import Trouble

BEHIND_SLOTS = 150  # A minute.
_SLACK_S = 60.0
_ROUNDS = 3  # What did not happen in so many rounds is late.


class Lack(msgspec.Struct, frozen=True):
    """`subject`: the protocol or aggregate. `code` stays, the rest is for people."""

    code: str
    subject: str | None
    message: str
    remedy: str | None = None


class Rhythm(msgspec.Struct, frozen=True):
    """Seconds between runs of rollups, and between refreshes of views."""

    rolls_s: float
    refresh_s: float


def lacking(facts: Facts | Trouble, streams: Sequence[str] | None, rhythm: Rhythm) -> list[Lack]:
    """`streams`: what is indexed; None: not known, so that all count that ever were."""
    if isinstance(facts, Trouble):
        return [Lack("database", None, facts.message, facts.remedy)]
    return [*_of_streams(facts, streams), *(lack for row in facts.freshness for lack in _of_aggregate(row, rhythm))]


def _of_streams(facts: Facts, streams: Sequence[str] | None) -> Iterator[Lack]:
    rows = {row["protocol"]: row for row in facts.protocols}
    if streams is None:
        streams = [name for name, row in rows.items() if row["wanted_from"] is not None]
    if not streams:
        yield Lack("not_started", None, "nothing was indexed yet", "perps-indexer run")
    for name in streams:
        if name in rows:
            yield from _of_stream(rows[name])
        else:
            yield Lack("not_started", name, "no daemon has begun with it")


def _of_stream(row: Row) -> Iterator[Lack]:
    name = row["protocol"]
    if row["wanted_from"] is None:
        yield Lack("not_started", name, "no daemon has begun with it")
        return
    if not row["alive"]:
        yield Lack("no_daemon", name, f"no daemon was heard for {row['heard_s_ago']} s", "perps-indexer run")
    if (lag := row["lag_slots"] or 0) > BEHIND_SLOTS:
        yield Lack("behind", name, f"{lag} slots behind the finalized head, more than {BEHIND_SLOTS}")
    if row["missing_slots"] > BEHIND_SLOTS:
        yield Lack("missing", name, f"{row['missing_slots']} wanted slots are missing, more than {BEHIND_SLOTS}")


def _of_aggregate(row: Row, rhythm: Rhythm) -> Iterator[Lack]:
    name, age_s = row["name"], seconds(row["age_s"])
    if row["has_failed"]:
        yield Lack("aggregate_failed", name, f"it failed when it was last made: {row['error']}", "see the daemon's log")
    if row["kind"] == "rollup":
        waits_s = seconds(row["waiting_s"]) or age_s
        limit_s = _ROUNDS * rhythm.rolls_s + _SLACK_S
        if row["waiting"] and (waits_s is None or waits_s > limit_s):
            waited = "since ever" if waits_s is None else f"for {waits_s:.0f} s, more than {limit_s:.0f}"
            yield Lack("rollup_late", name, f"{row['waiting']} marks wait, the oldest {waited}")
        return
    limit_s = _ROUNDS * rhythm.refresh_s + _SLACK_S
    if age_s is None or age_s > limit_s:
        old = "it was never refreshed" if age_s is None else f"it is {age_s:.0f} s old, more than {limit_s:.0f}"
        yield Lack("view_late", name, old, "perps-indexer refresh")


def seconds(text: str | None) -> float | None:
    return None if text is None else float(text)
