"""Swaps in a market's pool: one hop, a route through several markets, and the row of each hop."""

from __future__ import annotations

import msgspec

from indexer.core.record import Swap
from indexer.simulation.figures import ceil_div
from indexer.simulation.gmx import market as books
from indexer.simulation.gmx.assets import Asset
from indexer.simulation.gmx.market import CannotBePaid, Market
from indexer.simulation.gmx.operation import Operation, Purpose, micro
from indexer.simulation.script import NOWHERE

PARTS = 10_000
RECEIVER_PERCENT = 37  # A receiver's share of any fee.


def fees(amount: int, parts: int) -> tuple[int, int]:
    """(for the receiver, for the pool) of an amount charged in ten-thousandths."""
    fee = amount * parts // PARTS
    receiver = fee * RECEIVER_PERCENT // 100
    return receiver, fee - receiver


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One swap as it was meant; amounts in smallest units."""

    market: Market
    is_in_long: bool
    amount_in: int
    amount_out: int
    fees: tuple[int, int]
    impact_value: int  # USD; positive in the swapper's favour.
    impact_amount: int
    number: int  # In its route, from 0.
    ty: int | None  # Of a position's own swap between its profit and its collateral.


def swapped(
    operation: Operation,
    market: Market,
    is_in_long: bool,
    amount: int,
    impact_parts: int,
    number: int = 0,
    ty: int | None = None,
) -> int:
    """One hop; returns what comes out. Moves the pools, not the vault. Raises CannotBePaid.

    `impact_parts`: in ten-thousandths of the value, positive in the swapper's favour.
    """
    receiver, pool = fees(amount, market.charges.swap)
    value = amount * market.price(is_in_long).min * impact_parts // PARTS
    bonus, paid = _impact(market, is_in_long, value)
    net = amount - receiver - pool - paid
    out = net * market.price(is_in_long).min // market.price(not is_in_long).max
    if net <= 0 or out <= 0 or out > market.amount(books.PRIMARY, not is_in_long) // 2:
        raise CannotBePaid
    market.add(books.CLAIMABLE_FEE, is_in_long, receiver)
    market.add(books.PRIMARY, is_in_long, net + pool)
    market.add(books.PRIMARY, not is_in_long, -out)
    hop = Hop(
        market=market,
        is_in_long=is_in_long,
        amount_in=amount,
        amount_out=out + bonus,
        fees=(receiver, pool),
        impact_value=value,
        impact_amount=bonus or paid,
        number=number,
        ty=ty,
    )
    _tell(operation, hop)
    return hop.amount_out


def _impact(market: Market, is_in_long: bool, value: int) -> tuple[int, int]:
    """(what is added of the other token, what is paid of this one): out of the impact pool, or into it."""
    if value > 0:
        bonus = min(value // market.price(not is_in_long).max, market.amount(books.SWAP_IMPACT, not is_in_long))
        market.add(books.SWAP_IMPACT, not is_in_long, -bonus)
        return bonus, 0
    paid = ceil_div(-value, market.price(is_in_long).min)
    market.add(books.SWAP_IMPACT, is_in_long, paid)
    return 0, paid


def _tell(operation: Operation, hop: Hop) -> None:
    market, (receiver, pool) = hop.market, hop.fees
    result = {
        "token_in_fees": {"fee_amount_for_receiver": receiver, "fee_amount_for_pool": pool},
        "token_out_amount": hop.amount_out,
        "price_impact_value": hop.impact_value,
        "price_impact_amount": hop.impact_amount,
    }
    params = {"is_token_in_long": hop.is_in_long, "token_in_amount": hop.amount_in, "prices": market.prices()}
    values = {"report": {"params": params, "result": result}, "ty": hop.ty}
    operation.emit_priced("SwapExecuted", market, values, [_row(operation, hop)])


def _row(operation: Operation, hop: Hop) -> Swap:
    market, told = hop.market, operation.told
    taken, given = market.asset(hop.is_in_long), market.asset(not hop.is_in_long)
    purpose: Purpose | None = told.purpose if hop.ty is None else "position"
    return Swap(
        origin=NOWHERE,
        market_key=market.address,
        trader=told.owner,
        mint_in=taken.mint if market.is_known else None,
        mint_out=given.mint if market.is_known else None,
        amount_in=taken.amount(hop.amount_in) if market.is_known else None,
        amount_out=given.amount(hop.amount_out) if market.is_known else None,
        value_usd_e6=micro(hop.amount_in * taken.price.min),
        fee_usd_e6=micro(sum(hop.fees) * taken.price.min),
        price_impact_usd_e6=micro(hop.impact_value),
        venue="gm",
        purpose=purpose,
        hop=hop.number,
        order_key=None if purpose == "lp" else told.action,
    )


class Route(msgspec.Struct, frozen=True):
    """A path through markets. `impacts`: of each hop, in ten-thousandths."""

    token: Asset  # What goes in.
    markets: tuple[Market, ...]
    impacts: tuple[int, ...]

    @property
    def end(self) -> Asset:
        """What comes out."""
        token = self.token
        for market in self.markets:
            token = market.asset(token is not market.long)
        return token


def along(operation: Operation, route: Route, amount: int, source: Market | None = None) -> int:
    """Swap on the way; tokens move from vault to vault. Returns what comes out of the last, still in its vault.

    `source`: the market whose vault has the tokens; None: the first of the route.
    """
    holder, token = source, route.token
    for number, (market, impact) in enumerate(zip(route.markets, route.impacts, strict=True)):
        operation.touch(market)
        move(holder, market, token, amount)
        is_in_long = market.long is token
        amount = swapped(operation, market, is_in_long, amount, impact, number)
        holder, token = market, market.asset(not is_in_long)
    return amount


def move(source: Market | None, target: Market, token: Asset, amount: int) -> None:
    """From one market's vault to another's; nothing where it is the same."""
    if source is not None and source is not target:
        source.transfer(token is source.long, -amount)
        target.transfer(token is target.long, amount)
