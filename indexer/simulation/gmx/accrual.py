"""What accrues by itself: borrowing, funding between the sides, and impact that flows back to the pool.

It is brought up to date at the start of every operation. The larger side pays funding to the other: by amounts per
dollar of size, for each collateral token, so that what a side pays is what the other may take.
"""

from __future__ import annotations

from typing import Any

from indexer.simulation.figures import ceil_div
from indexer.simulation.gmx import market as books
from indexer.simulation.gmx.assets import USD
from indexer.simulation.gmx.market import Market
from indexer.simulation.gmx.operation import Operation

BORROWING_PER_SLOT = 2 * 10**12  # A fraction of 10**20, of a pool used to the full.
PER_SIZE = 10**30  # Funding per dollar of size has 10 decimals more than dollars.
DISTRIBUTED = 100_000  # One part in this many of the impact pool goes back in a slot.
SLOTS_A_SECOND_TIMES_TEN = 25


def update_fees(operation: Operation, market: Market) -> None:
    """Everything, as at the start of an order: MarketFeesUpdated."""
    slots = _slots(market, operation.slot)
    distributed = _distribute(market, slots)
    _borrow(market, slots)
    funding = _fund(market, slots)
    seconds = slots * 10 // SLOTS_A_SECOND_TIMES_TEN
    impact = {
        "duration_in_seconds": seconds,
        "distribution_amount": distributed,
        "next_position_impact_pool_amount": market.pools[books.POSITION_IMPACT][0],
    }
    values = {
        "rev": market.rev,
        "market_token": market.token,
        "position_impact_distribution": impact,
        "update_borrowing_state": _borrowing(market, seconds),
        "update_funding_state": {"duration_in_seconds": seconds, **funding},
    }
    operation.emit("MarketFeesUpdated", values)


def update_borrowing(operation: Operation, market: Market) -> None:
    """Borrowing alone, as at the start of a deposit or withdrawal: BorrowingFeesUpdated."""
    slots = _slots(market, operation.slot)
    _borrow(market, slots)
    report = _borrowing(market, slots * 10 // SLOTS_A_SECOND_TIMES_TEN)
    values = {"rev": market.rev, "market_token": market.token, "update_borrowing_state": report}
    operation.emit("BorrowingFeesUpdated", values)


def _slots(market: Market, slot: int) -> int:
    passed = slot - market.updated_slot if market.updated_slot else 0
    market.updated_slot = slot
    return passed


def _borrowing(market: Market, seconds: int) -> dict[str, int]:
    long, short = market.pools[books.BORROWING_FACTOR]
    return {
        "duration_in_seconds": seconds,
        "next_cumulative_borrowing_factor_for_long": long,
        "next_cumulative_borrowing_factor_for_short": short,
    }


def _distribute(market: Market, slots: int) -> int:
    pool = market.pools[books.POSITION_IMPACT][0]
    amount = min(pool, pool * slots // DISTRIBUTED)
    market.add(books.POSITION_IMPACT, True, -amount)
    return amount


def _borrow(market: Market, slots: int) -> None:
    """The more of a side's tokens are reserved, the dearer."""
    for is_long in (True, False):
        value = market.side_value(is_long)
        used = min(market.interest(is_long), value)
        market.add(books.BORROWING_FACTOR, is_long, BORROWING_PER_SLOT * slots * used // value if value else 0)


def _fund(market: Market, slots: int) -> dict[str, Any]:
    long, short = market.interest(True), market.interest(False)
    payer = long >= short
    if not long or not short:
        return {"next_funding_factor_per_second": 0}
    market.funding_factor = market.temper.funding * (long - short) // (long + short)
    factor = abs(market.funding_factor) * slots
    deltas = {token: _fund_token(market, payer, token, factor) for token in (True, False)}
    paid, taken = [0, 0, 0, 0], [0, 0, 0, 0]
    for token, (pays, takes) in deltas.items():
        paid[(0 if payer else 2) + (0 if token else 1)] = pays
        taken[(2 if payer else 0) + (0 if token else 1)] = takes
    return {
        "next_funding_factor_per_second": market.funding_factor,
        "delta_funding_amount_per_size": paid,
        "delta_claimable_funding_amount_per_size": taken,
    }


def _fund_token(market: Market, payer: bool, token: bool, factor: int) -> tuple[int, int]:
    """(what the payers pay, what the others get), in one collateral token, per dollar of size."""
    if market.is_pure and not token:
        return 0, 0
    size = market.amount(books.open_interest(payer), token)
    pays = factor * 10**10 // market.price(token).min if size else 0
    takes = size * pays // market.interest(not payer)
    market.add(books.funding_per_size(payer), token, pays)
    market.add(books.claimable_per_size(not payer), token, takes)
    return pays, takes


def funding_fee(market: Market, is_long: bool, token: bool, since: int, size: int) -> int:
    """What a position owes in its collateral token."""
    return ceil_div((market.amount(books.funding_per_size(is_long), token) - since) * size, PER_SIZE)


def claimable(market: Market, is_long: bool, token: bool, since: int, size: int) -> int:
    if market.is_pure and not token:
        return 0
    return (market.amount(books.claimable_per_size(is_long), token) - since) * size // PER_SIZE


def borrowing_value(market: Market, is_long: bool, since: int, size: int) -> int:
    """USD of 20 decimals."""
    return (market.amount(books.BORROWING_FACTOR, is_long) - since) * size // USD
