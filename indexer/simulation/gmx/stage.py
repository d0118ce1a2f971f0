"""What all actors of GMX-Solana share: markets, GLV, GT, chance, the clock, and how a transaction is put together."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

import msgspec
from solders.pubkey import Pubkey

from indexer.core.reference import Reference
from indexer.simulation.gmx import market as books
from indexer.simulation.gmx.assets import USD, USDC, Asset, Assets
from indexer.simulation.gmx.glv import Glv
from indexer.simulation.gmx.gt import Gt
from indexer.simulation.gmx.market import FREE, GM_DOLLAR, WILD, Charges, Market, Temper
from indexer.simulation.gmx.operation import IDL, Operation, Told
from indexer.simulation.gmx.positions import Position
from indexer.simulation.gmx.requests import Request
from indexer.simulation.gmx.swaps import Route
from indexer.simulation.instructions import Instructions, behind, fixed_key, key
from indexer.simulation.script import Emit, Invoke, Script, Text

NAME = "gmx_solana"
STORE = key("CTDLvGGXnoxvqLyTpGzdGLg9pD6JexKxKXSV8tqqo8bN")
EVENT_AUTHORITY = key("8a4wJ2bMiH6XWDZ7biTnejkss8VG7GMwd9Mg6F5fDfHF")
MAX_DEPTH = 3  # Programs above ours.
# Symbol, index, long and short token, dollars in the pool at first. None of the reference's markets is called XAU.
MARKETS: tuple[tuple[str, str, str, str, int], ...] = (
    ("SOL/USD[WSOL-USDC]", "SOL", "WSOL", USDC, 1_200_000),
    ("SOL/USD[USDC-USDC]", "SOL", USDC, USDC, 400_000),
    ("BTC/USD[WBTC-USDC]", "BTC", "WBTC", USDC, 900_000),
    ("BTC/USD[USDC-USDC]", "BTC", USDC, USDC, 300_000),
    ("BNB/USD[WSOL-USDC]", "BNB", "WSOL", USDC, 250_000),
    ("AAVE/USD[WSOL-USDC]", "AAVE", "WSOL", USDC, 150_000),
    ("WIF/USD[WIF-USDC]", "WIF", "WIF", USDC, 120_000),
    ("BOME/USD[BOME-USDC]", "BOME", "BOME", USDC, 80_000),  # In USDC alone.
    ("XAU/USD[WSOL-USDC]", "XAU", "WSOL", USDC, 200_000),
    ("GMX/USD[WSOL-USDC]", "GMX", "WSOL", USDC, 0),  # Its first deposit is still to come.
)
_Choice = TypeVar("_Choice")


class GmxRates(msgspec.Struct, frozen=True, kw_only=True):
    """How often what happens, as weights beside each other; and the shape of it all."""

    order: float = 30  # Orders that are created; they wait for a keeper.
    liquidity: float = 9  # Deposits, withdrawals and shifts of market tokens, likewise.
    glv: float = 6
    keeper: float = 50  # Executions of what waits.
    update: float = 3  # Orders that are changed.
    cancel: float = 2
    gt: float = 2
    value: float = 3  # Token values that other programs ask for.
    upkeep: float = 4  # Fee states, claims, builder fees: no rows.
    deleverage: float = 1
    rebalance: float = 1
    foreign: float = 0.03  # Share of transactions on markets of another Store: no rows.
    ghost: float = 0.08  # Share of executions that fail after they emitted.
    closes_at_once: float = 0.6  # Share of requests removed in the transaction that executes them.
    older: float = 0.2  # Share of executions by instructions of earlier programs.
    unknown: float = 0.01  # Share of orders executed by an instruction that no IDL of ours has.
    nested: float = 0.15  # Share of calls through other programs.
    is_free: bool = False  # Without fees and impact: what flows is exactly what moves the pools.
    traders: int = 60
    pool_times: int = 1  # How many times the usual amounts: of what lies in the pools at first,
    trade_times: int = 1  # of traders' collateral and swaps,
    flow_times: int = 1  # of liquidity.
    leverage: int = 80
    volatility: float = 0.001  # Standard deviation of a price's step, a fraction.
    step_s: int = 0  # Between two steps of the prices; 0: each block is one.


class Stage:
    """One for all actors of one Store. `slot` and `time` are those of the block that is being made."""

    def __init__(self, rng: Random, rates: GmxRates, reference: Reference, store: bytes) -> None:
        self.rng, self.rates, self.store = rng, rates, store
        self.slot = self.time = 0
        self.assets = Assets(rng, reference, rates.volatility)
        self.instructions = Instructions(IDL, {"store": store, "event_authority": EVENT_AUTHORITY})
        self.markets = [self._market(reference, *row) for row in MARKETS]
        self.glvs = [self._glv("WSOL-USDC", self.markets[0], self.markets[4]), self._glv("USDC", self.markets[1])]
        self.gt = Gt()
        self.positions: dict[bytes, Position] = {}  # Open ones, by key.
        self.waiting: list[Request] = []
        self.owners = [rng.randbytes(32) for _ in range(rates.traders)]
        self.requests = 0
        self.keeper = fixed_key("gmx keeper")

    def _market(self, reference: Reference, symbol: str, index: str, long: str, short: str, dollars: int) -> Market:
        rows = {market.symbol: market for market in reference.markets.values() if market.protocol == NAME}
        row = rows.get(symbol) if self.store == STORE else None
        token = key(row.market_key) if row else fixed_key(f"{symbol} of {self.store.hex()}")
        market = Market(
            token=token,
            address=row.market_key if row else str(Pubkey(token)),
            index=self.assets[index],
            long=self.assets[long],
            short=self.assets[short],
            is_known=row is not None,
            index_decimals=row.base_decimals if row else None,
            is_gt_enabled=self.rng.random() < 0.8,
            charges=FREE if self.rates.is_free else Charges(),
            temper=WILD if index == "XAU" else Temper(),
        )
        self._fill(market, dollars * self.rates.pool_times, (False,) if index == "BOME" else (True, False))
        return market

    def _fill(self, market: Market, dollars: int, sides: tuple[bool, ...]) -> None:
        """What earlier deposits left."""
        for is_long in sides:
            amount = dollars * USD // len(sides) // market.price(is_long).min
            market.add(books.PRIMARY, is_long, amount)
            market.add(books.SWAP_IMPACT, is_long, amount // 500)
            market.transfer(is_long, amount + amount // 500)
        market.add(books.POSITION_IMPACT, True, dollars * USD // 500 // market.index.price.max)
        market.supply = dollars * USD // GM_DOLLAR

    def _glv(self, name: str, *markets: Market) -> Glv:
        token = fixed_key(f"GLV {name} of {self.store.hex()}")
        balances = {market.token: market.supply // 4 for market in markets}
        glv = Glv(token, str(Pubkey(token)), fixed_key(f"GLV account {name}"), list(markets), balances)
        glv.supply = glv.value(maximized=False) // GM_DOLLAR
        return glv

    # --- chance ---

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def choice(self, of: Sequence[_Choice]) -> _Choice:
        return of[self.rng.randrange(len(of))]

    def dollars(self, median: int, spread: float = 1.2) -> int:
        """As people's amounts lie: many around the median, a few very large. USD of 20 decimals."""
        return max(1, round(median * self.rng.lognormvariate(0, spread) * 10**6)) * 10**14

    def leverage(self) -> int:
        """In tenths: mostly small, at most what the rates say."""
        return min(10 * self.rates.leverage, 11 + round(self.rng.expovariate(0.6 / self.rates.leverage)))

    def tokens(self, asset: Asset, median: int) -> int:
        return self.dollars(median) // asset.price.max + 1

    def route(self, token: Asset, hops: int) -> Route | None:
        """A way through markets with two tokens, each at most once. None: there is none."""
        on, markets = token, []
        for _ in range(hops):
            ways = [m for m in self.markets if not m.is_pure and on in (m.long, m.short) and m not in markets]
            if not ways:
                return None
            markets.append(self.choice(ways))
            on = markets[-1].asset(on is not markets[-1].long)
        return Route(token, tuple(markets), tuple(self.impact(-6, 3) for _ in markets))

    def impact(self, least: int, most: int) -> int:
        """In ten-thousandths of a value; positive in the favour of who trades."""
        return 0 if self.rates.is_free else self.rng.randint(least, most)

    def new_request_id(self) -> int:
        self.requests += 1
        return self.requests

    # --- transactions ---

    def operation(self, told: Told, order: bytes) -> Operation:
        return Operation(told, order, self.store, self.slot, self.time)

    def invoke(self, name: str, *inside: Emit | Text | Invoke, **accounts: bytes) -> Invoke:
        return self.instructions.invoke(name, *inside, **accounts)

    def script(self, *calls: Invoke) -> Script:
        """With their many accounts, nearly all are versioned; some calls come through other programs."""
        depth = 1 + self.rng.randrange(MAX_DEPTH) if self.chance(self.rates.nested) else 0
        reached = tuple(behind(self.rng, call, depth) for call in calls) if depth else calls
        return Script(reached, is_v0=not self.chance(0.02))
