"""Swaps in a market's pool: one hop, a path through several markets, and the row of each hop."""

from __future__ import annotations

import msgspec

from indexer.core.record import Swap
from indexer.simulation.figures import ceil_div
from indexer.simulation.gmx import market as books
from indexer.simulation.gmx.assets import Asset
from indexer.simulation.gmx.market import Market
from indexer.simulation.gmx.operation import Operation, Purpose, micro
from indexer.simulation.script import NOWHERE

PARTS = 10_000
FEE_PARTS, RECEIVER_PERCENT = 7, 37  # The fee in ten-thousandths; a receiver's share of any fee, in percent.


class CannotBePaid(Exception):
    """The pool, or the trader, lacks what the operation needs: the program gives it up."""


def fees(amount: int, parts: int) -> tuple[int, int]:
    """(for the receiver, for the pool) of an amount charged in ten-thousandths."""
    fee = amount * parts // PARTS
    receiver = fee * RECEIVER_PERCENT // 100
    return receiver, fee - receiver


def swapped(
    operation: Operation,
    market: Market,
    is_in_long: bool,
    amount_in: int,
    impact_parts: int,
    hop: int,
    ty: int | None = None,
) -> int:
    """One hop; returns what comes out. Moves the pools, not the vault. Raises CannotBePaid.

    `impact_parts`: in ten-thousandths of the value, positive in the swapper's favour. `ty`: a swap of a position
    between its profit and its collateral.
    """
    taken, given = market.price(is_in_long), market.price(not is_in_long)
    receiver, pool = fees(amount_in, FEE_PARTS)
    net, value = amount_in - receiver - pool, amount_in * taken.min * impact_parts // PARTS
    bonus = 0
    if value > 0:
        bonus = min(value // given.max, market.amount(books.SWAP_IMPACT, not is_in_long))
        market.add(books.SWAP_IMPACT, not is_in_long, -bonus)
    else:
        paid = ceil_div(-value, taken.min)
        net -= paid
        market.add(books.SWAP_IMPACT, is_in_long, paid)
    out = net * taken.min // given.max
    if net <= 0 or out <= 0 or out > market.amount(books.PRIMARY, not is_in_long) // 2:
        raise CannotBePaid
    market.add(books.CLAIMABLE_FEE, is_in_long, receiver)
    market.add(books.PRIMARY, is_in_long, net + pool)
    market.add(books.PRIMARY, not is_in_long, -out)
    result = {
        "token_in_fees": {"fee_amount_for_receiver": receiver, "fee_amount_for_pool": pool},
        "token_out_amount": out + bonus,
        "price_impact_value": value,
        "price_impact_amount": bonus if value > 0 else paid,
    }
    params = {"is_token_in_long": is_in_long, "token_in_amount": amount_in, "prices": market.prices()}
    purpose: Purpose | None = "position" if ty is not None else operation.told.purpose
    row = _row(operation, market, is_in_long, (amount_in, out + bonus), (receiver + pool, value), purpose, hop)
    operation.emit_priced("SwapExecuted", market, {"report": {"params": params, "result": result}, "ty": ty}, [row])
    return out + bonus


def _row(
    operation: Operation,
    market: Market,
    is_in_long: bool,
    amounts: tuple[int, int],
    costs: tuple[int, int],
    purpose: Purpose | None,
    hop: int,
) -> Swap:
    taken, given = market.asset(is_in_long), market.asset(not is_in_long)
    (amount_in, amount_out), (fee, impact) = amounts, costs
    return Swap(
        origin=NOWHERE,
        market_key=market.address,
        trader=operation.told.owner,
        mint_in=taken.mint if market.is_known else None,
        mint_out=given.mint if market.is_known else None,
        amount_in=taken.amount(amount_in) if market.is_known else None,
        amount_out=given.amount(amount_out) if market.is_known else None,
        value_usd_e6=micro(amount_in * taken.price.min),
        fee_usd_e6=micro(fee * taken.price.min),
        price_impact_usd_e6=micro(impact),
        venue="gm",
        purpose=purpose,
        hop=hop,
        order_key=None if purpose == "lp" else operation.told.action,
    )


class Route(msgspec.Struct, frozen=True):
    """A path through markets. `impacts`: of each hop, in ten-thousandths, as if drawn when it is executed."""

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
    for hop, (market, impact) in enumerate(zip(route.markets, route.impacts, strict=True)):
        operation.touch(market)
        move(holder, market, token, amount)
        is_in_long = market.long is token
        amount = swapped(operation, market, is_in_long, amount, impact, hop)
        holder, token = market, market.asset(not is_in_long)
    return amount


def move(source: Market | None, target: Market, token: Asset, amount: int) -> None:
    """From one market's vault to another's; nothing where it is the same."""
    if source is not None and source is not target:
        source.transfer(token is source.long, -amount)
        target.transfer(token is target.long, amount)
