"""A market's books: sixteen pools, what its vault holds, and counters.

What must stay true: of each token, the vault holds what lies in the pools for liquidity, swap impact and fees, the
collateral of both sides, and funding that was paid and not yet taken. Who receives funding takes it at the next trade,
also where those who owe it have not paid it yet, or never will: out of what else lies in the vault, which is as much
less then, and never less than the pools alone or the collateral alone. What would make it so cannot be paid.

A pure market has one token: its pools keep everything in the long half, but for the three that do not hold that token.
"""

from __future__ import annotations

from typing import Any

import msgspec

from indexer.simulation.gmx.assets import Asset, Price

PRIMARY, SWAP_IMPACT, CLAIMABLE_FEE = 0, 1, 2
POSITION_IMPACT, BORROWING_FACTOR, TOTAL_BORROWING = 7, 8, 15
POOLS = 16
NEVER_PURE = frozenset({POSITION_IMPACT, BORROWING_FACTOR, TOTAL_BORROWING})
GM_UNIT, GM_DOLLAR = 10**9, 10**11  # Smallest units of one GM; USD of 20 decimals for each while there are none.


def open_interest(is_long: bool) -> int:
    return 3 if is_long else 4


def open_interest_tokens(is_long: bool) -> int:
    return 5 if is_long else 6


def funding_per_size(is_long: bool) -> int:
    return 9 if is_long else 10


def claimable_per_size(is_long: bool) -> int:
    return 11 if is_long else 12


def collateral_sum(is_long: bool) -> int:
    return 13 if is_long else 14


class CannotBePaid(Exception):
    """The pool, the vault or the trader lacks what the operation needs: the program gives it up."""


class Charges(msgspec.Struct, frozen=True):
    """What a market takes. Of amounts in ten-thousandths, of a position's size in hundred-millionths."""

    swap: int = 7
    deposit: int = 6
    shift: int = 2
    withdrawal: int = 8
    order: int = 60_000
    liquidation: int = 200_000
    own_swap_impact: int = -1  # Of swaps between a position's profit and its collateral.


FREE = Charges(0, 0, 0, 0, 0, 0, 0)


class Temper(msgspec.Struct, frozen=True):
    """How a market treats its traders."""

    most_profit: int = 6_000  # What their profit takes at most from a side of the pool, in ten-thousandths.
    funding: int = 2 * 10**11  # For a slot, of a side that stands alone: fractions of 10**20.


WILD = Temper(1, 10**18)  # Profit is soon capped, and funding eats collateral.


class Market(msgspec.Struct, eq=False):
    """Two-sided amounts are lists: long token, short token."""

    token: bytes
    address: str  # The market token in base58: what rows call it.
    index: Asset
    long: Asset
    short: Asset
    is_known: bool  # In the reference: otherwise rows know neither its tokens nor its decimals.
    index_decimals: int | None  # As the reference has them.
    is_gt_enabled: bool
    charges: Charges = Charges()
    temper: Temper = Temper()
    pools: list[list[int]] = msgspec.field(default_factory=lambda: [[0, 0] for _ in range(POOLS)])
    balance: list[int] = msgspec.field(default_factory=lambda: [0, 0])
    funding: list[int] = msgspec.field(default_factory=lambda: [0, 0])  # Paid less taken: below 0, taken before paid.
    supply: int = 0
    rev: int = 0
    trades: int = 0
    funding_factor: int = 0
    updated_slot: int = 0
    dirty: set[int] = msgspec.field(default_factory=set)
    is_other_dirty: bool = False

    @property
    def is_pure(self) -> bool:
        return self.long is self.short

    def asset(self, is_long: bool) -> Asset:
        return self.long if is_long else self.short

    def price(self, is_long: bool) -> Price:
        return self.asset(is_long).price

    def half(self, is_long: bool) -> int:
        """Where a token's amount stands in a two-sided list."""
        return 0 if is_long or self.is_pure else 1

    # --- pools ---

    def add(self, kind: int, is_long: bool, delta: int) -> None:
        """Change one side of a pool."""
        half = (0 if is_long else 1) if kind in NEVER_PURE else self.half(is_long)
        self.pools[kind][half] += delta
        self.dirty.add(kind)
        assert self.pools[kind][half] >= 0, f"pool {kind} of {self.address}: {self.pools[kind][half]} after {delta}"

    def amount(self, kind: int, is_long: bool) -> int:
        half = (0 if is_long else 1) if kind in NEVER_PURE else self.half(is_long)
        return self.pools[kind][half]

    def transfer(self, is_long: bool, amount: int) -> None:
        """Into the vault (+) or out of it (-). Raises CannotBePaid."""
        half = self.half(is_long)
        if self.balance[half] + amount < 0:
            raise CannotBePaid
        self.balance[half] += amount
        self.is_other_dirty = True

    def fund(self, is_long: bool, amount: int) -> None:
        """Funding paid (+) or taken (-)."""
        self.funding[self.half(is_long)] += amount

    def check_vault(self) -> None:
        """As the program does at the end of every operation. Raises CannotBePaid."""
        if any(-funding > most for funding, most in zip(self.funding, self.most_advanced(), strict=True)):
            raise CannotBePaid

    def most_advanced(self) -> list[int]:
        """How much funding may be taken of each token before it is paid."""
        return [min(self._pooled(half), self._collateral(half)) for half in (0, 1)]

    def excess(self) -> list[int]:
        """What the vault holds beyond what the books say: nothing."""
        return [
            self.balance[half] - self._pooled(half) - self._collateral(half) - self.funding[half] for half in (0, 1)
        ]

    def _pooled(self, half: int) -> int:
        return sum(self.pools[kind][half] for kind in (PRIMARY, SWAP_IMPACT, CLAIMABLE_FEE))

    def _collateral(self, half: int) -> int:
        return sum(self.pools[collateral_sum(is_long)][half] for is_long in (True, False))

    # --- value, USD of 20 decimals ---

    def side_value(self, is_long: bool) -> int:
        """Of the pool's long or short tokens, at their lower price; of a pure market half of it each."""
        value = self.amount(PRIMARY, is_long) * self.price(is_long).min
        return value // 2 if self.is_pure else value

    def interest(self, is_long: bool) -> int:
        return sum(self.pools[open_interest(is_long)])

    def traders_profit(self, is_long: bool) -> int:
        """What all positions of a side would gain; negative: lose."""
        tokens, size = sum(self.pools[open_interest_tokens(is_long)]), self.interest(is_long)
        return tokens * self.index.price.min - size if is_long else size - tokens * self.index.price.max

    def most_profit(self, is_long: bool) -> int:
        return self.side_value(is_long) * self.temper.most_profit // 10_000

    def value(self, *, maximized: bool) -> int:
        """What all market tokens are worth: the pool less traders' profit and less what is set aside for impact."""
        sides = (True,) if self.is_pure else (True, False)
        held = sum(
            self.amount(PRIMARY, side) * (self.price(side).max if maximized else self.price(side).min) for side in sides
        )
        profit = sum(min(self.traders_profit(side), self.most_profit(side)) for side in (True, False))
        aside = self.pools[POSITION_IMPACT][0] * self.index.price.min
        return held - profit - aside

    # --- operations ---

    def begin(self) -> None:
        """Every operation has its revision, also one that fails."""
        self.rev += 1
        self.dirty.clear()
        self.is_other_dirty = False

    def saved(self) -> dict[str, Any]:
        """Everything that a failed operation leaves as it was."""
        return {
            "pools": [list(pool) for pool in self.pools],
            "balance": list(self.balance),
            "funding": list(self.funding),
            "supply": self.supply,
            "trades": self.trades,
            "funding_factor": self.funding_factor,
            "updated_slot": self.updated_slot,
        }

    def restore(self, saved: dict[str, Any]) -> None:
        for name, value in saved.items():
            setattr(self, name, value)

    # --- what events hold ---

    def prices(self) -> dict[str, dict[str, int]]:
        return {
            "index_token_price": self.index.price.fields(),
            "long_token_price": self.long.price.fields(),
            "short_token_price": self.short.price.fields(),
        }
