"""The SQL examples: each answers its question on a small ledger, and runs on a ledger of real transactions."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from indexer.core.record import FundingRate, Incentive, OpenInterest, Record
from indexer.report import examples
from indexer.report.printers import JsonPrinter
from indexer.report.query import run_query
from tests.aggregates.days import at, numbers
from tests.report import weeks
from tests.report.weeks import USD
from tests.shared import requires_shared, shared
from tests.store.ledger import key, trade
from tests.unit.test_cli_frame import refused, run

pytestmark = pytest.mark.asyncio(loop_scope="module")

A_SLOT = 1 / 300  # Hours.
GMX = {"protocol": "gmx_solana"}
# What the first rows of each example are, in these columns.
ANSWERS: dict[str, tuple[str, list[list[Any]]]] = {
    "top_traders": ("protocol volume_usd fees_usd trades", [["jupiter_perps", "3000", "1.8", 1]]),
    "liquidation_cascades": (
        "began_at lasted market liquidations traders volume_usd first_price_usd last_price_usd",
        [["2023-11-21T12:00:00Z", "00:00:24", "gm2", 3, 2, "150", "100", "97"]],
    ),
    "liquidations_by_day": (
        "day protocol liquidation_kind value_usd of_volume",
        [["2023-11-22", "gmx_solana", "perp", "100", "1"]],
    ),
    "jit_share_by_market": (
        "market volume_usd jit_share amm_share order_book_share trades",
        [["perp:0", "100", "0.6", "0.3", "0.1", 3]],
    ),
    "whale_lp_flows": (
        "venue flow value_usd share_of_day internal",
        [["jlp", "deposit", "300", "0.75", False]] * 9 + [["jlp", "withdraw", "100", "0.25", False]],
    ),
    "fee_tiers": (
        "protocol rate_bps trades volume_usd volume_share",
        [
            ["drift", "5", 2, "70", "0.7"], ["drift", None, 1, "30", "0.3"], ["gmx_solana", "5", 5, "500", "1"],
            ["jupiter_perps", "6", 7, "9000", "1"],
        ],
    ),
    "gt_cost": (
        "day coverage gt_minted gt_supply fees_per_gt_usd volume_per_gt_usd",
        [["2023-11-23", "full", "2", "1002", "0.025", "50"]],
    ),
    "capital_efficiency": (
        "protocol week_ends days capital_efficiency",
        [
            ["jupiter_perps", "2023-11-23", 7, "0.642857143"], ["gmx_solana", "2023-11-23", 5, "0.52"],
            ["drift", "2023-11-23", 7, "0.016326531"], ["drift", "2023-11-16", 2, None],
        ],
    ),
    "fee_yield_by_day": (
        "day protocol fees_usd tvl_usd fee_yield_bps fee_yield_7d_bps",
        [
            ["2023-11-23", "drift", "0.035", "875", "0.4", "0.0571"],
            ["2023-11-23", "gmx_solana", "0.05", "250", "2", "2"],
            ["2023-11-23", "jupiter_perps", "1.8", "2000", "9", "3.8571"],
        ],
    ),
    "drift_liquidity_sources": (
        "market_kind liquidity_source volume_usd share trades",
        [
            ["perp", "jit_auction", "100", "0.6667", 2], ["perp", "amm", "40", "0.2667", 2],
            ["perp", "order_book", "10", "0.0667", 1],
        ],
    ),
    "why_numbers_differ": (
        "protocol metric ours_usd theirs_usd difference_percent",
        [
            ["drift", "fees", "0.035", "0.035", "0"], ["drift", "spot_volume", "0", "0", None],
            ["drift", "tvl", "875", "875", "0"], ["drift", "volume", "100", "109", "9"],
        ],
    ),
    "coverage_of_days": (
        "day protocol coverage components_known trades_without_fee",
        [["2023-11-23", "drift", "full", 2, 1], ["2023-11-23", "gmx_solana", "full", 1, 0]],
    ),
    "open_interest": (
        "day protocol market long_usd short_usd open_interest_usd skew",
        [["2023-11-23", "gmx_solana", "gm1", "70", "30", "100", "0.4"]],
    ),
    "funding": (
        "protocol market rate_kind hourly_rate yearly_percent rates",
        [["drift", "perp:0", "funding", "0.00002", "17.52", 2]],
    ),
    "lp_net_flows": (
        "venue net_flow_usd flows first_day",
        [["jlp", "1800", 18, "2023-11-15"], ["gm", "400", 8, "2023-11-15"]],
    ),
}  # fmt: skip


def more() -> Iterator[Record]:
    """Three liquidations of two traders on day 6, Drift's fills of day 8, and what GMX mints and holds open."""
    for number, dollars in enumerate((60, 50, 40)):
        yield trade(
            at(6, 12 + number * A_SLOT, index=10, **GMX), market_key="gm2", trader=key(80 + number // 2),
            size_usd_e6=dollars * USD, price_usd=Decimal(100 - number * 3 // 2), is_liquidation=True,
        )  # fmt: skip
    for number, (source, dollars, fee) in enumerate(
        (("jit_auction", 60, 30), ("amm", 30, None), ("order_book", 10, 5))
    ):
        yield trade(
            at(8, 2, index=10 + number), trader=key(70), size_usd_e6=dollars * USD, liquidity_source=source,
            fee_usd_e6=None if fee is None else fee * 1000, taker_order_id=number + 1,
        )  # fmt: skip
    yield trade(at(8, 2, index=13), size_usd_e6=9 * USD, excluded="expiry", fee_usd_e6=0)
    for hour, rate in ((3, "0.00001"), (4, "0.00003")):
        yield FundingRate(
            origin=at(8, hour, index=14), market_key="perp:0", rate_kind="funding", rate=Decimal(rate),
            rate_long=Decimal(rate), rate_short=Decimal(rate),
        )  # fmt: skip
    yield Incentive(
        origin=at(8, 5, index=15, **GMX), incentive_kind="gt_mint", account=key(40), amount=Decimal(2),
        supply_after=Decimal(1002),
    )  # fmt: skip
    for side, dollars in (("long", 70), ("short", 30)):
        yield OpenInterest(
            origin=at(8, 6, index=16 + len(side), **GMX), market_key="gm1", side=side, value_usd_e6=dollars * USD
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(module_database_url: str) -> AsyncIterator[str]:
    async with numbers(module_database_url) as ledger:
        await weeks.fill(ledger, *more())
    yield module_database_url


async def answered(url: str, name: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    await run_query(url, examples.example(name), JsonPrinter(out), timeout_s=5)
    return [json.loads(line) for line in out.getvalue().splitlines()]


async def test_every_example_has_its_answer_here() -> None:
    assert sorted(ANSWERS) == examples.names()


@pytest.mark.parametrize("name", examples.names())
async def test_an_example_answers_its_question(url: str, name: str) -> None:
    columns, rows = ANSWERS[name]
    found = [[row[column] for column in columns.split()] for row in await answered(url, name)]
    assert found[: len(rows)] == rows


@pytest.mark.parametrize("name", examples.names())
async def test_an_example_says_what_it_asks_where_to_look_and_what_deceives(name: str) -> None:
    lines = [line for line in examples.example(name).splitlines() if line.startswith("-- ")]
    assert lines[0].endswith("?")
    assert lines[1].startswith("-- Look at: ")
    assert sum(line.startswith("-- Pitfalls: ") for line in lines) == 1
    assert "ledger." not in examples.example(name)
    assert examples.example(name).count(";\n") == 1


@requires_shared
async def test_every_example_runs_on_a_ledger_of_real_transactions(database_url: str) -> None:
    for command in (["replay", str(shared("data"))], ["refresh"]):
        done = run(*command, DATABASE_URL=database_url)
        assert done.returncode == 0, done.stderr
    counts = {name: len(await answered(database_url, name)) for name in examples.names()}
    assert counts["top_traders"] == 11
    assert counts["coverage_of_days"]


async def test_the_command_lists_and_runs_them(url: str) -> None:
    listed = run("sql", "--examples").stdout.splitlines()
    assert [line.split()[0] for line in listed] == examples.names()
    assert "Who trades most, what do they pay, and what do they earn?" in listed[examples.names().index("top_traders")]
    printed = run("sql", "--example", "gt_cost", "--format", "csv", DATABASE_URL=url).stdout.splitlines()
    assert printed[1].startswith("2023-11-23,full,2,1002,")
    assert "no example 'nonsense' (one of capital_efficiency," in refused(run("sql", "--example", "nonsense"))
    both = run("sql", "select 1", "--example", "gt_cost", DATABASE_URL=url)
    assert "a query and an example were given" in refused(both)
