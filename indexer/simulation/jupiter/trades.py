"""The six trade events, and the rows that must come of each.

An event may be written as an earlier program wrote it: it then ends early, and what it does not tell is None in the
row. `feeUsd` contains its parts; only the liquidation fee comes on top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from indexer.core.record import Action, Execution, Liquidation, PriceObservation, Record, Trade
from indexer.simulation.figures import decimal, ratio
from indexer.simulation.jupiter.pool import POOL
from indexer.simulation.jupiter.positions import LONG, Fill
from indexer.simulation.packing import pack
from indexer.simulation.script import NOWHERE, Emit

IDL = "jupiter_perps.json"
# The last field of each earlier layout; None is the newest.
ENDS: Mapping[str, Sequence[str | None]] = {
    "IncreasePositionEvent": ("referral", None),
    "InstantIncreasePositionEvent": ("referral", None),
    "DecreasePositionEvent": ("referral", None),
    "InstantDecreasePositionEvent": ("referral", "positionPrice", None),
    "LiquidateFullPositionEvent": ("liquidationFeeUsd", "openTime", None),
    "LiquidatePositionEvent": ("feeUsd", "openTime", None),
    "RepayToCustodyEvent": ("updateTime", None),
}
_WITHOUT_TAIL = ("referral", "liquidationFeeUsd", "feeUsd", "openTime")


class Order(msgspec.Struct, frozen=True):
    """What a trade event says of the request behind it."""

    key: bytes
    mint: bytes  # The token that is paid in or out.
    type: int = 0  # 0 market, 1 trigger.
    slippage: int | None = None
    referral: bytes | None = None


def increase(fill: Fill, order: Order, end: str | None) -> Emit:
    """A keeper executes a request."""
    values = _increase_fields(fill) | {
        "positionRequestKey": order.key,
        "positionRequestMint": order.mint,
        "positionRequestChange": 1,
        "positionRequestType": order.type,
        "positionRequestCollateralDelta": fill.paid_in_tokens,
        "priceSlippage": order.slippage,
        "referral": order.referral,
    }
    execution: Execution = "trigger" if order.type else "keeper"
    rows = _rows(fill, end, _increase_action(fill), fill.paid_in, execution, order.key)
    return _emit("IncreasePositionEvent", end, values, rows)


def instant_increase(fill: Fill, referral: bytes | None, end: str | None) -> Emit:
    values = _increase_fields(fill) | {"priceSlippage": fill.price, "referral": referral}
    rows = _rows(fill, end, _increase_action(fill), fill.paid_in, "instant", None)
    return _emit("InstantIncreasePositionEvent", end, values, rows)


def decrease(fill: Fill, order: Order, transfer_token: int | None, end: str | None) -> Emit:
    """A keeper executes a request. `transfer_token`: smallest units of the token that is paid out."""
    values = _decrease_fields(fill) | {
        "positionRequestKey": order.key,
        "positionRequestMint": order.mint,
        "positionRequestChange": 2,
        "positionRequestType": order.type,
        "transferToken": transfer_token,
        "priceSlippage": order.slippage,
        "referral": order.referral,
    }
    execution: Execution = "trigger" if order.type else "keeper"
    rows = _rows(fill, end, _decrease_action(fill), -fill.paid_out, execution, order.key)
    return _emit("DecreasePositionEvent", end, values, rows)


def instant_decrease(fill: Fill, order: Order | None, mint: bytes, transfer_token: int, end: str | None) -> Emit:
    """`order`: only the newest layout can name one."""
    values = _decrease_fields(fill) | {
        "desiredMint": mint,
        "transferToken": transfer_token,
        "priceSlippage": fill.price,
        "positionRequest": order.key if order else None,
    }
    named = order.key if order and end is None else None
    rows = _rows(fill, end, _decrease_action(fill), -fill.paid_out, "instant", named)
    return _emit("InstantDecreasePositionEvent", end, values, rows)


def liquidation(fill: Fill, end: str | None, *, is_old: bool) -> Emit:
    """`is_old`: as before 2024-09, without a liquidation fee."""
    position = fill.position
    values = _common(fill) | _outcome(fill) | {
        "positionCollateralMint": position.collateral.mint,
        "positionSizeUsd": fill.size,
        "transferAmountUsd": 0,
        "transferToken": 0,
    }  # fmt: skip
    if not is_old:
        values["liquidationFeeUsd"] = fill.liquidation_fee
    trade, price = _rows(fill, end, "close", 0, "keeper", None)
    on_top = None if is_old else fill.liquidation_fee
    fee = fill.fee + (on_top or 0)
    trade = msgspec.structs.replace(trade, is_liquidation=True, liquidation_fee_usd_e6=on_top, fee_usd_e6=fee)
    wiped = Liquidation(
        origin=NOWHERE,
        liquidation_kind="perp",
        trader=position.owner,
        market_key=position.market.address,
        value_usd_e6=fill.size,
    )
    name = "LiquidatePositionEvent" if is_old else "LiquidateFullPositionEvent"
    return _emit(name, end, values, (trade, price, wiped))


# --- what the events hold ------------------------------------------------------------------------------------------


def _emit(event: str, end: str | None, values: Mapping[str, Any], rows: Sequence[Record]) -> Emit:
    return Emit(pack(IDL, event, end=end, **values), event, "cpi", rows=rows)


def _common(fill: Fill) -> dict[str, Any]:
    position = fill.position
    return {
        "positionKey": position.key,
        "positionSide": position.side,
        "positionCustody": position.market.key,
        "positionCollateralCustody": position.collateral.key,
        "positionMint": position.market.mint,
        "owner": position.owner,
        "pool": POOL,
        "price": fill.price,
        "feeUsd": fill.fee,
        "openTime": fill.time,
        "positionFeeUsd": fill.position_fee,
        "fundingFeeUsd": fill.borrow_fee,
        "priceImpactFeeUsd": fill.impact_fee,
    }


def _increase_fields(fill: Fill) -> dict[str, Any]:
    return _common(fill) | {
        "positionSizeUsd": fill.size_after,
        "sizeUsdDelta": fill.size,
        "collateralUsdDelta": fill.paid_in,
        "collateralTokenDelta": fill.paid_in_tokens,
        "feeToken": fill.position.collateral.tokens(fill.fee),
    }


def _decrease_fields(fill: Fill) -> dict[str, Any]:
    return (
        _common(fill)
        | _outcome(fill)
        | {"positionSizeUsd": fill.size_after, "sizeUsdDelta": fill.size, "transferAmountUsd": fill.paid_out}
    )


def _outcome(fill: Fill) -> dict[str, Any]:
    return {
        "hasProfit": fill.profit > 0,
        "pnlDelta": abs(fill.profit),
        "originalPositionCollateralUsd": fill.collateral_before,
        "positionCollateralUsd": fill.collateral_after,
        "positionOpenTime": fill.opened,
        "positionPrice": fill.entry,
    }


# --- the rows ------------------------------------------------------------------------------------------------------


def _increase_action(fill: Fill) -> Action:
    return "open" if fill.size and fill.size == fill.size_after else "increase"


def _decrease_action(fill: Fill) -> Action:
    return "close" if fill.size and not fill.size_after else "decrease"


def _rows(
    fill: Fill, end: str | None, action: Action, moved: int, execution: Execution, order: bytes | None
) -> tuple[Trade, PriceObservation]:
    """`moved`: collateral in (+) or out (-)."""
    position, market = fill.position, fill.position.market
    is_long, adds = position.side == LONG, action in ("open", "increase")
    has_tail = end not in _WITHOUT_TAIL
    trade = Trade(
        origin=NOWHERE,
        market_kind="perp",
        market_key=market.address,
        trader=position.owner,
        direction="buy" if is_long == adds else "sell",
        position_side="long" if is_long else "short",
        action=action,
        size_usd_e6=fill.size,
        size_base=ratio(fill.size, fill.price, 9),
        price_usd=decimal(fill.price, 6),
        fee_usd_e6=fill.fee,
        base_fee_usd_e6=fill.position_fee - fill.impact_fee if has_tail else None,
        price_impact_fee_usd_e6=fill.impact_fee if has_tail else None,
        borrow_fee_usd_e6=fill.borrow_fee if has_tail else None,
        pnl_usd_e6=None if adds else fill.profit,
        collateral_delta_usd_e6=moved,
        liquidity_source="pool",
        execution=execution,
        is_liquidation=False,
        is_adl=False,
        excluded=None if fill.size else "collateral_only",
        position_key=position.key,
        order_key=order,
        position_size_usd_e6=fill.size_after,
        entry_price_usd=decimal(fill.entry, 6) if has_tail and not adds else None,
    )
    price = PriceObservation(
        origin=NOWHERE,
        market_key=market.address,
        mint=market.mint,
        price_usd=decimal(fill.price, 6),
        value_origin="event",
    )
    return trade, price
