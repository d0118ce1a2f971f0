"""Metrics: a real parser reads them, names and labels are those of the contract, what is not known is absent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as metrics_of

from indexer.core.coverage import Span
from indexer.ingest.inside import Known
from indexer.store.connection import connected
from indexer.store.coordination import Budget, Work
from indexer.store.postgres import open_store
from indexer.store.rolling import open_aggregates
from tests.http.answers import Client, serving, settings_for
from tests.http.told import HOST, known, link
from tests.store.ledger import event, origin, page, trade

# By dashboards, alerts and the operator's guide.
OF_LEDGER = {
    "perps_lag_slots": {"stream"}, "perps_lag_seconds": {"stream"}, "perps_settled_slot": {"stream"},
    "perps_head_slot": set(),
    "perps_missing_slots": {"stream"}, "perps_unavailable_slots": {"stream"}, "perps_provisional_rows": {"stream"},
    "perps_newest_settled_slot": {"stream"}, "perps_head_age_seconds": {"stream"}, "perps_failure_rows": {"protocol"},
    "perps_unknown_layouts": {"protocol"},
    "perps_asked_slots": {"stream"}, "perps_asked_slots_left": {"stream"}, "perps_workers": {"stream"},
    "perps_workers_slots_per_second": {"stream"}, "perps_workers_eta_seconds": {"stream"},
    "perps_endpoint_holders": {"endpoint", "budget"},
    "perps_rows": {"protocol", "table"}, "perps_rollup_marks_waiting": set(), "perps_rollup_age_seconds": set(),
    "perps_unexplained_gaps": {"protocol", "cause"}, "perps_dates_unbroken": {"protocol"},
    "perps_dates_broken": {"protocol"}, "perps_second_opinion_rows_total": {"endpoint", "protocol"},
    "perps_second_opinion_differing_total": {"endpoint", "protocol"},
    "perps_view_age_seconds": {"view"}, "perps_database_up": set(), "perps_ready": set(),
    "perps_build_info": {"version"},
    "perps_http_requests_now": set(), "perps_http_requests_refused_total": set(),
    "perps_http_process_resident_memory_bytes": set(), "perps_http_process_cpu_seconds_total": set(),
}  # fmt: skip
OF_DAEMON = {
    "perps_events_total": {"protocol", "event"}, "perps_failures_total": {"protocol", "reason"},
    "perps_unknown_events_total": {"protocol"}, "perps_truncated_transactions_total": {"stream"},
    "perps_websocket_notifications_total": {"endpoint", "stream"}, "perps_websocket_reconnects_total": {"endpoint"},
    "perps_websocket_subscribed": {"endpoint", "stream"}, "perps_requests_total": {"endpoint", "method"},
    "perps_requests_limited_total": {"endpoint", "method"}, "perps_request_failures_total": {"endpoint", "method"},
    "perps_request_seconds": {"endpoint", "method"}, "perps_request_rate": {"endpoint", "method"},
    "perps_endpoint_up": {"endpoint"}, "perps_backfill_slots_per_second": set(), "perps_backfill_eta_seconds": set(),
    "perps_pool_connections": {"state"}, "process_resident_memory_bytes": set(), "process_cpu_seconds_total": set(),
}  # fmt: skip
OF_SYSTEM = ("process_", "perps_http_process_")  # What else the system tells of processes.
# Three days of drift that are settled whole; a gap over the last two that nothing explains, and one that is explained.
PROVEN = """
INSERT INTO ledger.covered_spans (stream, first_slot, behind_slot, starts_at, ends_at)
VALUES ('drift', 1000, 2000, '2023-12-01Z', '2023-12-04Z');
INSERT INTO ledger.completeness_gaps (
    protocol, evidence, chain, after_slot, after_tx_index, after_index, after_signature, after_time, after_value,
    after_is_reading, before_slot, before_tx_index, before_index, before_signature, before_time, before_value,
    before_is_reading, expected, found, cause, judged
) SELECT 'drift', 'perp_fills', 'perp:0', 1000 + n, 0, 0, 'x', '2023-12-02T12:00Z', 1, false, 1900 + n, 0, 0, 'x',
    '2023-12-03T12:00Z', 5, false, 1, 4, cause, true
FROM (VALUES (1, NULL), (2, 'truncated'), (3, 'bounded')) AS v (n, cause);
INSERT INTO ledger.second_opinions VALUES ('https://rpc.example', 'drift', 10, 200, 3);
"""
Labels = frozenset[tuple[str, str]]


def samples(families: Mapping[str, Metric]) -> dict[tuple[str, Labels], float]:
    found: dict[tuple[str, Labels], float] = {}
    for family in families.values():
        for sample in family.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"{key} is told twice"
            found[key] = sample.value
    return found


async def scraped(client: Client, **headers: str) -> dict[tuple[str, Labels], float]:
    answer = await client.get("/metrics", **headers)
    assert answer.status == 200
    read = open_metrics if "openmetrics" in answer.headers["Content-Type"] else metrics_of
    return samples({family.name: family for family in read(answer.text)})


def labels(**values: str) -> Labels:
    return frozenset(values.items())


async def says(*told: Known) -> AsyncIterator[Known]:
    """A daemon that lives on."""
    for one in told:
        yield one
    await asyncio.Event().wait()


@pytest.fixture
async def url(database_url: str) -> str:
    async with open_store(database_url) as store:
        await store.want_from(["drift", "gmx_solana"], 100)
        await store.observe_head(["drift", "gmx_solana"], "a", finalized=310, confirmed=340)
        rows = [one for n in range(10) for one in (trade(origin(105, n)), event(origin(105, n)))]
        await store.write(page(*rows, settled=(100, 200)))
        await store.ask(["drift", "gmx_solana"], [Span(150, 250)])
        for holder in ("host:1", "host:2"):
            await store.report_work(holder, {"drift": Work(settled_slots=30, transactions=7, slots_per_s=2.5)})
            await store.share([Budget(b"\x0a", "rpc.example")], holder, 60.0)
    async with connected(database_url) as connection:
        await connection.execute(PROVEN)
        await connection.execute("ANALYZE")
    async with open_aggregates(database_url) as aggregates:
        await aggregates.refresh("volume_daily")
    return database_url


async def test_names_and_labels_are_those_of_the_contract(url: str) -> None:
    async with serving(settings_for(url), url, says(known())) as client:
        found = await scraped(client)
    seen: dict[str, set[str]] = {}
    for name, tags in found:
        seen.setdefault(name, set()).update(tag for tag, _ in tags)
    contract = {**OF_LEDGER, **OF_DAEMON}
    assert {name: tags for name, tags in seen.items() if name in contract} == contract
    assert all(name.startswith(OF_SYSTEM) for name in set(seen) - set(contract))


async def test_workers_are_told_by_whoever_answers(url: str) -> None:
    async with serving(settings_for(url), url) as client:
        found = await scraped(client)
    drift, idle = labels(stream="drift"), labels(stream="gmx_solana")
    assert (found["perps_asked_slots", drift], found["perps_asked_slots_left", drift]) == (100, 50)
    assert (found["perps_workers", drift], found["perps_workers", idle]) == (2, 0)
    assert (found["perps_workers_slots_per_second", drift], found["perps_workers_eta_seconds", drift]) == (5, 10)
    assert ("perps_workers_eta_seconds", idle) not in found, "nobody is at work"
    assert found["perps_endpoint_holders", labels(endpoint="rpc.example", budget="0a")] == 2


async def test_values_are_those_of_the_ledger_and_of_the_daemon(url: str) -> None:
    async with serving(settings_for(url), url, says(known())) as client:
        found = await scraped(client)
    drift_ = labels(protocol="drift")
    drift, rpc = labels(stream="drift"), labels(endpoint=HOST, method="getBlock")
    assert found["perps_settled_slot", drift] == 199
    assert found["perps_lag_slots", drift] == 111
    assert found["perps_lag_seconds", drift] == pytest.approx(44.4)
    assert found["perps_missing_slots", drift] == 111
    assert found["perps_head_slot", labels()] == 310
    assert found["perps_rows", labels(protocol="drift", table="trades")] == 10
    assert found["perps_requests_total", rpc] == 16
    assert found["perps_requests_limited_total", rpc] == 2
    assert found["perps_request_failures_total", rpc] == 1
    assert found["perps_request_seconds", rpc] == 0.25
    assert found["perps_endpoint_up", labels(endpoint=HOST)] == 1
    assert found["perps_endpoint_up", labels(endpoint="https://other.example")] == 0
    assert found["perps_websocket_reconnects_total", labels(endpoint=HOST)] == 2
    assert found["perps_unknown_events_total", labels(protocol="drift")] == 2
    assert found["perps_unknown_events_total", labels(protocol="gmx_solana")] == 0
    assert found["perps_truncated_transactions_total", labels(stream="gmx_solana")] == 1
    assert found["perps_backfill_eta_seconds", labels()] == pytest.approx((111 + 211) / 50)
    assert found["perps_unexplained_gaps", labels(protocol="drift", cause="unknown")] == 1
    assert found["perps_unexplained_gaps", labels(protocol="drift", cause="bounded")] == 1
    assert found["perps_unexplained_gaps", labels(protocol="gmx_solana", cause="row_missing")] == 0
    assert ("perps_unexplained_gaps", labels(protocol="drift", cause="truncated")) not in found
    assert (found["perps_dates_unbroken", drift_], found["perps_dates_broken", drift_]) == (1, 2)
    assert found["perps_second_opinion_rows_total", labels(endpoint=HOST, protocol="drift")] == 200
    assert found["perps_second_opinion_differing_total", labels(endpoint=HOST, protocol="drift")] == 3
    assert found["perps_pool_connections", labels(state="used")] == 2
    assert found["process_resident_memory_bytes", labels()] > 1e6
    assert found["perps_ready", labels()] == 0, "211 slots of gmx_solana are missing"


async def test_without_a_daemon_what_only_it_knows_is_absent(url: str) -> None:
    async with serving(settings_for(url), url) as client:
        found = await scraped(client)
    assert not {name for name, _ in found} & set(OF_DAEMON)


async def test_what_nobody_knows_is_absent_and_not_zero(url: str) -> None:
    idle = known(filled_per_s=0.0, endpoints=(), links=(link(streams={}),))
    async with serving(settings_for(url), url, says(idle)) as client:
        found = {name for name, _ in await scraped(client)}
    assert "perps_backfill_eta_seconds" not in found
    assert "perps_requests_total" not in found
    assert "perps_websocket_reconnects_total" in found


async def test_without_a_database_the_rest_is_told() -> None:
    nowhere = "postgresql://u@127.0.0.1:1/x"
    async with serving(settings_for(nowhere), nowhere, says(known())) as client:
        found = await scraped(client)
    assert found["perps_database_up", labels()] == 0
    assert found["perps_ready", labels()] == 0
    assert ("perps_requests_total", labels(endpoint=HOST, method="getBlock")) in found
    assert not any(name.startswith("perps_lag") for name, _ in found)


async def test_open_metrics_are_given_to_who_asks_for_them(url: str) -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    async with serving(settings_for(url), url, says(known())) as client:
        found = await scraped(client, Accept=accept)
    assert ("perps_requests_total", labels(endpoint=HOST, method="getSlot")) in found


async def test_the_newest_word_of_the_daemon_counts(url: str) -> None:
    async with serving(settings_for(url), url, says(known(), known(filled_per_s=7.0))) as client:
        await asyncio.sleep(0.1)
        assert (await scraped(client))["perps_backfill_slots_per_second", labels()] == 7
        assert (await client.get("/status")).json["fed"] is True


@pytest.mark.skipif(not os.environ.get("PROMTOOL"), reason="promtool is asked by `make api`")
async def test_promtool_has_nothing_to_say_of_a_scrape(url: str) -> None:
    async with serving(settings_for(url), url, says(known())) as client:
        text = (await client.get("/metrics")).body
    checking = await asyncio.create_subprocess_exec(
        "promtool", "check", "metrics",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await checking.communicate(text)
    assert (checking.returncode, said.decode()) == (0, "")
