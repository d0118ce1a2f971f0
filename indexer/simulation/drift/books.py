"""Drift's books: markets with their prices, counters and balances, and the accounts of their users.

Counters start at 1 and have no holes, as the program's own have. A spot market keeps scaled balances and cumulative
interest; what they are worth in tokens is rounded down for deposits and up for borrows.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random

import msgspec

from indexer.core.reference import Market, Reference
from indexer.simulation.figures import ceil_div, decimal, rounded
from indexer.simulation.prices import Walk

BASE, QUOTE = 9, 6  # Decimals of perp amounts and of dollars.
INTEREST = 10**10  # A cumulative interest of 1.
BALANCE_AND_INTEREST = 19  # Decimals of a scaled balance times its interest.
UNKNOWN_SPOT, UNKNOWN_PERP = 900, 901  # Markets that the reference does not know.
# What a whole token costs in micro-dollars; others are drawn. What other exchanges trade too costs there the same: a
# token is worth what anybody's price says, and a hundred million dollars at a wrong one are trillions.
PRICES = {"SOL": 150_000_000, "BTC": 95_000_000_000, "ETH": 2_600_000_000, "BNB": 600_000_000}
PRICES |= dict.fromkeys(("wBTC", "cbBTC", "zBTC", "LBTC"), PRICES["BTC"]) | {"wETH": PRICES["ETH"]}
PRICES |= dict.fromkeys(("mSOL", "jitoSOL", "bSOL", "INF", "dSOL", "BNSOL", "dfdvSOL"), 180_000_000)
PRICES |= {"WIF": 600_000, "PYTH": 150_000, "JLP": 4_200_000, "BONK": 20}
STABLES = frozenset({"USDC", "USDT", "PYUSD", "USDS", "USDe", "AUSD", "USDC-1", "USDC-4", "USDT-4", "USDY"})
NORMAL = tuple(range(8))
EXTRA = 4  # Of the other markets, drawn.


class Perp(msgspec.Struct, eq=False):
    index: int
    walk: Walk
    fills: int = 0
    fundings: int = 0
    curves: int = 0
    funding_long: int = 0  # Cumulative.
    funding_short: int = 0

    @property
    def key(self) -> str:
        return f"perp:{self.index}"

    @property
    def price_e6(self) -> int:
        return self.walk.price

    @property
    def unit(self) -> int:
        """Smallest units in one whole token."""
        return int(10**BASE)

    def next_fill(self) -> int:
        self.fills += 1
        return self.fills


class Insurance(msgspec.Struct, eq=False):
    """The insurance vault of one spot market: tokens in smallest units, and shares."""

    amount: int
    shares: int


class Spot(msgspec.Struct, eq=False):
    index: int
    decimals: int
    mint: bytes | None  # None: the reference does not know the market, so that no row can have its tokens.
    walk: Walk
    deposit_balance: int
    borrow_balance: int
    insurance: Insurance
    deposit_interest: int = INTEREST
    borrow_interest: int = INTEREST
    deposits: int = 0  # Records.
    fills: int = 0

    @property
    def key(self) -> str:
        return f"spot:{self.index}"

    @property
    def price_e6(self) -> int:
        return self.walk.price

    @property
    def unit(self) -> int:
        """Smallest units in one whole token."""
        return int(10**self.decimals)

    @property
    def is_known(self) -> bool:
        return self.mint is not None

    def next_fill(self) -> int:
        self.fills += 1
        return self.fills

    def next_deposit(self) -> int:
        self.deposits += 1
        return self.deposits

    # --- as rows tell it ---

    def tokens(self, raw: int) -> Decimal | None:
        return decimal(raw, self.decimals) if self.is_known else None

    def usd_e6(self, raw: int, price_e6: int | None = None) -> int | None:
        price = self.price_e6 if price_e6 is None else price_e6
        return rounded(raw * price, self.unit) if self.is_known else None

    # --- the lending pool ---

    def lent(self) -> int:
        return self.deposit_balance * self.deposit_interest // self._scale()

    def owed(self) -> int:
        return ceil_div(self.borrow_balance * self.borrow_interest, self._scale())

    def _scale(self) -> int:
        """Of a scaled balance times its interest, over smallest units."""
        return int(10 ** (BALANCE_AND_INTEREST - self.decimals))

    def accrue(self) -> None:
        """Interest of one slot."""
        self.borrow_interest += self.borrow_interest // 5_000_000_000 + 1
        self.deposit_interest += self.deposit_interest // 10_000_000_000 + 1

    def change(self, deposited: int, borrowed: int) -> None:
        """Add raw amounts to what is lent and owed; negative ones are taken out."""
        scale = self._scale()
        self.deposit_balance = max(0, self.deposit_balance + deposited * scale // self.deposit_interest)
        self.borrow_balance = max(0, self.borrow_balance + borrowed * scale // self.borrow_interest)


Traded = Perp | Spot


class User(msgspec.Struct, eq=False):
    """An authority's account. `spots`: the few that it mostly uses; `balances`: signed raw amounts by spot market."""

    authority: bytes
    account: bytes
    spots: list[Spot] = []
    orders: int = 0
    liquidations: int = 0
    balances: dict[int, int] = {}

    def next_order(self) -> int:
        self.orders += 1
        return self.orders

    def move(self, spot: Spot, amount: int) -> int:
        """Put in (+) or take out (-). The signed balance afterwards; the market's books follow."""
        before = self.balances.get(spot.index, 0)
        after = before + amount
        self.balances[spot.index] = after
        spot.change(max(after, 0) - max(before, 0), max(-after, 0) - max(-before, 0))
        return after


class Books:
    def __init__(self, rng: Random, reference: Reference, users: int, volatility: float, pool_times: int = 1) -> None:
        known = [market for market in reference.markets.values() if market.protocol == "drift"]
        perps = {_index(market): market for market in known if market.market_kind == "perp"}
        spots = {_index(market): market for market in known if market.market_kind == "spot"}
        self.perps = [
            Perp(index, _walk(rng, perps.get(index), volatility)) for index in _drawn(rng, perps, UNKNOWN_PERP)
        ]
        self.spots = [
            _spot(rng, reference, index, spots.get(index), volatility, pool_times)
            for index in _drawn(rng, spots, UNKNOWN_SPOT)
        ]
        self.users = [User(rng.randbytes(32), rng.randbytes(32), rng.sample(self.spots, 2)) for _ in range(users)]

    @property
    def quote(self) -> Spot:
        """USDC, the market that all notionals are in."""
        return self.spots[0]

    def step(self) -> None:
        """One slot later."""
        for perp in self.perps:
            perp.walk.step()
        for spot in self.spots:
            spot.walk.step()
            spot.accrue()


def _index(market: Market) -> int:
    return int(market.market_key.partition(":")[2])


def _drawn(rng: Random, known: dict[int, Market], unknown: int) -> Iterator[int]:
    yield from NORMAL
    yield from sorted(rng.sample(sorted(known.keys() - set(NORMAL)), EXTRA))
    yield unknown


def _walk(rng: Random, market: Market | None, volatility: float) -> Walk:
    symbol = market.symbol if market is not None else "?"
    if symbol in STABLES:
        return Walk(rng, 1_000_000, volatility / 100)
    name = market.base_asset if market is not None and market.base_asset is not None else symbol
    return Walk(rng, PRICES.get(name) or round(10 ** rng.uniform(4, 7.5)), volatility)


def _spot(
    rng: Random, reference: Reference, index: int, market: Market | None, volatility: float, pool_times: int
) -> Spot:
    walk = _walk(rng, market, volatility)
    decimals = (reference.decimals(market.mint) if market is not None else None) or 6
    lent = pool_times * round(10 ** rng.uniform(12, 14)) * 10**decimals // walk.price  # A million dollars and more.
    scale = 10 ** (BALANCE_AND_INTEREST - decimals) // INTEREST
    return Spot(
        index=index,
        decimals=decimals,
        mint=market.mint if market is not None else None,
        walk=walk,
        deposit_balance=lent * scale,
        borrow_balance=lent * scale * rng.randint(1, 8) // 10,
        insurance=Insurance(lent // 100 + 1, lent // 100 + 1),
    )
