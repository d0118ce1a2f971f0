"""TradeEvent: one fill of a position against a market's pool. It is never a ghost.

Fees are amounts of the collateral token and are valued at its min price, as the program did when it
turned USD into tokens. A position that only moves collateral has a fill of size 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.payload import Event
from indexer.core.record import Action, Liquidation, Record, Trade
from indexer.protocols.gmx_solana import scales
from indexer.protocols.gmx_solana.evidence import Evidence
from indexer.protocols.gmx_solana.observations import price_observations

IS_LONG, IS_COLLATERAL_LONG, IS_INCREASE = 1, 2, 4  # Bits of `flags`.
LIQUIDATION_ORDER, ADL_ORDER = 0, 1  # OrderKind.
EXECUTIONS = frozenset({
    "execute_increase_or_swap_order",
    "execute_increase_or_swap_order_v2",
    "execute_decrease_order",
    "execute_decrease_order_v2",
})  # fmt: skip


class Cause(msgspec.Struct, frozen=True):
    """Why a position changed; None: nothing tells."""

    is_liquidation: bool | None = None
    is_adl: bool | None = None


def trade_event(evidence: Evidence, event: Event) -> Iterator[Record]:
    fields = event.fields
    cause = _cause(evidence, event)
    size = scales.usd(abs(fields.after.size_in_usd - fields.before.size_in_usd))
    yield _trade(evidence, event, size, cause)
    if cause.is_liquidation:
        yield Liquidation(
            origin=evidence.scene.origin(event, fields.ts),
            liquidation_kind="perp",
            trader=fields.user,
            market_key=base58.encode(fields.market_token),
            value_usd_e6=size,
        )
    yield from price_observations(evidence, event)


def _trade(evidence: Evidence, event: Event, size: int, cause: Cause) -> Trade:
    fields = event.fields
    before, after = fields.before, fields.after
    is_long, is_increase = bool(fields.flags & IS_LONG), bool(fields.flags & IS_INCREASE)
    market = evidence.market(fields.market_token)
    decimals = market.base_decimals if market else None
    has_size = before.size_in_usd != after.size_in_usd
    fill = Trade(
        origin=evidence.scene.origin(event, fields.ts),
        market_kind="perp",
        market_key=base58.encode(fields.market_token),
        trader=fields.user,
        direction="buy" if is_long == is_increase else "sell",
        position_side="long" if is_long else "short",
        action=_action(is_increase, before.size_in_usd, after.size_in_usd),
        size_usd_e6=size,
        size_base=scales.tokens(abs(after.size_in_tokens - before.size_in_tokens), decimals),
        price_usd=scales.price(fields.execution_price, decimals),
        price_impact_usd_e6=scales.usd(fields.price_impact_value),
        pnl_usd_e6=None if is_increase else scales.usd(fields.pnl.pnl),
        liquidity_source="pool",
        execution="keeper",
        is_liquidation=cause.is_liquidation,
        is_adl=cause.is_adl,
        excluded=None if has_size else "collateral_only",
        position_key=fields.position,
        order_key=fields.order,
        sequence=fields.trade_id,
        oracle_price_usd=scales.mid_price(fields.prices.index, decimals),
        position_size_usd_e6=scales.usd(after.size_in_usd),
        entry_price_usd=scales.price_of_one(after.size_in_usd, after.size_in_tokens, decimals),
    )
    return msgspec.structs.replace(fill, **_costs(fields, bool(cause.is_liquidation)))


def _action(is_increase: bool, size_before: int, size_after: int) -> Action:
    if is_increase:
        return "open" if size_before == 0 and size_after != 0 else "increase"
    return "close" if size_after == 0 and size_before != 0 else "decrease"


def _costs(fields: Any, is_liquidation: bool) -> dict[str, int | None]:
    """What the trader paid, and to whom. Receivers' shares are contained in the totals; the pool has the rest.

    The rest is taken after rounding, so that the two shares add up to the fee as it is shown.
    """
    fees, prices = fields.fees, fields.prices
    collateral = prices.long if fields.flags & IS_COLLATERAL_LONG else prices.short
    order = fees.order_fee_for_receiver_amount + fees.order_fee_for_pool_amount
    total = order + fees.total_borrowing_fee_amount + fees.liquidation_fee_amount
    receivers = (
        fees.order_fee_for_receiver_amount
        + fees.borrowing_fee_for_receiver_amount
        + fees.liquidation_fee_for_receiver_amount
    )

    def value(raw_amount: int) -> int:
        return scales.usd(raw_amount * collateral.min)

    paid, protocol = value(total), value(receivers)
    return {
        "fee_usd_e6": paid,
        "base_fee_usd_e6": value(order),
        "borrow_fee_usd_e6": value(fees.total_borrowing_fee_amount),
        "liquidation_fee_usd_e6": value(fees.liquidation_fee_amount) if is_liquidation else None,
        "protocol_fee_usd_e6": protocol,
        "lp_fee_usd_e6": paid - protocol,
        "funding_usd_e6": scales.usd(_funding(fees, prices, collateral)),
        "collateral_usd_e6": value(max(fields.before.collateral_amount, fields.after.collateral_amount)),
    }


def _funding(fees: Any, prices: Any, collateral: Any) -> int:
    """Raw USD that the trader paid to the other side, less what the other side paid."""
    received_long = fees.claimable_funding_fee_long_token_amount * prices.long.min
    received_short = fees.claimable_funding_fee_short_token_amount * prices.short.min
    return int(fees.funding_fee_amount * collateral.min - received_long - received_short)


def _cause(evidence: Evidence, event: Event) -> Cause:
    """From the enclosing instruction; where that is not known, from the order's kind or a liquidation fee."""
    instruction = evidence.instruction(event)
    if instruction in ("liquidate", "auto_deleverage"):
        return Cause(instruction == "liquidate", instruction == "auto_deleverage")
    if instruction in EXECUTIONS:
        return Cause(False, False)
    for other in evidence.events:
        if other.name == "OrderRemoved" and other.fields.order == event.fields.order:
            return Cause(other.fields.kind == LIQUIDATION_ORDER, other.fields.kind == ADL_ORDER)
    return Cause(True, False) if event.fields.fees.liquidation_fee_amount > 0 else Cause()
