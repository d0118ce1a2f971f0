"""Positions, and the arithmetic of their fills.

What must stay true: the size after a fill is the size before it, plus or minus its own; collateral + profit - fee is
what is paid out plus what remains; feeUsd is the position fee, with the price impact in it, plus the borrow fee.
Amounts are micro-dollars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.simulation.figures import ceil_div

if TYPE_CHECKING:
    from indexer.simulation.jupiter.pool import Custody

LONG, SHORT = 1, 2
BASE_FEE_BPS, BPS, RATE = 6, 10_000, 1_000_000_000
MAX_LEVERAGE = 500


class Position(msgspec.Struct, eq=False):
    """One owner, market, side and collateral. Its account is used again after it was closed."""

    key: bytes
    owner: bytes
    side: int
    market: Custody
    collateral: Custody
    size: int = 0
    collateral_usd: int = 0
    entry: int = 0  # Price in micro-dollars.
    opened: int = 0
    rate_e9: int = 0

    def profit(self, price: int, size: int) -> int:
        """Of a part of the position, gross of fees; negative: a loss. Rounded towards zero."""
        if not size:
            return 0
        moved = price - self.entry if self.side == LONG else self.entry - price
        amount = size * abs(moved) // self.entry
        return amount if moved > 0 else -amount

    def borrow_fee(self) -> int:
        return ceil_div((self.collateral.rate_e9 - self.rate_e9) * self.size, RATE)

    def equity_e6(self) -> int:
        """What the trader could take out: never less than nothing."""
        return max(0, self.collateral_usd + self.profit(self.market.price_e6, self.size))

    def is_liquidatable(self) -> bool:
        left = self.collateral_usd + self.profit(self.market.price_e6, self.size)
        return left - self.borrow_fee() - position_fee(self.size, 1)[0] < self.size // MAX_LEVERAGE


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a position, as it was meant. Everything an event of any layout may tell."""

    position: Position
    price: int
    size: int  # Of the fill.
    size_after: int
    paid_in: int = 0
    paid_in_tokens: int = 0
    paid_out: int = 0
    profit: int = 0  # Negative: a loss.
    position_fee: int = 0
    impact_fee: int = 0  # Contained in position_fee.
    borrow_fee: int = 0
    liquidation_fee: int = 0
    collateral_before: int
    collateral_after: int
    entry: int  # Before the fill, for a decrease.
    opened: int
    time: int

    @property
    def fee(self) -> int:
        return self.position_fee + self.borrow_fee


def position_fee(size: int, impact_bps: int) -> tuple[int, int]:
    """(fee with the impact in it, impact)."""
    return ceil_div(size * (BASE_FEE_BPS + impact_bps), BPS), ceil_div(size * impact_bps, BPS)


def increased(position: Position, price: int, size: int, tokens: int, impact_bps: int, time: int) -> Fill:
    """Add to a position, or only to its collateral (size 0). `tokens`: collateral paid in."""
    collateral, before = position.collateral, position.collateral_usd
    paid_in, borrowed = collateral.usd(tokens), position.borrow_fee()
    fee, impact = position_fee(size, impact_bps)
    total = position.size + size
    if size:
        position.entry = total * price * (position.entry or price) // _weighted(position, price, size)
    if not position.size:
        position.opened = time
    position.size, position.rate_e9 = total, collateral.rate_e9
    position.collateral_usd += paid_in - fee - borrowed
    collateral.held += tokens
    collateral.charge(collateral.tokens(fee + borrowed))
    return Fill(
        position=position,
        price=price,
        size=size,
        size_after=total,
        paid_in=paid_in,
        paid_in_tokens=tokens,
        position_fee=fee,
        impact_fee=impact,
        borrow_fee=borrowed,
        collateral_before=before,
        collateral_after=position.collateral_usd,
        entry=position.entry,
        opened=position.opened,
        time=time,
    )


def _weighted(position: Position, price: int, size: int) -> int:
    """Sizes by the other's price: the average entry is harmonic, since sizes are dollars."""
    entry = position.entry or price
    return position.size * price + size * entry


def decreased(position: Position, price: int, size: int, withdrawn: int, impact_bps: int, time: int) -> Fill | None:
    """Take `size` off and `withdrawn` collateral out; all of it where the size is all. None: it cannot be paid for."""
    before, profit, borrowed = position.collateral_usd, position.profit(price, size), position.borrow_fee()
    fee, impact = position_fee(size, impact_bps)
    is_close = size == position.size
    free = before + profit - fee - borrowed
    kept = 0 if is_close else min(before - withdrawn, free)
    if free < 0 or (not is_close and kept <= 0):
        return None
    fill = Fill(
        position=position,
        price=price,
        size=size,
        size_after=position.size - size,
        paid_out=free - kept,
        profit=profit,
        position_fee=fee,
        impact_fee=impact,
        borrow_fee=borrowed,
        collateral_before=before,
        collateral_after=kept,
        entry=position.entry,
        opened=position.opened,
        time=time,
    )
    _settle(position, fill)
    position.collateral.held -= position.collateral.tokens(fill.paid_out)
    return fill


def liquidated(position: Position, price: int, time: int) -> Fill:
    """All of it is gone: the trader gets nothing, and what the loss and the fees leave is the liquidation fee."""
    before, profit, borrowed = position.collateral_usd, position.profit(price, position.size), position.borrow_fee()
    fee, impact = position_fee(position.size, 1)
    fill = Fill(
        position=position,
        price=price,
        size=position.size,
        size_after=0,
        profit=profit,
        position_fee=fee,
        impact_fee=impact,
        borrow_fee=borrowed,
        liquidation_fee=max(0, before + profit - fee - borrowed),
        collateral_before=before,
        collateral_after=0,
        entry=position.entry,
        opened=position.opened,
        time=time,
    )
    _settle(position, fill)
    return fill


def _settle(position: Position, fill: Fill) -> None:
    position.size, position.collateral_usd = fill.size_after, fill.collateral_after
    position.rate_e9 = position.collateral.rate_e9
    if not position.size:
        position.entry = position.opened = 0
    position.collateral.charge(position.collateral.tokens(fill.fee + fill.liquidation_fee))
