"""Jupiter's accounts as its books have them: the pool, its custodies with their feeds, JLP.

The custody that the reference does not know has no account: it would be known from then on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from indexer.core.record import FundingRate, OpenInterest, PriceObservation, Record, TvlObservation
from indexer.simulation.figures import decimal, ratio, rounded
from indexer.simulation.held import Held, mint
from indexer.simulation.instructions import fixed_key, key
from indexer.simulation.jupiter.pool import JLP, POOL, Custody, Pool
from indexer.simulation.jupiter.positions import LONG
from indexer.simulation.packing import pack_account
from indexer.simulation.script import NOWHERE
from indexer.simulation.streams import JUPITER

IDL, FEEDS_IDL = "jupiter_perps.json", "doves.json"
FEEDS = key("DoVEsk76QybCEHQGzkvYPWLQu9gzNoZZZt3TPiL597e")
POOL_ADDRESS = "5BUwFW4nRbftYTDMbgxykoFWqWHPzahFSNAaaaJtVKsq"
HOURLY_DBPS, DBPS = 10, 100_000
DOLLAR = 1_000_000


class Shares(msgspec.Struct, frozen=True):
    """What a custody's account says of its token, from the positions."""

    owned: int
    locked: int
    guaranteed: int
    short: int
    average: int  # Micro-dollars; of all shorts.

    def value_e6(self, custody: Custody) -> int:
        price = custody.price_e6
        if custody.is_stable:
            return rounded(self.owned * max(price, DOLLAR), custody.unit)
        gain = rounded(self.short * (self.average - price), self.average) if self.average else 0
        return self.guaranteed + rounded(max(0, self.owned - self.locked) * price, custody.unit) - gain


def accounts(pool: Pool, time: int) -> Iterator[Held]:
    shares = [(custody, _shares(pool, custody)) for custody in pool.custodies]
    told = _tvl("pool", POOL_ADDRESS, value_usd_e6=pool.value_e6(), value_origin="account")
    value = sum(share.value_e6(custody) for custody, share in shares)
    summed = _tvl("pool_recomputed", POOL_ADDRESS, part=1, value_usd_e6=value, value_origin="recomputed")
    keys = [custody.key for custody in pool.custodies]
    data = pack_account(IDL, "Pool", custodies=keys, aumUsd=pool.value_e6(), aumUsdUpdatedAt=time)
    yield Held(POOL, JUPITER, "Pool", data, (told, summed), ())
    yield jlp(pool)
    for custody, share in shares:
        yield _custody(custody, share)
        yield _feed(custody, time)


def jlp(pool: Pool) -> Held:
    supply = _tvl("lp_supply", POOL_ADDRESS, mint=JLP, amount=decimal(pool.supply, 6), value_origin="account")
    return mint(JLP, pool.supply, 6, supply)


def _shares(pool: Pool, custody: Custody) -> Shares:
    open_ = [one for one in pool.positions.values() if one.market is custody and one.size]
    longs = [one for one in open_ if one.side == LONG]
    shorts = [one for one in open_ if one.side != LONG]
    short = sum(one.size for one in shorts)
    return Shares(
        owned=custody.held + custody.lent - custody.reserve,
        locked=sum(one.size * custody.unit // one.entry for one in longs),
        guaranteed=sum(max(0, one.size - one.collateral_usd) for one in longs),
        short=short,
        average=sum(one.size * one.entry for one in shorts) // short if short else 0,
    )


def _custody(custody: Custody, share: Shares) -> Held:
    values: dict[str, Any] = {
        "pool": POOL, "mint": custody.mint, "decimals": custody.decimals, "isStable": custody.is_stable,
        "dovesAgOracle": _feed_key(custody), "pricing": {"maxLeverage": 5_000_000},
        "assets": {
            "owned": share.owned, "locked": share.locked, "guaranteedUsd": share.guaranteed,
            "globalShortSizes": share.short, "globalShortAveragePrices": share.average,
        },
        "fundingRateState": {"hourlyFundingDbps": HOURLY_DBPS},
    }  # fmt: skip
    size = ratio(share.short, share.average, 9) if share.short else decimal(0, 0)
    rate = ratio(HOURLY_DBPS * share.locked, share.owned * DBPS)
    held = _tvl("custody", custody.address, mint=custody.mint, amount=decimal(share.owned, custody.decimals),
                value_usd_e6=share.value_e6(custody), value_origin="recomputed")  # fmt: skip
    others: list[Record] = [
        OpenInterest(
            origin=NOWHERE, market_key=custody.address, side="short", value_usd_e6=share.short, size_base=size
        ),
        FundingRate(
            origin=NOWHERE,
            market_key=custody.address,
            rate_kind="borrow",
            rate=rate,
            rate_long=None if custody.is_stable else rate,
        ),
    ]
    at_a_dollar = rounded(share.owned * DOLLAR, custody.unit) if custody.is_stable else None
    untimed = msgspec.structs.replace(held, value_usd_e6=at_a_dollar)
    data = pack_account(IDL, "Custody", **values)
    return Held(custody.key, JUPITER, "Custody", data, (held, *others), (untimed, *others))


def _feed(custody: Custody, time: int) -> Held:
    data = pack_account(
        FEEDS_IDL, "AgPriceFeed", mint=custody.mint, price=custody.price_e6 * 100, expo=-8, timestamp=time
    )
    price = PriceObservation(
        origin=NOWHERE,
        mint=custody.mint,
        market_key=None if custody.is_stable else custody.address,
        price_usd=decimal(custody.price_e6, 6),
        value_origin="account",
    )
    return Held(_feed_key(custody), FEEDS, "AgPriceFeed", data, (price,), ())


def _feed_key(custody: Custody) -> bytes:
    return fixed_key(f"price feed of {custody.symbol}")


def _tvl(component: str, component_key: str, **values: Any) -> TvlObservation:
    return TvlObservation(origin=NOWHERE, component=component, component_key=component_key, **values)
