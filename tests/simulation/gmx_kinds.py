"""What occurs in GMX-Solana's simulated markets, in words that can be counted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from indexer.core.record import ActionRecord, Incentive, LpFlow, Swap, Trade
from indexer.simulation.encoder import document
from indexer.simulation.gmx.requests import ORDER_KINDS
from indexer.simulation.instructions import global_discriminator
from indexer.simulation.script import Emit, Invoke, Script
from tests.simulation.scripts import decoded, emits
from tests.unit.protocols.gmx_world import IDL, STORE, STORE_PROGRAM

COMPLETED = 1  # ActionState.
GHOSTS = (
    "MarketFeesUpdated", "BorrowingFeesUpdated", "SwapExecuted", "PositionIncreased", "PositionDecreased",
    "DepositExecuted", "WithdrawalExecuted", "GlvPricing",
)  # fmt: skip
EXECUTIONS = (
    "execute_increase_or_swap_order", "execute_increase_or_swap_order_v2", "execute_decrease_order",
    "execute_decrease_order_v2", "liquidate", "auto_deleverage", "execute_deposit", "execute_withdrawal",
    "execute_shift", "execute_glv_deposit", "execute_glv_withdrawal", "execute_glv_shift", "unknown instruction",
)  # fmt: skip
KINDS = {
    *(f"trade {action} {side}" for action in ("open", "increase", "decrease", "close") for side in ("long", "short")),
    *(f"order {kind} {state}" for kind in ORDER_KINDS for state in ("completed", "cancelled")
      if kind not in ("liquidation", "auto_deleveraging") or state == "completed"),
    *(f"{kind} {state}" for kind in ("deposit", "withdrawal", "shift", "glv_deposit", "glv_withdrawal", "glv_shift")
      for state in ("completed", "cancelled")),
    *(f"{flow} of {n} tokens" for flow in ("deposit", "withdraw") for n in (1, 2)),
    *(f"swap for {purpose}" for purpose in ("swap", "position", "lp", None)),
    *(f"swap by {ty}" for ty in ("profit to collateral", "collateral to profit", "route")),
    *(f"ghost {name}" for name in GHOSTS),
    *(f"event of {name}" for name in EXECUTIONS),
    *(f"event at depth {depth}" for depth in (2, 3, 4, 5)),
    *(f"removed {place}" for place in ("at once", "later")),
    *(f"cause {told}" for told in ("liquidation", "adl", "neither", "untold")),
    "hop 0", "hop 1", "hop 2", "insolvent", "pure market", "unknown market", "unknown decimals",
    "known provider", "unknown provider", "collateral only", "shift leg", "other store", "log event",
    "gt_mint", "gt_reward", "gt_burn", "profit capped", "impact beyond the cap", "funding taken", "a fee not paid",
}  # fmt: skip
_SWAP_TYPES = {1: "profit to collateral", 2: "collateral to profit", None: "route"}


def kinds(scripts: list[Script]) -> Iterator[str]:
    """A word for everything that is in the scripts, as often as it is in them."""
    for script in scripts:
        executed: set[bytes] = set()
        for call, depth in _frames(script.calls):
            yield from _of_call(call, depth)
        for emit in emits(script):
            yield emit.event
            if emit.channel == "log":
                yield "log event"
                continue
            fields = decoded(IDL, emit)
            yield from _of_event(emit, fields)
            if emit.event == "TradeEvent":
                executed.add(fields.order)
            if emit.event == "OrderRemoved" and fields.state == COMPLETED:
                yield "removed at once" if fields.order in executed else "removed later"


def _frames(calls: tuple[Any, ...], depth: int = 1) -> Iterator[tuple[Invoke, int]]:
    for call in calls:
        yield call, depth
        yield from _frames(tuple(part for part in call.inside if isinstance(part, Invoke)), depth + 1)


def _of_call(call: Invoke, depth: int) -> Iterator[str]:
    events = [part for part in call.inside if isinstance(part, Emit) and part.channel == "cpi"]
    if call.program_id != STORE_PROGRAM or not events:
        return
    yield f"event at depth {depth + 1}"
    yield f"event of {_instructions().get(call.discriminator, 'unknown instruction')}"
    told = [(event.event, decoded(IDL, event)) for event in events]
    if any(getattr(fields, "store", STORE) != STORE for _, fields in told):
        yield "other store"
    committed = {(fields.market_token, fields.rev) for name, fields in told if name == "MarketStateUpdated"}
    revisions = {(fields.market_token, fields.rev) for name, fields in told if name in GHOSTS and name != "GlvPricing"}
    if revisions and not revisions & committed:
        yield from (f"ghost {name}" for name, _ in told if name in GHOSTS)


@cache
def _instructions() -> dict[bytes, str]:
    names = (instruction["name"] for instruction in document(IDL)["instructions"])
    return {global_discriminator(name): name for name in names}


def _of_event(emit: Emit, fields: Any) -> Iterator[str]:
    if emit.event == "SwapExecuted" and emit.rows:
        yield f"swap by {_SWAP_TYPES[fields.ty]}"
    if emit.event == "PositionDecreased" and fields.report.insolvent_close_step is not None:
        yield "insolvent"
    if emit.event == "MarketStateUpdated" and any(pool.is_pure for pool in fields.pools):
        yield "pure market"
    if emit.event == "TradeEvent" and emit.rows:
        yield from _of_trade(fields)
    kinds = [row for row in emit.rows if isinstance(row, LpFlow) and row.venue == "gm"]
    if kinds:
        yield f"{kinds[0].flow} of {len(kinds)} tokens"
    for row in emit.rows:
        yield from _of_row(row)


def _of_trade(fields: Any) -> Iterator[str]:
    if fields.pnl.pnl != fields.pnl.uncapped_pnl:
        yield "profit capped"
    if fields.price_impact_diff:
        yield "impact beyond the cap"
    if fields.fees.claimable_funding_fee_long_token_amount or fields.fees.claimable_funding_fee_short_token_amount:
        yield "funding taken"
    if fields.before.size_in_usd != fields.after.size_in_usd and not fields.fees.order_fee_for_pool_amount:
        yield "a fee not paid"


def _of_row(row: Any) -> Iterator[str]:
    if isinstance(row, Trade):
        yield f"trade {row.action} {row.position_side}"
        if row.excluded:
            yield "collateral only"
        if row.price_usd is None:
            yield "unknown decimals"
        told = {True: "liquidation", None: "untold"}.get(row.is_liquidation, "adl" if row.is_adl else "neither")
        yield f"cause {told}"
    elif isinstance(row, ActionRecord):
        kind = f"{row.action_kind} {row.order_kind}" if row.order_kind else row.action_kind
        yield f"{kind} {row.state}"
    elif isinstance(row, Swap):
        yield f"swap for {row.purpose}"
        yield f"hop {row.hop}"
        if row.mint_in is None:
            yield "unknown market"
    elif isinstance(row, LpFlow):
        yield "known provider" if row.provider else "unknown provider"
        if row.internal and row.venue == "gm":
            yield "shift leg"
    elif isinstance(row, Incentive):
        yield row.incentive_kind
