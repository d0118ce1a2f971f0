"""One execution: the markets it touches, the events it emits, and the commit that makes them true.

Every market that it touches gets a revision. If it succeeds, a MarketStateUpdated for each of them comes after its
other events; if it fails, nothing is stored, and what was emitted already is a ghost: the same bytes, and no row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, Protocol

import msgspec

from indexer.core.record import OpenInterest, PositionSide, PriceObservation, Record, TvlObservation
from indexer.simulation.figures import decimal, rounded
from indexer.simulation.gmx import market as books
from indexer.simulation.gmx.assets import Price
from indexer.simulation.gmx.market import Market
from indexer.simulation.packing import pack
from indexer.simulation.script import NOWHERE, Emit

IDL = "gmsol_store.json"
MICRO = 10**14  # A micro-dollar in USD of 20 decimals.
Purpose = Literal["swap", "position", "lp"]


class Restorable(Protocol):
    def saved(self) -> dict[str, Any]: ...
    def restore(self, saved: dict[str, Any]) -> None: ...


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the transaction tells of who asked, and why: the accounts of the instruction, and what is beside it."""

    owner: bytes | None
    action: bytes | None  # The order, deposit, ... that is executed.
    purpose: Purpose | None = "swap"  # Of swaps in it.
    is_shift: bool = False
    is_liquidation: bool | None = False
    is_adl: bool | None = False


class Operation:
    """`order`: what it carries out. `slot` and `time`: of the block. `store`: whose markets these are."""

    def __init__(self, told: Told, order: bytes, store: bytes, slot: int, time: int) -> None:
        self.told, self.order, self.store, self.slot, self.time = told, order, store, slot, time
        self.emits: list[Emit] = []
        self._markets: dict[bytes, Market] = {}
        self._undo: list[Callable[[], None]] = []
        self._priced: set[bytes] = set()

    def touch(self, market: Market) -> None:
        """Begin on a market, once."""
        if market.token not in self._markets:
            self._markets[market.token] = market
            self._undo.append(partial(market.restore, market.saved()))
            market.begin()

    def take(self, changed: Restorable) -> None:
        """Something else that it changes."""
        self._undo.append(partial(changed.restore, changed.saved()))

    def emit(self, name: str, values: Mapping[str, Any], rows: Sequence[Record] = ()) -> None:
        self.emits.append(event(name, values, rows))

    def emit_priced(self, name: str, market: Market, values: Mapping[str, Any], rows: Sequence[Record]) -> None:
        """An event of a market that carries its revision and prices; they are rows too."""
        self._priced.add(market.token)
        self.emit(name, {"rev": market.rev, "market_token": market.token, **values}, (*rows, *price_rows(market)))

    def emit_report(self, name: str, market: Market, report: Mapping[str, Any]) -> None:
        """What a TradeEvent will tell again, with its prices: no row."""
        self._priced.add(market.token)
        self.emit(name, {"rev": market.rev, "market_token": market.token, "report": report})

    def check_vaults(self) -> None:
        """Raises CannotBePaid."""
        for market in self._markets.values():
            market.check_vault()

    def commit(self) -> None:
        for market in self._markets.values():
            primary = books.PRIMARY in market.dirty
            assert not primary or market.token in self._priced, f"{market.address} changes without a price told"
            self.emits.append(state_updated(market, self.time))

    def fail(self) -> None:
        """Nothing happened; what was told already stays told, and is not true."""
        for undo in self._undo:
            undo()
        self.emits = [msgspec.structs.replace(emit, rows=()) for emit in self.emits]


def event(name: str, values: Mapping[str, Any], rows: Sequence[Record] = ()) -> Emit:
    return Emit(pack(IDL, name, **values), name, "cpi", rows=tuple(rows))


def transferred(market: Market, is_long: bool, amount: int, time: int) -> Emit:
    """Tokens into a market's vault (+) or out of it (-): an operation of its own, with no pool in it."""
    market.begin()
    market.transfer(is_long, amount)
    return state_updated(market, time)


# --- MarketStateUpdated --------------------------------------------------------------------------------------------


def state_updated(market: Market, time: int) -> Emit:
    """Absolute values of what the operation touched."""
    kinds = sorted(market.dirty)
    values: dict[str, Any] = {
        "rev": market.rev,
        "market_token": market.token,
        "pool_kinds": kinds,
        "pools": [_pool(market, kind) for kind in kinds],
    }
    if books.BORROWING_FACTOR in market.dirty:
        clocks = {"rev": market.rev, "price_impact_distribution": time, "borrowing": time, "funding": time}
        values["clocks"] = [clocks]
    if market.is_other_dirty:
        values["other"] = [_other(market)]
    return event("MarketStateUpdated", values, _state_rows(market))


def _pool(market: Market, kind: int) -> dict[str, int]:
    long, short = market.pools[kind]
    is_pure = market.is_pure and kind not in books.NEVER_PURE
    return {"is_pure": int(is_pure), "long_token_amount": long, "short_token_amount": short}


def _other(market: Market) -> dict[str, int]:
    return {
        "rev": market.rev,
        "trade_count": market.trades,
        "long_token_balance": market.balance[0],
        "short_token_balance": market.balance[1],
        "funding_factor_per_second": market.funding_factor,
    }


def _state_rows(market: Market) -> list[Record]:
    rows: list[Record] = []
    if books.PRIMARY in market.dirty:
        rows += [_held(market, is_long) for is_long in ((True,) if market.is_pure else (True, False))]
    sides = [is_long for is_long in (True, False) if books.open_interest(is_long) in market.dirty]
    rows += [_interest(market, is_long, part) for part, is_long in enumerate(sides)]
    return rows


def _held(market: Market, is_long: bool) -> Record:
    asset, raw = market.asset(is_long), market.amount(books.PRIMARY, is_long)
    return TvlObservation(
        origin=NOWHERE,
        part=0 if is_long else 1,
        component="pool",
        component_key=market.address,
        mint=asset.mint if market.is_known else None,
        amount=asset.amount(raw) if market.is_known else None,
        value_usd_e6=mid_micro(asset.price, raw),
        value_origin="event",
    )


def _interest(market: Market, is_long: bool, part: int) -> Record:
    side: PositionSide = "long" if is_long else "short"
    tokens = sum(market.pools[books.open_interest_tokens(is_long)])
    decimals = market.index_decimals
    return OpenInterest(
        origin=NOWHERE,
        part=part,
        market_key=market.address,
        side=side,
        value_usd_e6=micro(market.interest(is_long)),
        size_base=None if decimals is None else decimal(tokens, decimals),
    )


# --- prices --------------------------------------------------------------------------------------------------------


def price_rows(market: Market) -> list[Record]:
    """Mid prices: of the index, of the long and of the short token, as far as decimals are known."""
    if not market.is_known:
        return []
    told: list[tuple[str | None, bytes | None, Price, int | None]] = [
        (market.address, None, market.index.price, market.index_decimals)
    ]
    tokens = (market.long,) if market.is_pure else (market.long, market.short)
    told += [(None, asset.mint, asset.price, asset.known_decimals) for asset in tokens]
    known = [(address, mint, price, decimals) for address, mint, price, decimals in told if decimals is not None]
    return [
        PriceObservation(
            origin=NOWHERE,
            part=part,
            market_key=address,
            mint=mint,
            price_usd=decimal((price.min + price.max) * 5, 21 - decimals),
            value_origin="event",
        )
        for part, (address, mint, price, decimals) in enumerate(known)
    ]


def micro(usd: int) -> int:
    """Micro-dollars of USD with 20 decimals, half to even."""
    return rounded(usd, MICRO)


def mid_micro(price: Price, amount: int) -> int:
    """Micro-dollars of an amount in the middle of its prices."""
    return rounded(price.mid_usd(amount), MICRO * 10)
