"""News of accounts: what says something new is written, all of an account or nothing; a write that failed was none."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from indexer.core.protocol import Processed
from indexer.core.record import OpenInterest, Origin, PriceObservation, Record, TvlObservation
from indexer.errors import StoreUnavailable
from indexer.ingest.news import News, news
from indexer.protocols.drift import accounts as drift
from indexer.store.base import Page, Written
from indexer.store.memory import MemoryStore
from tests.ingest.test_snapshot import Cluster, during, lending, rows, snapshots, spot
from tests.store.ledger import key

HOUR = 1_771_513_200  # A full hour.


def origin(minute: int | None, account: int = 1) -> Origin:
    return Origin(
        protocol="drift", program_id=key(9), slot=400_000_000 + (minute or 0) * 150, signature=key(account),
        channel="account", index=0, block_time=None if minute is None else HOUR + minute * 60, event="User",
    )  # fmt: skip


def amount(tokens: int, minute: int | None, *, part: int = 0, account: int = 1) -> Record:
    return TvlObservation(
        origin=origin(minute, account), part=part, component="strategy_vault_spot", component_key="v",
        mint=key(50 + part), amount=Decimal(tokens), value_origin="account",
    )  # fmt: skip


def price(minute: int) -> Record:
    return PriceObservation(origin=origin(minute), mint=key(50), price_usd=Decimal(3), value_origin="account")


def written(*readings: list[Record]) -> list[list[Record]]:
    """What of each reading is written, one after the other."""
    known, found = News(), []
    for reading in readings:
        known = news(Processed(records=reading), known)
        found.append(list(known.records))
    return found


def test_what_an_account_says_again_in_the_same_hour_is_no_news() -> None:
    first, again = [amount(5, 1)], [amount(5, 11)]
    assert written(first, again, [amount(6, 21)], [amount(5, 31)]) == [first, [], [amount(6, 21)], [amount(5, 31)]]


def test_the_first_reading_of_each_hour_is_written() -> None:
    readings = [[amount(5, minute)] for minute in (1, 59, 60, 61)]
    assert written(*readings) == [readings[0], [], readings[2], []]


def test_all_rows_of_an_account_are_written_where_one_differs_or_has_gone() -> None:
    """A list that names less means that something is gone."""
    both, changed, one = (
        [amount(5, 1), amount(7, 1, part=1)],
        [amount(5, 2), amount(8, 2, part=1)],
        [amount(5, 3)],
    )
    assert written(both, changed, one) == [both, changed, one]


def test_an_account_does_not_bring_others_with_it() -> None:
    second = [amount(5, 2), amount(9, 2, account=2)]
    assert written([amount(5, 1), amount(8, 1, account=2)], second)[1] == [second[1]]


def test_what_was_gone_and_comes_back_is_news() -> None:
    assert written([amount(5, 1)], [], [amount(5, 3)])[2] == [amount(5, 3)]


def test_a_price_is_always_written_and_so_is_what_has_no_time() -> None:
    priced = [[amount(5, minute), price(minute)] for minute in (1, 2)]
    assert written(*priced) == priced
    timeless = [[amount(5, None)], [amount(5, None)]]
    assert written(*timeless) == timeless


def test_an_open_interest_that_turns_unknown_is_news() -> None:
    def told(minute: int, value: int | None) -> list[Record]:
        return [OpenInterest(origin=origin(minute), market_key="perp:0", side="long", value_usd_e6=value)]

    assert written(told(1, 5), told(2, None))[1] == told(2, None)


def test_rounds_write_what_is_new() -> None:
    store, cluster = MemoryStore(lambda: 0.0), lending()
    one = snapshots(store, cluster, drift)
    for deposits, expected in ((5, 2), (5, 2), (6, 3)):
        cluster.held[spot().key] = spot(depositBalance=deposits * 10**9)
        cluster.slot += 1
        during(one.run(60), 61)
        assert len(rows(store, "tvl_observation")) == expected


@pytest.mark.parametrize("kind", ["tvl_observation", "failure"])
def test_what_could_not_be_written_is_still_news(kind: str) -> None:
    class Away(MemoryStore):
        away = 1

        async def write(self, page: Page) -> Written:
            self.away -= 1
            if self.away >= 0:
                raise StoreUnavailable("gone")
            return await super().write(page)

    cut = msgspec.structs.replace(spot(), data=spot().data[:300])
    store, cluster = Away(lambda: 0.0), lending() if kind == "tvl_observation" else Cluster([cut])
    one: Any = snapshots(store, cluster, drift)
    (reader,) = one._readers
    with pytest.raises(StoreUnavailable):
        asyncio.run(one.round(reader))
    asyncio.run(one.round(reader))
    assert rows(store, kind)
