"""Metrics of what only a daemon's memory knows: endpoints, subscriptions, what it settled and how fast. Pure.

Counters begin with the daemon, and fall back to 0 with the next one, as Prometheus expects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import Metric

from indexer.http.facts import Facts
from indexer.http.families import Samples, counter, gauge, one
from indexer.http.trouble import Trouble
from indexer.ingest.inside import Count, Known

_METHOD, _LINK = ("endpoint", "method"), ("endpoint", "stream")
_UP = {"up": 1.0, "quarantined": 0.0, "foreign": 0.0}  # One that was never asked yet is neither.


def of_daemon(known: Known, facts: Facts | Trouble) -> Iterator[Metric]:
    yield from _of_rows(known)
    yield from _of_history(known, facts)
    yield from _of_endpoints(known)
    yield from _of_links(known)
    connections = [(("used",), known.connections.used), (("idle",), known.connections.idle)]
    yield gauge("pool_connections", ("state",), connections, "Connections of the daemon to the database.")


def _of_rows(known: Known) -> Iterator[Metric]:
    reasons = {(each.protocol, each.name): each.count for each in known.failures}

    def of(reason: str) -> Samples:
        return [((name,), reasons.get((name, reason), 0)) for name in known.streams]

    events, failures = _counts(known.events), _counts(known.failures)
    yield counter("events", ("protocol", "event"), events, "Events settled.")
    yield counter("failures", ("protocol", "reason"), failures, "Payloads settled that could not be read.")
    yield counter("unknown_events", ("protocol",), of("unknown_event"), "Of these, events of which no layout is known.")
    yield counter("truncated_transactions", ("stream",), of("truncated_logs"), "Transactions whose log a node cut.")


def _of_history(known: Known, facts: Facts | Trouble) -> Iterator[Metric]:
    rate = known.filled_per_s
    yield one("backfill_slots_per_second", rate, "Slots of history settled over a minute, of all streams together.")
    yield one("backfill_eta_seconds", _eta_s(known, facts), "Until nothing is missing, at this rate; absent at 0.")


def _eta_s(known: Known, facts: Facts | Trouble) -> float | None:
    if isinstance(facts, Trouble):
        return None
    missing = sum(row["missing_slots"] for row in facts.protocols if row["protocol"] in known.streams)
    if not missing:
        return 0.0
    return missing / known.filled_per_s if known.filled_per_s else None


def _of_endpoints(known: Known) -> Iterator[Metric]:
    told = [((one.name, method), health) for one in known.endpoints for method, health in sorted(one.methods.items())]
    requests = [(labels, one.successes + one.refusals + one.overloads + one.errors) for labels, one in told]
    limited = [(labels, one.overloads) for labels, one in told]
    failed = [(labels, one.errors) for labels, one in told]
    latencies = [(labels, one.latency_s) for labels, one in told]
    rates = [(labels, one.per_s) for labels, one in told]
    states = [((one.name,), _UP.get(one.state)) for one in known.endpoints]
    yield counter("requests", _METHOD, requests, "Requests to endpoints.")
    yield counter("requests_limited", _METHOD, limited, "Of these, refused by a rate limit (429).")
    yield counter("request_failures", _METHOD, failed, "Of these, failed in any other way.")
    yield gauge("request_seconds", _METHOD, latencies, "Time until the answer, a mean that leans to the latest.")
    yield gauge("request_rate", _METHOD, rates, "Requests a second that the daemon allows itself now.")
    yield gauge("endpoint_up", ("endpoint",), states, "1: it is asked. 0: it is left alone, or of another cluster.")


def _of_links(known: Known) -> Iterator[Metric]:
    told = [((link.endpoint, stream), one) for link in known.links for stream, one in sorted(link.streams.items())]
    notifications = [(labels, one.notifications) for labels, one in told]
    subscribed = [(labels, one.subscribed_since is not None) for labels, one in told]
    reconnects = [((link.endpoint,), max(0, link.connects - 1)) for link in known.links]
    yield counter("websocket_notifications", _LINK, notifications, "Notifications.")
    yield gauge("websocket_subscribed", _LINK, subscribed, "1: the endpoint tells of the stream now.")
    yield counter("websocket_reconnects", ("endpoint",), reconnects, "Links opened again.")


def _counts(counts: Iterable[Count]) -> Samples:
    return [((each.protocol, each.name), each.count) for each in counts]
