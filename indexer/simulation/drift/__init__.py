"""Market activity of Drift: traders, lenders, vaults, stakers and liquidators, and the rows that come of them."""

from indexer.simulation.drift.activity import DriftActivity
from indexer.simulation.drift.stage import DriftRates

__all__ = ["DriftActivity", "DriftRates"]
