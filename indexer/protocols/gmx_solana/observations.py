"""What a market held and what prices were used: absolute readings, not changes.

MarketStateUpdated is emitted when an operation is committed. It names only the pools that the
operation touched; a pool that is not named is unchanged, never zero. A pure market (one token on both
sides) keeps the whole amount in the long half.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from indexer.core import base58
from indexer.core.payload import Event
from indexer.core.record import OpenInterest, PositionSide, PriceObservation, Record, TvlObservation
from indexer.protocols.gmx_solana import scales
from indexer.protocols.gmx_solana.evidence import Evidence

PRIMARY = 0  # PoolKind.
# (OpenInterestFor..., OpenInterestInTokensFor...), each split by collateral token.
OPEN_INTEREST: Mapping[PositionSide, tuple[int, int]] = {"long": (3, 5), "short": (4, 6)}


def market_state_updated(evidence: Evidence, event: Event) -> Iterator[Record]:
    pools = dict(zip(event.fields.pool_kinds, event.fields.pools, strict=False))
    if PRIMARY in pools:
        yield from _pool_amounts(evidence, event, pools[PRIMARY])
    yield from _open_interest(evidence, event, pools)


def _pool_amounts(evidence: Evidence, event: Event, pool: Any) -> Iterator[Record]:
    market_token = event.fields.market_token
    market, prices = evidence.market(market_token), evidence.prices(market_token)
    mints = (market.long_mint, market.short_mint) if market else (None, None)
    unit_prices = (prices.long, prices.short) if prices else (None, None)
    sides = list(zip((pool.long_token_amount, pool.short_token_amount), mints, unit_prices, strict=True))
    for part, (held, mint, price) in enumerate(sides[:1] if pool.is_pure else sides):
        yield TvlObservation(
            origin=evidence.scene.origin(event),
            part=part,
            component="pool",
            component_key=base58.encode(market_token),
            mint=mint,
            amount=evidence.scene.reference.token_amount(held, mint),
            value_usd_e6=scales.mid_usd(held, price) if price is not None else None,
            value_origin="event",
        )


def _open_interest(evidence: Evidence, event: Event, pools: Mapping[int, Any]) -> Iterator[Record]:
    market = evidence.market(event.fields.market_token)
    sides = ((side, _total(pools.get(usd)), _total(pools.get(size))) for side, (usd, size) in OPEN_INTEREST.items())
    named = (told for told in sides if told[1:] != (None, None))
    for part, (side, value, size) in enumerate(named):
        yield OpenInterest(
            origin=evidence.scene.origin(event),
            part=part,
            market_key=base58.encode(event.fields.market_token),
            side=side,
            value_usd_e6=None if value is None else scales.usd(value),
            size_base=None if size is None else scales.tokens(size, market.base_decimals if market else None),
        )


def _total(pool: Any) -> int | None:
    return None if pool is None else pool.long_token_amount + pool.short_token_amount


def price_observations(evidence: Evidence, event: Event) -> Iterator[Record]:
    """Mid prices that an event carries, of the market's index and of its tokens; of a pure market's one token once.

    A price in USD needs the token's decimals: what has none known, or no price, gives no row.
    """
    prices, market = evidence.prices_of(event), evidence.market(event.fields.market_token)
    if prices is None or market is None:
        return
    decimals = evidence.scene.reference.decimals
    tokens = {market.long_mint: prices.long, market.short_mint: prices.short}
    told: list[tuple[str | None, bytes | None, Decimal | None]] = [
        (market.market_key, None, scales.mid_price(prices.index, market.base_decimals)),
        *((None, mint, scales.mid_price(price, decimals(mint))) for mint, price in tokens.items()),
    ]
    # The time of the event's other rows: only TradeEvent has one of its own.
    origin = evidence.scene.origin(event, getattr(event.fields, "ts", None))
    for part, (key, mint, price) in enumerate((key, mint, price) for key, mint, price in told if price):
        yield PriceObservation(
            origin=origin, part=part, market_key=key, mint=mint, price_usd=price, value_origin="event"
        )


def market_token_value(evidence: Evidence, event: Event) -> Iterator[Record]:
    """The price of a market token: the pool's net value over the supply."""
    fields = event.fields
    price = scales.price_of_one(fields.pool_value, fields.supply, scales.GM)
    yield from token_price(evidence, event, fields.market_token, price)


def token_price(evidence: Evidence, event: Event, mint: bytes, price: Decimal | None) -> Iterator[Record]:
    if price is not None and price > 0:
        yield PriceObservation(origin=evidence.scene.origin(event), mint=mint, price_usd=price, value_origin="event")
