"""Funding every hour or so, curves that move, and fuel that is shared out at the end of a season."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from indexer.core.record import FundingRate, Incentive
from indexer.simulation.drift.books import Perp
from indexer.simulation.drift.stage import Stage
from indexer.simulation.figures import decimal, ratio
from indexer.simulation.script import NOWHERE, Emit, Part, Script

RATE_OVER_PRICE = 1_000  # Rates have 9 decimals, prices 6.


class Cranks:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def funding(self) -> Script:
        stage = self._stage
        market = stage.choice(stage.books.perps)
        parts: tuple[Part, ...] = (self._funding(market),)
        if stage.chance(0.3):
            parts = (self._curve(market), *parts)
        return stage.script(stage.invoke("updateFundingRate", *parts))

    def fuel(self) -> Script:
        """A season's fuel is a row of Drift; what was swept before, and what a vault shares out, is not."""
        stage = self._stage
        owner = stage.some_users(1)[0].authority
        parts = [stage.rng.randrange(10**12) for _ in range(6)] if stage.chance(0.8) else [0] * 6
        names = ("fuelInsurance", "fuelDeposits", "fuelBorrows", "fuelPositions", "fuelTaker", "fuelMaker")
        season: dict[str, Any] = {"ts": stage.time, "authority": owner, "fuelTotal": sum(parts)}
        season |= dict(zip(names, parts, strict=True))
        amount = Decimal(sum(parts))
        row = Incentive(origin=NOWHERE, incentive_kind="fuel", account=owner, amount=amount)
        sweep = stage.event("FuelSweepRecord", ts=stage.time, authority=owner, userStatsFuelTaker=7)
        emit = stage.event("FuelSeasonRecord", [row] if amount else (), **season)
        shared = stage.vault_event("FuelSeasonRecord", **season)
        calls = stage.invoke("resetFuelSeason", sweep, emit), stage.vault_invoke("resetFuelSeason", shared)
        return stage.script(*calls)

    def _funding(self, market: Perp) -> Emit:
        stage = self._stage
        rate = stage.rng.randint(-market.price_e6 // 20, market.price_e6 // 20)
        long, short = rate, rate - rate // 10  # Capped on one side.
        market.fundings += 1
        market.funding_long += long
        market.funding_short += short
        twap = market.price_e6
        row = FundingRate(
            origin=NOWHERE,
            market_key=market.key,
            rate_kind="funding",
            rate=ratio(rate, twap * RATE_OVER_PRICE),
            rate_long=ratio(long, twap * RATE_OVER_PRICE),
            rate_short=ratio(short, twap * RATE_OVER_PRICE),
            oracle_price_usd=decimal(twap, 6),
            sequence=market.fundings,
        )
        return stage.event(
            "FundingRateRecord",
            [row],
            ts=stage.time,
            recordId=market.fundings,
            marketIndex=market.index,
            fundingRate=rate,
            fundingRateLong=long,
            fundingRateShort=short,
            cumulativeFundingRateLong=market.funding_long,
            cumulativeFundingRateShort=market.funding_short,
            oraclePriceTwap=twap,
            markPriceTwap=twap,
        )

    def _curve(self, market: Perp) -> Emit:
        market.curves += 1
        told: dict[str, Any] = {"recordId": market.curves, "marketIndex": market.index, "oraclePrice": market.price_e6}
        return self._stage.event("CurveRecord", ts=self._stage.time, totalFee=-1, **told)
