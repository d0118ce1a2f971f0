"""Make a chain by seed: the same seed and profile give the same chain, bit for bit.

Slot by slot the activities say what happens, the runtime runs it, and the truth is written down beside it. Forks are
made of what the finalized chain holds a little later, so that their transactions come again elsewhere, or never.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from random import Random
from typing import Protocol

import msgspec
from solders.compute_budget import set_compute_unit_limit, set_compute_unit_price
from solders.instruction import Instruction
from solders.keypair import Keypair

from indexer.core import base58
from indexer.core.reference import parse_seed
from indexer.resources import resource
from indexer.simulation.answer import shown
from indexer.simulation.chain import Chain, ChainBlock, ChainTransaction, Fork, Truth
from indexer.simulation.drift import DriftActivity
from indexer.simulation.memory import Frame, Loaded, loaded
from indexer.simulation.profile import Profile
from indexer.simulation.runtime import Runtime
from indexer.simulation.script import Script
from indexer.simulation.truth import Found, found_places, joined, rows

PAYERS = 24
WINDOW = 4  # Blocks that a fork's transactions are taken from.
LONGEST_FORK = 3


class Activity(Protocol):
    def scripts(self, slot: int, block_time: int, count: int) -> list[Script]:
        """What happens in one slot of the finalized chain. Asked for each slot with a block, in order."""


class _Ran(msgspec.Struct, frozen=True):
    transaction: ChainTransaction
    script: Loaded
    before: int  # Instructions of the compute budget.


def build_chain(seed: int, profile: Profile | None = None) -> Chain:
    return _Builder(seed, profile or Profile()).chain()


def activities(seed: int) -> list[Activity]:
    reference = parse_seed((resource("config") / "markets.json").read_bytes())
    return [DriftActivity(Random(f"{seed} drift"), reference)]


class _Builder:
    def __init__(self, seed: int, profile: Profile) -> None:
        self.profile = profile
        self.rng = Random(f"{seed} chain")
        self.genesis = sha256(f"genesis {seed} {profile}".encode()).digest()
        self.runtime = Runtime()
        self.activities = activities(seed)
        self.payers = [Keypair.from_seed(sha256(b"payer %d" % n + self.genesis).digest()) for n in range(PAYERS)]
        self.price = 0  # Micro-lamports a unit: another one in each transaction, so that no two are the same.
        self.blocks: dict[int, ChainBlock] = {}
        self.forks: list[Fork] = []
        self.truths: list[Truth] = []
        self.recent: deque[tuple[ChainBlock, Sequence[_Ran]]] = deque(maxlen=WINDOW + 1)
        self.hash = self.genesis

    def chain(self) -> Chain:
        profile = self.profile
        end = profile.first_slot + profile.slots
        for slot in range(profile.first_slot, end):
            if self.rng.random() >= profile.skipped:
                self._block(slot)
                self._maybe_fork()
        return Chain(
            genesis_hash=base58.encode(self.genesis),
            first_slot=profile.first_slot,
            end_slot=end,
            genesis_time=profile.genesis_time,
            slot_ms=profile.slot_ms,
            blocks=self.blocks,
            forks=self.forks,
            truth=joined(self.truths),
        )

    def _block(self, slot: int) -> None:
        time = self.profile.genesis_time + (slot - self.profile.first_slot) * self.profile.slot_ms // 1000
        scripts = self._scripts(slot, time)
        ran = [self._run(loaded(script.calls), script.is_v0) for script in scripts]
        block = self._sealed(slot, time, [one.transaction for one in ran], self._parent())
        self.blocks[slot] = block
        self.recent.append((block, ran))
        for index, one in enumerate(ran):
            if not one.transaction.failed:
                self.truths.append(_truth(block, index, one))

    def _scripts(self, slot: int, time: int) -> list[Script]:
        count = round(self.rng.expovariate(1 / self.profile.transactions))
        return [script for one in self.activities for script in one.scripts(slot, time, count)]

    def _run(self, script: Loaded, is_v0: bool) -> _Ran:
        before = self._before()
        tables = self._tables(script) if is_v0 else None
        payer = self.rng.choice(self.payers)
        executed = self.runtime.run(script, payer, self.hash, before=before, tables=tables)
        return _Ran(shown(executed), script, len(before))

    def _before(self) -> list[Instruction]:
        self.price += 1
        limit = [set_compute_unit_limit(1_400_000)] if self.rng.random() < 0.5 else []
        return [*limit, set_compute_unit_price(self.price)]

    def _tables(self, script: Loaded) -> list[list[bytes]]:
        """One or two lookup tables of most of what the script names."""
        keys = [key for key in _keys(script.frames) if self.rng.random() < 0.8]
        cut = self.rng.randrange(len(keys) + 1)
        return [table for table in (keys[:cut], keys[cut:]) if table]

    def _parent(self) -> ChainBlock | None:
        return self.recent[-1][0] if self.recent else None

    def _sealed(
        self, slot: int, time: int, transactions: Sequence[ChainTransaction], parent: ChainBlock | None
    ) -> ChainBlock:
        previous = base58.encode(self.genesis) if parent is None else parent.blockhash
        signatures = "".join(one.signature for one in transactions)
        blockhash = sha256(f"{slot} {previous} {signatures}".encode()).digest()
        return ChainBlock(
            slot=slot,
            parent_slot=self.profile.first_slot - 1 if parent is None else parent.slot,
            height=self.profile.first_slot // 20 * 19 if parent is None else parent.height + 1,
            blockhash=base58.encode(blockhash),
            previous_blockhash=previous,
            block_time=0 if self.rng.random() < self.profile.timeless else time,
            transactions=transactions,
        )

    def _maybe_fork(self) -> None:
        """Blocks behind the oldest one of the window that were confirmed and then dropped."""
        if len(self.recent) <= WINDOW or self.rng.random() >= self.profile.forked:
            return
        parent = self.recent[0][0]
        pool = [one for _, ran in list(self.recent)[1:] for one in ran]
        taken = [self._forked(one) for one in pool if self.rng.random() < 0.7]
        self.rng.shuffle(taken)
        blocks: list[ChainBlock] = []
        count = self.rng.randint(1, LONGEST_FORK)
        for number in range(count):
            block = self._sealed(
                parent.slot + 1,
                parent.block_time + (number + 1) * self.profile.slot_ms // 1000,
                taken[number::count],
                parent,
            )
            blocks.append(block)
            parent = block
        self.forks.append(Fork(blocks))
        self.recent.clear()
        self.recent.append((self.blocks[max(self.blocks)], ()))

    def _forked(self, one: _Ran) -> ChainTransaction:
        """The same transaction, which comes again, or the same signed anew, which never does."""
        if self.rng.random() < 0.6:
            return one.transaction
        return self._run(one.script, one.transaction.shown["version"] == 0).transaction


def _keys(frames: Sequence[Frame]) -> list[bytes]:
    return list(dict.fromkeys(key for frame in frames for key in frame.accounts))


def _truth(block: ChainBlock, index: int, one: _Ran) -> Truth:
    shown = one.transaction.shown
    instructions = shown["transaction"]["message"]["instructions"]
    calls = len(instructions) + sum(len(group["instructions"]) for group in shown["meta"]["innerInstructions"])
    places = found_places(one.script.frames, one.before, one.transaction.logs, calls)
    found = Found(
        slot=block.slot,
        signature=base58.signature(one.transaction.signature),
        tx_index=index,
        block_time=block.block_time or None,
        places=places,
        logs=one.transaction.logs,
        runs=frozenset(_programs(one.script.frames)),
    )
    return rows(found)


def _programs(frames: Sequence[Frame]) -> list[bytes]:
    inner = [part for frame in frames for part in frame.inside if isinstance(part, Frame)]
    return [frame.program_id for frame in frames] + (_programs(inner) if inner else [])
