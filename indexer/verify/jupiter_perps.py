"""Jupiter Perps numbers nothing, but each trade tells the size that it left, and so the size that it found.

A position is an account that is used again for ever, so its chain goes on when it was closed. JLP minted and burned is
told as movements; only readings of the mint's supply tie them down. Pool amounts in dollars move with prices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from indexer.core import base58
from indexer.core.payload import Event
from indexer.core.protocol import Scene
from indexer.protocols import jupiter_perps
from indexer.verify.chain import Link
from indexer.verify.witness import Told, Witness

JLP_DECIMALS = 6
SIGNS = {
    "IncreasePositionEvent": 1,
    "InstantIncreasePositionEvent": 1,
    "DecreasePositionEvent": -1,
    "InstantDecreasePositionEvent": -1,
}
LIQUIDATIONS = ("LiquidateFullPositionEvent", "LiquidatePositionEvent")
EVENTS = (*SIGNS, *LIQUIDATIONS, "AddLiquidityEvent", "RemoveLiquidityEvent")


def build(idls: Mapping[str, str]) -> Witness:
    return Witness(jupiter_perps.build(idls), EVENTS, testify, JLP_DECIMALS)


def testify(scene: Scene) -> Iterator[Link]:
    told = Told(scene)
    for event in scene.events:
        yield from _chained(told, event)


def _chained(told: Told, event: Event) -> Iterator[Link]:
    fields = event.fields
    if event.name in SIGNS:
        size = fields.positionSizeUsd  # After the trade.
        before = size - SIGNS[event.name] * fields.sizeUsdDelta
        yield told.step(event, "positions", base58.encode(fields.positionKey), before, size, row="trade")
    elif event.name in LIQUIDATIONS:
        key = base58.encode(fields.positionKey)
        yield told.step(event, "positions", key, fields.positionSizeUsd, 0, row="trade")  # What is wiped out.
    elif event.name == "AddLiquidityEvent":
        yield told.move(event, "lp_supply", base58.encode(fields.poolKey), fields.lpAmount, row="lp_flow")
    elif event.name == "RemoveLiquidityEvent":
        yield told.move(event, "lp_supply", base58.encode(fields.poolKey), -fields.lpAmountIn, row="lp_flow")
