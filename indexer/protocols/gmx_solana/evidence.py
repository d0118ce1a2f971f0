"""What the events of one transaction prove about each other.

A keeper's execution that fails is swallowed: the instruction succeeds, nothing is stored, but the
events that were already emitted stay. Such a ghost must never become a row. An operation on a market
took effect exactly if a MarketStateUpdated with its market and revision follows in the same store
instruction. TradeEvent, GtUpdated, MarketStateUpdated and `*Removed` are never ghosts.

Who asked for an operation, and why, stands in the accounts of the enclosing instruction or in other
events of the transaction; what neither tells stays None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.payload import Event
from indexer.core.protocol import Scene
from indexer.core.reference import Market

STORE_PROGRAM = base58.key("Gmso1uvJnLbawvw7yezdfCDcPydwW2s2iqG3w6MDucLo")
STORE = base58.key("CTDLvGGXnoxvqLyTpGzdGLg9pD6JexKxKXSV8tqqo8bN")

Instructions = Mapping[bytes, tuple[str, Mapping[str, int]]]  # Name and account positions, by discriminator.

# The account of an action, as instructions call it. Each instruction has at most one of them.
ACTION_ACCOUNTS = ("order", "deposit", "withdrawal", "shift", "glv_deposit", "glv_withdrawal", "glv_shift")
# Events that name an action and its owner: the field with the action's key.
OWNERSHIP = {
    "OrderRemoved": "order",
    "OrderUpdated": "order",
    "DepositRemoved": "deposit",
    "WithdrawalRemoved": "withdrawal",
    "ShiftRemoved": "shift",
    "GlvDepositRemoved": "glv_deposit",
    "GlvWithdrawalRemoved": "glv_withdrawal",
}
LIQUIDITY_EVENTS = frozenset({"DepositExecuted", "WithdrawalExecuted"})
PRICED_EVENTS = LIQUIDITY_EVENTS | {"TradeEvent", "PositionIncreased", "SwapExecuted"}


class Prices(msgspec.Struct, frozen=True):
    """Unit prices of a market, each with `min` and `max`."""

    index: Any
    long: Any
    short: Any


class Evidence:
    """The events of our Store in one transaction. Other Stores of the same program are not in it."""

    def __init__(self, scene: Scene, instructions: Instructions) -> None:
        self.scene = scene
        self._instructions = instructions
        self.events = tuple(event for event in scene.events if self._is_of_our_store(event))

    def _is_of_our_store(self, event: Event) -> bool:
        named = getattr(event.fields, "store", None)
        store = self.account(event, "store") if named is None else named
        return store is None or store == STORE

    # --- the enclosing instruction ---

    def instruction(self, event: Event) -> str | None:
        """Name of the store instruction that emitted the event; None: unknown, or none of the IDL."""
        known = self._known_instruction(event)
        return known[0] if known else None

    def account(self, event: Event, name: str) -> bytes | None:
        """An account of the enclosing instruction by its name there."""
        known, accounts = self._known_instruction(event), event.payload.enclosing.accounts
        position = known[1].get(name) if known else None
        return accounts[position] if position is not None and accounts and position < len(accounts) else None

    def _known_instruction(self, event: Event) -> tuple[str, Mapping[str, int]] | None:
        enclosing = event.payload.enclosing
        if enclosing.program_id != STORE_PROGRAM or enclosing.discriminator is None:
            return None
        return self._instructions.get(enclosing.discriminator)

    def beside(self, event: Event) -> Iterator[Event]:
        """All events of the same store instruction, itself included."""
        index = event.payload.enclosing.index
        return (other for other in self.events if other.payload.enclosing.index == index)

    # --- commit proof ---

    @cached_property
    def _commits(self) -> Mapping[tuple[int | None, bytes, int], int]:
        """Last position of MarketStateUpdated by instruction, market and revision."""
        return {
            (e.payload.enclosing.index, e.fields.market_token, e.fields.rev): e.payload.index
            for e in self.events
            if e.name == "MarketStateUpdated"
        }

    def is_committed(self, event: Event) -> bool:
        """Whether an event with market_token and rev took effect."""
        fields = event.fields
        commit = self._commits.get((event.payload.enclosing.index, fields.market_token, fields.rev))
        return commit is not None and commit > event.payload.index

    def is_committed_pricing(self, event: Event) -> bool:
        """Whether a GlvPricing took effect; it has no revision of its own.

        Its GM leg decides where there is one: returned tokens of a failed action update the same
        market again. A deposit of GM alone has no leg and returns nothing; there any later commit of
        its market is the action's.
        """
        market, place = event.fields.market_token, event.payload.index
        beside = [other for other in self.beside(event) if getattr(other.fields, "market_token", None) == market]
        legs = [other for other in beside if other.name in LIQUIDITY_EVENTS]
        if legs:
            return any(self.is_committed(leg) for leg in legs)
        return any(other.name == "MarketStateUpdated" and other.payload.index > place for other in beside)

    # --- who and why ---

    @cached_property
    def _owners(self) -> Mapping[bytes, bytes]:
        named = ((OWNERSHIP[e.name], e.fields) for e in self.events if e.name in OWNERSHIP)
        return {getattr(fields, key): fields.owner for key, fields in named}

    def action_key(self, event: Event) -> bytes | None:
        """The order, deposit, ... that the enclosing instruction was about."""
        accounts = (self.account(event, name) for name in ACTION_ACCOUNTS)
        return next((key for key in accounts if key is not None), None)

    def owner(self, event: Event) -> bytes | None:
        """Who asked for what the event reports, if this transaction tells; of a GLV shift the GLV."""
        if self.instruction(event) == "execute_glv_shift":
            return self.account(event, "glv")
        action = self.action_key(event)
        removed = self._owners.get(action) if action is not None else None
        trade = self.trade_beside(event)
        return removed or self.account(event, "owner") or (trade.fields.user if trade else None)

    def trade_beside(self, event: Event) -> Event | None:
        return next((other for other in self.beside(event) if other.name == "TradeEvent"), None)

    # --- markets and prices ---

    def market(self, market_token: bytes) -> Market | None:
        return self.scene.reference.market(self.scene.protocol, base58.encode(market_token))

    def prices(self, market_token: bytes) -> Prices | None:
        """Prices of a market as this transaction used them; None: it tells none."""
        return self._prices.get(market_token)

    @cached_property
    def _prices(self) -> Mapping[bytes, Prices]:
        priced = (event for event in self.events if event.name in PRICED_EVENTS)
        told = ((event.fields.market_token, self.prices_of(event)) for event in priced)
        return {market: prices for market, prices in told if prices is not None}

    def prices_of(self, event: Event) -> Prices | None:
        """Prices inside an event; None for a ghost's."""
        if event.name == "TradeEvent":
            return Prices(event.fields.prices.index, event.fields.prices.long, event.fields.prices.short)
        if not self.is_committed(event):
            return None
        told = event.fields.report.params.prices
        return Prices(told.index_token_price, told.long_token_price, told.short_token_price)
