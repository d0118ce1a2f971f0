"""GMX-Solana numbers the trades of a market, and each tells what its position was before and after it.

Market states tell the trade count, in the same transaction before or behind the trade. GT events carry running
totals. Supplies of market tokens and GLV move by what is committed alone (see the protocol's `evidence`): a ghost mints
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from indexer.core import base58
from indexer.core.idl import Idl
from indexer.core.payload import Event
from indexer.core.protocol import Scene
from indexer.protocols import gmx_solana
from indexer.protocols.gmx_solana import scales
from indexer.protocols.gmx_solana.evidence import Evidence, Instructions
from indexer.protocols.gmx_solana.liquidity import GLV_DEPOSIT
from indexer.verify.chain import Link, last_readings
from indexer.verify.witness import Told, Witness

EVENTS = (
    "TradeEvent", "GtUpdated", "DepositExecuted", "WithdrawalExecuted", "GlvPricing", "GlvTokenValue",
    "MarketTokenValue", "MarketStateUpdated",
)  # fmt: skip
GT = "GT"
BURN = 2  # GtUpdateKind.


def build(idls: Mapping[str, str]) -> Witness:
    instructions = Idl(idls[gmx_solana.IDL]).instructions
    return Witness(gmx_solana.build(idls), EVENTS, partial(testify, instructions), scales.GM)


def testify(instructions: Instructions, scene: Scene) -> Iterator[Link]:
    evidence, told = Evidence(scene, instructions), Told(scene)
    for event in evidence.events:
        yield from _chained(evidence, told, event)
    yield from last_readings(_counts(evidence, told))


def _counts(evidence: Evidence, told: Told) -> Iterator[Link]:
    for event in evidence.events:
        if event.name == "MarketStateUpdated":
            for other in event.fields.other:
                yield told.read(event, "trades", base58.encode(event.fields.market_token), other.trade_count)


def _chained(evidence: Evidence, told: Told, event: Event) -> Iterator[Link]:
    fields = event.fields
    if event.name == "TradeEvent":
        yield told.count(event, "trades", base58.encode(fields.market_token), fields.trade_id, row="trade")
        before, after = _last_trade(fields.before), _last_trade(fields.after)
        yield told.step(event, "positions", base58.encode(fields.position), before, after)
    elif event.name == "GtUpdated":
        yield from _gt(told, event)
    elif event.name in ("DepositExecuted", "WithdrawalExecuted"):
        if evidence.is_committed(event):
            row = "lp_flow" if any(_amounts(event)) else None
            yield told.move(event, "lp_supply", base58.encode(fields.market_token), _minted(event), row=row)
    elif event.name == "MarketTokenValue":
        yield told.read(event, "lp_supply", base58.encode(fields.market_token), fields.supply)
    elif event.name == "GlvPricing":
        if evidence.is_committed_pricing(event):
            moved = fields.output_amount if fields.kind == GLV_DEPOSIT else -fields.input_amount
            key = base58.encode(fields.glv_token)
            yield told.step(event, "lp_supply", key, fields.supply, fields.supply + moved, row="lp_flow")
    elif event.name == "GlvTokenValue":
        yield told.read(event, "lp_supply", base58.encode(fields.glv_token), fields.supply)


def _last_trade(state: Any) -> int:
    """The trade that made it what it is. A position without a size is gone, and its account begins anew: 0."""
    return int(state.trade_id) if state.size_in_usd else 0


def _minted(event: Event) -> int:
    report = event.fields.report
    return int(report.minted if event.name == "DepositExecuted" else -report.params.market_token_amount)


def _amounts(event: Event) -> tuple[int, int]:
    """Of the long and the short token; what is none has no row."""
    report = event.fields.report
    if event.name == "DepositExecuted":
        return report.params.long_token_amount, report.params.short_token_amount
    return report.long_token_output, report.short_token_output


def _gt(told: Told, event: Event) -> Iterator[Link]:
    fields = event.fields
    moved = -fields.receiver_delta if fields.kind == BURN else fields.receiver_delta
    yield told.step(event, "gt_supply", GT, fields.supply - moved, fields.supply, row="incentive")
    yield told.step(event, "gt_minted", GT, fields.total_minted - max(0, moved), fields.total_minted)
