"""Orders: a Fill is a trade, a Trigger is a fee, placing and cancelling is neither.

A fill names both sides and is one row. The taker is the trader; where the taker is empty, the AMM
took the resting order of the maker, who then is the trader and has no counterparty. `takerFee`
contains everything that the taker paid: the rewards of filler and referrer, the builder's fee, and
the fee of an external venue. In a takeover it is the liquidation fee and the insurance fee, and the
liquidator's gain is a negative `makerFee`: what is left of the two is the protocol's.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from indexer.core import amount
from indexer.core.payload import Event
from indexer.core.record import Direction, Excluded, Fee, LiquiditySource, PriceObservation, Record, Trade
from indexer.protocols.drift.reading import (
    BASE_DECIMALS,
    DIRECTIONS,
    MARKET_KINDS,
    QUOTE_DECIMALS,
    MarketKind,
    Reading,
    named,
    oracle_price,
    perp_key,
    perp_price,
    spot_key,
    token_price,
)

SOURCES: dict[str, LiquiditySource] = {
    "OrderFilledWithAMM": "amm",
    "OrderFilledWithAMMJit": "amm_jit",
    "OrderFilledWithAMMJitLPSplit": "amm_jit_lp",
    "OrderFilledWithLPJit": "lp_jit",
    "OrderFilledWithMatch": "order_book",
    "OrderFilledWithMatchJit": "jit_auction",
    "OrderFillWithSerum": "external",
    "OrderFillWithPhoenix": "external",
    "OrderFilledWithOpenbookV2": "external",
}
EXCLUDED: dict[str, Excluded] = {"MarketExpired": "expiry", "TransferPerpPosition": "transfer"}


def order_action(reading: Reading, event: Event) -> Iterator[Record]:
    action = reading.words.action[event.fields.action]
    if action == "Fill":
        yield _fill(reading, event)
        yield from _price(reading, event)
    elif action == "Trigger":
        yield from _trigger_fee(reading, event)


def _fill(reading: Reading, event: Event) -> Trade:
    fields = event.fields
    explanation = reading.words.explanation[fields.actionExplanation]
    is_liquidation = explanation == "Liquidation"
    source = _liquidation_source(fields) if is_liquidation else SOURCES.get(explanation)
    is_takeover = source == "takeover"
    return Trade(
        origin=reading.origin(event),
        market_kind=_market_kind(fields),
        market_key=_market_key(fields),
        **_sides(fields),
        **_size(fields, _base_decimals(reading, fields)),
        liquidation_fee_usd_e6=fields.takerFee if is_takeover else None,
        filler_reward_usd_e6=fields.fillerReward,
        referrer_reward_usd_e6=fields.referrerReward,
        builder_fee_usd_e6=fields.builderFee,
        venue_fee_usd_e6=fields.spotFulfillmentMethodFee,
        protocol_fee_usd_e6=_sum(fields.takerFee, fields.makerFee) if is_takeover else None,
        liquidity_source=source,
        execution="taker" if fields.filler is None else "keeper",
        is_liquidation=is_liquidation,
        is_adl=False,
        excluded=EXCLUDED.get(explanation),
        explanation=named(explanation),
        sequence=fields.fillRecordId,
        taker_order_id=fields.takerOrderId,
        maker_order_id=fields.makerOrderId,
        oracle_price_usd=oracle_price(fields.oraclePrice),
    )


def _sides(fields: Any) -> dict[str, Any]:
    """Who traded with whom, in which direction, and what each of them paid."""
    if fields.taker is None:
        return {
            "trader": fields.maker,
            "direction": _direction(fields.makerOrderDirection),
            "fee_usd_e6": fields.makerFee,
        }
    return {
        "trader": fields.taker,
        "counterparty": fields.maker,
        "direction": _direction(fields.takerOrderDirection),
        "fee_usd_e6": fields.takerFee,
        "maker_fee_usd_e6": fields.makerFee,
    }


def _size(fields: Any, decimals: int | None) -> dict[str, Any]:
    """Notional as told; base amount and price where the decimals are known."""
    base, quote = fields.baseAssetAmountFilled, fields.quoteAssetAmountFilled
    if base is None or decimals is None:
        return {"size_usd_e6": quote}
    return {
        "size_usd_e6": quote,
        "size_base": amount.exact(base, decimals),
        "price_usd": _fill_price(base, quote, decimals),
    }


def _fill_price(base: int, quote: int | None, decimals: int) -> Decimal | None:
    if quote is None:
        return None
    return amount.quotient(quote * amount.power(decimals), base * amount.power(QUOTE_DECIMALS))


def _liquidation_source(fields: Any) -> LiquiditySource:
    """A liquidation hides its source: without a filler the maker is the liquidator, who takes the position."""
    if fields.maker is None:
        return "amm"
    return "takeover" if fields.filler is None else "order_book"


def _trigger_fee(reading: Reading, event: Event) -> Iterator[Fee]:
    """The flat reward of whoever triggered the order; nothing is paid for triggering one's own."""
    fields = event.fields
    if fields.takerFee:
        yield Fee(
            origin=reading.origin(event),
            payer=fields.taker,
            market_key=_market_key(fields),
            fee_kind="trigger",
            value_usd_e6=fields.takerFee,
        )


def _price(reading: Reading, event: Event) -> Iterator[PriceObservation]:
    """The market's oracle price. At expiry it is the price of settlement, which no oracle says."""
    fields = event.fields
    if reading.words.explanation[fields.actionExplanation] == "MarketExpired":
        return
    if _market_kind(fields) == "perp":
        yield from perp_price(reading, event, fields.marketIndex, fields.oraclePrice)
    else:
        yield from token_price(reading, event, reading.token(fields.marketIndex), fields.oraclePrice)


def _base_decimals(reading: Reading, fields: Any) -> int | None:
    return BASE_DECIMALS if _market_kind(fields) == "perp" else reading.token(fields.marketIndex).decimals


def _market_kind(fields: Any) -> MarketKind:
    return MARKET_KINDS[fields.marketType]


def _market_key(fields: Any) -> str:
    """Perp and spot markets count from 0 each, so the kind is part of the key."""
    return (perp_key if _market_kind(fields) == "perp" else spot_key)(fields.marketIndex)


def _direction(ordinal: int | None) -> Direction | None:
    return None if ordinal is None else DIRECTIONS[ordinal]


def _sum(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right
