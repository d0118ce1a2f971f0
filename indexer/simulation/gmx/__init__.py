"""Market activity of GMX-Solana: markets, GLV, orders and their keepers, and the rows that come of them."""

from indexer.simulation.gmx.activity import GmxActivity
from indexer.simulation.gmx.stage import GmxRates

__all__ = ["GmxActivity", "GmxRates"]
