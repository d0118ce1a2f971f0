"""Accounts as the simulated programs keep them: an image of the books, and the rows that must be read of it.

Images are written by the quick writer of events; rows come from the books themselves. What tells its own age gives
rows only where the reader knows the time of the block: `untimed` are the rows of one that has none.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from indexer.core.record import Record
from indexer.simulation.instructions import key

TOKEN_PROGRAM = key("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")


class Held(msgspec.Struct, frozen=True):
    """One version of an account. Rows have origin NOWHERE and their `part`."""

    key: bytes
    owner: bytes
    kind: str
    data: bytes
    rows: Sequence[Record] = ()
    untimed: Sequence[Record] | None = None  # None: the same.


def mint(at: bytes, supply: int, decimals: int, *rows: Record) -> Held:
    data = bytes(36) + supply.to_bytes(8, "little") + bytes([decimals, 1]) + bytes(36)
    return Held(at, TOKEN_PROGRAM, "Mint", data, rows)


def token_account(at: bytes, token: bytes, amount: int, *rows: Record) -> Held:
    data = token + bytes(32) + amount.to_bytes(8, "little") + bytes(36) + b"\1" + bytes(56)
    return Held(at, TOKEN_PROGRAM, "TokenAccount", data, rows)
