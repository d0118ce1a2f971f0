"""What holding a position costs and earns: the hourly funding rate, and fuel.

A funding rate is quote per base with 9 decimals; divided by the oracle's average price it is a
fraction of the notional. Positive: longs pay.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from indexer.core import amount
from indexer.core.payload import Event
from indexer.core.record import FundingRate, Incentive, Record
from indexer.protocols.drift.reading import Reading, oracle_price, perp_key

RATE_OVER_PRICE = amount.power(3)  # 9 decimals of the rate over 6 of the price.


def funding_rate(reading: Reading, event: Event) -> Iterator[Record]:
    fields = event.fields
    price_e6 = fields.oraclePriceTwap
    yield FundingRate(
        origin=reading.origin(event),
        market_key=perp_key(fields.marketIndex),
        rate_kind="funding",
        rate=_fraction(fields.fundingRate, price_e6),
        rate_long=_fraction(fields.fundingRateLong, price_e6),
        rate_short=_fraction(fields.fundingRateShort, price_e6),
        oracle_price_usd=oracle_price(price_e6),
        sequence=fields.recordId,
    )


def fuel_season(reading: Reading, event: Event) -> Iterator[Record]:
    """All fuel of one season, what was swept aside before included; so a sweep gives no row."""
    fields = event.fields
    if fields.fuelTotal:
        yield Incentive(
            origin=reading.origin(event),
            incentive_kind="fuel",
            account=fields.authority,
            amount=Decimal(fields.fuelTotal),
        )


def _fraction(rate_e9: int, price_e6: int) -> Decimal | None:
    return amount.quotient(rate_e9, price_e6 * RATE_OVER_PRICE) if price_e6 > 0 else None
