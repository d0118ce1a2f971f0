"""How endpoints do: what status and metrics show of them. Names are hosts, reasons hold no credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

State = Literal["new", "up", "quarantined", "foreign"]  # Foreign: of another cluster, and refused for good.


class MethodHealth(msgspec.Struct, frozen=True):
    """One method at one endpoint. Counts are of requests, each one of a batch counted."""

    per_s: float
    latency_s: float | None
    successes: int
    refusals: int
    overloads: int
    errors: int


class EndpointHealth(msgspec.Struct, frozen=True):
    """One endpoint, without credentials. `reason`: of its last failure, or why it is refused."""

    name: str
    state: State
    reason: str | None
    observed_slot: int | None
    finalized_slot: int | None
    first_block: int | None
    in_flight: int
    batch: int
    methods: Mapping[str, MethodHealth]
