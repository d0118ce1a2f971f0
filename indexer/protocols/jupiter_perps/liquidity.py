"""Liquidity: JLP minted and burned.

The event names no owner, its instruction does. Amounts are what the provider gave or got: a deposit
before its fee, a withdrawal after it. Loans against JLP move tokens of the pool too, but are no flows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from indexer.core import base58
from indexer.core.amount import exact, half_even, power, quotient
from indexer.core.payload import Enclosing, Event
from indexer.core.protocol import Scene
from indexer.core.record import LpFlow, PriceObservation, Record, TvlObservation
from indexer.protocols.jupiter_perps.program import JLP_DECIMALS, PURPOSES, USD, lp_mint, mint_of

PRICED_FROM_E6 = 1_000_000  # Below a dollar the rounding of a flow's value moves its price.


def add_liquidity(scene: Scene, event: Event) -> Iterator[Record]:
    fields = event.fields
    yield _flow(
        scene,
        event,
        flow="deposit",
        raw=fields.tokenAmountIn,
        value_usd_e6=fields.tokenAmountUsd,
        lp_amount=exact(fields.lpAmount, JLP_DECIMALS),
        lp_price_usd=quotient(fields.mintAmountUsd, fields.lpAmount),
        fee_usd_e6=fields.tokenAmountUsd - fields.mintAmountUsd,
    )
    yield _pool_value(scene, event)
    yield from _prices(scene, event, fields.tokenAmountUsd, fields.tokenAmountIn, fields.mintAmountUsd, fields.lpAmount)


def remove_liquidity(scene: Scene, event: Event) -> Iterator[Record]:
    fields = event.fields
    usd, gross, net = fields.removeAmountUsd, fields.removeTokenAmount, fields.tokenAmountAfterFee
    yield _flow(
        scene,
        event,
        flow="withdraw",
        raw=net,
        value_usd_e6=half_even(usd * net, gross) if gross else None,
        lp_amount=exact(fields.lpAmountIn, JLP_DECIMALS),
        lp_price_usd=quotient(usd, fields.lpAmountIn),
        fee_usd_e6=half_even(usd * (gross - net), gross) if gross else None,
    )
    yield _pool_value(scene, event)
    yield from _prices(scene, event, usd, gross, usd, fields.lpAmountIn)


def _flow(scene: Scene, event: Event, *, raw: int, **values: Any) -> LpFlow:
    fields = event.fields
    mint = mint_of(scene, fields.custodyKey)
    return LpFlow(
        origin=scene.origin(event),
        venue="jlp",
        venue_key=base58.encode(fields.poolKey),
        provider=_provider(event.payload.enclosing),
        mint=mint,
        amount=scene.reference.token_amount(raw, mint),
        lp_mint=lp_mint(fields.poolKey),
        internal=False,
        **values,
    )


def _provider(enclosing: Enclosing) -> bytes | None:
    """The first account of add and remove liquidity. Behind an aggregator it is that program's own account."""
    return enclosing.accounts[0] if enclosing.accounts and PURPOSES.get(enclosing.discriminator) == "lp" else None


def _pool_value(scene: Scene, event: Event) -> TvlObservation:
    return TvlObservation(
        origin=scene.origin(event),
        component="pool",
        component_key=base58.encode(event.fields.poolKey),
        value_usd_e6=event.fields.postPoolAmountUsd,
        value_origin="event",
    )


def _prices(scene: Scene, event: Event, usd: int, raw: int, lp_usd: int, lp_raw: int) -> Iterator[Record]:
    """What a flow says about the price of its token (part 0) and of JLP (part 1)."""
    token, jlp = mint_of(scene, event.fields.custodyKey), lp_mint(event.fields.poolKey)
    priced = ((token, scene.reference.decimals(token), usd, raw), (jlp, JLP_DECIMALS, lp_usd, lp_raw))
    for part, (mint, decimals, value, amount) in enumerate(priced):
        price = None if decimals is None else quotient(value * power(decimals), amount * power(USD))
        if mint is not None and price is not None and value >= PRICED_FROM_E6:
            origin = scene.origin(event)
            yield PriceObservation(origin=origin, part=part, mint=mint, price_usd=price, value_origin="event")
