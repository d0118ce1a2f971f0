"""What every rule of Drift reads an event with: names of ordinals, keys of markets, scales of tokens.

Scales are the program's own and the same for every market: perp amounts have 9 decimals, quote and
oracle prices 6, a spot amount those of its mint. A spot market that the reference does not know has
a key and no decimals, so its amounts are None. An oracle price that is not positive is no price.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

import msgspec

from indexer.core import amount
from indexer.core.layout import enum_names
from indexer.core.payload import Event
from indexer.core.protocol import Scene
from indexer.core.record import Direction, Origin, PriceObservation

MarketKind = Literal["perp", "spot"]
Flow = Literal["deposit", "withdraw"]

BASE_DECIMALS = 9
QUOTE_DECIMALS = 6
PRICE_DECIMALS = 6

# Enums of two variants, by ordinal: MarketType, PositionDirection, DepositDirection.
MARKET_KINDS: tuple[MarketKind, MarketKind] = ("spot", "perp")
DIRECTIONS: tuple[Direction, Direction] = ("buy", "sell")
FLOWS: tuple[Flow, Flow] = ("deposit", "withdraw")


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Names of enum variants, by ordinal, as the IDLs spell them."""

    action: tuple[str, ...]
    explanation: tuple[str, ...]
    deposit: tuple[str, ...]
    liquidity: tuple[str, ...]
    stake: tuple[str, ...]
    liquidation: tuple[str, ...]
    vault: tuple[str, ...]


def words(drift_idl: str, vaults_idl: str) -> Words:
    return Words(
        action=enum_names(drift_idl, "OrderAction"),
        explanation=enum_names(drift_idl, "OrderActionExplanation"),
        deposit=enum_names(drift_idl, "DepositExplanation"),
        liquidity=enum_names(drift_idl, "LPAction"),
        stake=enum_names(drift_idl, "StakeAction"),
        liquidation=enum_names(drift_idl, "LiquidationType"),
        vault=enum_names(vaults_idl, "VaultDepositorAction"),
    )


class Token(msgspec.Struct, frozen=True):
    """The token of one spot market. None: the reference does not know it."""

    key: str  # `spot:0`.
    mint: bytes | None
    decimals: int | None

    def amount(self, raw: int) -> Decimal | None:
        return None if self.decimals is None else amount.exact(raw, self.decimals)

    def usd_e6(self, raw: int, price_e6: int | None) -> int | None:
        """Micro-dollars of `raw` at an oracle price; None without decimals or without a price."""
        if self.decimals is None or price_e6 is None or price_e6 <= 0:
            return None
        return amount.half_even(raw * price_e6, amount.power(self.decimals))


class Reading(msgspec.Struct, frozen=True):
    """One transaction, and what a rule for one event needs to know of the others."""

    scene: Scene
    words: Words
    vaults: frozenset[bytes]  # Strategy vaults that act in this transaction.

    def origin(self, event: Event) -> Origin:
        return self.scene.origin(event, event.fields.ts)

    def token(self, index: int) -> Token:
        """The token of spot market `index`, known or not."""
        key = spot_key(index)
        market = self.scene.reference.market(self.scene.protocol, key)
        if market is None:
            return Token(key, None, None)
        known = market.base_decimals
        return Token(key, market.mint, self.scene.reference.decimals(market.mint) if known is None else known)


def spot_key(index: int) -> str:
    return f"spot:{index}"


def perp_key(index: int) -> str:
    return f"perp:{index}"


def named(word: str) -> str | None:
    """A variant's name as an explanation: `None` explains nothing."""
    return None if word == "None" else word


def oracle_price(price_e6: int) -> Decimal | None:
    return amount.exact(price_e6, PRICE_DECIMALS) if price_e6 > 0 else None


def perp_price(reading: Reading, event: Event, index: int, price_e6: int) -> Iterator[PriceObservation]:
    """The oracle price of a perp market, where there is one."""
    price = oracle_price(price_e6)
    if price is not None:
        yield PriceObservation(
            origin=reading.origin(event), market_key=perp_key(index), price_usd=price, value_origin="event"
        )


def token_price(
    reading: Reading, event: Event, token: Token, price_e6: int, part: int = 0
) -> Iterator[PriceObservation]:
    """The oracle price of a token, where there is one; under its market's key while the mint is unknown."""
    price = oracle_price(price_e6)
    if price is not None:
        yield PriceObservation(
            origin=reading.origin(event),
            part=part,
            mint=token.mint,
            market_key=token.key if token.mint is None else None,
            price_usd=price,
            value_origin="event",
        )
