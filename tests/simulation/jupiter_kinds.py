"""What occurs in Jupiter's simulated market, in words that can be counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from indexer.core.record import ActionRecord, LpFlow, Swap, Trade
from indexer.simulation.script import Emit, Invoke, Script
from tests.simulation.scripts import decoded, emits, reference
from tests.unit.protocols.jupiter_world import IDL, PROGRAM

# Options of each event and their bytes, and the lengths of its layouts while all of them are empty.
OPTIONS = {
    "IncreasePositionEvent": {"priceSlippage": 8, "referral": 32},
    "InstantIncreasePositionEvent": {"referral": 32},
    "DecreasePositionEvent": {"transferToken": 8, "priceSlippage": 8, "referral": 32},
    "InstantDecreasePositionEvent": {"referral": 32, "positionRequest": 32},
    "ClosePositionRequestEvent": {"entirePosition": 1},
}
AGES = {
    "IncreasePositionEvent": (341, 365),
    "InstantIncreasePositionEvent": (274, 298),
    "DecreasePositionEvent": (327, 383),
    "InstantDecreasePositionEvent": (307, 363, 364),
    "LiquidateFullPositionEvent": (290, 298, 354),
    "LiquidatePositionEvent": (282, 290, 346),
    "ClosePositionRequestEvent": (112, 117, 125),
    "RepayToCustodyEvent": (184, 200),
}
KINDS = {
    *(f"{name} of {length} bytes" for name, lengths in AGES.items() for length in lengths),
    *(f"trade {action} {side} {market}" for action in ("open", "increase", "decrease", "close")
      for side in ("long", "short") for market in ("SOL", "ETH", "BTC")),
    *(f"trade by {execution}" for execution in ("keeper", "instant", "trigger")),
    *(f"request {state}" for state in ("pending", "completed", "cancelled", "closed")),
    *(f"PoolSwap for {purpose}" for purpose in ("swap", "position", None)),
    *(f"PoolSwapExactOut for {purpose}" for purpose in ("swap", "position", None)),
    *(f"event at depth {depth}" for depth in (2, 3, 4, 5)),
    "collateral in", "collateral out", "liquidation", "second hop", "several events in one instruction",
    "unknown custody", "unknown provider", "nothing",
}  # fmt: skip


def kinds(scripts: list[Script]) -> Iterator[str]:
    """A word for everything that is in the scripts, as often as it is in them."""
    symbols = {market.market_key: market.base_asset for market in reference().markets.values()}
    for script in scripts:
        yield from _of_calls(script.calls)
        if not any(emit.rows for emit in emits(script)):
            yield "nothing"
        for emit in emits(script):
            yield emit.event
            yield f"{emit.event} of {_length(emit)} bytes"
            for row in emit.rows:
                yield from _of_row(emit.event, row, symbols)


def _length(emit: Emit) -> int:
    options, fields = OPTIONS.get(emit.event, {}), decoded(IDL, emit)
    return len(emit.payload) - sum(size for name, size in options.items() if getattr(fields, name) is not None)


def _of_calls(calls: tuple[Any, ...], depth: int = 1) -> Iterator[str]:
    for call in calls:
        inner = [part for part in call.inside if isinstance(part, Invoke)]
        events = [part for part in call.inside if not isinstance(part, Invoke)] if call.program_id == PROGRAM else []
        if events:
            yield f"event at depth {depth + 1}"
        if len(events) > 1:
            yield "several events in one instruction"
        yield from _of_calls(tuple(inner), depth + 1)


def _of_row(event: str, row: Any, symbols: dict[str, str | None]) -> Iterator[str]:
    if isinstance(row, Trade):
        yield f"trade {row.action} {row.position_side} {symbols[row.market_key]}"
        yield f"trade by {row.execution}"
        if row.excluded:
            yield "collateral in" if (row.collateral_delta_usd_e6 or 0) > 0 else "collateral out"
        if row.is_liquidation:
            yield "liquidation"
    elif isinstance(row, ActionRecord):
        yield f"request {row.state}"
    elif isinstance(row, Swap):
        yield f"{event.removesuffix('Event')} for {row.purpose}"
        yield "second hop" if row.hop else "first hop"
    elif isinstance(row, LpFlow):
        yield "known custody" if row.mint else "unknown custody"
        yield "known provider" if row.provider else "unknown provider"
