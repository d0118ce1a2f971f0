"""GT, the token that traders earn with their fees: minted, given as a reward, burned; with running totals."""

from __future__ import annotations

from typing import Literal

from indexer.core.record import Incentive
from indexer.simulation.figures import decimal
from indexer.simulation.gmx.operation import event
from indexer.simulation.script import NOWHERE, Emit

FIRST_COST = 5 * 10**12  # USD of 20 decimals for a smallest unit: half a dollar for one GT of 7 decimals.
GROWS_EVERY = 1_000 * 10**7  # Smallest units.
GROWTH_PARTS = 1_002  # Of a thousand.


class Gt:
    """What must stay true: supply = all minted and rewarded - all burned."""

    def __init__(self) -> None:
        self.total_minted = self.supply = self.vault = self.grow_steps = 0
        self.cost = FIRST_COST
        self._balances: dict[bytes, int] = {}
        self._pending: dict[bytes, int] = {}  # Fees that were not enough for a unit yet, USD.

    def mint(self, owner: bytes, fee_value: int) -> Emit:
        pending = self._pending.get(owner, 0) + fee_value
        amount, self._pending[owner] = divmod(pending, self.cost)
        return self._give("gt_mint", 1, owner, amount)

    def reward(self, owner: bytes, amount: int) -> Emit:
        return self._give("gt_reward", 0, owner, amount)

    def confirm(self) -> Emit:
        """An exchange vault is confirmed: told as a reward of nothing, to nobody."""
        self.vault = 0
        return self._told("gt_reward", 0, None, 0)

    def burn(self, owner: bytes) -> Emit | None:
        """A part of what the owner has is exchanged. None: it has nothing."""
        amount = self._balances.get(owner, 0) // 2
        if not amount:
            return None
        self._balances[owner] -= amount
        self.supply -= amount
        self.vault += amount
        return self._told("gt_burn", 2, owner, amount)

    def _give(self, word: Literal["gt_mint", "gt_reward"], kind: int, owner: bytes, amount: int) -> Emit:
        self._balances[owner] = self._balances.get(owner, 0) + amount
        self.total_minted += amount
        self.supply += amount
        while self.total_minted // GROWS_EVERY > self.grow_steps:
            self.grow_steps += 1
            self.cost = self.cost * GROWTH_PARTS // 1_000
        return self._told(word, kind, owner, amount)

    def _told(
        self, word: Literal["gt_mint", "gt_reward", "gt_burn"], kind: int, owner: bytes | None, amount: int
    ) -> Emit:
        values = {
            "kind": kind,
            "receiver": owner,
            "receiver_delta": amount,
            "receiver_balance": self._balances[owner] if owner is not None else None,
            "minting_cost": self.cost,
            "total_minted": self.total_minted,
            "grow_steps": self.grow_steps,
            "supply": self.supply,
            "vault": self.vault,
        }
        row = Incentive(
            origin=NOWHERE,
            incentive_kind=word,
            account=owner,
            amount=decimal(amount, 7),
            supply_after=decimal(self.supply, 7),
        )
        return event("GtUpdated", values, [row])
