"""Sign scripts, run them, and show them as nodes do.

Every transaction differs from all others, since it offers another price a compute unit. All payers are the chain's
own, made from its genesis.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from random import Random

import msgspec
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from indexer.simulation.answer import shown
from indexer.simulation.chain import ChainTransaction
from indexer.simulation.memory import Frame, Loaded, loaded
from indexer.simulation.runtime import COMPUTE_UNITS, Runtime
from indexer.simulation.script import Script

PAYERS = 24
MOST_STATIC = 24  # Keys that a message names itself. The runtime counts on packets, in which 38 have room at most.


class Payer(msgspec.Struct, frozen=True):
    keypair: Keypair
    key: Pubkey  # Kept, since the keypair works it out each time.


class Ran(msgspec.Struct, frozen=True):
    """A transaction as nodes show it, with the script that made it."""

    transaction: ChainTransaction
    script: Loaded
    before: int  # Instructions of the compute budget that stand before the script's.
    is_v0: bool
    is_v1: bool


class Sender:
    def __init__(self, rng: Random, genesis: bytes) -> None:
        self.rng = rng
        self.runtime = Runtime()
        pairs = [Keypair.from_seed(sha256(b"payer %d" % n + genesis).digest()) for n in range(PAYERS)]
        self.payers = [Payer(pair, pair.pubkey()) for pair in pairs]
        self.price = 0  # Micro-lamports a compute unit; of version 1, lamports for all of them.

    def ran(self, script: Script, blockhash: bytes, *, is_v1: bool = False) -> Ran:
        return self._ran(loaded(script.calls), blockhash, script.is_v0, is_v1)

    def again(self, one: Ran, blockhash: bytes) -> Ran:
        """The same script in another transaction."""
        return self._ran(one.script, blockhash, one.is_v0, one.is_v1)

    def _ran(self, script: Loaded, blockhash: bytes, is_v0: bool, is_v1: bool) -> Ran:
        keys, payer = _keys(script.frames), self.rng.choice(self.payers)
        self.price += 1
        if is_v1 and len(keys) <= MOST_STATIC:
            return self._ran_v1(script, payer, blockhash)
        before = self._before()
        tables = self._tables(keys) if is_v0 or len(keys) > MOST_STATIC else None
        executed = self.runtime.run(script, payer.keypair, payer.key, blockhash, before=before, tables=tables)
        return Ran(shown(executed), script, len(before), is_v0, is_v1)

    def _ran_v1(self, script: Loaded, payer: Payer, blockhash: bytes) -> Ran:
        """No tables, and what others ask of the compute budget's program stands in the message."""
        beside = self.price.to_bytes(8, "little")
        executed = self.runtime.run(script, payer.keypair, payer.key, blockhash, tables=[], beside=beside)
        return Ran(shown(executed, priority_fee=self.price), script, 0, is_v0=False, is_v1=True)

    def _before(self) -> list[Instruction]:
        limit = [set_compute_unit_limit(COMPUTE_UNITS)] if self.rng.random() < 0.5 else []
        return [*limit, set_compute_unit_price(self.price)]

    def _tables(self, keys: list[bytes]) -> list[list[bytes]]:
        """One or two lookup tables of most of the keys, programs and event authorities included."""
        share = 0.8 if len(keys) <= MOST_STATIC else 1.0
        keys = [key for key in keys if self.rng.random() < share]
        cut = self.rng.randrange(len(keys) + 1)
        return [keys[:cut], keys[cut:]]


def _keys(frames: Sequence[Frame]) -> list[bytes]:
    return list(dict.fromkeys(key for frame in frames for key in frame.accounts))
