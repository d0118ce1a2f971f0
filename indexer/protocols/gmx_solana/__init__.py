"""GMX-Solana (gmsol): one program, `gmsol_store`; its events are self-CPIs.

- A position's fill is TradeEvent. PositionIncreased and PositionDecreased repeat it, lack its owner,
  and make no row.
- Spot swaps, deposits and withdrawals count only with their commit proof (see `evidence`).
- Events of another Store than GMX's own give no row. They name it, or their instruction does.
- Liquidation and auto-deleveraging have no events: the enclosing instruction tells.
- Fee states, builder fees and GT buybacks stay events without a record; funding and borrowing rates
  are read from accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from indexer.core import base58
from indexer.core.idl import Idl
from indexer.core.layout import compile_layouts
from indexer.core.payload import Event
from indexer.core.protocol import Program, Protocol, Scene
from indexer.core.record import Record
from indexer.protocols.gmx_solana.evidence import STORE, STORE_PROGRAM, Evidence, Instructions
from indexer.protocols.gmx_solana.liquidity import deposit_executed, glv_pricing, glv_token_value, withdrawal_executed
from indexer.protocols.gmx_solana.observations import market_state_updated, market_token_value
from indexer.protocols.gmx_solana.requests import gt_updated, order_updated, removed
from indexer.protocols.gmx_solana.swaps import swap_executed
from indexer.protocols.gmx_solana.trades import trade_event

__all__ = ["EVENTS", "EVENT_AUTHORITY", "IDL", "NAME", "STORE", "STORE_PROGRAM", "build"]

NAME = "gmx_solana"
IDL = "gmsol_store.json"
EVENT_AUTHORITY = base58.key("8a4wJ2bMiH6XWDZ7biTnejkss8VG7GMwd9Mg6F5fDfHF")

EVENTS: Mapping[str, Callable[[Evidence, Event], Iterator[Record]]] = {
    "TradeEvent": trade_event,
    "SwapExecuted": swap_executed,
    "DepositExecuted": deposit_executed,
    "WithdrawalExecuted": withdrawal_executed,
    "GlvPricing": glv_pricing,
    "GlvTokenValue": glv_token_value,
    "MarketTokenValue": market_token_value,
    "MarketStateUpdated": market_state_updated,
    "OrderUpdated": order_updated,
    "OrderRemoved": removed,
    "DepositRemoved": removed,
    "WithdrawalRemoved": removed,
    "ShiftRemoved": removed,
    "GlvDepositRemoved": removed,
    "GlvWithdrawalRemoved": removed,
    "GtUpdated": gt_updated,
}


def build(idls: Mapping[str, str]) -> Protocol:
    """The protocol from the texts of IDL files by name. Raises KeyError where `gmsol_store.json` is missing."""
    text = idls[IDL]
    layouts = compile_layouts(text, file=IDL)
    program = Program(id=STORE_PROGRAM, channel="cpi", layouts=layouts, event_authority=EVENT_AUTHORITY)
    return Protocol(name=NAME, programs=(program,), interpret=partial(_interpret, Idl(text).instructions))


def _interpret(instructions: Instructions, scene: Scene) -> Iterator[Record]:
    evidence = Evidence(scene, instructions)
    for event in evidence.events:
        if rule := EVENTS.get(event.name):
            yield from rule(evidence, event)
