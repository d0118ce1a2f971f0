"""Mints and token accounts: the two kinds of account of the token programs.

Both programs, the older one and Token-2022, begin them alike; extensions lie behind, with a byte at 165 that says
which of the two it is. Where it is missing the length decides: 82 bytes are a mint, 165 a token account.
"""

from __future__ import annotations

import msgspec

from indexer.core import base58

TOKEN_PROGRAMS = frozenset(
    base58.key(key)
    for key in ("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
)
MINT_BYTES, TOKEN_ACCOUNT_BYTES = 82, 165
_IS_MINT, _IS_TOKEN_ACCOUNT = 1, 2
_SUPPLY, _DECIMALS, _IS_INITIALIZED, _AMOUNT, _STATE = 36, 44, 45, 64, 108


class Mint(msgspec.Struct, frozen=True):
    supply: int  # Smallest units.
    decimals: int


class TokenAccount(msgspec.Struct, frozen=True):
    mint: bytes
    owner: bytes
    amount: int  # Smallest units.


def decode_spl(data: bytes) -> Mint | TokenAccount | None:
    """None: neither, or not initialized."""
    kind = data[TOKEN_ACCOUNT_BYTES] if len(data) > TOKEN_ACCOUNT_BYTES else None
    if len(data) == MINT_BYTES or kind == _IS_MINT:
        return Mint(_u64(data, _SUPPLY), data[_DECIMALS]) if data[_IS_INITIALIZED] else None
    if len(data) == TOKEN_ACCOUNT_BYTES or kind == _IS_TOKEN_ACCOUNT:
        return TokenAccount(data[:32], data[32:64], _u64(data, _AMOUNT)) if data[_STATE] else None
    return None


def _u64(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")
