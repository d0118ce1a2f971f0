"""Market tokens minted and burned: deposits and withdrawals of one or two tokens, and the rows of each.

A row for each token with an amount, the market tokens on the first. Deposits are before fees, withdrawals after. What
the market tokens were taken to be worth is what they were minted for or burned for.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from indexer.core.record import LpFlow, Record
from indexer.simulation.figures import ceil_div, decimal, ratio
from indexer.simulation.gmx import market as books
from indexer.simulation.gmx.assets import USD
from indexer.simulation.gmx.market import GM_DOLLAR, GM_UNIT, CannotBePaid, Market
from indexer.simulation.gmx.operation import Operation, mid_micro
from indexer.simulation.gmx.swaps import PARTS, fees
from indexer.simulation.script import NOWHERE


class Leg(msgspec.Struct, frozen=True):
    """One token of a flow: what its owner gave or got, and the fee (for the receiver, for the pool)."""

    amount: int
    fees: tuple[int, int]


NOTHING = Leg(0, (0, 0))


def deposited(operation: Operation, market: Market, amounts: tuple[int, int], impact_parts: int, fee_parts: int) -> int:
    """Long and short tokens for market tokens; returns how many. The vault has the tokens already."""
    before, supply = market.value(maximized=True), market.supply
    if supply and before <= 0:
        raise CannotBePaid
    worth = impact = 0
    legs = []
    for is_long, amount in zip((True, False), amounts, strict=True):
        leg, value, moved = _take(market, is_long, amount, impact_parts if supply else 0, fee_parts)
        legs.append(leg)
        worth, impact = worth + value, impact + moved
    minted = worth * supply // before if supply else worth // GM_DOLLAR
    if minted <= 0:
        raise CannotBePaid
    market.supply += minted
    prices = market.prices()
    report = {
        "params": {"long_token_amount": amounts[0], "short_token_amount": amounts[1], "prices": prices},
        "minted": minted,
        "price_impact": impact,
        "fees": [_fees(leg) for leg in legs],
    }
    operation.emit_priced("DepositExecuted", market, {"report": report}, _rows(operation, market, legs, minted, worth))
    return minted


def _take(market: Market, is_long: bool, amount: int, impact_parts: int, fee_parts: int) -> tuple[Leg, int, int]:
    """(leg, what it counts for, of that the price impact), USD. Impact is paid into or out of the pool for it."""
    if not amount:
        return NOTHING, 0, 0
    receiver, pool = fees(amount, fee_parts)
    net, price = amount - receiver - pool, market.price(is_long).min
    market.add(books.CLAIMABLE_FEE, is_long, receiver)
    if impact_parts < 0:
        paid = min(net, ceil_div(net * -impact_parts, PARTS))
        market.add(books.SWAP_IMPACT, is_long, paid)
        market.add(books.PRIMARY, is_long, net - paid + pool)
        return Leg(amount, (receiver, pool)), (net - paid) * price, -paid * price
    other = market.price(not is_long).max
    bonus = min(net * price * impact_parts // PARTS // other, market.amount(books.SWAP_IMPACT, not is_long))
    market.add(books.SWAP_IMPACT, not is_long, -bonus)
    market.add(books.PRIMARY, not is_long, bonus)
    market.add(books.PRIMARY, is_long, net + pool)
    return Leg(amount, (receiver, pool)), net * price + bonus * other, bonus * other


def withdrawn(operation: Operation, market: Market, burned: int) -> tuple[int, int]:
    """Market tokens for long and short tokens; returns these. They still lie in the vault."""
    value = market.value(maximized=False) * burned // market.supply
    total = market.side_value(True) + market.side_value(False)
    if value <= 0 or value > total // 2:
        raise CannotBePaid
    legs, worth = [], 0
    for is_long in (True, False):
        gross = value * market.side_value(is_long) // total // market.price(is_long).max
        receiver, pool = fees(gross, market.charges.withdrawal)
        market.add(books.CLAIMABLE_FEE, is_long, receiver)
        market.add(books.PRIMARY, is_long, pool - gross)
        legs.append(Leg(gross - receiver - pool, (receiver, pool)))
        worth += gross * market.price(is_long).max
    if not worth:
        raise CannotBePaid
    market.supply -= burned
    report = {
        "params": {"market_token_amount": burned, "prices": market.prices()},
        "long_token_fees": _fees(legs[0]),
        "short_token_fees": _fees(legs[1]),
        "long_token_output": legs[0].amount,
        "short_token_output": legs[1].amount,
    }
    rows = _rows(operation, market, legs, burned, worth, "withdraw")
    operation.emit_priced("WithdrawalExecuted", market, {"report": report}, rows)
    return legs[0].amount, legs[1].amount


def _fees(leg: Leg) -> dict[str, int]:
    return {"fee_amount_for_receiver": leg.fees[0], "fee_amount_for_pool": leg.fees[1]}


def _rows(
    operation: Operation,
    market: Market,
    legs: list[Leg],
    market_tokens: int,
    worth: int,
    flow: Literal["deposit", "withdraw"] = "deposit",
) -> list[Record]:
    moved = [(market.asset(is_long), leg) for is_long, leg in zip((True, False), legs, strict=True) if leg.amount]
    return [
        LpFlow(
            origin=NOWHERE,
            part=part,
            venue="gm",
            venue_key=market.address,
            flow=flow,
            provider=operation.told.owner,
            mint=asset.mint if market.is_known else None,
            amount=asset.amount(leg.amount) if market.is_known else None,
            value_usd_e6=mid_micro(asset.price, leg.amount),
            lp_mint=market.token,
            lp_amount=decimal(market_tokens, 9) if part == 0 else None,
            lp_price_usd=ratio(worth * GM_UNIT, market_tokens * USD),
            fee_usd_e6=mid_micro(asset.price, sum(leg.fees)),
            action_key=operation.told.action,
            internal=operation.told.is_shift,
        )
        for part, (asset, leg) in enumerate(moved)
    ]
