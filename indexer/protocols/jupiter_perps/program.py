"""What the program is called on chain: its keys, its scales, and what its instructions are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from indexer.core import base58
from indexer.core.idl import discriminator, snake_case
from indexer.core.protocol import Scene

NAME = "jupiter_perps"
PROGRAM = base58.key("PERPHjGBqRHArX4DySjwM6UJHiR3sWAatqfdBS2qQJu")
EVENT_AUTHORITY = base58.key("37hJBDnntwqhGbK7L6M1bLyvccj4u55CCUiLPdYkiqBN")
POOL = base58.key("5BUwFW4nRbftYTDMbgxykoFWqWHPzahFSNAaaaJtVKsq")
JLP = base58.key("27G8MtK7VtTcCHkpASjSDdkWWYfoqT6ggEuKidVJidD4")

USD = JLP_DECIMALS = 6  # Prices, amounts in USD, and the pool's own token.

Purpose = Literal["swap", "position", "lp"]
INSTRUCTIONS: Mapping[Purpose, tuple[str, ...]] = {
    "swap": ("swap", "swap2", "swapExactOut", "swapWithTokenLedger"),
    "lp": ("addLiquidity", "addLiquidity2", "removeLiquidity", "removeLiquidity2"),
    "position": (
        "increasePosition2", "increasePosition4", "increasePositionPreSwap", "increasePositionWithInternalSwap",
        "decreasePosition2", "decreasePosition3", "decreasePosition4", "decreasePositionPostSwap",
        "decreasePositionWithInternalSwap", "decreasePositionWithTpsl", "decreasePositionWithTpslAndInternalSwap",
        "instantIncreasePosition", "instantIncreasePositionPreSwap", "instantDecreasePosition",
        "instantDecreasePosition2", "liquidateFullPosition2", "liquidateFullPosition4",
    ),
}  # fmt: skip
PURPOSES: Mapping[bytes | None, Purpose] = {
    discriminator("global", snake_case(name)): purpose for purpose, names in INSTRUCTIONS.items() for name in names
}


def lp_mint(pool: bytes) -> bytes | None:
    """JLP, and None for a pool that is not its own."""
    return JLP if pool == POOL else None


def mint_of(scene: Scene, custody: bytes) -> bytes | None:
    """The token of a custody; None where the reference does not know the custody."""
    market = scene.reference.market(NAME, base58.encode(custody))
    return None if market is None else market.mint
