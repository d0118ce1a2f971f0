"""The scales of GMX-Solana.

USD has 20 decimals. A unit price is USD per smallest unit of a token, so that amount x unit price is
USD again: values need no token decimals, only shown amounts and prices do.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from indexer.core import amount

USD = 20
GM = 9  # Market tokens and GLV tokens alike.
GT = 7


def usd(raw: int) -> int:
    """Micro-dollars."""
    return amount.micro_usd(raw, USD)


def mid_usd(raw_amount: int, price: Any) -> int:
    """Micro-dollars of an amount at the middle of min and max, rounded once."""
    return amount.micro_usd(raw_amount * (price.min + price.max) * 5, USD + 1)


def price(unit_price: int, decimals: int | None) -> Decimal | None:
    """USD per whole token, every digit; None where the token's decimals are unknown."""
    return None if decimals is None else amount.exact(unit_price, USD - decimals)


def mid_price(unit_price: Any, decimals: int | None) -> Decimal | None:
    """As `price`, in the middle of min and max."""
    return None if decimals is None else amount.exact((unit_price.min + unit_price.max) * 5, USD + 1 - decimals)


def tokens(raw: int, decimals: int | None) -> Decimal | None:
    return None if decimals is None else amount.exact(raw, decimals)


def price_of_one(raw_usd: int, raw_amount: int, decimals: int | None) -> Decimal | None:
    """USD value / amount, per whole token; None for an amount of 0 or unknown decimals."""
    if decimals is None:
        return None
    return amount.quotient(raw_usd * amount.power(decimals), raw_amount * amount.power(USD))
