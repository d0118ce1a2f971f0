"""GLV: a token over several markets' tokens. What it is worth, and the pricing of its deposits and withdrawals.

A GLV row is internal: the tokens it stands for are counted where they lie, in the markets.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from indexer.core.record import LpFlow, PriceObservation, Record, TvlObservation
from indexer.simulation.figures import decimal, ratio
from indexer.simulation.gmx.assets import USD
from indexer.simulation.gmx.market import GM_UNIT, CannotBePaid, Market
from indexer.simulation.gmx.operation import Operation, event, micro
from indexer.simulation.script import NOWHERE, Emit


class Glv(msgspec.Struct, eq=False):
    """`balances`: market tokens that it holds, by market; it holds them for `supply` GLV."""

    token: bytes
    address: str
    account: bytes  # The GLV's own account: it asks for shifts.
    markets: list[Market]
    balances: dict[bytes, int]
    supply: int = 0

    def saved(self) -> dict[str, Any]:
        return {"balances": dict(self.balances), "supply": self.supply}

    def restore(self, saved: dict[str, Any]) -> None:
        self.balances, self.supply = saved["balances"], saved["supply"]

    def value(self, *, maximized: bool) -> int:
        """USD of 20 decimals."""
        return sum(worth(market, self.balances[market.token], maximized=maximized) for market in self.markets)


def worth(market: Market, amount: int, *, maximized: bool) -> int:
    """Of an amount of market tokens, USD of 20 decimals."""
    return market.value(maximized=maximized) * amount // market.supply if market.supply else 0


def glv_deposited(operation: Operation, glv: Glv, market: Market, amount: int) -> int:
    """Market tokens for GLV; returns how many of these."""
    value, supply, received = glv.value(maximized=True), glv.supply, worth(market, amount, maximized=False)
    minted = received * supply // value if value > 0 else 0
    if minted <= 0:
        raise CannotBePaid
    _pricing(operation, glv, market, "Deposit", (value, supply), (amount, received, minted))
    glv.balances[market.token] += amount
    glv.supply += minted
    return minted


def glv_withdrawn(operation: Operation, glv: Glv, market: Market, burned: int) -> int:
    """GLV for market tokens; returns how many of these. They are burned next."""
    value, supply = glv.value(maximized=False), glv.supply
    given = value * burned // supply
    whole = market.value(maximized=True)
    amount = given * market.supply // whole if whole > 0 else 0
    if not 0 < amount <= glv.balances[market.token]:
        raise CannotBePaid
    _pricing(operation, glv, market, "Withdrawal", (value, supply), (burned, given, amount))
    glv.balances[market.token] -= amount
    glv.supply -= burned
    return amount


def _pricing(
    operation: Operation,
    glv: Glv,
    market: Market,
    kind: Literal["Deposit", "Withdrawal"],
    whole: tuple[int, int],
    moved: tuple[int, int, int],
) -> None:
    """`whole`: value and supply before. `moved`: what goes in, what it is worth, what comes out."""
    (value, supply), (amount_in, value_in, amount_out) = whole, moved
    is_deposit = kind == "Deposit"
    values = {
        "glv_token": glv.token,
        "market_token": market.token,
        "supply": supply,
        "is_value_maximized": is_deposit,
        "value": value,
        "input_amount": amount_in,
        "input_value": value_in,
        "output_amount": amount_out,
        "kind": kind,
    }
    gm, shares = (amount_in, amount_out) if is_deposit else (amount_out, amount_in)
    flow = LpFlow(
        origin=NOWHERE,
        venue="glv",
        venue_key=glv.address,
        flow="deposit" if is_deposit else "withdraw",
        provider=operation.told.owner,
        mint=market.token,
        amount=decimal(gm, 9),
        value_usd_e6=micro(value_in),
        lp_mint=glv.token,
        lp_amount=decimal(shares, 9),
        lp_price_usd=ratio(value * GM_UNIT, supply * USD),
        action_key=operation.told.action,
        internal=True,
    )
    operation.emit("GlvPricing", values, [flow, *_value_rows(glv, value, supply)])


def _value_rows(glv: Glv, value: int, supply: int) -> list[Record]:
    total = TvlObservation(
        origin=NOWHERE, component="glv", component_key=glv.address, value_usd_e6=micro(value), value_origin="event"
    )
    return [total, token_price(glv.token, value, supply)]


def token_price(mint: bytes, value: int, supply: int) -> Record:
    """USD of one market token or GLV."""
    price = ratio(value * GM_UNIT, supply * USD)
    return PriceObservation(origin=NOWHERE, mint=mint, price_usd=price, value_origin="event")


# --- asked for by other programs -----------------------------------------------------------------------------------


def glv_token_value(glv: Glv, amount: int) -> Emit:
    value = glv.value(maximized=True)
    values = {
        "glv_token": glv.token,
        "supply": glv.supply,
        "is_value_maximized": True,
        "glv_value": value,
        "amount": amount,
        "value": value * amount // glv.supply,
    }
    return event("GlvTokenValue", values, _value_rows(glv, value, glv.supply))


def market_token_value(market: Market, amount: int) -> Emit:
    value = market.value(maximized=False)
    values = {
        "market_token": market.token,
        "supply": market.supply,
        "is_value_maximized": False,
        "pool_value": value,
        "amount": amount,
        "value": max(0, value * amount // market.supply),
    }
    rows = [token_price(market.token, value, market.supply)] if value > 0 else []
    return event("MarketTokenValue", values, rows)
