"""A transaction as the chain reported it, whatever it was read from.

`instructions` is None where inner instructions were not recorded, `logs` is None where logs were
not recorded; an empty tuple means recorded and empty. Positions are raw places: nothing here skips
what it cannot decode.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from indexer.core import base58

Version = Literal["legacy", 0, 1]


class Instruction(msgspec.Struct, frozen=True, gc=False):
    """One instruction, outer or inner, in flat order: outer 0, its inner ones, outer 1, ..."""

    index: int  # Flat position over the whole transaction, all instructions counted.
    outer: int  # Position of the outer instruction that it belongs to.
    is_inner: bool
    program_id: bytes
    accounts: tuple[bytes, ...]
    stack_height: int | None  # 1: top level. None: an inner one whose height was not recorded.
    text: str | None = None  # Base58 data, decoded only for the few instructions that matter.
    raw: bytes | None = None

    @property
    def data(self) -> bytes:
        """Instruction data; empty where the text is no base58."""
        if self.raw is not None:
            return self.raw
        try:
            return base58.decode(self.text or "")
        except base58.NotBase58:
            return b""


class Transaction(msgspec.Struct, frozen=True):
    slot: int
    signature: bytes
    succeeded: bool  # False: nothing that it emitted took effect.
    keys: frozenset[bytes] | None  # Every account it names, loaded ones included. None: not known.
    instructions: tuple[Instruction, ...] | None
    logs: tuple[str, ...] | None
    tx_index: int | None = None  # Position in its block.
    block_time: int | None = None  # Unix seconds.
    version: Version = "legacy"


class Unavailable(Exception):
    """What came cannot be read as this transaction (no meta, a v1 body in base64, ...).

    It is no statement about the chain: the slot is not settled by it, another source may have it.
    """


_YEAR_10000 = 253_402_300_800


def plausible_time(seconds: int | None) -> int | None:
    """Unix seconds, or None where they are unknown: absent, 0, or out of any calendar."""
    return seconds if seconds is not None and 0 < seconds < _YEAR_10000 else None
