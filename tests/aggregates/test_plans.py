"""Whatever a run reads of tables that grow, it finds by an index; so a run costs the same however long history is.

Sequential scans are disabled: one that a plan has all the same is one that no index can replace.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from indexer.store.rollups import AMOUNTS, DAYS, HOURS, OWNERS, PRICES, ROLLUPS
from indexer.store.statements import query
from tests.aggregates.days import Numbers

pytestmark = pytest.mark.asyncio(loop_scope="module")

REACHES = (
    "flows_at_prices", "swaps_at_prices", "mark_told_holdings", "mark_holdings_at_prices", "mark_days_of_owners",
    "mark_days_of_hours",
)  # fmt: skip
# Tables that do not grow with time, or only with what is settled in one piece.
SMALL = {"covered_spans", "coverage", "parameters", "tvl_holdings"}


async def test_every_run_reads_by_an_index(ledger: Numbers) -> None:
    async with ledger.aggregates._transaction() as session:
        statements = {r.table: await ledger.aggregates._statement(session, r) for r in ROLLUPS}
    statements |= {name: query(name) for name in REACHES}
    statements |= {f"clear {marks.table}": marks.clear for marks in (HOURS, PRICES, AMOUNTS, OWNERS, DAYS)}
    await ledger.connection.execute("SELECT ledger.ensure_partitions(0, 1)")
    found = {name: [*_without_index(await planned(ledger, text))] for name, text in statements.items()}
    assert {name: scans for name, scans in found.items() if scans} == {}


async def test_a_statement_that_reads_all_is_noticed(ledger: Numbers) -> None:
    plan = await planned(ledger, "SELECT count(*) FROM ledger.trades WHERE pnl_usd_e6 = $1")
    assert [*_without_index(plan)]


async def planned(ledger: Numbers, statement: str) -> dict[str, Any]:
    """As it is planned without its parameters."""
    count = max((int(number) for number in re.findall(r"\$(\d+)", statement)), default=0)
    given = f"({', '.join(['NULL'] * count)})" if count else ""
    async with ledger.connection.transaction():
        await ledger.connection.execute(
            "SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan"
        )
        await ledger.connection.execute(f"PREPARE planned AS {statement}")
        explained = await ledger.connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE planned{given}")
        await ledger.connection.execute("DEALLOCATE planned")
    (plan,) = json.loads(explained)
    return dict(plan["Plan"])


def _without_index(plan: dict[str, Any]) -> Iterator[str]:
    """Reads of growing tables that no condition on an index bounds."""
    for node in _nodes(plan):
        table = node.get("Relation Name", "")
        reads = table and node["Node Type"] != "ModifyTable" and table not in SMALL
        if reads and "Index Cond" not in node and not _is_bitmap_by_index(node) and not _is_first_of_order(node):
            yield f"{node['Node Type']} of {table}"


def _is_bitmap_by_index(node: dict[str, Any]) -> bool:
    return any("Index Cond" in inner for inner in node.get("Plans", ()))


def _is_first_of_order(node: dict[str, Any]) -> bool:
    """What stands below a limit and comes in the order of an index is read once."""
    return bool(node.get("below a limit") and "Index" in node["Node Type"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        inner["below a limit"] = plan["Node Type"] == "Limit"
        yield from _nodes(inner)
