"""Increase a position: collateral in, fees out of it, size at the index price with an impact on it."""

from __future__ import annotations

import msgspec

from indexer.simulation.figures import ceil_div
from indexer.simulation.gmx import market as books
from indexer.simulation.gmx.market import CannotBePaid, Market
from indexer.simulation.gmx.operation import Operation
from indexer.simulation.gmx.positions import Costs, Position, costs, pay_out_funding
from indexer.simulation.gmx.swaps import PARTS
from indexer.simulation.gmx.trades import Fill

LARGEST_SHARE = 2  # A side's size stays below one part in this many of what covers it.


class Execution(msgspec.Struct, frozen=True):
    """At what a fill is made. Impact is positive in the trader's favour."""

    impact_value: int  # USD.
    impact_tokens: int  # Of the index.
    tokens: int
    price: int


def increased(operation: Operation, position: Position, paid_in: int, size: int, impact_parts: int) -> Fill:
    """`paid_in`: collateral that lies in the vault. Raises CannotBePaid."""
    market, before = position.market, position.state()
    _check_cover(position, size)
    if not position.size:
        position.align()
    execution, fees = _execution(market, position.is_long, size, impact_parts), costs(position, size)
    total = fees.for_receiver + fees.for_pool + fees.funding
    if position.collateral + paid_in <= 2 * total:
        raise CannotBePaid
    _charge(position, fees)
    market.add(books.POSITION_IMPACT, True, -execution.impact_tokens)
    position.settle(
        size=position.size + size,
        tokens=position.tokens + execution.tokens,
        collateral=position.collateral + paid_in - total,
    )
    position.count(operation.slot)
    position.increased_at = operation.time
    _report(operation, position, (paid_in, size, paid_in - total), execution, fees)
    pay_out_funding(position, fees)
    return Fill(
        position=position,
        is_increase=True,
        before=before,
        after=position.state(),
        fees=fees,
        price=execution.price,
        impact_value=execution.impact_value,
    )


def _check_cover(position: Position, size: int) -> None:
    """Raises CannotBePaid where there is no position to speak of, or not enough in the pool to cover its side."""
    market, is_long = position.market, position.is_long
    if not size and not position.size:
        raise CannotBePaid
    if size and market.interest(is_long) + size > market.side_value(is_long) // LARGEST_SHARE:
        raise CannotBePaid


def _charge(position: Position, fees: Costs) -> None:
    market, side = position.market, position.is_collateral_long
    market.add(books.CLAIMABLE_FEE, side, fees.for_receiver)
    market.add(books.PRIMARY, side, fees.for_pool)
    market.fund(side, fees.funding)


def _execution(market: Market, is_long: bool, size: int, impact_parts: int) -> Execution:
    index = market.index.price
    if not size:
        return Execution(0, 0, 0, index.max if is_long else index.min)
    value = size * impact_parts // PARTS
    if value > 0:
        impact = min(value // index.max, market.pools[books.POSITION_IMPACT][0])
        value = impact * index.max
    else:
        impact = -ceil_div(-value, index.min)
    tokens = size // index.max + impact if is_long else ceil_div(size, index.min) - impact
    if tokens <= 0:
        raise CannotBePaid
    return Execution(value, impact, tokens, size // tokens)


def _report(
    operation: Operation, position: Position, moved: tuple[int, int, int], execution: Execution, fees: Costs
) -> None:
    """PositionIncreased: it repeats the trade, and has no row of its own."""
    (paid_in, size, collateral), market = moved, position.market
    params = {
        "collateral_increment_amount": paid_in,
        "size_delta_usd": size,
        "acceptable_price": execution.price,
        "prices": market.prices(),
    }
    report = {
        "params": params,
        "execution": {
            "price_impact_value": execution.impact_value,
            "price_impact_amount": execution.impact_tokens,
            "size_delta_in_tokens": execution.tokens,
            "execution_price": execution.price,
        },
        "collateral_delta_amount": collateral,
        "fees": fees.fields(),
        "claimable_funding_long_token_amount": fees.claimable[0],
        "claimable_funding_short_token_amount": fees.claimable[1],
    }
    operation.emit_report("PositionIncreased", market, report)
