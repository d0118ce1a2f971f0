"""The simulated chain: blocks with parent links, forks that were confirmed and dropped, and the truth about it all.

It is made before anybody asks for it, so that serving it costs nothing. Blocks hold what nodes answer;
the truth holds what a ledger must hold of the finalized chain, row by row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from indexer.core.record import EventRow, Failure, Record
from indexer.simulation.held import Held


class ChainTransaction(msgspec.Struct, frozen=True):
    """A transaction as nodes show it."""

    signature: str  # Base58.
    mentions: frozenset[str]  # Base58 of every account it names, loaded ones included.
    shown: Mapping[str, Any]  # `transaction`, `meta`, `version` of a getTransaction answer, encoding json.
    wire: bytes | None = None  # Its own bytes, for the encodings base64 and base58; None: a version 1 body.

    @property
    def failed(self) -> bool:
        return self.shown["meta"]["err"] is not None

    @property
    def logs(self) -> Sequence[str]:
        return self.shown["meta"]["logMessages"] or ()


class ChainBlock(msgspec.Struct, frozen=True):
    slot: int
    parent_slot: int
    height: int
    blockhash: str
    previous_blockhash: str
    block_time: int  # Unix seconds; 0: nobody knows it, as in blocks of long ago.
    transactions: Sequence[ChainTransaction]


class Fork(msgspec.Struct, frozen=True):
    """Blocks that were confirmed and then dropped. The finalized chain has other blocks, or none, in their slots."""

    blocks: Sequence[ChainBlock]


class Truth(msgspec.Struct, frozen=True):
    """What the ledger must hold of the finalized chain: settled rows with their places."""

    records: Sequence[Record]
    events: Sequence[EventRow]
    failures: Sequence[Failure]


class Version(msgspec.Struct, frozen=True):
    """An account from the end of `slot` on, until its next version."""

    slot: int
    protocol: str
    held: Held


class Chain(msgspec.Struct, frozen=True):
    """Slots `first_slot` up to, but not including, `end_slot`; one without a block was skipped."""

    genesis_hash: str
    first_slot: int
    end_slot: int
    genesis_time: int  # Unix seconds of `first_slot`.
    slot_ms: int
    blocks: Mapping[int, ChainBlock]  # The finalized chain.
    forks: Sequence[Fork]
    truth: Truth
    accounts: Mapping[bytes, Sequence[Version]] = {}  # By key, of the finalized chain, in order of slots.
