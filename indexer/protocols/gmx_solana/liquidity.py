"""Liquidity in and out: GM markets, GLV vaults over them, and shifts between markets.

A GM flow is a row for each token with an amount, the market token on the first. A GLV action has a
GLV row, which is internal, beside the GM flow that it causes, which is not: a vault holds GM, and its
tokens are counted where they lie. Both legs of a shift are internal. Tokens are valued at mid prices.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

import msgspec

from indexer.core import base58
from indexer.core.payload import Event
from indexer.core.record import LpFlow, Record, TvlObservation
from indexer.protocols.gmx_solana import scales
from indexer.protocols.gmx_solana.evidence import LIQUIDITY_EVENTS, Evidence
from indexer.protocols.gmx_solana.observations import price_observations, token_price

GLV_DEPOSIT = 0  # GlvPricingKind.
SHIFTS = ("execute_shift", "execute_glv_shift")


class Side(msgspec.Struct, frozen=True):
    """One token of a flow, in its smallest unit."""

    mint: bytes | None
    amount: int
    fee: int
    price: Any


def deposit_executed(evidence: Evidence, event: Event) -> Iterator[Record]:
    """Amounts are gross of fees."""
    if not evidence.is_committed(event):
        return
    report = event.fields.report
    deposited, (long_fees, short_fees) = report.params, report.fees
    sides = _sides(
        evidence, event, (deposited.long_token_amount, deposited.short_token_amount), (long_fees, short_fees)
    )
    net = sum((side.amount - side.fee) * side.price.min for side in sides) + report.price_impact
    yield from _gm_rows(evidence, event, "deposit", sides, report.minted, net)


def withdrawal_executed(evidence: Evidence, event: Event) -> Iterator[Record]:
    """Amounts are after fees."""
    if not evidence.is_committed(event):
        return
    report = event.fields.report
    outputs = (report.long_token_output, report.short_token_output)
    sides = _sides(evidence, event, outputs, (report.long_token_fees, report.short_token_fees))
    gross = sum((side.amount + side.fee) * side.price.max for side in sides)
    yield from _gm_rows(evidence, event, "withdraw", sides, report.params.market_token_amount, gross)


def _sides(evidence: Evidence, event: Event, amounts: tuple[int, int], fees: tuple[Any, Any]) -> list[Side]:
    market, prices = evidence.market(event.fields.market_token), event.fields.report.params.prices
    mints = (market.long_mint, market.short_mint) if market else (None, None)
    unit_prices = (prices.long_token_price, prices.short_token_price)
    charged = (fee.fee_amount_for_receiver + fee.fee_amount_for_pool for fee in fees)
    return [Side(*side) for side in zip(mints, amounts, charged, unit_prices, strict=True)]


def _gm_rows(
    evidence: Evidence,
    event: Event,
    flow: Literal["deposit", "withdraw"],
    sides: list[Side],
    gm_amount: int,
    gm_value: int,
) -> Iterator[Record]:
    """`gm_value`: what the program took the market tokens to be worth, raw USD."""
    market_token = event.fields.market_token
    price = scales.price_of_one(gm_value, gm_amount, scales.GM) if gm_value > 0 else None
    for part, side in enumerate(side for side in sides if side.amount != 0):
        yield LpFlow(
            origin=evidence.scene.origin(event),
            part=part,
            venue="gm",
            venue_key=base58.encode(market_token),
            flow=flow,
            provider=evidence.owner(event),
            mint=side.mint,
            amount=evidence.scene.reference.token_amount(side.amount, side.mint),
            value_usd_e6=scales.mid_usd(side.amount, side.price),
            lp_mint=market_token,
            lp_amount=scales.tokens(gm_amount, scales.GM) if part == 0 else None,
            lp_price_usd=price,
            fee_usd_e6=scales.mid_usd(side.fee, side.price),
            action_key=evidence.action_key(event),
            internal=_is_shift(evidence, event),
        )
    yield from price_observations(evidence, event)


def _is_shift(evidence: Evidence, event: Event) -> bool:
    """A withdrawal and a deposit in one instruction; by the events where the instruction is none we know."""
    instruction = evidence.instruction(event)
    if instruction is not None or event.payload.enclosing.index is None:
        return instruction in SHIFTS
    return {other.name for other in evidence.beside(event)} >= LIQUIDITY_EVENTS


def glv_pricing(evidence: Evidence, event: Event) -> Iterator[Record]:
    """A GLV deposit or withdrawal: GM on one side, GLV on the other, and the value of the whole GLV."""
    if not evidence.is_committed_pricing(event):
        return
    fields = event.fields
    is_deposit = fields.kind == GLV_DEPOSIT
    gm, glv = (fields.input_amount, fields.output_amount)[:: 1 if is_deposit else -1]
    yield LpFlow(
        origin=evidence.scene.origin(event),
        venue="glv",
        venue_key=base58.encode(fields.glv_token),
        flow="deposit" if is_deposit else "withdraw",
        provider=evidence.owner(event),
        mint=fields.market_token,
        amount=scales.tokens(gm, scales.GM),
        value_usd_e6=scales.usd(fields.input_value),
        lp_mint=fields.glv_token,
        lp_amount=scales.tokens(glv, scales.GM),
        lp_price_usd=_glv_price(fields.value, fields.supply),
        action_key=evidence.action_key(event),
        internal=True,
    )
    yield from _glv_value(evidence, event, fields.value, fields.supply)


def glv_token_value(evidence: Evidence, event: Event) -> Iterator[Record]:
    yield from _glv_value(evidence, event, event.fields.glv_value, event.fields.supply)


def _glv_value(evidence: Evidence, event: Event, value: int, supply: int) -> Iterator[Record]:
    glv_token = event.fields.glv_token
    yield TvlObservation(
        origin=evidence.scene.origin(event),
        component="glv",
        component_key=base58.encode(glv_token),
        value_usd_e6=scales.usd(value),
        value_origin="event",
    )
    yield from token_price(evidence, event, glv_token, _glv_price(value, supply))


def _glv_price(value: int, supply: int) -> Decimal | None:
    return scales.price_of_one(value, supply, scales.GM)
