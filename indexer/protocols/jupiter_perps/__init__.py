"""Jupiter Perps: traders against one pool (JLP), events by self-CPI.

What must stay true: `feeUsd` contains its parts and they are never added to it again; what an older
layout lacks is None; a liquidity event names no owner, its instruction does; loans against JLP move
custody tokens but are neither trades nor flows. `openTime` of a trade event is the event's own time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from indexer.core.layout import compile_layouts
from indexer.core.payload import Event
from indexer.core.protocol import Program, Protocol, Scene
from indexer.core.record import Record
from indexer.protocols.jupiter_perps.liquidity import add_liquidity, remove_liquidity
from indexer.protocols.jupiter_perps.program import EVENT_AUTHORITY, NAME, PROGRAM
from indexer.protocols.jupiter_perps.requests import request_closed, request_created
from indexer.protocols.jupiter_perps.swaps import pool_swap, pool_swap_exact_out
from indexer.protocols.jupiter_perps.trades import decrease, increase, liquidation

IDL = "jupiter_perps.json"

# After which fields an event of an earlier program ended.
TAILS = {
    "IncreasePositionEvent": ("referral",),
    "InstantIncreasePositionEvent": ("referral",),
    "DecreasePositionEvent": ("referral",),
    "InstantDecreasePositionEvent": ("referral", "positionPrice"),
    "LiquidateFullPositionEvent": ("liquidationFeeUsd", "openTime"),
    "LiquidatePositionEvent": ("feeUsd", "openTime"),
    "ClosePositionRequestEvent": ("amount",),
    "RepayToCustodyEvent": ("updateTime",),
}
# In October 2024 this event grew at its front, so its first layout is known by its length alone.
OLDER = {"ClosePositionRequestEvent": {112: "ClosePositionRequestEventV0"}}

# Without a row of their own: TP/SL and limit orders, the swaps beside a request, JLP loans, stakes, withdrawn fees.
EVENTS: Mapping[str, Callable[[Scene, Event], Iterator[Record]]] = {
    "IncreasePositionEvent": increase,
    "InstantIncreasePositionEvent": increase,
    "DecreasePositionEvent": decrease,
    "InstantDecreasePositionEvent": decrease,
    "LiquidateFullPositionEvent": liquidation,
    "LiquidatePositionEvent": liquidation,
    "AddLiquidityEvent": add_liquidity,
    "RemoveLiquidityEvent": remove_liquidity,
    "PoolSwapEvent": pool_swap,
    "PoolSwapExactOutEvent": pool_swap_exact_out,
    "CreatePositionRequestEvent": request_created,
    "ClosePositionRequestEvent": request_closed,
}


def interpret(scene: Scene) -> Iterator[Record]:
    for event in scene.events:
        if meaning := EVENTS.get(event.name):
            yield from meaning(scene, event)


def build(idls: Mapping[str, str]) -> Protocol:
    """The protocol from the texts of its IDL files, by file name."""
    layouts = compile_layouts(idls[IDL], file=IDL, tails=TAILS, older=OLDER)
    program = Program(id=PROGRAM, channel="cpi", layouts=layouts, event_authority=EVENT_AUTHORITY)
    return Protocol(name=NAME, programs=(program,), interpret=interpret)
