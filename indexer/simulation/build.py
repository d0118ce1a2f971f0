"""Make a chain by seed: the same seed and profile give the same chain, bit for bit.

Slot by slot the traffic is run by the real runtime, and the truth is written down beside it. Forks are made of what
the finalized chain holds a little later, so that their transactions come again elsewhere, or never.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from random import Random

from indexer.core import base58
from indexer.simulation.chain import Chain, ChainBlock, ChainTransaction, Fork, Truth, Version
from indexer.simulation.profile import Profile
from indexer.simulation.sender import Ran, Sender
from indexer.simulation.traffic import Traffic
from indexer.simulation.truth import joined, truth_of

WINDOW = 4  # Blocks that a fork's transactions are taken from.
LONGEST_FORK = 3
ACCOUNTS_EVERY = 20  # Blocks between two states of the programs' accounts; writing them costs as much as a block.


def build_chain(seed: int, profile: Profile | None = None) -> Chain:
    """The whole chain, with forks and truth. More than a thousand transactions a second."""
    with _no_collection():
        return _Builder(seed, profile or Profile()).chain()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Nothing that is made here is a cycle, and looking for some in millions of objects costs a sixth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Builder:
    def __init__(self, seed: int, profile: Profile) -> None:
        self.profile = profile
        self.rng = Random(f"{seed} chain")
        self.genesis = sha256(f"genesis {seed} {profile}".encode()).digest()
        self.traffic = Traffic(seed, profile)
        self.sender = Sender(Random(f"{seed} sender"), self.genesis)
        self.blocks: dict[int, ChainBlock] = {}
        self.forks: list[Fork] = []
        self.truths: list[Truth] = []
        self.accounts: dict[bytes, list[Version]] = {}
        self.recent: deque[tuple[ChainBlock, Sequence[Ran]]] = deque(maxlen=WINDOW + 1)

    def chain(self) -> Chain:
        profile = self.profile
        end = profile.first_slot + profile.slots
        for slot in range(profile.first_slot, end):
            if self.rng.random() >= profile.skipped:
                self._block(slot)
                self._keep_accounts(slot)
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
            accounts=self.accounts,
        )

    def _block(self, slot: int) -> None:
        time = self._time(slot)
        blockhash = self._recent_blockhash()
        ran = [self.sender.ran(one.script, blockhash, is_v1=one.is_v1) for one in self.traffic.sent(slot, time)]
        shown_time = 0 if self.rng.random() < self.profile.timeless else time
        parent = self.recent[-1][0] if self.recent else None
        block = self._sealed(slot, shown_time, [one.transaction for one in ran], parent)
        self.blocks[slot] = block
        self.recent.append((block, ran))
        self.truths += [truth_of(block, index, one) for index, one in enumerate(ran) if not one.transaction.failed]

    def _keep_accounts(self, slot: int) -> None:
        if len(self.blocks) % ACCOUNTS_EVERY == 1:
            for protocol, held in self.traffic.accounts():
                self.accounts.setdefault(held.key, []).append(Version(slot, protocol, held))

    def _time(self, slot: int) -> int:
        return self.profile.genesis_time + (slot - self.profile.first_slot) * self.profile.slot_ms // 1000

    def _recent_blockhash(self) -> bytes:
        """Of a block that forks of this time have among their ancestors too."""
        return base58.key(self.recent[0][0].blockhash) if self.recent else self.genesis

    def _sealed(
        self, slot: int, time: int, transactions: Sequence[ChainTransaction], parent: ChainBlock | None
    ) -> ChainBlock:
        previous = base58.encode(self.genesis) if parent is None else parent.blockhash
        content = " ".join((previous, str(slot), str(len(self.forks)), *(one.signature for one in transactions)))
        return ChainBlock(
            slot=slot,
            parent_slot=self.profile.first_slot - 1 if parent is None else parent.slot,
            height=self.profile.first_slot // 20 * 19 if parent is None else parent.height + 1,
            blockhash=base58.encode(sha256(content.encode()).digest()),
            previous_blockhash=previous,
            block_time=time,
            transactions=transactions,
        )

    def _maybe_fork(self) -> None:
        """Blocks behind the oldest one of the window that were confirmed and then dropped."""
        if len(self.recent) <= WINDOW or self.rng.random() >= self.profile.forked:
            return
        (parent, _), *later = self.recent
        blockhash = base58.key(parent.blockhash)
        taken = [self._forked(one, blockhash) for _, ran in later for one in ran if self.rng.random() < 0.7]
        self.rng.shuffle(taken)
        count = self.rng.randint(1, LONGEST_FORK)
        slots = sorted(self.rng.sample(range(parent.slot + 1, later[-1][0].slot), count))
        blocks: list[ChainBlock] = []
        self.forks.append(Fork(blocks))
        for number, slot in enumerate(slots):
            blocks.append(self._sealed(slot, self._time(slot), taken[number::count], blocks[-1] if blocks else parent))
        while len(self.recent) > 1:
            self.recent.popleft()  # No two forks stand at one place.

    def _forked(self, one: Ran, blockhash: bytes) -> ChainTransaction:
        """The same transaction, which comes again, or the same signed anew, which never does."""
        return one.transaction if self.rng.random() < 0.6 else self.sender.again(one, blockhash).transaction
