"""Make a chain by seed: the same seed and profile give the same chain, bit for bit.

Slot by slot the traffic is run by the real runtime, and the truth is written down beside it. Forks are made of what
the finalized chain holds a little later, so that their transactions come again elsewhere, or never. A chain that is
served while it is made shows nothing beyond `Builder.final_slot`: what lies behind it no later fork touches.
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


def build_chain(seed: int, profile: Profile | None = None) -> Chain:
    """The whole chain, with forks and truth. More than a thousand transactions a second."""
    profile = profile or Profile()
    builder = Builder(seed, profile)
    builder.build(profile.slots)
    return builder.chain()


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


class Builder:
    """A chain that is made in parts. Its chain's blocks, forks and accounts are its own, and grow with it."""

    def __init__(self, seed: int, profile: Profile, *, keeps_truth: bool = True) -> None:
        self.profile, self.keeps_truth = profile, keeps_truth
        self.end_slot = profile.first_slot
        self.live_slot = profile.first_slot + profile.history_slots  # The first one behind the history.
        self.rng = Random(f"{seed} chain")
        self.genesis = sha256(f"genesis {seed} {profile}".encode()).digest()
        self.traffic = Traffic(seed, profile)
        self.sender = Sender(Random(f"{seed} sender"), self.genesis)
        self.blocks: dict[int, ChainBlock] = {}
        self.forks: list[Fork] = []
        self.truths: list[Truth] = []
        self.accounts: dict[bytes, list[Version]] = {}
        self.recent: deque[tuple[ChainBlock, Sequence[Ran]]] = deque(maxlen=WINDOW + 1)

    @property
    def final_slot(self) -> int:
        """The last slot that no later fork lies beside; before the first one while there is none."""
        return self.recent[0][0].slot if self.recent else self.profile.first_slot - 1

    def build(self, slots: int) -> None:
        """Make the next slots."""
        with _no_collection():
            for slot in range(self.end_slot, self.end_slot + slots):
                if slot == self.live_slot and self.profile.live is not None:
                    self.traffic.go_live(self.profile.live)
                if self.rng.random() >= self.profile.skipped:
                    self._block(slot)
                    if slot >= self.live_slot:
                        self._keep_accounts(slot)
                        self._maybe_fork()
        self.end_slot += slots

    def chain(self) -> Chain:
        """What there is so far."""
        return Chain(
            genesis_hash=base58.encode(self.genesis),
            first_slot=self.profile.first_slot,
            end_slot=self.end_slot,
            genesis_time=self.profile.genesis_time,
            slot_ms=self.profile.slot_ms,
            blocks=self.blocks,
            forks=self.forks,
            truth=joined(self.truths),
            accounts=self.accounts,
        )

    def _block(self, slot: int) -> None:
        time = self.profile.time_of(slot)
        blockhash = self._recent_blockhash()
        ran = [self.sender.ran(one.script, blockhash, is_v1=one.is_v1) for one in self.traffic.sent(slot, time)]
        shown_time = 0 if self.rng.random() < self.profile.timeless else time
        parent = self.recent[-1][0] if self.recent else None
        block = self._sealed(slot, shown_time, [one.transaction for one in ran], parent)
        self.blocks[slot] = block
        self.recent.append((block, ran))
        if self.keeps_truth:
            self.truths += [truth_of(block, index, one) for index, one in enumerate(ran) if not one.transaction.failed]

    def _keep_accounts(self, slot: int) -> None:
        """Counters are true in every slot: they are what proves that nothing is missing."""
        whole = len(self.blocks) % self.profile.accounts_every == 1
        for protocol, held in self.traffic.accounts() if whole else self.traffic.counted():
            self.accounts.setdefault(held.key, []).append(Version(slot, protocol, held))

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
            time, below = self.profile.time_of(slot), blocks[-1] if blocks else parent
            blocks.append(self._sealed(slot, time, taken[number::count], below))
        while len(self.recent) > 1:
            self.recent.popleft()  # No two forks stand at one place.

    def _forked(self, one: Ran, blockhash: bytes) -> ChainTransaction:
        """The same transaction, which comes again, or the same signed anew, which never does."""
        return one.transaction if self.rng.random() < 0.6 else self.sender.again(one, blockhash).transaction
