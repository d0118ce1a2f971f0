"""One custody as its account tells it: its price, what it adds to the pool, what shorts hold, what borrowing costs.

A stable counts at a dollar or more. Of any other token the pool has what is not locked, at its price, what longs
guarantee, and what shorts lose; what shorts gain is taken off. Arithmetic is in whole micro-dollars, half to even.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from indexer.core import amount
from indexer.core.account import Account, Scene
from indexer.protocols.jupiter_perps.program import USD

PRICE_MAX_AGE_S = 300  # Feeds of what is traded move every few seconds; those of stables may rest for months.
SMALLEST_EXPO, MOST_DECIMALS = -18, 18
DEBT_DECIMALS = 9  # Of debts and their interest, beyond those of the token.
BPS, DBPS, UTILIZATION_DECIMALS = 4, 5, 9
HOURS_OF_A_YEAR = 8_760


class Price(msgspec.Struct, frozen=True):
    """USD per whole token: `raw` / 10 ** `decimals`."""

    raw: int
    decimals: int

    @property
    def usd(self) -> Decimal:
        return amount.exact(self.raw, self.decimals)


DOLLAR = Price(1, 0)


def price(scene: Scene, custody: Any) -> tuple[Account, Price] | None:
    """What the custody's feed says, and the feed; None where it says nothing fresh."""
    feed = scene.accounts.get(custody.dovesAgOracle)
    if feed is None or feed.kind != "AgPriceFeed" or not scene.is_fresh(feed, feed.fields.timestamp, PRICE_MAX_AGE_S):
        return None
    told = feed.fields
    is_price = told.price > 0 and SMALLEST_EXPO <= told.expo <= 0 and told.mint == custody.mint
    return (feed, Price(told.price, -told.expo)) if is_price else None


def owned(custody: Any) -> int:
    """Smallest units that are the pool's: what lies there, and what is lent out, without its interest."""
    lent = max(0, custody.debt - custody.borrowLendInterestsAccured)
    return int(custody.assets.owned - (-lent // amount.power(DEBT_DECIMALS)))


def value_e6(custody: Any, told: Price | None) -> int | None:
    """Micro-dollars that the custody adds to the pool; None without a price. A stable is a dollar then."""
    if custody.decimals > MOST_DECIMALS:
        return None
    if custody.isStable:
        return _usd_e6(custody, owned(custody), max(told or DOLLAR, DOLLAR, key=lambda one: one.usd))
    if told is None:
        return None
    free = max(0, owned(custody) - custody.assets.locked)
    return int(custody.assets.guaranteedUsd) + _usd_e6(custody, free, told) - _shorts_gain_e6(custody.assets, told)


def shorts(custody: Any) -> tuple[int, Decimal | None]:
    """Micro-dollars of all shorts, and how much of the token they were at their average price."""
    sizes, average = custody.assets.globalShortSizes, custody.assets.globalShortAveragePrices
    return sizes, amount.quotient(sizes, average, places=9) if sizes else Decimal(0)


def hourly_rate(custody: Any) -> Decimal | None:
    """What borrowing the token costs in an hour, a fraction: linear in utilization, or a curve with a kink."""
    lent = -(-custody.debt // amount.power(DEBT_DECIMALS))
    used, whole = custody.assets.locked + lent, custody.assets.owned + lent
    if whole == 0:
        return None
    linear = custody.fundingRateState.hourlyFundingDbps
    if linear:
        return amount.quotient(linear * used, whole * amount.power(DBPS))
    return _on_curve(custody.jumpRateState, min(used, whole), whole)


def _on_curve(curve: Any, used: int, whole: int) -> Decimal | None:
    """From `min` to `target` up to the targeted utilization, to `max` where everything is used; basis points a year."""
    kink, unit = curve.targetUtilizationRate, amount.power(UTILIZATION_DECIMALS)
    utilization = used * unit  # Over `whole`.
    if utilization <= kink * whole:
        start, rise, along, length = curve.minRateBps, curve.targetRateBps - curve.minRateBps, utilization, kink
    else:
        start, rise = curve.targetRateBps, curve.maxRateBps - curve.targetRateBps
        along, length = utilization - kink * whole, unit - kink
    if length == 0:
        return None
    yearly = start * length * whole + rise * along
    return amount.quotient(yearly, length * whole * HOURS_OF_A_YEAR * amount.power(BPS))


def _usd_e6(custody: Any, raw: int, told: Price) -> int:
    return amount.micro_usd(raw * told.raw, custody.decimals + told.decimals)


def _shorts_gain_e6(assets: Any, told: Price) -> int:
    """Negative: they lose."""
    average = assets.globalShortAveragePrices * amount.power(told.decimals)
    if average == 0:
        return 0
    return amount.half_even(assets.globalShortSizes * (average - told.raw * amount.power(USD)), average)
