"""`report`: which days it is of, what its numbers are, and what is said of what nobody knows."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from indexer.errors import InputError
from indexer.report import laid_out, notes, programs
from indexer.report.comparison import (
    PROTOCOLS,
    Freshness,
    Incomplete,
    Known,
    Report,
    Table,
    Window,
    query,
    read_report,
    report_of,
)
from indexer.report.contents import COLUMNS, TABLES
from indexer.report.figures import figure
from indexer.report.query import snapshot
from indexer.store.connection import connected
from tests.unit.test_cli_frame import refused, run

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUERIES = Path(laid_out.__file__).parent / "queries"


async def asked(url: str, at: date | None = None, days: int = 7, names: Sequence[str] = PROTOCOLS) -> Report:
    return await read_report(url, at, days, names, timeout_s=5)


def numbers(report: Report, table: str, columns: str, key: str = "") -> dict[str, Any]:
    """The columns of a table, by protocol and key."""
    (found,) = [one for one in report.tables if one.contents.name == table]
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return {
        " ".join(str(row[name]) for name in f"protocol {key}".split()): " ".join(
            str(programs.exact(row[name])) for name in columns.split()
        )
        for row in rows
    }


# --- days ------------------------------------------------------------------------------------------------------------


async def test_without_a_day_the_window_ends_with_the_newest_day_that_is_full_somewhere(week_url: str) -> None:
    report = await asked(week_url)
    assert (report.window.first_day, report.window.last_day) == (date(2023, 11, 17), date(2023, 11, 23))


async def test_a_day_that_is_not_full_gives_way_to_the_last_full_one_before_it_and_it_is_said(week_url: str) -> None:
    report = await asked(week_url, date(2023, 11, 20), 1, ["gmx_solana"])
    assert report.window.last_day == date(2023, 11, 18)
    assert notes.general(report) == ["Asked for 2023-11-20; the last fully covered day up to it is 2023-11-18."]


async def test_a_protocol_that_lags_or_has_stopped_is_named_with_its_day(week_url: str) -> None:
    assert notes.general(await asked(week_url, date(2023, 11, 20), 3)) == [
        "gmx_solana: the last fully covered day is 2023-11-18.",
        "drift: no trade since 2023-11-16.",
    ]


async def test_where_no_day_is_full_one_line_says_what_there_is(week_url: str, emptied: str) -> None:
    with pytest.raises(InputError, match="no day up to 2023-11-01 is fully covered") as wrong:
        await asked(week_url, date(2023, 11, 1))
    assert wrong.value.remedy == "the last one is 2023-11-23"
    with pytest.raises(InputError, match="no day is fully covered yet: nothing is settled"):
        await asked(emptied)


@pytest.fixture
def emptied(database_url: str) -> str:
    return database_url


async def test_days_that_are_not_full_stand_below_every_table_that_they_concern(week_url: str) -> None:
    report = await asked(week_url, names=["drift"])
    lines = {table.contents.name: notes.below(table)[0] for table in report.tables}
    gmx = "Not fully covered: gmx_solana 2023-11-19 (50.0 % seen), 2023-11-20 (99.9 % seen)."
    assert lines.pop("market_share") == gmx  # It is a share of all three.
    assert set(lines.values()) == {"Every day is fully covered."}


# --- numbers ---------------------------------------------------------------------------------------------------------


async def test_means_are_of_full_days_and_sums_of_what_was_seen(week_url: str) -> None:
    volume = numbers(await asked(week_url), "volume", "days mean_volume_usd volume_usd gross_volume_usd")
    assert volume == {
        "gmx_solana": "5 100 600 600",  # Day 5 lacks a second, and is shown with its fill.
        "jupiter_perps": "7 1285.714286 9000 9000",
        "drift": "7 0 0 0",
    }


async def test_the_window_of_a_day_before_drift_stopped_has_its_volumes_and_sources(week_url: str) -> None:
    report = await asked(week_url, date(2023, 11, 15), 1)
    assert numbers(report, "volume", "volume_usd gross_volume_usd cumulative_volume_usd")["drift"] == "50 59 50"
    assert numbers(report, "fees", "fees_usd net_fees_usd rebates_usd")["drift"] == "0.03 0.02 -0.01"
    assert numbers(report, "liquidity_sources", "volume_usd volume_share trades", "market_kind liquidity_source") == {
        "drift perp jit_auction": "40 0.8 1",
        "drift perp amm": "10 0.2 1",
    }


async def test_ratios_use_the_days_that_are_full_in_both_terms(week_url: str) -> None:
    columns = "days mean_volume_usd mean_tvl_ex_vaults_usd capital_efficiency fee_yield"
    assert numbers(await asked(week_url), "efficiency", columns) == {
        "gmx_solana": "5 100 250 0.4 0.0002",
        "jupiter_perps": "7 1285.714286 2000 0.642857143 0.000385714",
        "drift": "7 0 875 0 0",
    }
    assert numbers(await asked(week_url), "market_share", "days all_volume_usd market_share") == {
        "gmx_solana": "5 7500 0.066666667",
        "jupiter_perps": "5 7500 0.933333333",
        "drift": "5 7500 0",
    }


async def test_a_ratio_needs_five_days_of_seven_and_as_many_in_proportion(week_url: str) -> None:
    asks = {1: 1, 2: 2, 3: 3, 7: 5, 14: 10, 30: 22}
    async with connected(week_url) as connection:
        assert {days: await connection.fetchval("SELECT perps.least_days($1)", days) for days in asks} == asks
    at = date(2023, 11, 22)  # Of nine days GMX has six full ones by then, of the eight up to it; six are asked for.
    assert numbers(await asked(week_url, at, 8), "efficiency", "days capital_efficiency")["gmx_solana"] == "6 0.4"
    assert numbers(await asked(week_url, at, 5), "efficiency", "days capital_efficiency")["gmx_solana"] == "3 None"


@pytest.mark.parametrize("last", [date(2023, 11, 15), date(2023, 11, 20), date(2023, 11, 23)])
async def test_over_seven_days_ratios_are_those_of_the_views(week_url: str, last: date) -> None:
    report = await asked(week_url, last)
    async with connected(week_url) as connection:
        for view, table, columns in (
            ("efficiency_daily", "efficiency", "days mean_volume_usd mean_tvl_ex_vaults_usd capital_efficiency"),
            ("efficiency_daily", "efficiency", "fee_days mean_fees_usd mean_tvl_usd fee_yield"),
            ("market_share_7d", "market_share", "days volume_usd all_volume_usd market_share"),
        ):
            rows = await connection.fetch(
                f"SELECT protocol, {', '.join(columns.split())} FROM perps.{view} WHERE day = $1", last
            )
            shown = {row[0]: " ".join(str(programs.exact(value)) for value in row[1:]) for row in rows}
            assert numbers(report, table, columns) == shown


async def test_tvl_is_by_component_and_every_component_has_a_line(week_url: str) -> None:
    report = await asked(week_url)
    columns = "known_days last_tvl_usd mean_tvl_usd pool_usd lending_usd insurance_fund_usd"
    assert numbers(report, "tvl", columns) == {
        "gmx_solana": "5 250 250 250 None None",
        "jupiter_perps": "7 2000 2000 2000 None None",
        "drift": "7 875 875 None 750 125",
    }
    assert list(numbers(report, "tvl_components", "mean_tvl_usd", "component name").items()) == [
        ("jupiter_perps pool pool", "2000"),
        ("drift lending spot:1", "750"),
        ("gmx_solana pool gm1", "250"),
        ("drift insurance_fund spot:1", "125"),
    ]


async def test_activity_counts_a_trader_once(week_url: str) -> None:
    columns = "trades traders average_trade_usd markets_traded liquidations liquidation_volume_usd last_trade_day"
    assert numbers(await asked(week_url), "activity", columns) == {
        "gmx_solana": "6 1 100 1 1 100 2023-11-23",
        "jupiter_perps": "7 7 1285.714286 1 0 0 2023-11-23",
        "drift": "0 0 None 0 0 0 2023-11-15",
    }


async def test_a_sum_is_unknown_where_fills_of_a_seen_day_do_not_tell_its_part(week_url: str) -> None:
    """GMX's fills tell no LP share; a day without a fill has none to tell."""
    fees = numbers(await asked(week_url), "fees", "fees_usd lp_fees_usd protocol_fees_usd borrow_fees_usd")
    assert fees["gmx_solana"] == "0.3 None None None"
    assert fees["jupiter_perps"] == "5.4 4.05 1.35 None"
    assert fees["drift"] == "0 0 0 0"
    columns = "effective_fee_bps base_fee_bps borrow_fee_bps"
    assert numbers(await asked(week_url), "effective_fee", columns) == {
        "gmx_solana": "5 None None",
        "jupiter_perps": "6 6 None",
        "drift": "None None None",
    }


async def test_lp_yield_has_the_return_of_the_window(week_url: str) -> None:
    report = await asked(week_url, days=3)
    columns = "lp_price_usd price_return mean_lp_fees_7d_usd fee_yield_7d_annual"
    assert numbers(report, "lp_yield", columns, "venue") == {
        "gmx_solana gm": "1 0 None None",
        "jupiter_perps jlp": "1.08 0.028571429 0.578571 0.105589286",
    }


async def test_flows_are_by_venue(week_url: str) -> None:
    columns = "deposits_usd withdrawals_usd net_flow_usd external_net_flow_usd"
    assert numbers(await asked(week_url), "lp_flows", columns, "venue") == {
        "gmx_solana gm": "300 0 300 300",
        "jupiter_perps jlp": "2100 700 1400 1400",
    }


@pytest.mark.parametrize("name", sorted(path.stem for path in QUERIES.glob("*.sql")))
async def test_a_query_reads_views_alone(name: str) -> None:
    text = re.sub(r"--[^\n]*", "", query(name))
    assert "ledger." not in text
    assert re.search(r"perps\.\w+", text)


async def test_who_may_only_read_views_gets_the_same_report(week_url: str) -> None:
    mine = await asked(week_url)
    async with snapshot(week_url, timeout_s=5) as connection:
        await connection.execute("SET LOCAL ROLE perps_reader")
        theirs = await report_of(connection, None, 7, PROTOCOLS)
    assert theirs.tables == mine.tables


# --- what is shown ---------------------------------------------------------------------------------------------------


def of(*rows: Sequence[Any], columns: str, name: str = "volume", incomplete: Sequence[Incomplete] = ()) -> Report:
    """A report of one table."""
    (contents,) = [one for one in TABLES if one.name == name]
    noon = datetime(2026, 1, 8, 12, tzinfo=UTC)
    return Report(
        window=Window(date(2026, 1, 7), 7),
        asked=None,
        protocols=[Known("drift", date(2026, 1, 7), 7, date(2026, 1, 7), None)],
        freshness=[Freshness("hours", "rollup", noon, 0, None, None, None)],
        tables=[Table(contents, columns.split(), rows, incomplete, noon)],
        made_at=noon,
    )


async def test_unknown_is_said_to_be_unknown_and_nothing_is_zero(week_url: str) -> None:
    volume = Decimal("123456789.012345")
    report = of(("drift", None, 0), ("gmx_solana", volume, 3), columns="protocol volume_usd trades")
    assert laid_out.text(report).splitlines()[5:9] == [
        "                   drift   gmx_solana",
        "---------------  -------  -----------",
        "net volume, USD  unknown  123,456,789",
        "fills                  0            3",
    ]
    assert "| net volume, USD | *unknown* | 123,456,789 |" in laid_out.markdown(report)
    rows = json.loads(programs.json(report))["tables"]["volume"]["rows"]
    assert rows[0] == {"protocol": "drift", "volume_usd": None, "trades": 0}
    assert rows[1] == {"protocol": "gmx_solana", "volume_usd": "123456789.012345", "trades": 3}


@pytest.mark.parametrize(
    ("value", "column", "shown"),
    [
        (Decimal("1234567.891"), "volume_usd", "1,234,568"),
        (Decimal("999.995"), "volume_usd", "1,000.00"),
        (Decimal("-12.3"), "rebates_usd", "-12.30"),
        (Decimal("0.000049"), "fees_usd", "0.000049"),
        (Decimal(0), "fees_usd", "0"),
        (Decimal("0E-18"), "fees_usd", "0"),
        (Decimal("0.154321"), "market_share", "15.43"),
        (Decimal("0.0000312345"), "fee_yield", "0.003123"),
        (Decimal("3.1415926"), "lp_price_usd", "3.14159"),
        (Decimal("0.00000123456789"), "lp_price_usd", "0.00000123457"),
        (12345, "trades", "12,345"),
        (date(2026, 1, 2), "last_trade_day", "2026-01-02"),
        ("99zhx9XVewNazkePdbpx43H6ZEYaEzNMvLpYpo4W5cjf", "name", "99zhx9XV...po4W5cjf"),
        (None, "trades", "unknown"),
    ],
)
async def test_a_figure_is_rounded_to_what_matters(value: Any, column: str, shown: str) -> None:
    assert figure(value, COLUMNS[column]) == shown


async def test_every_table_fits_120_columns_whatever_its_numbers(week_url: str) -> None:
    report = await asked(week_url)
    large = {"days": 3660, "count": 123_456_789, "%": Decimal("-123.4567"), "bp": Decimal("1234.5678")}
    units = {**large, "date": date(2026, 1, 1), "ratio": Decimal("1234.5678"), "price": Decimal("123456.789")}
    tables = []
    for table in report.tables:
        row = [units.get(COLUMNS[name].unit, Decimal("-12345678901.5")) for name in table.columns]
        texts = {
            "protocol": "jupiter_perps",
            "venue": "drift_insurance",
            "name": "99zhx9XVewNazkePdbpx43H6ZEYaEzNMvLpYpo4W5cjf",
            "origin": "recomputed",
        }
        row = [texts.get(name, "insurance_fund" if COLUMNS[name].unit == "text" else value)
               for name, value in zip(table.columns, row, strict=True)]  # fmt: skip
        tables.append(msgspec.structs.replace(table, rows=[row] * (3 if not table.contents.keys else 30)))
    text = laid_out.text(msgspec.structs.replace(report, tables=tables))
    assert [line for line in text.splitlines() if len(line) > laid_out.WIDTH] == []
    assert text.count("10 more rows: --format json or csv has them all.") == 4


async def test_long_gaps_are_spans_and_many_of_them_are_counted() -> None:
    days = [
        Incomplete("drift", date(2026, 1, 1) + timedelta(days=n), "none", Decimal(0)) for n in range(40) if n % 6 != 5
    ]
    assert notes.covered(days) == (
        "Not fully covered: drift 2026-01-01 to 2026-01-05 (not seen), 2026-01-07 to 2026-01-11 (not seen), "
        "2026-01-13 to 2026-01-17 (not seen), 2026-01-19 to 2026-01-23 (not seen), and 3 more spans."
    )


async def test_what_waits_or_failed_is_told_with_its_time() -> None:
    noon = datetime(2026, 1, 8, 12, tzinfo=UTC)
    report = of(columns="protocol")
    troubles = [
        Freshness("hours", "rollup", noon, 12, noon, None, None),
        Freshness("perps.tvl_daily", "materialized view", noon, None, None, noon + timedelta(hours=1), "disk full"),
        Freshness("perps.fees_daily", "materialized view", noon, None, None, noon - timedelta(hours=1), "healed"),
    ]
    assert notes.general(msgspec.structs.replace(report, freshness=troubles)) == [
        "12 marks of hours wait to be rolled up: `perps-indexer refresh` does it.",
        "perps.tvl_daily could not be brought up to date at 2026-01-08T13:00:00Z: disk full",
    ]
    assert notes.aged(None) == "As of an unknown time: a view was never refreshed."


async def test_of_another_cluster_than_mainnet_every_form_for_people_says_so_and_json_too() -> None:
    words = "Of cluster simulated, not of mainnet-beta: none of these figures is of real money."
    report = msgspec.structs.replace(of(columns="protocol"), cluster="simulated")
    assert words in laid_out.text(report)
    assert words in laid_out.markdown(report)
    assert json.loads(programs.json(report))["cluster"] == "simulated"
    assert notes.general(msgspec.structs.replace(report, cluster="mainnet-beta")) == []


async def test_marks_of_the_last_minute_are_no_complaint_while_somebody_is_at_work(database_url: str) -> None:
    async with connected(database_url) as connection:
        for rolled, marked, waits in (("5 s", "5 s", 0), ("5 s", "2 min", 1), ("2 min", "5 s", 1)):
            await connection.execute("DELETE FROM ledger.dirty_hours; DELETE FROM ledger.rolls")
            await connection.execute(
                "INSERT INTO ledger.dirty_hours (hour, protocol, market_key, marked_at)"
                f" VALUES (date_trunc('hour', now()), 'drift', '', now() - interval '{marked}');"
                f" INSERT INTO ledger.rolls (name, rolled_at, took_ms) VALUES ('hours', now() - interval '{rolled}', 1)"
            )
            rows = {row["name"]: row["waiting"] for row in await connection.fetch(query("freshness"))}
            assert rows["hours"] == waits, (rolled, marked)


# --- the command -----------------------------------------------------------------------------------------------------


async def test_the_command_prints_each_form_and_a_file_holds_the_same(week_url: str, tmp_path: Path) -> None:
    text = run("report", "--window", "7d", DATABASE_URL=week_url)
    assert (text.returncode, text.stderr) == (0, "")
    assert text.stdout.startswith("2023-11-17 to 2023-11-23 (7 days, UTC)\ndrift: no trade since 2023-11-16.\n")
    one = ("report", "--at", "2023-11-15", "--window", "1d", "--protocol", "drift")
    lines = list(csv.DictReader(io.StringIO(run(*one, "--format", "csv", DATABASE_URL=week_url).stdout)))
    volume = next(line for line in lines if (line["table"], line["metric"]) == ("volume", "volume_usd"))
    assert list(volume.values()) == ["2023-11-15", "2023-11-15", "volume", "drift", "", "volume_usd", "USD", "50"]
    share = next(line for line in lines if line["metric"] == "volume_share")
    assert (share["subject"], share["unit"], share["value"]) == ("perp jit_auction", "fraction", "0.8")
    there = tmp_path / "report.md"
    assert run(*one, "--format", "markdown", "--to", str(there), DATABASE_URL=week_url).stdout == ""
    assert there.read_text().startswith("# Perpetuals on Solana, 2023-11-15 to 2023-11-15 (1 day, UTC)\n")
    assert os.listdir(tmp_path) == ["report.md"]  # noqa: PTH208 (nothing else is left)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--window", "0d"], "no window: '0d'"),
        (["--window", "week"], "give days, 1d to 3660d"),
        (["--at", "2026-02-30"], "no day: '2026-02-30' (give --at a UTC day such as 2026-03-01)"),
        (["--protocol", "ftx"], "no protocol 'ftx' (name one of drift, gmx_solana, jupiter_perps)"),
        (["--to", "/nowhere/report.txt"], "/nowhere/report.txt: cannot be written: No such file or directory"),
    ],
)
async def test_what_does_not_fit_is_one_line(week_url: str, arguments: list[str], words: str) -> None:
    assert words in refused(run("report", *arguments, DATABASE_URL=week_url))
