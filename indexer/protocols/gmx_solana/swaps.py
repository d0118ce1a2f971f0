"""SwapExecuted: tokens exchanged with one market's pool.

A swap is a hop of the path of an order, deposit or withdrawal, or a position's own swap between its
profit token and its collateral. Input and fee are valued at the input token's min price.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from indexer.core import base58
from indexer.core.payload import Event
from indexer.core.record import Record, Swap
from indexer.protocols.gmx_solana import scales
from indexer.protocols.gmx_solana.evidence import LIQUIDITY_EVENTS, Evidence
from indexer.protocols.gmx_solana.observations import price_observations

Purpose = Literal["swap", "position", "lp"]
SWAP_OR_INCREASE = ("execute_increase_or_swap_order", "execute_increase_or_swap_order_v2")
PURPOSES: dict[str, Purpose] = {
    "execute_decrease_order": "position",
    "execute_decrease_order_v2": "position",
    "liquidate": "position",
    "auto_deleverage": "position",
    "execute_deposit": "lp",
    "execute_withdrawal": "lp",
    "execute_shift": "lp",
    "execute_glv_deposit": "lp",
    "execute_glv_withdrawal": "lp",
    "execute_glv_shift": "lp",
}


def swap_executed(evidence: Evidence, event: Event) -> Iterator[Record]:
    if not evidence.is_committed(event):
        return
    fields = event.fields
    swapped, result = fields.report.params, fields.report.result
    market, prices = evidence.market(fields.market_token), swapped.prices
    price = prices.long_token_price if swapped.is_token_in_long else prices.short_token_price
    sides = (market.long_mint, market.short_mint) if market else (None, None)
    mint_in, mint_out = sides if swapped.is_token_in_long else sides[::-1]
    fees = result.token_in_fees
    purpose = _purpose(evidence, event)
    yield Swap(
        origin=evidence.scene.origin(event),
        market_key=base58.encode(fields.market_token),
        trader=evidence.owner(event),
        mint_in=mint_in,
        mint_out=mint_out,
        amount_in=evidence.scene.reference.token_amount(swapped.token_in_amount, mint_in),
        amount_out=evidence.scene.reference.token_amount(result.token_out_amount, mint_out),
        value_usd_e6=scales.usd(swapped.token_in_amount * price.min),
        fee_usd_e6=scales.usd((fees.fee_amount_for_receiver + fees.fee_amount_for_pool) * price.min),
        price_impact_usd_e6=scales.usd(result.price_impact_value),
        venue="gm",
        purpose=purpose,
        hop=_hop(evidence, event),
        order_key=None if purpose == "lp" else _order(evidence, event),
    )
    yield from price_observations(evidence, event)


def _purpose(evidence: Evidence, event: Event) -> Purpose | None:
    if event.fields.ty is not None:
        return "position"  # Inside a decrease, between profit and collateral.
    instruction = evidence.instruction(event)
    if instruction in PURPOSES:
        return PURPOSES[instruction]
    beside = {other.name for other in evidence.beside(event)}
    if beside & {"TradeEvent", "PositionIncreased", "PositionDecreased"}:
        return "position"
    if instruction in SWAP_OR_INCREASE:
        return "swap"  # An increase that took effect has its TradeEvent beside.
    return "lp" if beside & {*LIQUIDITY_EVENTS, "GlvPricing"} else None


def _hop(evidence: Evidence, event: Event) -> int:
    """0 at the start of a path. A next hop takes in exactly what the hop before gave out.

    A swap or an increase has one path, so there the place tells; a deposit has two, one after the other.
    """
    has_one_path = evidence.instruction(event) in SWAP_OR_INCREASE
    hop, given = 0, None
    for swap in _swaps_until(evidence, event):
        of_path, report = swap.fields.ty is None, swap.fields.report
        is_next = given is not None and (has_one_path or report.params.token_in_amount == given)
        hop = hop + 1 if of_path and is_next else 0
        given = report.result.token_out_amount if of_path else None
    return hop


def _swaps_until(evidence: Evidence, event: Event) -> Iterator[Event]:
    """Committed swaps of the same instruction, in order, up to this one."""
    for other in evidence.beside(event):
        if other.name == "SwapExecuted" and evidence.is_committed(other):
            yield other
        if other is event:
            return


def _order(evidence: Evidence, event: Event) -> bytes | None:
    trade = evidence.trade_beside(event)
    return evidence.account(event, "order") or (trade.fields.order if trade else None)
