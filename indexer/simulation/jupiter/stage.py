"""What all actors of Jupiter share: the pool, chance, the clock, and how a transaction is put together."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

import msgspec

from indexer.simulation.instructions import Instructions, behind, key
from indexer.simulation.jupiter.pool import Custody, Pool
from indexer.simulation.jupiter.requests import AGES, Age
from indexer.simulation.jupiter.swaps import Exchange, swapped, swapped_exact_out
from indexer.simulation.jupiter.trades import ENDS, IDL
from indexer.simulation.script import Emit, Invoke, Script, Text

EVENT_AUTHORITY = key("37hJBDnntwqhGbK7L6M1bLyvccj4u55CCUiLPdYkiqBN")
POSITION_SWAP_BPS = 10
SMALL = 1_000  # Smallest units: below, rounding is more than a percent.
MAX_DEPTH = 3  # Programs above ours: the event itself is one deeper than we are, and five is the most.
_Choice = TypeVar("_Choice")


class JupiterRates(msgspec.Struct, frozen=True, kw_only=True):
    """How often what happens, as weights beside each other; and the shape of it all."""

    instant: float = 30  # Trades in one transaction, opening and closing.
    request: float = 12  # Trades that wait for a keeper.
    keeper: float = 14  # Executions of what waits.
    cancel: float = 2
    order: float = 5  # TP/SL and limit orders; they wait for a keeper too.
    collateral: float = 4  # Changes of collateral alone.
    liquidity: float = 9
    swap: float = 12
    loan: float = 3  # Loans, stakes, fees that are withdrawn: no rows.
    older: float = 0.2  # Share of events in a layout of an earlier program.
    nested: float = 0.2  # Share of calls through other programs.
    unknown: float = 0.02  # Share of swaps and flows by an instruction, or in a token, that is new to us.
    is_free: bool = False  # Without fees of swaps and flows: what flows is what the pool's value changes by.
    traders: int = 60
    trade_times: int = 1  # How many times the usual amounts: of traders' collateral,
    flow_times: int = 1  # of swaps and liquidity.
    leverage: int = 100
    volatility: float = 0.001  # Standard deviation of a price's step, a fraction.
    step_s: int = 0  # Between two steps of the prices; 0: each block is one.


class Stage:
    """One for all actors. `time` is that of the block that is being made."""

    def __init__(self, rng: Random, rates: JupiterRates, pool: Pool) -> None:
        self.rng, self.rates, self.pool = rng, rates, pool
        self.time = 0
        self.instructions = Instructions(IDL, {"eventAuthority": EVENT_AUTHORITY})
        self.owners = [rng.randbytes(32) for _ in range(rates.traders)]

    # --- chance ---

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def choice(self, of: Sequence[_Choice]) -> _Choice:
        return of[self.rng.randrange(len(of))]

    def amount(self, median: int, spread: float = 1.2) -> int:
        """As people's amounts lie: many around the median, a few very large."""
        return max(1, round(median * self.rng.lognormvariate(0, spread)))

    def leverage(self) -> int:
        """In tenths: mostly small, at most what the rates say."""
        return min(10 * self.rates.leverage, 11 + round(self.rng.expovariate(0.6 / self.rates.leverage)))

    def fee_bps(self, most: int) -> int:
        return 0 if self.rates.is_free else self.rng.randint(0, most)

    def custody(self) -> Custody:
        """Any token of the pool, now and then one that the reference does not know."""
        return self.pool.unlisted if self.chance(self.rates.unknown) else self.choice(self.pool.custodies)

    def exchange(self, owner: bytes, taken: Custody, given: Custody, amount: int) -> Exchange:
        """A position's own swap of at most `amount`: by what goes in, or by what must come out."""
        bps = 0 if self.rates.is_free else POSITION_SWAP_BPS
        target = given.tokens(taken.usd(amount)) * 99 // 100
        if amount > SMALL and target > SMALL and self.chance(0.25):
            return swapped_exact_out(owner, taken, given, target, bps)
        return swapped(owner, taken, given, amount, bps)

    def new_key(self) -> bytes:
        return self.rng.randbytes(32)

    def end(self, event: str) -> str | None:
        """Where the event ends: mostly as in the newest layout."""
        return self.choice(ENDS[event][:-1]) if self.chance(self.rates.older) else None

    def age(self) -> Age:
        return self.choice(AGES[:-1]) if self.chance(self.rates.older) else AGES[-1]

    # --- transactions ---

    def invoke(self, name: str, *inside: Emit | Text | Invoke, **accounts: bytes) -> Invoke:
        return self.instructions.invoke(name, *inside, **accounts)

    def script(self, *calls: Invoke, may_nest: bool = True) -> Script:
        """Most are versioned, and some of the calls come through other programs."""
        nested = may_nest and self.chance(self.rates.nested)
        depth = 1 + self.rng.randrange(MAX_DEPTH) if nested else 0
        reached = tuple(behind(self.rng, call, depth) for call in calls) if depth else calls
        return Script(reached, is_v0=self.chance(0.8))
