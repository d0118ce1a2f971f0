"""Runs and refreshes in PostgreSQL: nothing is lost between a writer and a run, whatever stops, and nobody waits."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from indexer.config import load
from indexer.errors import StoreUnavailable
from indexer.resources import resource
from indexer.store.aggregates import AggregateFailed
from indexer.store.connection import connected
from indexer.store.rolling import PostgresAggregates, open_aggregates
from indexer.store.rollups import DAYS, HOURS
from tests.aggregates.days import Numbers, amount, at, numbers, price, whole
from tests.store.ledger import page, trade

USD = 1_000_000


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[Numbers]:
    async with numbers(database_url) as ledger:
        yield ledger


async def volume(ledger: Numbers) -> Any:
    return await ledger.connection.fetchval("SELECT sum(volume_e6)::text FROM ledger.hourly_trades")


async def marks(ledger: Numbers) -> int:
    found: int = await ledger.connection.fetchval("SELECT count(*) FROM ledger.dirty_hours")
    return found


TOUCH = """
INSERT INTO ledger.dirty_hours (hour, protocol, market_key) VALUES ('2023-11-15 01:00Z', 'drift', 'perp:0')
ON CONFLICT (hour, protocol, market_key, writer) DO UPDATE SET marked_at = now()
"""
MORE = "UPDATE ledger.trades SET size_usd_e6 = size_usd_e6 + 1"


async def test_a_mark_that_a_writer_holds_stays_and_nobody_waits(ledger: Numbers, database_url: str) -> None:
    await ledger.write(trade(at(0, 1), size_usd_e6=1))
    async with connected(database_url) as writer:
        await writer.execute(TOUCH)
        async with writer.transaction():
            await writer.execute(MORE)
            await writer.execute(TOUCH)
            async with asyncio.timeout(20):
                assert await ledger.aggregates.roll_hours(9) == 2
            assert (await volume(ledger), await marks(ledger)) == ("1", 1)
    await ledger.roll()
    assert (await volume(ledger), await marks(ledger)) == ("2", 0)


async def test_writers_mark_one_hour_beside_each_other(ledger: Numbers, database_url: str) -> None:
    await ledger.write(trade(at(0, 1), size_usd_e6=1))
    async with connected(database_url) as writer, connected(database_url) as other, writer.transaction():
        await writer.execute(MORE)
        await writer.execute(TOUCH)
        async with asyncio.timeout(20):
            await other.execute(TOUCH)
            await ledger.roll()
        assert (await volume(ledger), await marks(ledger)) == ("1", 0)
    assert await marks(ledger) == 1
    await ledger.roll()
    assert (await volume(ledger), await marks(ledger)) == ("2", 0)


async def test_a_mark_that_is_touched_while_its_hour_is_made_stays(
    ledger: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = PostgresAggregates._roll_markets

    async def then_a_writer(self: PostgresAggregates, *arguments: Any) -> None:
        await whole(self, *arguments)
        await ledger.connection.execute(MORE)
        await ledger.connection.execute(TOUCH)

    await ledger.write(trade(at(0, 1), size_usd_e6=1))
    monkeypatch.setattr(PostgresAggregates, "_roll_markets", then_a_writer)
    await ledger.aggregates.roll_hours(9)
    monkeypatch.undo()
    assert (await volume(ledger), await marks(ledger)) == ("1", 1)
    await ledger.roll()
    assert (await volume(ledger), await marks(ledger)) == ("2", 0)


async def test_a_writer_does_not_wait_for_a_run(ledger: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = PostgresAggregates._roll_told

    async def meanwhile(self: PostgresAggregates, *arguments: Any) -> None:
        await whole(self, *arguments)
        async with asyncio.timeout(20):
            await ledger.write(trade(at(0, 1, index=5), size_usd_e6=5), price(at(0, 1, index=6), "2"))

    await ledger.write(trade(at(0, 1), size_usd_e6=1), price(at(0, 1, index=1), "1"))
    monkeypatch.setattr(PostgresAggregates, "_roll_told", meanwhile)
    await ledger.aggregates.roll_hours(9)
    monkeypatch.undo()
    await ledger.roll()
    assert await volume(ledger) == "6"


@pytest.mark.parametrize("run", ["roll_hours", "roll_days", "roll_holdings"])
async def test_a_run_that_is_killed_leaves_everything_as_it_was(
    ledger: Numbers, monkeypatch: pytest.MonkeyPatch, run: str
) -> None:
    await ledger.settle(0, 1, trade(at(0, 1), size_usd_e6=1), amount(at(0), "lending", "1"), price(at(0, index=1), "1"))
    if run == "roll_holdings":
        await ledger.aggregates.roll_hours(99)
    whole = PostgresAggregates._keep

    async def killed(self: PostgresAggregates, session: Any, *arguments: Any) -> None:
        await whole(self, session, *arguments)
        if arguments[1]:
            await session.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    before = await contents(ledger)
    monkeypatch.setattr(PostgresAggregates, "_keep", killed)
    with pytest.raises(StoreUnavailable):
        await getattr(ledger.aggregates, run)(99)
    monkeypatch.undo()
    assert await contents(ledger) == before
    await ledger.roll()
    assert await ledger.connection.fetchval("SELECT sum(known_s)::int FROM ledger.hourly_tvl") == 86_400


async def contents(ledger: Numbers) -> dict[str, list[str]]:
    tables = (
        "dirty_hours",
        "dirty_days",
        "dirty_holdings",
        "hourly_trades",
        "daily_traders",
        "hourly_tvl",
        "covered_spans",
    )
    return {
        name: sorted(str(row) for row in await ledger.connection.fetch(f"SELECT * FROM ledger.{name}"))
        for name in tables
    }


async def test_a_run_is_cancelled_anywhere_and_the_next_one_does_it_all(ledger: Numbers) -> None:
    await ledger.settle(0, 1, *(trade(at(0, 1, index=n), size_usd_e6=1) for n in range(9)))
    for delay_s in (0, 0.002, 0.01, 0.03, 0.06):
        task = asyncio.create_task(ledger.aggregates.roll_hours(9))
        await asyncio.sleep(delay_s)
        task.cancel()
        await asyncio.wait([task])
    await ledger.roll()
    assert (await volume(ledger), await marks(ledger)) == ("9", 0)


async def test_what_did_not_change_is_not_written_again(ledger: Numbers) -> None:
    await ledger.settle(0, 1, trade(at(0, 1)), amount(at(0), "lending", "1"), price(at(0, index=1), "1"))
    await ledger.roll()
    query = "SELECT xmin::text FROM ledger.hourly_trades UNION ALL SELECT xmin::text FROM ledger.hourly_tvl ORDER BY 1"
    before = [row[0] for row in await ledger.connection.fetch(query)]
    await ledger.connection.execute("SELECT ledger.mark_all()")
    await ledger.roll()
    assert [row[0] for row in await ledger.connection.fetch(query)] == before
    assert len(before) == 25


async def test_the_newest_marks_are_taken_first_and_no_more_than_wanted(ledger: Numbers) -> None:
    await ledger.write(*(trade(at(n, 1), size_usd_e6=1) for n in range(5)))
    assert [await ledger.aggregates.roll_hours(2), await ledger.aggregates.roll_days(1)] == [2, 1]
    days = "SELECT array_agg(DISTINCT (hour AT TIME ZONE 'UTC')::date::text) FROM ledger.hourly_trades"
    assert await ledger.connection.fetchval(days) == ["2023-11-18", "2023-11-19"]
    assert await ledger.connection.fetchval("SELECT max(day)::text FROM ledger.daily_traders") == "2023-11-19"


async def test_history_that_is_filled_far_behind_the_head_marks_no_hour_up_to_it(ledger: Numbers) -> None:
    """Ten days of six-hour pages, oldest first, years behind the head: each marks what it reaches, and no more."""
    await ledger.settle(400, 401, amount(at(400), "lending", "9"))
    await ledger.roll()
    taken, most = 0, 0
    for quarter in range(40):
        day = quarter / 4
        await ledger.settle(
            day, day + 0.25, amount(at(day, 1), "lending", str(quarter)), price(at(day, 1, index=1), "1")
        )
        await ledger.aggregates.roll_hours(10_000)
        most = max(most, await ledger.connection.fetchval("SELECT count(*) FROM ledger.dirty_holdings"))
        taken += await ledger.aggregates.roll_holdings(10_000)
    await ledger.roll()
    assert await ledger.connection.fetchval("SELECT sum(known_s)::int FROM ledger.hourly_tvl") == 240 * 3600 - 3600
    assert most <= 34  # A day and some hours, as a reading of an account would reach.
    assert taken <= 40 * 40


async def test_two_who_roll_up_at_once_do_it_one_after_the_other(ledger: Numbers, database_url: str) -> None:
    await ledger.settle(0, 1, *(trade(at(0, n), size_usd_e6=1) for n in range(20)))
    async with open_aggregates(database_url) as other:
        runs = [one.roll_hours(7) for one in (ledger.aggregates, other) for _ in range(3)]
        assert sum(await asyncio.gather(*runs)) == 20
    assert (await volume(ledger), await marks(ledger)) == ("20", 0)


async def test_a_run_that_fails_says_why_and_keeps_its_marks(ledger: Numbers) -> None:
    await ledger.write(trade(at(0, 1)))
    await ledger.connection.execute("ALTER TABLE ledger.hourly_trades ADD CHECK (volume_e6 < 0)")
    with pytest.raises(AggregateFailed, match=r"rollup of hours: CheckViolationError: .*hourly_trades"):
        await ledger.aggregates.roll_hours(9)
    row = await ledger.connection.fetchrow("SELECT error, waiting, as_of FROM perps.freshness WHERE name = 'hours'")
    assert row is not None
    assert row["error"].startswith("CheckViolationError")
    assert (row["waiting"], row["as_of"]) == (1, None)


async def test_an_hour_that_several_writers_marked_waits_once(ledger: Numbers, database_url: str) -> None:
    await ledger.write(trade(at(0, 1)))
    async with connected(database_url) as another:
        again = "SELECT hour, protocol, market_key FROM ledger.dirty_hours"
        await another.execute(f"INSERT INTO ledger.dirty_hours {again}")
    told = "SELECT name, waiting FROM perps.freshness WHERE kind = 'rollup'"
    assert dict(await ledger.connection.fetch(told))["hours"] == 1
    assert await ledger.connection.fetchval("SELECT count(*) FROM ledger.dirty_hours") == 2


async def test_a_changed_parameter_marks_all_that_it_may_change(ledger: Numbers) -> None:
    jupiter = trade(at(0, 1, protocol="jupiter_perps"), fee_usd_e6=USD)
    await ledger.settle(0, 3, jupiter, streams=["jupiter_perps"])
    await ledger.settle(0, 3, amount(at(0), "lending", "1"), price(at(0, index=1), "1"))
    await ledger.refresh()
    seconds = "SELECT sum(known_s)::int FROM ledger.hourly_tvl"
    assert await ledger.connection.fetchval(seconds) == 86_400
    await ledger.connection.execute(
        "UPDATE ledger.parameters SET value = CASE name WHEN 'price_max_age_s' THEN 90000 ELSE 5000 END"
        " WHERE name IN ('price_max_age_s', 'protocol_share_bps')"
    )
    await ledger.refresh()
    assert await ledger.connection.fetchval(seconds) == 90_000
    assert await ledger.day("fees_daily", 0, "protocol_fees_usd", "jupiter_perps") == "0.5"


async def test_what_the_settings_say_is_computed_with_and_marks_all_when_it_changes(ledger: Numbers) -> None:
    await ledger.settle(0, 3, whole(at(0), "pool", 7))
    await ledger.roll()
    defaults = load(environment={}).aggregates
    assert not await ledger.aggregates.set_parameters(defaults.parameters)
    assert await marks(ledger) == 0
    shorter = defaults.model_copy(update={"price_max_age_s": 7200})
    assert await ledger.aggregates.set_parameters({**shorter.parameters, "nothing": Decimal(1)})
    await ledger.roll()
    assert await ledger.connection.fetchval("SELECT sum(known_s)::int FROM ledger.hourly_tvl") == 7200
    assert not await ledger.aggregates.set_parameters(shorter.parameters)


def test_every_parameter_of_all_protocols_is_a_setting() -> None:
    text = (resource("migrations") / "0008_refreshes.sql").read_text(encoding="utf-8")
    made = {name: Decimal(value) for name, value in re.findall(r"\('all', '(\w+)', ([0-9.]+)\)", text)}
    assert load(environment={}).aggregates.parameters == made


async def test_what_held_longer_than_a_changed_limit_does_so_no_more(ledger: Numbers) -> None:
    await ledger.settle(0, 3, whole(at(0), "pool", 7), streams=["drift"])
    seconds = "SELECT sum(known_s)::int FROM ledger.hourly_tvl"
    for limit_s in (86_400, 200_000, 7200):
        await ledger.connection.execute(
            "UPDATE ledger.parameters SET value = $1 WHERE name = 'price_max_age_s'", limit_s
        )
        await ledger.roll()
        assert await ledger.connection.fetchval(seconds) == limit_s


# --- views -----------------------------------------------------------------------------------------------------------


async def test_every_view_comes_after_those_that_it_reads(ledger: Numbers) -> None:
    views = list(await ledger.aggregates.views())
    assert views.index("volume_daily") < views.index("efficiency_daily") < views.index("protocol_overview")
    assert set(await ledger.aggregates.views(["efficiency_daily", "nonsense"])) == {
        "efficiency_daily", "volume_daily", "tvl_daily", "tvl_components_daily", "fees_daily",
    }  # fmt: skip
    assert (await ledger.aggregates.views(["efficiency_daily"]))[-1] == "efficiency_daily"


async def test_a_refresh_is_noted_and_one_that_fails_with_its_reason(ledger: Numbers) -> None:
    await ledger.aggregates.refresh("volume_daily")
    await ledger.connection.execute("DROP INDEX perps.fees_daily_key")
    with pytest.raises(AggregateFailed, match=r"(?s)perps\.fees_daily: .*unique index"):
        await ledger.aggregates.refresh("fees_daily")
    fees, volumes = await ledger.connection.fetch(
        "SELECT name, as_of IS NOT NULL AS done, error FROM perps.freshness"
        " WHERE name IN ('perps.volume_daily', 'perps.fees_daily') ORDER BY 1"
    )
    assert (fees["done"], volumes["done"], volumes["error"]) == (False, True, None)
    assert "unique index" in fees["error"]


async def test_only_the_last_refreshes_of_a_view_are_kept(ledger: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.store.rolling._KEPT_REFRESHES", 2)
    for view in ("traders", "lp_providers", "traders", "traders", "traders"):
        await ledger.aggregates.refresh(view)
    rows = await ledger.connection.fetch(
        "SELECT view, count(*) AS count FROM ledger.refreshes GROUP BY view ORDER BY view"
    )
    assert [tuple(row) for row in rows] == [("lp_providers", 1), ("traders", 2)]


async def test_a_refresh_blocks_neither_reader_nor_writer(ledger: Numbers, database_url: str) -> None:
    """While one is held open in its transaction."""
    await ledger.roll()
    async with connected(database_url) as refresher, refresher.transaction():
        for view in await ledger.aggregates.views():
            await refresher.execute("SELECT ledger.refresh_view($1)", view)
        async with asyncio.timeout(20):
            for view in await ledger.aggregates.views():
                await ledger.connection.fetch(f"SELECT * FROM perps.{view}")
            await ledger.store.write(page(trade(at(0, 1)), settled=(0, 9)))
            await ledger.roll()


async def test_a_view_that_is_none_is_refused(ledger: Numbers) -> None:
    with pytest.raises(AggregateFailed, match="no materialized view"):
        await ledger.aggregates.refresh("trades")


async def test_today_is_told_as_far_as_it_is_seen(ledger: Numbers) -> None:
    now: int = await ledger.connection.fetchval("SELECT extract(epoch FROM now())::bigint")
    midnight = now - now % 86_400
    await ledger.write(trade(at(0, 1, block_time=midnight), size_usd_e6=9 * USD, fee_usd_e6=USD))
    await ledger.write(trade(at(0, 2, block_time=midnight - 1), size_usd_e6=5 * USD))
    await ledger.roll()
    row = await ledger.connection.fetchrow(
        "SELECT volume_usd::text, trades, trading_fees_usd::text, tvl_usd FROM perps.today WHERE protocol = 'drift'"
    )
    assert row is not None
    assert tuple(row) == ("9", 1, "1", None)
    assert await ledger.connection.fetchval("SELECT count(*) FROM perps.today") == 3


def test_marks_are_read_and_cleared_by_their_whole_key() -> None:
    for marks_of in (HOURS, DAYS):
        assert all(f"d.{name} = u.{name}" in marks_of.clear for name in marks_of.key)
