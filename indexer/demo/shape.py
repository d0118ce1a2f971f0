"""What the demo's exchanges are like: as large as the real ones, with fewer and larger trades.

What is far larger or smaller than on the real exchanges would make every ratio look wrong. A published comparison of
April 2025 has, by day: TVL 6.5, 1,400 and 900 million dollars (GMX-Solana, Jupiter, Drift), volume over TVL 0.59, 0.38
and 0.15.
"""

from __future__ import annotations

import msgspec

from indexer.simulation.drift import DriftRates
from indexer.simulation.gmx import GmxRates
from indexer.simulation.jupiter import JupiterRates
from indexer.simulation.profile import Live, Profile

DAY_S = 86_400
VOLATILITY, STEP_S = 0.0006, 60  # In history a step is a slot.


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """`history_slot_s`: seconds between two slots of the history. Transactions are means of a slot."""

    seed: int = 1
    days: int = 45
    history_slot_s: int = 300
    history_transactions: float = 1.8
    live_transactions: float = 0.4
    hours: float = 8.0  # Of live slots; the chain is kept in memory, some 40 MB an hour.

    def profile(self, now_s: int) -> Profile:
        """A chain whose history begins at midnight (UTC), `days` before today's, and goes up to now."""
        genesis_time = now_s // DAY_S * DAY_S - self.days * DAY_S
        return Profile(
            genesis_time=genesis_time,
            history_slots=(now_s - genesis_time) // self.history_slot_s,
            history_slot_ms=self.history_slot_s * 1000,
            transactions=self.history_transactions,
            drift=DriftRates(pool_times=8, trade_times=1500, flow_times=50, volatility=VOLATILITY, step_s=STEP_S),
            jupiter=JupiterRates(trade_times=400, flow_times=50, volatility=VOLATILITY, step_s=STEP_S),
            gmx=GmxRates(
                order=45,
                keeper=75,
                liquidity=5,
                glv=3,
                value=1,
                upkeep=2,
                pool_times=2,
                trade_times=600,
                flow_times=5,
                volatility=VOLATILITY,
                step_s=STEP_S,
            ),
            ours=0.9,
            failed=0.05,
            timeless=0.0,
            truncated=0.001,
            unknown=0.001,
            grown=0.001,
            accounts_every=150,
            # A day has 150 times as many transactions as one of the history, so that amounts are as many times smaller.
            live=Live(transactions=self.live_transactions, drift=(9, 1), jupiter=(2, 1), gmx=(4, 1)),
        )
