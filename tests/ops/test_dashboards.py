"""Dashboards: every question can be asked of a real database, or of metrics that are there, and is answered."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
import pytest_asyncio
import yaml

from indexer.store.connection import connected
from tests.aggregates.days import numbers
from tests.ops.dashboards import DASHBOARDS, GRAFANA, questions
from tests.ops.metrics import strangers
from tests.report import weeks
from tests.report.test_examples import more

# What Grafana puts in before it asks, for the nine days of `weeks`.
MACROS = {
    "$__timeFrom()": "'2023-11-15T00:00:00Z'",
    "$__timeTo()": "'2023-11-24T00:00:00Z'",
    "$__timeFilter(hour)": "hour BETWEEN '2023-11-15T00:00:00Z' AND '2023-11-24T00:00:00Z'",
    "${protocol:sqlstring}": "'drift','gmx_solana','jupiter_perps'",
}
# Shows markets by their names, which those of `weeks` do not have.
SILENT = {"Funding, a hour"}


QUESTIONS_IN_SQL = [pytest.param(*asked, id=name) for name, *asked in questions("rawSql")]
QUESTIONS_IN_PROMQL = [pytest.param(*asked, id=name) for name, *asked in questions("expr")]
each_dashboard = pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=list(DASHBOARDS))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(module_database_url: str) -> AsyncIterator[Any]:
    """A connection with the rights of readers, to a ledger of nine days."""
    async with numbers(module_database_url) as ledger:
        await weeks.fill(ledger, *more())
    async with connected(module_database_url) as connection:
        await connection.execute(
            "SET ROLE perps_reader; SET default_transaction_read_only = on; SET statement_timeout = '10s'"
        )
        yield connection


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("panel", "target"), QUESTIONS_IN_SQL)
async def test_a_question_to_the_ledger_is_answered(reader: Any, panel: dict[str, Any], target: dict[str, Any]):
    query = target["rawSql"]
    for macro, text in MACROS.items():
        query = query.replace(macro, text)
    assert "$" not in query
    rows = await reader.fetch(query)
    assert bool(rows) == (panel["title"] not in SILENT)
    if target["format"] == "time_series":
        assert [tuple(row.keys()) for row in rows[:1]] in ([], [("time", "metric", "value")])
        assert all(isinstance(row["time"], datetime) and row["time"].tzinfo for row in rows)
        assert any(row["value"] is not None for row in rows) or not rows


@pytest.mark.parametrize(("panel", "target"), QUESTIONS_IN_PROMQL)
def test_a_question_to_prometheus_names_what_is_there(panel: dict[str, Any], target: dict[str, Any]):
    assert strangers(target["expr"], target["legendFormat"]) == set()


@each_dashboard
def test_a_panel_says_what_it_shows_and_covers_no_other(dashboard: dict[str, Any]):
    shown = dashboard["panels"]
    assert len({panel["id"] for panel in shown}) == len(shown)
    for panel in shown:
        assert panel["type"] == "row" or panel["description"].endswith(".")
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    assert not any(overlap(one["gridPos"], other["gridPos"]) for one, other in itertools.combinations(shown, 2))


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in ("xw", "yh"))


@each_dashboard
def test_a_dashboard_reads_from_sources_that_are_provisioned(dashboard: dict[str, Any]):
    provisioned = yaml.safe_load((GRAFANA / "provisioning/datasources/perps.yml").read_text())["datasources"]
    there = {(source["type"], source["uid"]) for source in provisioned}
    asked = [
        source
        for panel in dashboard["panels"]
        for source in (panel, *panel.get("targets", ()))
        if "datasource" in source
    ]
    assert {(one["datasource"]["type"], one["datasource"]["uid"]) for one in asked} <= there


def test_dashboards_have_uids_of_their_own_and_tell_times_in_utc():
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS) == 2
    assert {dashboard["timezone"] for dashboard in DASHBOARDS.values()} == {"utc"}
