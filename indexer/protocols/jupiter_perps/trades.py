"""Trades: increase, decrease and liquidation, by keeper or instant.

Volume is every one of them, opening and closing alike. A change of collateral alone is a row of size
0. An event that an older program wrote has no fee parts: they are None, feeUsd is all that is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from indexer.core import base58
from indexer.core.amount import exact, quotient
from indexer.core.payload import Event
from indexer.core.protocol import Scene
from indexer.core.record import (
    Action,
    Direction,
    Execution,
    Liquidation,
    PositionSide,
    PriceObservation,
    Record,
    Trade,
)
from indexer.protocols.jupiter_perps.program import USD, mint_of

SIZE_PLACES = 9  # A size in base units is derived: size in USD / price.
SIDES: Mapping[int, PositionSide] = {1: "long", 2: "short"}
TRIGGER = 1  # Of positionRequestType; 0 is a market request.


def increase(scene: Scene, event: Event) -> Iterator[Record]:
    fields = event.fields
    # positionSizeUsd is the size after the trade: nothing was there before if it is the trade's own.
    opened = 0 < fields.sizeUsdDelta == fields.positionSizeUsd
    yield from _trade(
        scene,
        event,
        action="open" if opened else "increase",
        size_usd_e6=fields.sizeUsdDelta,
        collateral_delta_usd_e6=fields.collateralUsdDelta,
    )


def decrease(scene: Scene, event: Event) -> Iterator[Record]:
    fields = event.fields
    closed = fields.positionSizeUsd == 0 < fields.sizeUsdDelta
    yield from _trade(
        scene,
        event,
        action="close" if closed else "decrease",
        size_usd_e6=fields.sizeUsdDelta,
        collateral_delta_usd_e6=-fields.transferAmountUsd,
        pnl_usd_e6=_pnl(fields),
    )


def liquidation(scene: Scene, event: Event) -> Iterator[Record]:
    """A liquidation has no delta: positionSizeUsd is the size that was wiped out."""
    fields = event.fields
    yield from _trade(
        scene,
        event,
        action="close",
        size_usd_e6=fields.positionSizeUsd,
        collateral_delta_usd_e6=-fields.transferAmountUsd,
        pnl_usd_e6=_pnl(fields),
        is_liquidation=True,
    )
    yield Liquidation(
        origin=scene.origin(event, fields.openTime),
        liquidation_kind="perp",
        trader=fields.owner,
        market_key=base58.encode(fields.positionCustody),
        value_usd_e6=fields.positionSizeUsd,
    )


def _trade(scene: Scene, event: Event, *, is_liquidation: bool = False, **values: Any) -> Iterator[Record]:
    fields = event.fields
    origin, market_key = scene.origin(event, fields.openTime), base58.encode(fields.positionCustody)
    side, size = SIDES.get(fields.positionSide), values["size_usd_e6"]
    yield Trade(
        origin=origin,
        market_kind="perp",
        market_key=market_key,
        trader=fields.owner,
        direction=_direction(side, values["action"]),
        position_side=side,
        size_base=quotient(size, fields.price, SIZE_PLACES),
        price_usd=exact(fields.price, USD),
        liquidity_source="pool",
        execution=_execution(event),
        is_liquidation=is_liquidation,
        is_adl=False,
        excluded=None if size or is_liquidation else "collateral_only",
        position_key=fields.positionKey,
        order_key=_order_key(fields),
        position_size_usd_e6=0 if is_liquidation else fields.positionSizeUsd,
        entry_price_usd=_entry_price(fields),
        **_fees(fields),
        **values,
    )
    if fields.price:
        yield PriceObservation(
            origin=origin,
            market_key=market_key,
            mint=mint_of(scene, fields.positionCustody),
            price_usd=exact(fields.price, USD),
            value_origin="event",
        )


def _direction(side: PositionSide | None, action: Action) -> Direction | None:
    if side is None:
        return None
    return "buy" if (side == "long") == (action in ("open", "increase")) else "sell"


def _execution(event: Event) -> Execution:
    if event.name.startswith("Instant"):
        return "instant"
    is_trigger = getattr(event.fields, "positionRequestType", None) == TRIGGER  # A liquidation has no request.
    return "trigger" if is_trigger else "keeper"


def _order_key(fields: Any) -> bytes | None:
    """Keeper trades name their request; of the others only the newest instant decrease may."""
    key: bytes | None = getattr(fields, "positionRequestKey", None) or getattr(fields, "positionRequest", None)
    return key


def _entry_price(fields: Any) -> Decimal | None:
    price = getattr(fields, "positionPrice", None)
    return None if price is None else exact(price, USD)


def _pnl(fields: Any) -> int:
    """Gross of fees. The amount is unsigned, the sign stands beside it."""
    return int(fields.pnlDelta if fields.hasProfit else -fields.pnlDelta)


def _fees(fields: Any) -> dict[str, Any]:
    """feeUsd = positionFeeUsd + fundingFeeUsd; price impact lies in positionFeeUsd, liquidationFeeUsd in neither."""
    position, impact = fields.positionFeeUsd, fields.priceImpactFeeUsd
    on_top = getattr(fields, "liquidationFeeUsd", None)
    return {
        "fee_usd_e6": fields.feeUsd + (on_top or 0),
        "base_fee_usd_e6": None if position is None or impact is None else position - impact,
        "price_impact_fee_usd_e6": impact,
        "borrow_fee_usd_e6": fields.fundingFeeUsd,
        "liquidation_fee_usd_e6": on_top,
    }
