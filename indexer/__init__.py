"""perps-indexer: Solana perpetuals (GMX-Solana, Jupiter Perps, Drift) into PostgreSQL."""

__version__ = "0.1.0"
