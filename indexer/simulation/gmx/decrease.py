"""Decrease a position, by order, liquidation or auto-deleveraging: profit out of the pool, costs out of its purse."""

from __future__ import annotations

import msgspec

from indexer.simulation.figures import ceil_div
from indexer.simulation.gmx.market import CannotBePaid, Market
from indexer.simulation.gmx.operation import Operation
from indexer.simulation.gmx.positions import Position, costs, pay_out_funding
from indexer.simulation.gmx.purse import COLLATERAL_TO_PROFIT, Purse, Wish, own_swap, settle_costs
from indexer.simulation.gmx.swaps import PARTS
from indexer.simulation.gmx.trades import Fill

LEAST_COLLATERAL = 100  # What stays is worth at least one part in this many of the size.


class Part(msgspec.Struct, frozen=True):
    """What of the position goes, and what it gained (capped by the pool, and not)."""

    size: int
    tokens: int
    is_close: bool
    profit: int
    uncapped_profit: int


def decreased(operation: Operation, position: Position, wish: Wish) -> Fill:
    """What comes out still lies in the vault. Raises CannotBePaid."""
    before, part = position.state(), _part(position, wish)
    fees = costs(position, part.size, is_liquidation=bool(operation.told.is_liquidation))
    purse = Purse(position, position.collateral)
    step = settle_costs(operation, purse, wish, part.profit, fees)
    withdrawn = _withdraw(purse, wish, part)
    price = _price(position, part.size, purse.impact_value)
    _settle(operation, purse, part)
    if wish.swap == COLLATERAL_TO_PROFIT and not purse.is_one_token and purse.output:
        purse.secondary += own_swap(operation, purse, position.is_collateral_long, purse.output, wish.swap)
        purse.output = 0
    return Fill(
        position=position,
        is_increase=False,
        before=before,
        after=position.state(),
        fees=fees,
        price=price,
        impact_value=purse.impact_value,
        impact_excess=part.size * wish.excess_parts // PARTS,
        profit=part.profit,
        uncapped_profit=part.uncapped_profit,
        size=part.size,
        tokens=part.tokens,
        withdrawn=withdrawn,
        output=purse.output,
        secondary=purse.secondary,
        claimable=purse.claimable,
        holding=purse.holding,
        insolvent_step=step,
    )


def _part(position: Position, wish: Wish) -> Part:
    is_close = wish.size == position.size
    tokens = position.tokens if is_close else _part_of_tokens(position, wish.size)
    if not is_close and (tokens >= position.tokens or position.collateral <= wish.withdrawn):
        raise CannotBePaid
    return Part(wish.size, tokens, is_close, *_profit(position, tokens))


def _withdraw(purse: Purse, wish: Wish, part: Part) -> int:
    """Collateral that comes out beside: what was asked for, or all of it when nothing else is left."""
    withdrawn = 0 if part.is_close else min(wish.withdrawn, purse.remaining)
    left = 0 if part.is_close else purse.remaining - withdrawn
    rest = purse.position.size - part.size
    if left * purse.position.collateral_price.min < rest // LEAST_COLLATERAL:
        raise CannotBePaid
    purse.output += purse.remaining - left
    purse.remaining = left
    return withdrawn


def _settle(operation: Operation, purse: Purse, part: Part) -> None:
    position = purse.position
    position.settle(size=position.size - part.size, tokens=position.tokens - part.tokens, collateral=purse.remaining)
    position.count(operation.slot)
    position.decreased_at = operation.time


def _part_of_tokens(position: Position, size: int) -> int:
    whole = position.tokens * size
    return ceil_div(whole, position.size) if position.is_long else whole // position.size


def _profit(position: Position, tokens: int) -> tuple[int, int]:
    """(capped, uncapped) of so many of its tokens, towards zero. A side's profits are capped by its pool."""
    market, whole = position.market, position.profit()
    all_profits, most = market.traders_profit(position.is_long), market.most_profit(position.is_long)
    capped = whole * most // all_profits if whole > 0 and all_profits > most else whole

    def part(of: int) -> int:
        amount = abs(of) * tokens // position.tokens if position.tokens else 0
        return amount if of > 0 else -amount

    return part(capped), part(whole)


def _price(position: Position, size: int, impact_value: int) -> int:
    """The index price that is worse for the trader, moved by the impact."""
    index = position.market.index.price
    base = index.min if position.is_long else index.max
    if not size or not position.tokens:
        return base
    moved = position.size * impact_value // position.tokens // size
    return max(1, base + moved if position.is_long else base - moved)


def pay_out(market: Market, fill: Fill) -> None:
    """What leaves the vault beside the outputs: claimable collateral, held back funding, the other side's funding."""
    position = fill.position
    (paid, secondary), profit_side = fill.claimable, position.is_long
    for is_long, amount in ((position.is_collateral_long, paid), (profit_side, secondary), (profit_side, fill.holding)):
        if amount:
            market.transfer(is_long, -amount)
    pay_out_funding(position, fill.fees)
