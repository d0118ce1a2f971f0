"""Position requests and the orders beside them: made by the trader, completed or given up by a keeper.

A request has a row when it is made and when it is closed. TP/SL and limit orders, and the swaps that a keeper makes for
a request elsewhere, are events without a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from indexer.core.record import ActionRecord
from indexer.simulation.jupiter.pool import POOL, Custody
from indexer.simulation.jupiter.positions import Position
from indexer.simulation.jupiter.trades import IDL, Order
from indexer.simulation.packing import pack, pack_as
from indexer.simulation.script import NOWHERE, Emit

INCREASE, DECREASE = 1, 2
CHANGES = {INCREASE: "increase", DECREASE: "decrease"}
Age = Literal["2024-09", "2024-10", "2026-03"]  # When a layout of ClosePositionRequestEvent was first seen.
AGES: tuple[Age, ...] = ("2024-09", "2024-10", "2026-03")


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a trader wants a keeper to do."""

    order: Order
    position: Position
    change: int
    token: Custody  # What is paid in or out.
    size: int = 0
    amount: int = 0  # Smallest units of `token` to pay in; micro-dollars of collateral to take out.
    is_entire: bool = False
    made_at: int


def created(request: Request) -> Emit:
    position = request.position
    values = _of_position(request) | {
        "positionCollateralMint": position.collateral.mint,
        "sizeUsdDelta": request.size,
        "collateralDelta": request.amount,
        "priceSlippage": request.order.slippage,
        "jupiterMinimumOut": None,
        "preSwapAmount": None,
        "requestChange": request.change,
        "openTime": request.made_at,
        "referral": request.order.referral,
    }
    row = ActionRecord(
        origin=NOWHERE,
        action_key=request.order.key,
        action_kind="position_request",
        owner=position.owner,
        state="pending",
        order_kind=CHANGES[request.change],
        market_key=position.market.address,
    )
    name = "CreatePositionRequestEvent"
    return Emit(pack(IDL, name, **values), name, "cpi", rows=(row,))


def closed(request: Request, *, executed: bool, age: Age) -> Emit:
    """The oldest layout says neither what the request was nor how it ended."""
    name, order, owner = "ClosePositionRequestEvent", request.order, request.position.owner
    values: dict[str, Any] = {
        "positionRequestKey": order.key,
        "owner": owner,
        "mint": order.mint,
        "amount": request.amount,
    }
    row = ActionRecord(origin=NOWHERE, action_key=order.key, action_kind="position_request", owner=owner)
    if age == "2024-09":
        payload = pack_as(IDL, name, "ClosePositionRequestEventV0", **values)
        return Emit(payload, name, "cpi", rows=(msgspec.structs.replace(row, state="closed"),))
    values |= {
        "entirePosition": True if request.is_entire else None,
        "executed": executed,
        "requestChange": request.change,
        "requestType": order.type,
        "side": request.position.side,
        "openTime": request.made_at,
    }
    kind = f"{'trigger' if order.type else 'market'}_{CHANGES[request.change]}"
    row = msgspec.structs.replace(row, state="completed" if executed else "cancelled", order_kind=kind)
    payload = pack(IDL, name, end="amount" if age == "2024-10" else None, **values)
    return Emit(payload, name, "cpi", rows=(row,))


# --- without rows --------------------------------------------------------------------------------------------------


def tpsl(request: Request, *, is_update: bool, time: int) -> Emit:
    values = _of_position(request) | {
        "sizeUsdDelta": request.size,
        "collateralDelta": 0,
        "entirePosition": request.is_entire,
    }
    name = "InstantUpdateTpslEvent" if is_update else "InstantCreateTpslEvent"
    return _silent(name, values | {"updateTime" if is_update else "openTime": time})


def limit_order(request: Request) -> Emit:
    values = _of_position(request) | {
        "positionCollateralMint": request.position.collateral.mint,
        "sizeUsdDelta": request.size,
        "collateralDelta": request.amount,
        "openTime": request.made_at,
    }
    return _silent("InstantCreateLimitOrderEvent", values)


def pre_swap(request: Request) -> Emit:
    return _silent(
        "IncreasePositionPreSwapEvent", {"positionRequestKey": request.order.key, "transferAmount": request.amount}
    )


def post_swap(request: Request, amount: int) -> Emit:
    values = {"positionRequestKey": request.order.key, "swapAmount": amount, "jupiterMinimumOut": amount * 99 // 100}
    return _silent("DecreasePositionPostSwapEvent", values)


def _silent(event: str, values: Mapping[str, Any]) -> Emit:
    return Emit(pack(IDL, event, **values), event, "cpi")


def _of_position(request: Request) -> dict[str, Any]:
    position = request.position
    return {
        "owner": position.owner,
        "pool": POOL,
        "positionKey": position.key,
        "positionSide": position.side,
        "positionMint": position.market.mint,
        "positionCustody": position.market.key,
        "positionCollateralCustody": position.collateral.key,
        "positionRequestKey": request.order.key,
        "positionRequestMint": request.order.mint,
    }
