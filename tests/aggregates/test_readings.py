"""What readings of accounts give: a rate is a mean and no sum, and what is left out as no news changes no number."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random

import pytest

from indexer.core.protocol import Processed
from indexer.core.record import FundingRate, OpenInterest, Origin, Record, TvlObservation
from indexer.ingest.news import News, news
from tests.aggregates.days import Numbers, at
from tests.aggregates.parity import made_fresh, rows
from tests.store.ledger import key

MINUTES = range(5, 2 * 24 * 60, 10)
VIEWS = ("tvl_tokens_hourly", "tvl_tokens_daily", "tvl_components_daily", "tvl_daily", "open_interest_daily")

READERS_OF_RATES = """
SELECT DISTINCT c.relname::text AS name
FROM pg_depend AS d
JOIN pg_rewrite AS r ON r.oid = d.objid
JOIN pg_class AS c ON c.oid = r.ev_class
WHERE d.classid = 'pg_rewrite'::regclass
    AND d.refobjid IN ('ledger.funding_rates'::regclass, 'ledger.hourly_funding_rates'::regclass)
ORDER BY 1
"""

pytestmark = pytest.mark.asyncio(loop_scope="module")


def rate(hours: float, value: str | None, **values: str) -> Record:
    origin = at(0, hours, protocol="jupiter_perps", channel="account", tx=int(hours * 100))
    told = {name: Decimal(text) for name, text in values.items()}
    shown = None if value is None else Decimal(value)
    return FundingRate(origin=origin, market_key="sol", rate_kind="borrow", rate=shown, **told)


async def mean(ledger: Numbers, columns: str) -> tuple[str, ...]:
    await ledger.refresh()
    found: tuple[str, ...] = await ledger.day("funding_daily", 0, columns, "jupiter_perps")
    return found


async def test_a_rate_that_is_read_often_counts_once_an_hour(ledger: Numbers) -> None:
    often = [rate(1 + n / 10, "0.001") for n in range(6)]
    await ledger.settle(0, 1, *often, rate(5, "0.003"), streams=["jupiter_perps"])
    assert await mean(ledger, "mean_rate hours rates") == ("0.002", "2", "7")


async def test_no_view_but_the_mean_reads_rates(ledger: Numbers) -> None:
    """So that none can add them up; the status counts their rows."""
    readers = await ledger.connection.fetch(READERS_OF_RATES)
    assert [row["name"] for row in readers] == ["funding_daily", "funding_rates", "status"]


async def test_a_rate_that_is_not_told_is_no_zero(ledger: Numbers) -> None:
    told = [rate(1, "0.001", rate_long="0.004"), rate(1.5, "0.001"), rate(2, None)]
    await ledger.settle(0, 1, *told, streams=["jupiter_perps"])
    assert await mean(ledger, "mean_rate mean_rate_long mean_rate_short hours") == ("0.001", "0.004", None, "1")


async def test_what_is_left_out_as_no_news_changes_no_number(ledger: Numbers) -> None:
    shown = []
    for is_short in (False, True):
        await ledger.empty()
        known, written = News(), 0
        readings = [list(reading(minute)) for minute in MINUTES]
        for reading_ in readings:
            known = news(Processed(records=reading_), known if is_short else News())
            await ledger.write(*known.records)
            written += len(known.records)
        await ledger.settle(0, 2)
        await made_fresh(ledger)
        shown.append((written, {view: await rows(ledger.connection, f"perps.{view}") for view in VIEWS}))
    (all_rows, whole), (few, short) = shown
    assert few < all_rows / 2
    assert whole == short
    assert all(whole.values())


def reading(minute: int) -> Iterator[Record]:
    """Accounts that change about every two hours; the second is a list that may get shorter."""
    dice = Random(f"{minute // 130}")
    place = [_place(minute, account) for account in range(3)]
    lent, value = Decimal(dice.randrange(1, 90)), dice.randrange(10**6)
    yield TvlObservation(
        origin=place[0], component="lending", component_key="spot:1", mint=key(50), amount=lent, deposits=lent,
        value_origin="account",
    )  # fmt: skip
    for part in range(dice.randrange(1, 4)):
        yield TvlObservation(
            origin=place[1], part=part, component="strategy_vault_spot", component_key="v", mint=key(50 + part),
            amount=Decimal(dice.randrange(9)), value_origin="account",
        )  # fmt: skip
    yield TvlObservation(
        origin=place[2], component="pool", component_key="p", value_usd_e6=value, value_origin="account"
    )
    yield OpenInterest(origin=place[2], market_key="perp:0", side="long", value_usd_e6=value)


def _place(minute: int, account: int) -> Origin:
    return at(0, minute / 60, channel="account", tx=100 + account, index=0)
