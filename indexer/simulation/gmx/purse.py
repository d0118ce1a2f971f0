"""What a position pays a decrease with, and in which order it pays.

Costs are paid by what comes out, then by the collateral, then by profit in the other token. Where that does not do, a
liquidation ends at that step and takes what there is; any other order fails.
"""

from __future__ import annotations

import msgspec

from indexer.simulation.figures import ceil_div
from indexer.simulation.gmx import market as books
from indexer.simulation.gmx.market import CannotBePaid
from indexer.simulation.gmx.operation import Operation
from indexer.simulation.gmx.positions import Costs, Position
from indexer.simulation.gmx.swaps import PARTS, swapped

NO_SWAP, PROFIT_TO_COLLATERAL, COLLATERAL_TO_PROFIT = 0, 1, 2


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What an order asks for."""

    size: int  # USD.
    withdrawn: int = 0  # Collateral.
    swap: int = NO_SWAP
    impact_parts: int = 0
    excess_parts: int = 0  # Of the size: impact beyond the cap, which stays claimable.
    may_be_insolvent: bool = False


class Insolvent(Exception):
    """A cost that could not be paid in full, by the name of its step."""


class Purse(msgspec.Struct):
    """What the position can pay with, in smallest units: collateral token, and profit in the other token."""

    position: Position
    remaining: int
    output: int = 0
    secondary: int = 0
    claimable: tuple[int, int] = (0, 0)  # Impact beyond the cap, kept for the trader.
    holding: int = 0  # Funding that was paid in profit: it waits in an account of the store.
    impact_value: int = 0

    @property
    def profit_side(self) -> bool:
        return self.position.is_long

    @property
    def is_one_token(self) -> bool:
        """Profit comes in the collateral token."""
        return self.position.market.is_pure or self.profit_side == self.position.is_collateral_long

    def gain(self, usd: int) -> None:
        """Out of the pool, in the profit token."""
        market = self.position.market
        amount = usd // market.price(self.profit_side).max
        if amount > market.amount(books.PRIMARY, self.profit_side) // 2:
            raise CannotBePaid
        market.add(books.PRIMARY, self.profit_side, -amount)
        if self.is_one_token:
            self.output += amount
        else:
            self.secondary += amount

    def pay(self, usd: int) -> tuple[int, int, int]:
        """(paid in collateral tokens, paid in profit tokens, USD that could not be paid)."""
        price, other = self.position.collateral_price.min, self.position.market.price(self.profit_side).min
        cost = ceil_div(usd, price)
        from_output = min(self.output, cost)
        from_collateral = min(self.remaining, cost - from_output)
        self.output -= from_output
        self.remaining -= from_collateral
        paid = from_output + from_collateral
        owed = (cost - paid) * price // other
        from_secondary = min(self.secondary, owed)
        self.secondary -= from_secondary
        return paid, from_secondary, (owed - from_secondary) * other

    def pay_pool(self, usd: int) -> tuple[int, int, int]:
        """As `pay`, to the pool."""
        paid, secondary, rest = self.pay(usd)
        self.to_pool(paid, secondary)
        return paid, secondary, rest

    def to_pool(self, paid: int, secondary: int) -> None:
        market = self.position.market
        market.add(books.PRIMARY, self.position.is_collateral_long, paid)
        if secondary:
            market.add(books.PRIMARY, self.profit_side, secondary)


def own_swap(operation: Operation, purse: Purse, is_in_long: bool, amount: int, ty: int) -> int:
    market = purse.position.market
    return swapped(operation, market, is_in_long, amount, market.charges.own_swap_impact, ty=ty)


def settle_costs(operation: Operation, purse: Purse, wish: Wish, profit: int, fees: Costs) -> str | None:
    """Everything in the program's order. Returns the step at which the money ran out."""
    impact = wish.size * wish.impact_parts // PARTS
    if profit > 0:
        purse.gain(profit)
    if impact > 0:
        _gain_impact(purse, impact)
    if wish.swap == PROFIT_TO_COLLATERAL and purse.secondary:
        purse.output += own_swap(operation, purse, purse.profit_side, purse.secondary, wish.swap)
        purse.secondary = 0
    try:
        _pay_funding(operation, purse, fees)
        _pay_loss(purse, max(0, -profit))
        _pay_fees(purse, fees)
        if impact < 0:
            _pay_impact(purse, impact)
        _pay_excess(purse, wish.size * wish.excess_parts // PARTS)
    except Insolvent as insolvent:
        if not wish.may_be_insolvent:
            raise CannotBePaid from insolvent
        if str(insolvent) in ("Funding", "Pnl"):
            fees.clear()
        return str(insolvent)
    return None


def _all_paid(step: str, rest: int) -> None:
    if rest:
        raise Insolvent(step)


def _gain_impact(purse: Purse, value: int) -> None:
    market = purse.position.market
    tokens = min(value // market.index.price.min, market.pools[books.POSITION_IMPACT][0])
    purse.impact_value = tokens * market.index.price.min
    market.add(books.POSITION_IMPACT, True, -tokens)
    purse.gain(purse.impact_value)


def _pay_funding(operation: Operation, purse: Purse, fees: Costs) -> None:
    position, cost = purse.position, fees.funding
    paid, secondary, rest = purse.pay(cost * position.collateral_price.min)
    position.market.fund(position.is_collateral_long, paid)
    purse.holding = secondary
    if paid < cost:
        _tell_shortfall(operation, purse, cost, paid, secondary)
    _all_paid("Funding", rest)


def _tell_shortfall(operation: Operation, purse: Purse, cost: int, paid: int, secondary: int) -> None:
    values = {
        "ts": operation.time,
        "slot": operation.slot,
        "store": operation.store,
        "market_token": purse.position.market.token,
        "cost_amount": cost,
        "paid_in_collateral_amount": paid,
        "paid_in_secondary_output_amount": secondary,
        "is_collateral_token_long": purse.position.is_collateral_long,
    }
    operation.emit("InsufficientFundingFeePayment", values)


def _pay_loss(purse: Purse, loss: int) -> None:
    _, _, rest = purse.pay_pool(loss)
    _all_paid("Pnl", rest)


def _pay_fees(purse: Purse, fees: Costs) -> None:
    """To the receivers and the pool; as soon as not all of it is paid in collateral, all to the pool, as no fee."""
    position, market = purse.position, purse.position.market
    paid, secondary, rest = purse.pay((fees.for_receiver + fees.for_pool) * position.collateral_price.min)
    if rest or secondary:
        purse.to_pool(paid, secondary)
        fees.clear()
    else:
        market.add(books.CLAIMABLE_FEE, position.is_collateral_long, fees.for_receiver)
        market.add(books.PRIMARY, position.is_collateral_long, fees.for_pool)
    _all_paid("Fees", rest)


def _pay_impact(purse: Purse, impact: int) -> None:
    """To the pool, which sets it aside."""
    position, market = purse.position, purse.position.market
    purse.impact_value = impact
    paid, secondary, rest = purse.pay_pool(-impact)
    index = market.index.price.max
    aside = paid * position.collateral_price.min // index + secondary * market.price(purse.profit_side).min // index
    market.add(books.POSITION_IMPACT, True, aside)
    _all_paid("Impact", rest)


def _pay_excess(purse: Purse, excess: int) -> None:
    paid, secondary, rest = purse.pay(excess)
    purse.claimable = (paid, secondary)
    _all_paid("Diff", rest)
