"""The pool's books: what each custody holds, what of it belongs to the protocol, how many JLP there are, and prices.

`held` is what lies in a custody's token account: it changes by what flows in and out, and by nothing else. A quarter
of every fee is the protocol's (`reserve`) until it is withdrawn. What the JLP are worth is the rest of everything held,
less what traders could take out: their collateral and their profit.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from random import Random

import msgspec
from solders.pubkey import Pubkey

from indexer.core.reference import Reference
from indexer.simulation.figures import decimal
from indexer.simulation.instructions import fixed_key, key
from indexer.simulation.jupiter.positions import Position
from indexer.simulation.prices import Walk

NAME = "jupiter_perps"
POOL = key("5BUwFW4nRbftYTDMbgxykoFWqWHPzahFSNAaaaJtVKsq")
JLP = key("27G8MtK7VtTcCHkpASjSDdkWWYfoqT6ggEuKidVJidD4")
PROTOCOL_SHARE_BPS, BPS = 2_500, 10_000
RATE_STEP_E9 = 11  # Borrowing for one slot: about a hundredth of a percent an hour.
# What a whole token costs in micro-dollars, and how many whole tokens lie in the pool at first.
START = {
    "SOL-PERP": (150_000_000, 3_000_000),
    "ETH-PERP": (2_600_000_000, 40_000),
    "BTC-PERP": (95_000_000_000, 1_800),
    "USDC": (1_000_000, 250_000_000),
    "USDT": (1_000_000, 60_000_000),
    "JupUSD": (1_000_000, 20_000_000),
}
JLP_START = 250_000_000_000_000  # 250 million, 6 decimals.


class Custody(msgspec.Struct, eq=False):
    """One token of the pool."""

    symbol: str
    key: bytes
    address: str  # Its key in base58: what rows call it.
    mint: bytes
    decimals: int
    unit: int  # Smallest units in one whole token.
    is_known: bool  # In the reference: otherwise rows know neither its token nor its decimals.
    is_stable: bool
    walk: Walk
    held: int
    reserve: int = 0
    lent: int = 0  # To borrowers against JLP; still the pool's.
    trade_fees: int = 0  # Smallest units, since the last withdrawal of fees; all parties' shares.
    rate_e9: int = 0  # Cumulated borrowing rate.

    @property
    def price_e6(self) -> int:
        return self.walk.price

    def usd(self, amount: int) -> int:
        """Micro-dollars of an amount in smallest units, rounded down."""
        return amount * self.price_e6 // self.unit

    def tokens(self, usd_e6: int) -> int:
        """Smallest units for micro-dollars, rounded down."""
        return usd_e6 * self.unit // self.price_e6

    @property
    def shown_mint(self) -> bytes | None:
        return self.mint if self.is_known else None

    def shown(self, amount: int) -> Decimal | None:
        """Smallest units as rows show them."""
        return decimal(amount, self.decimals) if self.is_known else None

    def charge(self, fee: int) -> None:
        """A fee, in smallest units, that stays in the custody."""
        self.reserve += fee * PROTOCOL_SHARE_BPS // BPS
        self.trade_fees += fee


class Pool:
    """All custodies, the supply of JLP, and the positions against them."""

    def __init__(self, rng: Random, reference: Reference, volatility: float) -> None:
        self.custodies = tuple(_custodies(rng, reference, volatility))
        self.unlisted = _unlisted(rng, volatility)  # A custody that was added after the reference was made.
        self.markets = tuple(custody for custody in self.custodies if not custody.is_stable)
        self.stables = tuple(custody for custody in self.custodies if custody.is_stable)
        self.supply = JLP_START
        self.positions: dict[bytes, Position] = {}  # Open ones, by key.

    def step(self) -> None:
        """One slot later."""
        for custody in (*self.custodies, self.unlisted):
            custody.walk.step()
            custody.rate_e9 += RATE_STEP_E9

    def value_e6(self) -> int:
        """Assets under management, micro-dollars."""
        listed = (*self.custodies, self.unlisted)
        owned = sum(custody.usd(custody.held + custody.lent - custody.reserve) for custody in listed)
        return owned - sum(position.equity_e6() for position in self.positions.values())


def _custodies(rng: Random, reference: Reference, volatility: float) -> Iterable[Custody]:
    rows = {market.symbol: market for market in reference.markets.values() if market.protocol == NAME}
    for symbol, (price_e6, held) in START.items():
        market, is_stable = rows[symbol], rows[symbol].market_kind == "custody"
        decimals = reference.decimals(market.mint)
        assert market.mint is not None, f"{symbol}: the reference has no token for it"
        assert decimals is not None, f"{symbol}: the reference has no decimals for it"
        yield Custody(
            symbol=symbol,
            key=key(market.market_key),
            address=market.market_key,
            mint=market.mint,
            decimals=decimals,
            unit=10**decimals,
            is_known=True,
            is_stable=is_stable,
            walk=Walk(rng, price_e6, volatility / 100 if is_stable else volatility),
            held=held * 10**decimals,
        )


def _unlisted(rng: Random, volatility: float) -> Custody:
    return Custody(
        symbol="",
        key=fixed_key("new custody"),
        address=str(Pubkey(fixed_key("new custody"))),
        mint=fixed_key("new token"),
        decimals=6,
        unit=10**6,
        is_known=False,
        is_stable=True,
        walk=Walk(rng, 1_000_000, volatility / 100),
        held=2_000_000 * 10**6,
    )
