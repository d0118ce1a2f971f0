"""What a simulated chain is like: how long, how busy, and how often anything that can deceive an indexer occurs."""

from __future__ import annotations

import msgspec

from indexer.simulation.drift import DriftRates
from indexer.simulation.gmx import GmxRates
from indexer.simulation.jupiter import JupiterRates


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What is otherwise behind a history, such as more and smaller transactions. By protocol: how many times the usual
    amounts of trades and of flows."""

    transactions: float
    drift: tuple[int, int] = (1, 1)
    jupiter: tuple[int, int] = (1, 1)
    gmx: tuple[int, int] = (1, 1)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Shares are of all transactions unless said otherwise; what is left are other people's transactions."""

    slots: int = 300
    first_slot: int = 365_000_000
    genesis_time: int = 1_759_000_000  # Unix seconds of the first slot.
    slot_ms: int = 400
    history_slots: int = 0  # Of the slots: the first ones, `history_slot_ms` apart, without forks and accounts.
    history_slot_ms: int = 400
    live: Live | None = None  # None: as in the history.
    accounts_every: int = (
        20  # Blocks between two states of the programs' accounts; writing them costs as much as a block.
    )
    transactions: float = 2.0  # Mean of a block.
    protocols: tuple[str, ...] = ("drift", "jupiter_perps", "gmx_solana")
    drift: DriftRates = DriftRates()  # What happens how often in each of the markets.
    jupiter: JupiterRates = JupiterRates()
    gmx: GmxRates = GmxRates()

    ours: float = 0.5  # Successful transactions of the protocols.
    failed: float = 0.15  # Transactions of keepers who came too late: the same events, rolled back.

    skipped: float = 0.04  # Slots without a block.
    forked: float = 0.02  # Blocks after which other blocks were confirmed and dropped.
    timeless: float = 0.005  # Blocks whose time is 0.

    version_1: float = 0.03

    # Shares of our successful transactions.
    truncated: float = 0.01  # Noise around it fills the log.
    nested: float = 0.25  # Called by programs of others, at depth 2 to 4.
    bursts: float = 0.05  # Several of ours in one transaction.
    unknown: float = 0.01  # With an event that no IDL of ours has.
    grown: float = 0.01  # With an event that is longer than the newest layout that we know.
    foreign: float = 0.03  # A foreign program prints our payloads beside it.
    look_alikes: float = 0.03  # A foreign program calls ours as if it emitted an event.
    talk: float = 0.1  # Text that looks like frames, payloads or truncation.

    def time_of(self, slot: int) -> int:
        """Unix seconds of a slot."""
        behind = slot - self.first_slot
        history = min(behind, self.history_slots)
        return self.genesis_time + (history * self.history_slot_ms + (behind - history) * self.slot_ms) // 1000
