"""Positions and what a fill costs them.

What must stay true: collateral after = collateral before + what came in - fees - what went out; sizes follow from fill
to fill; every fee is the sum of its receivers' and the pool's share.
"""

from __future__ import annotations

from typing import Any

import msgspec

from indexer.simulation.gmx import market as books
from indexer.simulation.gmx.accrual import borrowing_value, claimable, funding_fee
from indexer.simulation.gmx.assets import USD, Price
from indexer.simulation.gmx.market import Market
from indexer.simulation.gmx.swaps import RECEIVER_PERCENT

FRACTION = 10**8


class Position(msgspec.Struct, eq=False):
    """One owner, market, side and collateral token."""

    key: bytes
    owner: bytes
    market: Market
    is_long: bool
    is_collateral_long: bool
    trade_id: int = 0
    increased_at: int = 0
    decreased_at: int = 0
    updated_at_slot: int = 0
    tokens: int = 0  # Of the index.
    collateral: int = 0
    size: int = 0  # USD of 20 decimals.
    borrowing_factor: int = 0
    funding: int = 0  # Per size, when it was settled last.
    claimable_long: int = 0
    claimable_short: int = 0

    @property
    def collateral_price(self) -> Price:
        return self.market.price(self.is_collateral_long)

    def state(self) -> dict[str, int]:
        """As events hold it."""
        return {
            "trade_id": self.trade_id,
            "increased_at": self.increased_at,
            "updated_at_slot": self.updated_at_slot,
            "decreased_at": self.decreased_at,
            "size_in_tokens": self.tokens,
            "collateral_amount": self.collateral,
            "size_in_usd": self.size,
            "borrowing_factor": self.borrowing_factor,
            "funding_fee_amount_per_size": self.funding,
            "long_token_claimable_funding_amount_per_size": self.claimable_long,
            "short_token_claimable_funding_amount_per_size": self.claimable_short,
        }

    def saved(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _STATE}

    def restore(self, saved: dict[str, Any]) -> None:
        for name, value in saved.items():
            setattr(self, name, value)

    def profit(self) -> int:
        """Of all of it, at the price that is worse for it; negative: a loss."""
        index = self.market.index.price
        return self.tokens * index.min - self.size if self.is_long else self.size - self.tokens * index.max

    def settle(self, *, size: int, tokens: int, collateral: int) -> None:
        """The new state, and accounts with the market that are brought up to date."""
        market, is_long = self.market, self.is_long
        factor = market.amount(books.BORROWING_FACTOR, is_long)
        before, after = self.size * self.borrowing_factor // USD, size * factor // USD
        market.add(books.TOTAL_BORROWING, is_long, max(after - before, -market.amount(books.TOTAL_BORROWING, is_long)))
        market.add(books.open_interest(is_long), self.is_collateral_long, size - self.size)
        market.add(books.open_interest_tokens(is_long), self.is_collateral_long, tokens - self.tokens)
        market.add(books.collateral_sum(is_long), self.is_collateral_long, collateral - self.collateral)
        self.size, self.tokens, self.collateral, self.borrowing_factor = size, tokens, collateral, factor
        self.align()

    def count(self, slot: int) -> None:
        """One more trade of the market."""
        self.market.trades += 1
        self.market.is_other_dirty = True
        self.trade_id, self.updated_at_slot = self.market.trades, slot

    def align(self) -> None:
        """Nothing is owed from here on, and nothing can be claimed."""
        market, is_long = self.market, self.is_long
        self.funding = market.amount(books.funding_per_size(is_long), self.is_collateral_long)
        self.claimable_long = market.amount(books.claimable_per_size(is_long), True)
        self.claimable_short = 0 if market.is_pure else market.amount(books.claimable_per_size(is_long), False)


_STATE = Position.__struct_fields__[5:]  # Behind what identifies it.


class Costs(msgspec.Struct, kw_only=True):
    """Fees of a fill in smallest units of the collateral; shares are (for the receiver, for the pool)."""

    order_value: int  # USD.
    order: tuple[int, int]
    borrowing: tuple[int, int]
    funding: int
    liquidation: tuple[int, int] = (0, 0)
    liquidation_value: int = 0
    borrowing_value: int = 0
    claimable: tuple[int, int]  # Long and short tokens that the other side paid.
    is_liquidation: bool = False

    @property
    def for_receiver(self) -> int:
        return self.order[0] + self.borrowing[0] + self.liquidation[0]

    @property
    def for_pool(self) -> int:
        return self.order[1] + self.borrowing[1] + self.liquidation[1]

    def clear(self) -> None:
        """They could not be collected: what was paid of them went to the pool as a whole."""
        self.order = self.borrowing = self.liquidation = (0, 0)
        self.order_value = self.liquidation_value = self.borrowing_value = 0

    def fields(self) -> dict[str, Any]:
        """PositionFees."""
        order = {"fee_amount_for_receiver": self.order[0], "fee_amount_for_pool": self.order[1]}
        long, short = self.claimable
        liquidation = {
            "fee_value": self.liquidation_value,
            "fee_amount": sum(self.liquidation),
            "fee_amount_for_receiver": self.liquidation[0],
        }
        return {
            "paid_order_and_borrowing_fee_value": self.order_value + self.borrowing_value,
            "order": {"base": order, "fee_value": self.order_value},
            "borrowing": {"fee_amount": sum(self.borrowing), "fee_amount_for_receiver": self.borrowing[0]},
            "funding": {
                "amount": self.funding,
                "claimable_long_token_amount": long,
                "claimable_short_token_amount": short,
            },
            "liquidation": liquidation if self.is_liquidation else None,
        }

    def trade_fields(self) -> dict[str, int]:
        """EventTradeFees."""
        return {
            "order_fee_for_receiver_amount": self.order[0],
            "order_fee_for_pool_amount": self.order[1],
            "liquidation_fee_amount": sum(self.liquidation),
            "liquidation_fee_for_receiver_amount": self.liquidation[0],
            "total_borrowing_fee_amount": sum(self.borrowing),
            "borrowing_fee_for_receiver_amount": self.borrowing[0],
            "funding_fee_amount": self.funding,
            "claimable_funding_fee_long_token_amount": self.claimable[0],
            "claimable_funding_fee_short_token_amount": self.claimable[1],
        }


def costs(position: Position, size: int, *, is_liquidation: bool = False) -> Costs:
    """Of a fill of that size, now."""
    market, is_long, price = position.market, position.is_long, position.collateral_price.min
    order = size * market.charges.order // FRACTION
    liquidation = size * market.charges.liquidation // FRACTION if is_liquidation else 0
    borrowed = borrowing_value(market, is_long, position.borrowing_factor, position.size)
    return Costs(
        order_value=order,
        order=_shares(order // price),
        borrowing_value=borrowed,
        borrowing=_shares(borrowed // price),
        funding=funding_fee(market, is_long, position.is_collateral_long, position.funding, position.size),
        liquidation=_shares(liquidation // price),
        liquidation_value=liquidation,
        claimable=(
            claimable(market, is_long, True, position.claimable_long, position.size),
            claimable(market, is_long, False, position.claimable_short, position.size),
        ),
        is_liquidation=is_liquidation,
    )


def _shares(amount: int) -> tuple[int, int]:
    receiver = amount * RECEIVER_PERCENT // 100
    return receiver, amount - receiver


def pay_out_funding(position: Position, fees: Costs) -> None:
    """What the position may claim leaves the vault."""
    for is_long, amount in zip((True, False), fees.claimable, strict=True):
        position.market.fund(is_long, -amount)
        if amount:
            position.market.transfer(is_long, -amount)
