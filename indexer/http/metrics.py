"""Metrics as Prometheus reads them, made anew for each scrape of what is known then. Pure.

Names and labels are a contract with dashboards and alerts. An `endpoint` is named by its host; no label holds a
credential.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from prometheus_client.core import Metric
from prometheus_client.registry import Collector, CollectorRegistry

from indexer import __version__
from indexer.http.daemon_metrics import of_daemon
from indexer.http.facts import Facts, Row
from indexer.http.families import Samples, counter, gauge, one
from indexer.http.readiness import seconds
from indexer.http.trouble import Trouble
from indexer.ingest.inside import Known
from indexer.verify.gap import EXPLAINED, MEANINGS

_STREAM, _PROTOCOL = ("stream",), ("protocol",)
CAUSES = ("unknown", *(cause for cause in MEANINGS if cause not in EXPLAINED))


class Scene(msgspec.Struct, frozen=True):
    """What a scrape shows. `known`: from the daemon's memory; None without one."""

    facts: Facts | Trouble
    known: Known | None
    is_ready: bool
    free_bytes: int | None  # On the disk of the embedded server; None: the server is not ours.
    answering: int  # Requests of this server.
    refused: int  # Since it started.


class Exposition(Collector):
    """Of one scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def collect(self) -> Iterator[Metric]:
        scene = self._scene
        yield from _of_server(scene)
        if isinstance(scene.facts, Facts):
            yield from _of_ledger(scene.facts)
            yield from _of_workers(scene.facts)
            yield from _of_aggregates(scene.facts.freshness)
            yield from _of_proofs(scene.facts)
        if scene.known is not None:
            yield from of_daemon(scene.known, scene.facts)


def registry(scene: Scene, processes: Iterable[Collector]) -> CollectorRegistry:
    """`processes`: what the system knows of them."""
    found = CollectorRegistry()
    for each in (Exposition(scene), *processes):
        found.register(each)
    return found


def _of_server(scene: Scene) -> Iterator[Metric]:
    yield gauge("build_info", ("version",), [((__version__,), 1)], "The version of the program.")
    yield one("database_up", isinstance(scene.facts, Facts), "1: the database answers.")
    yield one("ready", scene.is_ready, "1: caught up, and the aggregates are fresh; /ready names what is lacking.")
    yield one("disk_free_bytes", scene.free_bytes, "Free on the disk of the embedded server.")
    yield one("http_requests_now", scene.answering, "Requests of pages and the API that are being answered.")
    yield counter("http_requests_refused", (), [((), scene.refused)], "Requests that were told to come back.")


def _of_ledger(facts: Facts) -> Iterator[Metric]:
    rows = facts.protocols

    def of(column: str) -> Samples:
        return [((row["protocol"],), None if row[column] is None else float(row[column])) for row in rows]

    yield gauge("lag_slots", _STREAM, of("lag_slots"), "Slots from the newest settled one to the finalized head.")
    yield gauge("lag_seconds", _STREAM, of("lag_s"), "The same, at 0.4 s a slot.")
    yield gauge("settled_slot", _STREAM, of("settled_to"), "Every wanted slot up to this one is settled.")
    yield gauge("newest_settled_slot", _STREAM, of("newest_settled"), "Newest settled slot; gaps may lie below.")
    yield gauge("head_age_seconds", _STREAM, of("heard_s_ago"), "Since a daemon last saw the head of the chain.")
    yield gauge("missing_slots", _STREAM, of("missing_slots"), "Wanted slots that are still to be fetched.")
    yield gauge("unavailable_slots", _STREAM, of("unavailable_slots"), "Wanted slots that no source has so far.")
    yield gauge("provisional_rows", _STREAM, of("provisional_rows"), "Rows that only a confirmed read has seen.")
    yield gauge("failure_rows", _PROTOCOL, of("failures"), "Payloads that could not be read.")
    yield gauge("unknown_layouts", _PROTOCOL, of("unknown_layouts"), "Events that no layout reads whole.")
    heads = [row["finalized_slot"] for row in rows if row["finalized_slot"] is not None]
    yield one("head_slot", max(heads, default=None), "Newest finalized slot that a daemon saw.")
    estimates = [((row["protocol"], row["kind"]), float(row["rows"])) for row in facts.estimates]
    yield gauge("rows", ("protocol", "table"), estimates, "About how many rows there are, by the server's statistics.")


def _of_workers(facts: Facts) -> Iterator[Metric]:
    """Of all workers together, whoever answers; an ETA that nobody knows is absent."""

    def of(column: str) -> Samples:
        rows = facts.backfill
        return [((row["protocol"],), None if row[column] is None else float(row[column])) for row in rows]

    yield gauge("asked_slots", _STREAM, of("asked_slots"), "Slots that backfills were asked for, done or not.")
    yield gauge("asked_slots_left", _STREAM, of("left_slots"), "Of these, slots that are not settled.")
    yield gauge("workers", _STREAM, of("workers"), "Workers that are alive.")
    yield gauge("workers_slots_per_second", _STREAM, of("slots_per_s"), "Slots that all of them settle a second.")
    yield gauge("workers_eta_seconds", _STREAM, of("eta_s"), "Until all that was asked for is settled, at this rate.")
    holders = [((row["endpoint"], row["budget"]), float(row["holders"])) for row in facts.shares]
    help_ = "Processes that share an endpoint's budget, each with an equal part."
    yield gauge("endpoint_holders", ("endpoint", "budget"), holders, help_)


def _of_aggregates(freshness: Iterable[Row]) -> Iterator[Metric]:
    rollups = [row for row in freshness if row["kind"] == "rollup"]
    views = [row for row in freshness if row["kind"] != "rollup"]
    waiting = sum(row["waiting"] for row in rollups)
    oldest = max((seconds(row["waiting_s"]) or 0.0 for row in rollups if row["waiting"]), default=0.0)
    ages = [((row["name"].removeprefix("perps."),), seconds(row["age_s"])) for row in views]
    yield one("rollup_marks_waiting", waiting, "Hours, days and holdings to be made again.")
    yield one("rollup_age_seconds", oldest, "How long the oldest of them has waited; 0: none does.")
    yield gauge("view_age_seconds", ("view",), ages, "Since the last refresh of a materialized view.")


def _of_proofs(facts: Facts) -> Iterator[Metric]:
    proofs, streams = facts.proofs, [row["protocol"] for row in facts.protocols]
    told = {(row["protocol"], row["cause"]): row["gaps"] for row in proofs.gaps}
    gaps = [((name, cause), told.get((name, cause), 0)) for name in streams for cause in CAUSES]
    yield gauge("unexplained_gaps", ("protocol", "cause"), gaps, "Places where the programs' own counts show a loss.")
    days = {row["protocol"]: row for row in proofs.days}
    for name, says in (("unbroken", "Settled days without such a gap."), ("broken", "Settled days with such a gap.")):
        of_name = [((stream,), days[stream][name] if stream in days else 0) for stream in streams]
        yield gauge(f"dates_{name}", _PROTOCOL, of_name, says)
    for name, says in (("rows", "Rows compared with what is settled."), ("differing", "Of these, told otherwise.")):
        compared = [((row["endpoint"], row["protocol"]), row[name]) for row in proofs.opinions]
        yield counter(f"second_opinion_{name}", ("endpoint", "protocol"), compared, says)
