"""Snapshots: what a round reads and writes, what it refreshes, and that nothing else waits for one that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

import msgspec
import pytest

from indexer.core.account import Image, Listing
from indexer.core.reference import Market, Reference, Token
from indexer.errors import StoreUnavailable
from indexer.ingest import snapshot
from indexer.ingest.snapshot import Snapshots
from indexer.protocols.drift import accounts as drift
from indexer.protocols.jupiter_perps import accounts as jupiter
from indexer.simulation.trial import EVERYTHING
from indexer.simulation.virtual_time import run
from indexer.sources.base import SourceInterrupted
from indexer.store.base import Page, Written
from indexer.store.memory import MemoryStore
from indexer.store.rows import BY_CLASS
from tests.unit.protocols.test_account_images import NOW, SLOT, USDC, image, key, observing, pool_of_two, vault

_Result = TypeVar("_Result")
SPOT, VAULT = key(7), key(8)


class Cluster:
    """Accounts by key, as one node has them; what was asked is kept."""

    def __init__(self, images: Sequence[Image], *, slot: int = SLOT) -> None:
        self.held = {one.key: one for one in images}
        self.slot = slot
        self.asked: list[set[bytes]] = []
        self.pasts: list[int | None] = []
        self.listings = 0
        self.lists = True
        self.fails = 0

    async def images(self, keys: Collection[bytes], *, past: int | None = None) -> Sequence[Image]:
        self.asked.append(set(keys))
        self.pasts.append(past)
        await asyncio.sleep(0.1)
        if self.fails:
            self.fails -= 1
            raise SourceInterrupted("nobody answers")
        return [msgspec.structs.replace(self.held[one], slot=self.slot) for one in sorted(keys) if one in self.held]

    async def keys(self, listing: Listing) -> Sequence[bytes]:
        self.listings += 1
        if not self.lists:
            raise SourceInterrupted("getProgramAccounts is not offered")
        found = [one for one in self.held.values() if one.data[:8] == listing.discriminator]
        return [one.key for one in found if one.owner == listing.program]

    async def times(self, slots: Collection[int]) -> Mapping[int, int]:
        return dict.fromkeys(slots, NOW)


def spot(**values: Any) -> Image:
    return image(
        SPOT, drift.DRIFT, "drift.json", "SpotMarket", name=b"USDC".ljust(32), mint=USDC, decimals=6,
        cumulativeDepositInterest=10**10, insuranceFund={"vault": VAULT}, **{"depositBalance": 5 * 10**9, **values},
    )  # fmt: skip


def lending() -> Cluster:
    return Cluster([spot(), vault(VAULT, USDC, 3_000_000)])


def snapshots(store: MemoryStore, cluster: Cluster, *modules: Any) -> Snapshots:
    return Snapshots(store, cluster, [observing(module) for module in modules], Random(1))


def during(work: Coroutine[Any, Any, None], seconds: float) -> None:
    async def main() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await work

    run(main())


def rows(store: MemoryStore, kind: str) -> list[dict[str, Any]]:
    table = next(table for table in BY_CLASS.values() if table.kind == kind)
    found = asyncio.run(store.rows(EVERYTHING))
    return [dict(zip(table.names, row, strict=True)) for row in found.get(kind, ())]


def test_what_accounts_hold_becomes_settled_rows_outside_coverage() -> None:
    store = MemoryStore(lambda: 0.0)
    during(snapshots(store, lending(), drift).run(60), 61)
    found = rows(store, "tvl_observation")
    assert [(row["component"], row["amount"], row["signature"]) for row in found] == [
        ("lending", Decimal(5), SPOT),
        ("insurance_fund", Decimal(3), VAULT),
    ]
    assert {(row["channel"], row["index"], row["settled"], row["slot"]) for row in found} == {
        ("account", 0, True, SLOT)
    }
    assert asyncio.run(store.coverage("drift")) == ()


def test_what_was_named_once_is_asked_for_at_once_and_lists_are_rare() -> None:
    cluster = lending()
    during(snapshots(MemoryStore(lambda: 0.0), cluster, drift).run(60), 60 * 10)
    assert cluster.asked[:3] == [{SPOT}, {SPOT, VAULT}, {SPOT, VAULT}]
    assert len(cluster.asked) in (10, 11)
    assert cluster.listings == len(drift.LISTINGS)
    assert cluster.pasts[:3] == [None, None, SLOT]


def test_an_account_that_is_no_longer_named_is_no_longer_read() -> None:
    cluster = lending()
    store = MemoryStore(lambda: 0.0)
    one = snapshots(store, cluster, drift)
    during(one.run(60), 61)
    cluster.held[SPOT] = image(SPOT, drift.DRIFT, "drift.json", "SpotMarket", insuranceFund={"vault": key(33)})
    during(one.run(60), 121)
    assert cluster.asked[-1] == {SPOT, key(33)}


def test_a_round_that_fails_is_left_out_and_the_next_one_comes() -> None:
    store, cluster = MemoryStore(lambda: 0.0), lending()
    cluster.fails = 2
    during(snapshots(store, cluster, drift).run(60), 240)
    assert len(rows(store, "tvl_observation")) == 2


def test_a_protocol_that_fails_does_not_keep_others_from_theirs() -> None:
    class OneAway(Cluster):
        async def images(self, keys: Collection[bytes], *, past: int | None = None) -> Sequence[Image]:
            if SPOT in keys:
                raise SourceInterrupted("nobody answers")
            return await super().images(keys, past=past)

    store = MemoryStore(lambda: 0.0)
    during(snapshots(store, OneAway([spot(), *pool_of_two()]), drift, jupiter).run(60), 61)
    assert {row["protocol"] for row in rows(store, "tvl_observation")} == {"jupiter_perps"}


def test_without_lists_what_is_always_read_is_read() -> None:
    store, cluster = MemoryStore(lambda: 0.0), Cluster(pool_of_two())
    cluster.lists = False
    during(snapshots(store, cluster, drift, jupiter).run(60), 61)
    assert {row["component"] for row in rows(store, "tvl_observation")} == {
        "pool", "pool_recomputed", "custody", "lp_supply",
    }  # fmt: skip


def test_while_the_database_is_away_rounds_are_left_out() -> None:
    class Away(MemoryStore):
        away = 2

        async def write(self, page: Page) -> Written:
            self.away -= 1
            if self.away >= 0:
                raise StoreUnavailable("gone")
            return await super().write(page)

    store = Away(lambda: 0.0)
    during(snapshots(store, lending(), drift).run(60), 240)
    assert len(rows(store, "tvl_observation")) == 2


def test_an_account_that_cannot_be_read_fails_once_for_each_state() -> None:
    cut = msgspec.structs.replace(spot(), data=spot().data[:300])
    store, cluster = MemoryStore(lambda: 0.0), Cluster([cut])
    one = snapshots(store, cluster, drift)

    def failed() -> int:
        return len(rows(store, "failure"))

    during(one.run(60), 240)
    assert failed() == 1
    cluster.slot += 1
    during(one.run(60), 61)
    assert failed() == 1
    cluster.held[SPOT] = msgspec.structs.replace(cut, data=spot(depositBalance=1).data[:400])
    cluster.slot += 1
    during(one.run(60), 61)
    assert failed() == 2


def test_a_market_that_nobody_knew_is_called_as_its_account_says() -> None:
    store = MemoryStore(lambda: 0.0)
    during(snapshots(store, lending(), drift).run(60), 61)
    reference = asyncio.run(store.reference())
    market = reference.market("drift", "spot:0")
    assert market is not None
    assert (market.symbol, market.base_asset, market.base_decimals, market.mint) == ("USDC", "USDC", 6, USDC)
    assert reference.decimals(USDC) == 6


def test_names_change_with_their_accounts_and_stated_decimals_do_not() -> None:
    async def seeded() -> MemoryStore:
        store = MemoryStore(lambda: 0.0)
        market = Market(protocol="drift", market_key="spot:0", market_kind="spot", symbol="OLD", base_asset="KEPT",
                        base_decimals=9, mint=USDC, pool_id=0)  # fmt: skip
        await store.seed(Reference([market], [Token(mint=USDC, symbol="USDC", decimals=9)]))
        return store

    store = asyncio.run(seeded())
    before = asyncio.run(store.reference()).version
    during(snapshots(store, lending(), drift).run(60), 61)
    after = asyncio.run(store.reference())
    market = after.market("drift", "spot:0")
    assert market is not None
    assert (market.symbol, market.base_asset, market.base_decimals) == ("USDC", "KEPT", 9)
    assert market.symbol_since_slot == SLOT
    assert after.tokens[USDC] == Token(mint=USDC, symbol="USDC", decimals=9)
    assert after.version == before  # Only what is shown has changed: nothing is made again.


def test_inferred_decimals_are_replaced_by_those_of_the_mint() -> None:
    known = Reference([], [Token(mint=USDC, decimals=9, is_inferred=True)])
    assert snapshot.refreshed(known, [Token(mint=USDC, decimals=6)], SLOT).tokens[USDC] == Token(mint=USDC, decimals=6)


def test_more_accounts_than_a_round_may_read_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MOST_ACCOUNTS", 3)
    cluster = Cluster(pool_of_two())
    during(snapshots(MemoryStore(lambda: 0.0), cluster, jupiter).run(60), 200)
    assert max(map(len, cluster.asked)) <= 3
    assert all(set(observing(jupiter).roots) <= asked for asked in cluster.asked)
