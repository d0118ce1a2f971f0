"""How endpoints fare, in the ledger's words: a row for each method of each endpoint, and for each stream told. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from indexer.sources.health import EndpointHealth
from indexer.sources.hints import LinkHealth
from indexer.store.coordination import ProviderHealth


def provider_health(endpoints: Sequence[EndpointHealth], links: Sequence[LinkHealth]) -> list[ProviderHealth]:
    """Rows of RPC endpoints and of WebSockets, without credentials."""
    return [*(row for one in endpoints for row in _of_endpoint(one)), *(row for one in links for row in _of_link(one))]


def _of_endpoint(one: EndpointHealth) -> Iterator[ProviderHealth]:
    for method, health in sorted(one.methods.items()):
        yield ProviderHealth(
            endpoint=one.name,
            method=method,
            requests=health.successes + health.refusals + health.overloads + health.errors,
            errors=health.errors,
            rate_limited=health.overloads,
            latency_ms=None if health.latency_s is None else round(health.latency_s * 1000),
            rate_per_s=health.per_s,
            observed_slot=one.observed_slot,
            first_slot=one.first_block,
            last_error=one.reason,
        )


def _of_link(one: LinkHealth) -> Iterator[ProviderHealth]:
    for stream, health in sorted(one.streams.items()):
        yield ProviderHealth(
            endpoint=one.endpoint,
            method=f"logsSubscribe {stream}",
            requests=health.notifications,
            errors=health.losses,
            rate_limited=0,
            observed_slot=health.slot,
            last_error=health.lost_reason,
        )
