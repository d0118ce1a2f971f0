"""A fill: one OrderActionRecord that names both sides, the trade that it is, and the price it tells.

The taker is the trader; without a taker it is the maker, whose resting order the AMM took. `takerFee` contains all
that the taker paid. In a takeover it is what the liquidated user paid, and the maker's negative fee is the
liquidator's gain.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from indexer.core.record import Direction, Excluded, LiquiditySource, PriceObservation, Record, Trade
from indexer.simulation.drift.books import BASE, QUOTE, Perp, Spot, Traded, User
from indexer.simulation.drift.stage import Stage, Style
from indexer.simulation.figures import decimal, ratio
from indexer.simulation.script import NOWHERE, Emit

LONG, SHORT = 0, 1
DIRECTIONS: tuple[Direction, Direction] = ("buy", "sell")
AMM, AMM_JIT, AMM_JIT_LP, LP_JIT = (
    "OrderFilledWithAMM", "OrderFilledWithAMMJit", "OrderFilledWithAMMJitLPSplit", "OrderFilledWithLPJit",
)  # fmt: skip
MATCH, MATCH_JIT = "OrderFilledWithMatch", "OrderFilledWithMatchJit"
SERUM, PHOENIX, OPENBOOK = "OrderFillWithSerum", "OrderFillWithPhoenix", "OrderFilledWithOpenbookV2"
LIQUIDATION, EXPIRY, TRANSFER = "Liquidation", "MarketExpired", "TransferPerpPosition"
SOURCES: dict[str, LiquiditySource | None] = {
    AMM: "amm",
    AMM_JIT: "amm_jit",
    AMM_JIT_LP: "amm_jit_lp",
    LP_JIT: "lp_jit",
    MATCH: "order_book",
    MATCH_JIT: "jit_auction",
    SERUM: "external",
    PHOENIX: "external",
    OPENBOOK: "external",
    EXPIRY: None,
    TRANSFER: None,
}
EXCLUDED: dict[str, Excluded] = {EXPIRY: "expiry", TRANSFER: "transfer"}


class Side(msgspec.Struct, frozen=True):
    """One side of a fill: the order that was filled, and how far."""

    user: User
    order_id: int
    direction: int
    size: int  # Of the order.
    filled: int  # Base amount, this fill included.
    quote: int

    def told(self, side: str) -> dict[str, Any]:
        """The fields of `taker` or `maker`."""
        return {
            side: self.user.account,
            f"{side}OrderId": self.order_id,
            f"{side}OrderDirection": self.direction,
            f"{side}OrderBaseAssetAmount": self.size,
            f"{side}OrderCumulativeBaseAssetAmountFilled": self.filled,
            f"{side}OrderCumulativeQuoteAssetAmountFilled": self.quote,
        }


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """As it was meant; None is told as absent."""

    market: Traded
    explanation: str
    sequence: int
    base: int
    quote: int
    taker: Side | None
    maker: Side | None
    filler: bytes | None = None
    filler_reward: int | None = None
    taker_fee: int | None = None
    maker_fee: int | None = None
    referrer_reward: int | None = None
    surplus: int | None = None
    venue_fee: int | None = None
    builder_fee: int | None = None
    oracle_e6: int


def fill_event(stage: Stage, fill: Fill, style: Style = "text", end: str | None = None) -> Emit:
    values: dict[str, Any] = {
        "ts": stage.time,
        "action": "Fill",
        "actionExplanation": fill.explanation,
        "marketIndex": fill.market.index,
        "marketType": "Perp" if isinstance(fill.market, Perp) else "Spot",
        "filler": fill.filler,
        "fillerReward": fill.filler_reward,
        "fillRecordId": fill.sequence,
        "baseAssetAmountFilled": fill.base,
        "quoteAssetAmountFilled": fill.quote,
        "takerFee": fill.taker_fee,
        "makerFee": fill.maker_fee,
        "referrerReward": fill.referrer_reward,
        "quoteAssetAmountSurplus": fill.surplus,
        "spotFulfillmentMethodFee": fill.venue_fee,
        "oraclePrice": fill.oracle_e6,
    }
    values |= fill.taker.told("taker") if fill.taker else {}
    values |= fill.maker.told("maker") if fill.maker else {}
    values |= _tail(fill, end)
    rows = [_trade(fill, tells_builder=end is None), *_price(fill)]
    return stage.event("OrderActionRecord", rows, style=style, end=end, **values)


def _tail(fill: Fill, end: str | None) -> dict[str, Any]:
    """What later programs added; what an older layout does not reach is not given at all."""
    tail: dict[str, Any] = {"bitFlags": 16 if fill.builder_fee else 0}
    tail["takerExistingBaseAssetAmount"] = fill.base // 2 if fill.taker else None
    tail["builderIdx"] = 0 if fill.builder_fee else None
    tail["builderFee"] = fill.builder_fee
    return tail if end is None else {}


def _trade(fill: Fill, *, tells_builder: bool) -> Trade:
    trader, other = (fill.taker, fill.maker) if fill.taker else (fill.maker, None)
    assert trader is not None, "a fill without taker and maker"
    source = SOURCES[fill.explanation] if fill.explanation != LIQUIDATION else _liquidation_source(fill)
    is_takeover = source == "takeover"
    gain = fill.taker_fee + fill.maker_fee if fill.taker_fee is not None and fill.maker_fee is not None else None
    return Trade(
        origin=NOWHERE,
        market_kind="perp" if isinstance(fill.market, Perp) else "spot",
        market_key=fill.market.key,
        trader=trader.user.account,
        counterparty=other.user.account if other else None,
        direction=DIRECTIONS[trader.direction],
        size_usd_e6=fill.quote,
        size_base=_base(fill),
        price_usd=_fill_price(fill),
        fee_usd_e6=fill.taker_fee if fill.taker else fill.maker_fee,
        maker_fee_usd_e6=fill.maker_fee if fill.taker else None,
        liquidation_fee_usd_e6=fill.taker_fee if is_takeover else None,
        protocol_fee_usd_e6=gain if is_takeover else None,
        filler_reward_usd_e6=fill.filler_reward,
        referrer_reward_usd_e6=fill.referrer_reward,
        builder_fee_usd_e6=fill.builder_fee if tells_builder else None,
        venue_fee_usd_e6=fill.venue_fee,
        liquidity_source=source,
        execution="keeper" if fill.filler else "taker",
        is_liquidation=fill.explanation == LIQUIDATION,
        is_adl=False,
        excluded=EXCLUDED.get(fill.explanation),
        explanation=fill.explanation,
        sequence=fill.sequence,
        taker_order_id=fill.taker.order_id if fill.taker else None,
        maker_order_id=fill.maker.order_id if fill.maker else None,
        oracle_price_usd=decimal(fill.oracle_e6, 6),
    )


def _liquidation_source(fill: Fill) -> LiquiditySource:
    if fill.maker is None:
        return "amm"
    return "order_book" if fill.filler else "takeover"


def _decimals(fill: Fill) -> int | None:
    if isinstance(fill.market, Perp):
        return BASE
    return fill.market.decimals if fill.market.is_known else None


def _base(fill: Fill) -> Decimal | None:
    decimals = _decimals(fill)
    return None if decimals is None else decimal(fill.base, decimals)


def _fill_price(fill: Fill) -> Decimal | None:
    decimals = _decimals(fill)
    return None if decimals is None else ratio(fill.quote * 10**decimals, fill.base * 10**QUOTE)


def _price(fill: Fill) -> list[Record]:
    """The oracle's price of the market; at expiry what is told is no oracle's."""
    if fill.explanation == EXPIRY:
        return []
    if isinstance(fill.market, Perp):
        return [price_row(decimal(fill.oracle_e6, 6), market_key=fill.market.key)]
    return [token_price_row(fill.market, fill.oracle_e6)]


def price_row(price: Decimal, *, market_key: str | None = None, mint: bytes | None = None, part: int = 0) -> Record:
    return PriceObservation(
        origin=NOWHERE, part=part, mint=mint, market_key=market_key, price_usd=price, value_origin="event"
    )


def token_price_row(spot: Spot, price_e6: int, part: int = 0) -> Record:
    """Of a token; under its market's key where nobody knows the mint."""
    key = None if spot.is_known else spot.key
    return price_row(decimal(price_e6, 6), mint=spot.mint, market_key=key, part=part)
