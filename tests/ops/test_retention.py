"""Letting go of old partitions: what goes is unknown afterwards, and what stays is what it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from indexer.core.coverage import Span
from indexer.store.base import Page
from indexer.store.connection import connected
from indexer.store.retention import SLOTS_A_DAY, Retention, look_after
from tests.aggregates.days import MIDNIGHT, Numbers, numbers
from tests.ops import cluster
from tests.ops.compose import REPOSITORY
from tests.ops.test_compose import libpq_of
from tests.store.ledger import event, origin, trade

RETENTION = REPOSITORY / "config/postgres/retention.sql"
BORDER = 6_480_000
A_DAY = 7200  # Slots of 12 seconds.
BY_DAY = """
SELECT c.relname::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'perps'::regnamespace AND c.relkind IN ('v', 'm') AND a.attname = 'day' ORDER BY 1
"""
Way = Callable[[Numbers, str], Awaitable[None]]
NUMBERS = "SELECT day::text, coverage, volume_usd FROM perps.volume_daily WHERE protocol = 'drift' ORDER BY day"
SHELL = ["psql", "--no-psqlrc", "--quiet", "--output=/dev/null", f"--file={RETENTION}"]


def let_go(url: str, slot: int) -> None:
    cluster.libpq([*SHELL, f"--variable=slot={slot}"], libpq_of(url))


async def by_hand(ledger: Numbers, url: str) -> None:
    let_go(url, BORDER + 12_345)


async def by_a_daemon(ledger: Numbers, url: str) -> None:
    head = BORDER + 3 * A_DAY
    await ledger.store.observe_head(["drift"], "daemon", finalized=head, confirmed=head)
    assert (await look_after(url, Retention(all_days=2 * A_DAY / SLOTS_A_DAY, ahead=0))).dropped


WAYS = pytest.mark.parametrize("way", [by_hand, by_a_daemon])


@pytest_asyncio.fixture
async def ledger(emptied_database_url: str) -> AsyncIterator[Numbers]:
    """Three days before the border and three behind it, with a fill of 100 dollars each, all settled and wanted."""
    first, behind = BORDER - 3 * A_DAY, BORDER + 3 * A_DAY
    async with numbers(emptied_database_url) as ledger:
        rows = [
            trade(origin(slot, 0, block_time=time_of(slot), tx=1), size_usd_e6=100_000_000, fee_usd_e6=90_000)
            for slot in range(first + 60, behind, A_DAY)
        ]
        anchors = [first - 1, *range(first // 150 * 150 + 150, behind + 1, 150)]
        await ledger.store.write(
            Page(
                records=rows,
                settled={"drift": [Span(first - 1, behind + 1)]},
                source="test",
                slot_times={slot: time_of(slot) for slot in anchors},
            )
        )
        await ledger.store.ask(["drift"], [Span(first, behind)])
        await refreshed(ledger)
        yield ledger


def time_of(slot: int) -> int:
    return MIDNIGHT + (slot - BORDER) * 12


async def refreshed(ledger: Numbers) -> None:
    await ledger.roll()
    for view in await ledger.aggregates.views():
        await ledger.aggregates.refresh(view)


@WAYS
async def test_days_before_the_border_are_unknown_and_days_behind_it_are_what_they_were(
    ledger: Numbers, emptied_database_url: str, way: Way
) -> None:
    before = await by_day(ledger)
    assert {before[f"2023-11-{day}"] for day in range(12, 18)} == {("full", 100)}
    await way(ledger, emptied_database_url)
    await refreshed(ledger)
    after = await by_day(ledger)
    assert {after.get(f"2023-11-{day}", ("none", None)) for day in range(12, 15)} == {("none", None)}
    assert {after[f"2023-11-{day}"] for day in range(16, 18)} == {("full", 100)}


@WAYS
async def test_no_number_of_a_day_that_went_becomes_zero_also_when_all_is_made_again(
    ledger: Numbers, emptied_database_url: str, way: Way
) -> None:
    before = await of_days_before(ledger)
    assert before["volume_daily"]
    await way(ledger, emptied_database_url)
    for make_all_again in (False, True):
        if make_all_again:  # As a changed setting does.
            await ledger.connection.execute("SELECT ledger.mark_all()")
        await refreshed(ledger)
        for view, rows in (await of_days_before(ledger)).items():
            known = {column for row in before[view] for column, value in row.items() if value}
            zeros = {column for row in rows for column, value in row.items() if column in known and value == 0}
            assert zeros <= {"covered_fraction"}, f"{view}: {zeros}"


async def of_days_before(ledger: Numbers) -> dict[str, list[dict[str, Any]]]:
    """Rows of days that lie as a whole before the border, of every view by day."""
    names = await ledger.connection.fetch(BY_DAY)
    return {
        name: [
            dict(row)
            for row in await ledger.connection.fetch(f"SELECT * FROM perps.{name} WHERE day < $1", date(2023, 11, 15))
        ]
        for (name,) in names
    }


async def by_day(ledger: Numbers) -> dict[str, tuple[str, Any]]:
    return {row["day"]: (row["coverage"], row["volume_usd"]) for row in await ledger.connection.fetch(NUMBERS)}


async def test_nobody_asks_for_what_went_and_its_bytes_are_gone(ledger: Numbers, emptied_database_url: str) -> None:
    let_go(emptied_database_url, BORDER)
    slots = "SELECT count(*) FILTER (WHERE slot < 6480000), count(*) FROM ledger.trades"
    assert tuple(await ledger.connection.fetchrow(slots) or ()) == (0, 3)
    assert await ledger.connection.fetchval("SELECT count(*) FROM perps.gaps") == 0
    assert await ledger.connection.fetchval("SELECT min(first_slot) FROM perps.coverage") == BORDER
    parts = "SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_p0000' AND relkind = 'r'"
    assert await ledger.connection.fetchval(parts) == 0
    let_go(emptied_database_url, BORDER)  # Once more changes nothing.
    assert tuple(await ledger.connection.fetchrow(slots) or ()) == (0, 3)


async def test_a_border_below_every_row_changes_nothing(ledger: Numbers, emptied_database_url: str) -> None:
    async def state() -> list[Any]:
        return [await ledger.connection.fetch(query) for query in ("TABLE perps.coverage", "TABLE perps.trades")]

    before = await state()
    let_go(emptied_database_url, BORDER - 1)
    assert await state() == before


async def test_it_is_refused_while_somebody_is_at_work(ledger: Numbers, emptied_database_url: str) -> None:
    await ledger.store.claim(("drift",), (Span(0, 10),), "another", 60.0, 100, newest_first=False)
    with pytest.raises(AssertionError, match="try again later"):
        let_go(emptied_database_url, BORDER)
    async with connected(emptied_database_url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM ledger.trades") == 6


def test_the_border_is_that_of_the_partitions() -> None:
    made = (REPOSITORY / "migrations/0001_ledger.sql").read_text()
    assert f"slots CONSTANT bigint := {BORDER};" in made
    assert Path(RETENTION).read_text().count(str(BORDER)) == 2


async def test_digests_of_what_went_go_too(ledger: Numbers, emptied_database_url: str) -> None:
    """Else the same slots, filled once more, would count twice."""
    rows = [event(origin(slot)) for slot in (BORDER - 10_000, BORDER)]
    spans = [Span(row.origin.slot, row.origin.slot + 1) for row in rows]
    await ledger.store.write(Page(events=rows, settled={"drift": spans}, source="test", mends="slots"))
    assert list(await ledger.store.digests("drift", Span(0, 2 * BORDER))) == [BORDER // 10_000 - 1, BORDER // 10_000]
    let_go(emptied_database_url, BORDER)
    assert list(await ledger.store.digests("drift", Span(0, 2 * BORDER))) == [BORDER // 10_000]
