"""Swaps against the pool, for their own sake or inside a trade."""

from __future__ import annotations

from collections.abc import Iterator

from indexer.core.amount import half_even
from indexer.core.payload import Event
from indexer.core.protocol import Scene
from indexer.core.record import Record, Swap
from indexer.protocols.jupiter_perps.program import PURPOSES, mint_of

BPS = 10_000
SWAPS = ("PoolSwapEvent", "PoolSwapExactOutEvent")


def pool_swap(scene: Scene, event: Event) -> Iterator[Record]:
    yield _swap(scene, event, event.fields.amountIn, event.fields.amountOutAfterFees)


def pool_swap_exact_out(scene: Scene, event: Event) -> Iterator[Record]:
    yield _swap(scene, event, event.fields.amountIn, event.fields.amountOut)  # Its fee is taken from what goes in.


def _swap(scene: Scene, event: Event, amount_in: int, amount_out: int) -> Swap:
    fields = event.fields
    mint_in, mint_out = mint_of(scene, fields.receivingCustodyKey), mint_of(scene, fields.dispensingCustodyKey)
    return Swap(
        origin=scene.origin(event),
        trader=fields.ownerKey,
        mint_in=mint_in,
        mint_out=mint_out,
        amount_in=scene.reference.token_amount(amount_in, mint_in),
        amount_out=scene.reference.token_amount(amount_out, mint_out),
        value_usd_e6=fields.swapUsdAmount,
        fee_usd_e6=half_even(fields.swapUsdAmount * fields.feeBps, BPS),
        venue="jlp",
        purpose=PURPOSES.get(event.payload.enclosing.discriminator),
        hop=_hop(scene, event),
    )


def _hop(scene: Scene, event: Event) -> int | None:
    """Which swap of its instruction it is; None where the instruction is not known."""
    instruction = event.payload.enclosing.index
    if instruction is None:
        return None
    payloads = (e.payload for e in scene.events if e.name in SWAPS)
    return sum(p.enclosing.index == instruction and p.index < event.payload.index for p in payloads)
