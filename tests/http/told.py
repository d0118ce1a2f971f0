"""What a daemon might say."""

from __future__ import annotations

import os
from typing import Any

from indexer.ingest.inside import Connections, Count, Known
from indexer.sources.health import EndpointHealth, MethodHealth
from indexer.sources.hints import LinkHealth, StreamHealth
from indexer.sources.subscriptions import LinkCounts

HOST = "https://rpc.example"


def endpoint(name: str = HOST, **values: Any) -> EndpointHealth:
    method = MethodHealth(per_s=4.0, latency_s=0.25, successes=10, refusals=3, overloads=2, errors=1)
    given: dict[str, Any] = {
        "state": "up", "reason": None, "observed_slot": 7, "finalized_slot": 7, "first_block": 0, "in_flight": 0,
        "batch": 1, "methods": {"getBlock": method, "getSlot": method},
    }  # fmt: skip
    return EndpointHealth(name=name, **{**given, **values})


def link(name: str = HOST, **values: Any) -> LinkHealth:
    streams = {"drift": StreamHealth(notifications=20, subscribed_since=1.0), "gmx_solana": StreamHealth()}
    return LinkHealth(endpoint=name, counts=LinkCounts(), **{"connects": 3, "streams": streams, **values})


def known(**values: Any) -> Known:
    given: dict[str, Any] = {
        "now": 100.0,
        "pid": os.getpid(),
        "streams": ("drift", "gmx_solana"),
        "endpoints": (endpoint(), endpoint("https://other.example", state="quarantined")),
        "links": (link(),),
        "events": (Count("drift", "OrderActionRecord", 5),),
        "failures": (Count("drift", "unknown_event", 2), Count("gmx_solana", "truncated_logs", 1)),
        "filled_per_s": 50.0,
        "connections": Connections(2, 3),
    }
    return Known(**{**given, **values})
