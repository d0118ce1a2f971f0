"""What only a daemon's memory knows, told once a second to the process that serves pages and metrics.

It is one line of JSON, without credentials: endpoints are named by their hosts. Nothing is asked for it: no network, no
database, and no wait, so that telling costs the daemon nothing it would notice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import msgspec

from indexer.ingest.tally import Tally
from indexer.sources.health import EndpointHealth
from indexer.sources.hints import LinkHealth


class Count(msgspec.Struct, frozen=True):
    """`name`: an event, or the reason of a failure."""

    protocol: str
    name: str
    count: int


class Connections(msgspec.Struct, frozen=True):
    """Of the daemon's pool to the database."""

    used: int
    idle: int


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Counts are since the daemon started. Times are those of its event loop, in seconds."""

    now: float
    pid: int
    streams: tuple[str, ...]  # What it indexes.
    endpoints: tuple[EndpointHealth, ...]
    links: tuple[LinkHealth, ...]
    events: tuple[Count, ...]
    failures: tuple[Count, ...]
    filled_per_s: float  # Slots of history settled a second, of all streams together.
    connections: Connections


class Inside(msgspec.Struct, frozen=True):
    """Where it is known."""

    streams: Sequence[str]
    tally: Tally
    endpoints: Callable[[], Sequence[EndpointHealth]]
    links: Callable[[], Sequence[LinkHealth]]

    def told(self, now: float, connections: Connections) -> Known:
        return Known(
            now=now,
            pid=os.getpid(),
            streams=tuple(self.streams),
            endpoints=tuple(self.endpoints()),
            links=tuple(self.links()),
            events=_counts(self.tally.events),
            failures=_counts(self.tally.failures),
            filled_per_s=self.tally.slots_per_s(now),
            connections=connections,
        )


def _counts(counted: dict[tuple[str, str], int]) -> tuple[Count, ...]:
    return tuple(Count(protocol, name, count) for (protocol, name), count in sorted(counted.items()))
