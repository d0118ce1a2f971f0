"""Market activity of Jupiter Perps: one pool, its traders, keepers and providers, and the rows that come of them."""

from indexer.simulation.jupiter.activity import JupiterActivity
from indexer.simulation.jupiter.stage import JupiterRates

__all__ = ["JupiterActivity", "JupiterRates"]
