"""Tokens and indices of GMX-Solana, with a price of two sides that moves every slot.

A unit price is USD per smallest unit with 20 decimals, so that amount x unit price is USD of 20 decimals again.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random

import msgspec

from indexer.core.reference import Reference
from indexer.simulation.figures import decimal
from indexer.simulation.instructions import key
from indexer.simulation.prices import Walk

USD = 10**20
NANO_USD = 10**11  # A billionth of a dollar, in USD of 20 decimals.
PARTS = 1_000_000
USDC, WSOL, WBTC = "USDC", "WSOL", "WBTC"
# Nano-dollars for a whole one, decimals, and the key of a token that has one.
START: dict[str, tuple[int, int, str | None]] = {
    WSOL: (150_000_000_000, 9, "So11111111111111111111111111111111111111112"),
    USDC: (1_000_000_000, 6, "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
    WBTC: (95_000_000_000_000, 8, "3NZ9JMVBmGAqocybic2c7LQCJScmgsAZ6vQqTDzcqmJh"),
    "WIF": (600_000_000, 6, "EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm"),
    "BOME": (1_200_000, 6, "ukHH6c7mMyiWCf1b9pnWe25TSpkDDt3H5pQZgZ74J82"),
    "BNB": (600_000_000_000, 8, None),
    "AAVE": (160_000_000_000, 8, None),
    "GMX": (15_000_000_000, 9, None),
    "XAU": (4_000_000_000_000, 8, None),
}
SAME = {"SOL": WSOL, "BTC": WBTC}  # Indices that have a token's price.


class Price(msgspec.Struct, frozen=True):
    """A unit price, from below and from above."""

    min: int
    max: int

    def mid_usd(self, amount: int) -> int:
        """USD of 21 decimals: one more, so that the middle is exact."""
        return amount * (self.min + self.max) * 5

    def fields(self) -> dict[str, int]:
        return {"min": self.min, "max": self.max}


class Asset(msgspec.Struct, eq=False):
    """A token, or an index that has a price and decimals alone."""

    symbol: str
    decimals: int
    mint: bytes | None
    known_decimals: int | None  # As the reference has them for the token; None: amounts stay unknown.
    walk: Walk
    spread: int  # Half of it, in millionths.
    price: Price

    def step(self) -> None:
        """Read the price anew. The walk itself is shared, and moved by who holds it."""
        unit = self.walk.price * NANO_USD // 10**self.decimals
        self.price = Price(unit * (PARTS - self.spread) // PARTS, unit * (PARTS + self.spread) // PARTS + 1)

    def amount(self, raw: int) -> Decimal | None:
        """As rows show it."""
        return None if self.known_decimals is None else decimal(raw, self.known_decimals)


class Assets:
    """All of them, by symbol. `step` moves every price by a slot."""

    def __init__(self, rng: Random, reference: Reference, volatility: float) -> None:
        self._walks = {
            symbol: Walk(rng, nano, volatility / 100 if symbol == USDC else volatility)
            for symbol, (nano, _, _) in START.items()
        }
        self._by_symbol = {symbol: self._asset(rng, reference, symbol) for symbol in (*START, *SAME)}
        self._read()

    def __getitem__(self, symbol: str) -> Asset:
        return self._by_symbol[symbol]

    def step(self) -> None:
        for walk in self._walks.values():
            walk.step()
        self._read()

    def _read(self) -> None:
        for asset in self._by_symbol.values():
            asset.step()

    def _asset(self, rng: Random, reference: Reference, symbol: str) -> Asset:
        like = SAME.get(symbol, symbol)
        _, decimals, address = START[like]
        mint = key(address) if address and symbol in START else None
        return Asset(
            symbol=symbol,
            decimals=decimals,
            mint=mint,
            known_decimals=reference.decimals(mint),
            walk=self._walks[like],
            spread=rng.randint(20, 400),
            price=Price(0, 0),
        )
