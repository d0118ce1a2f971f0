"""Requests of owners, and how their life is told: created, updated, removed. What carries them out is elsewhere."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from indexer.core.record import ActionRecord
from indexer.simulation.gmx.glv import Glv
from indexer.simulation.gmx.market import Market
from indexer.simulation.gmx.operation import IDL, event
from indexer.simulation.gmx.positions import Position
from indexer.simulation.gmx.purse import Wish
from indexer.simulation.gmx.swaps import Route
from indexer.simulation.packing import pack
from indexer.simulation.script import NOWHERE, Emit

Kind = Literal["order", "deposit", "withdrawal", "shift", "glv_deposit", "glv_withdrawal", "glv_shift"]
REMOVED: dict[Kind, tuple[str, str]] = {  # The event, and its field with the request's key.
    "order": ("OrderRemoved", "order"),
    "deposit": ("DepositRemoved", "deposit"),
    "withdrawal": ("WithdrawalRemoved", "withdrawal"),
    "shift": ("ShiftRemoved", "shift"),
    "glv_deposit": ("GlvDepositRemoved", "glv_deposit"),
    "glv_withdrawal": ("GlvWithdrawalRemoved", "glv_withdrawal"),
    "glv_shift": ("ShiftRemoved", "shift"),
}
ORDER_KINDS = (
    "liquidation", "auto_deleveraging", "market_swap", "market_increase", "market_decrease",
    "limit_swap", "limit_increase", "limit_decrease", "stop_loss_decrease",
)  # fmt: skip
LIQUIDATION, ADL = 0, 1
SWAPS, INCREASES, DECREASES = (2, 5), (3, 6), (4, 7, 8)
STATES = {"pending": 0, "completed": 1, "cancelled": 2}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What an owner asked for. Only what its kind needs is there."""

    key: bytes
    kind: Kind
    owner: bytes
    receiver: bytes
    market: Market  # Of a shift the one it leaves.
    id: int
    order_kind: int | None = None
    position: Position | None = None
    route: Route | None = None  # What is paid takes it first; what is taken out takes it last.
    amounts: tuple[int, int] = (0, 0)  # Long and short tokens; of an order what is paid first; market tokens first.
    size: int = 0  # USD of 20 decimals.
    impact_parts: int = 0
    wish: Wish | None = None
    target: Market | None = None
    glv: Glv | None = None


def removed(request: Request, state: Literal["completed", "cancelled"], store: bytes, slot: int, time: int) -> Emit:
    """The end of a request. Its row knows the receiver where the instruction does."""
    name, field = REMOVED[request.kind]
    values: dict[str, Any] = {
        "id": request.id,
        "ts": time,
        "slot": slot,
        "store": store,
        field: request.key,
        "market_token": request.market.token,
        "owner": request.owner,
        "state": STATES[state],
        "reason": "order is executed" if state == "completed" else "cancelled by the keeper",
    }
    if request.order_kind is not None:
        values["kind"] = request.order_kind
    if request.kind in ("glv_deposit", "glv_withdrawal") and request.glv is not None:
        values["glv_token"] = request.glv.token
    return event(name, values, [_row(request, state, None if request.kind == "glv_shift" else request.receiver)])


def _row(request: Request, state: str, receiver: bytes | None) -> ActionRecord:
    return ActionRecord(
        origin=NOWHERE,
        action_key=request.key,
        action_kind=request.kind,
        owner=request.owner,
        receiver=receiver,
        state=state,
        order_kind=None if request.order_kind is None else ORDER_KINDS[request.order_kind],
        market_key=request.market.address,
    )


def order_updated(request: Request, *, is_create: bool, store: bytes, slot: int, time: int) -> Emit:
    """By create_order_v2, which names a receiver, and update_order_v2, which does not."""
    position, kind = request.position, request.order_kind
    params = {
        "kind": kind,
        "is_long": bool(position and position.is_long),
        "position": position.key if position else None,
        "collateral_token": request.market.short.mint,
        "initial_collateral_delta_amount": request.amounts[0],
        "size_delta_value": request.size,
        "valid_from_ts": time,
    }
    values = {
        "is_create": is_create,
        "id": request.id,
        "ts": time,
        "slot": slot,
        "store": store,
        "order": request.key,
        "market_token": request.market.token,
        "owner": request.owner,
        "params": params,
    }
    row = _row(request, "pending", request.receiver if is_create else None)
    return event("OrderUpdated", values, [row])


def created_in_log(request: Request, store: bytes, time: int) -> Emit:
    """OrderCreated, DepositCreated, WithdrawalCreated go to the logs, which no stream of ours reads."""
    name = f"{request.kind.capitalize()}Created"
    values: dict[str, Any] = {"ts": time, "store": store, request.kind: request.key}
    if request.kind == "order":
        values["position"] = request.position.key if request.position else None
    return Emit(pack(IDL, name, **values), name, "log")
