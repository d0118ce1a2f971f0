"""Where everything of a chain lies, and which blocks a node shows when it has come up to a slot.

A node that has come up to slot L shows one chain: the blocks that the block at its tip descends from. While L
is in a fork, these are the blocks up to the fork's parent and the fork's own; the first block of the finalized
chain behind the fork overtakes it, and from then on the fork was never there. So nothing here depends on time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

import msgspec

from indexer.simulation.chain import Chain, ChainBlock, ChainTransaction, Fork

_ADDRESSES = 512  # Addresses whose history is kept; making one costs a walk through the chain.


class Place(msgspec.Struct, frozen=True, gc=False):
    """A transaction in a block."""

    block: ChainBlock
    index: int

    @property
    def transaction(self) -> ChainTransaction:
        return self.block.transactions[self.index]


class Branch(msgspec.Struct, frozen=True):
    """A fork with the slots at which nodes are on it."""

    fork: Fork
    first_slot: int
    overtaken_slot: int  # The finalized chain's first block behind it: whoever came up to it left the fork.

    @property
    def parent_slot(self) -> int:
        return self.fork.blocks[0].parent_slot

    @property
    def last_slot(self) -> int:
        return self.fork.blocks[-1].slot


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A block, and the slot up to which a node must have come to see it for the first time."""

    slot: int
    block: ChainBlock
    is_dropped: bool  # It lies on a fork.


class Places:
    """The index of one chain; many clusters and nodes share it."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.slots = sorted(chain.blocks)
        self.branches = _branches(chain, self.slots)
        self.arrivals = _arrivals(chain, self.slots, self.branches)
        self._signatures = _by_signature(chain)
        self._counts = [0, *accumulate(len(chain.blocks[slot].transactions) for slot in self.slots)]
        self.history = lru_cache(maxsize=_ADDRESSES)(self._history)

    def branch(self, limit: int) -> Branch | None:
        """The fork that a node is on which has come up to `limit`."""
        place = bisect_right(self.branches, limit, key=lambda branch: branch.first_slot)
        branch = self.branches[place - 1] if place else None
        return branch if branch is not None and limit < branch.overtaken_slot else None

    def shown_slots(self, start: int, end: int, branch: Branch | None) -> list[int]:
        """Slots with a block from `start` up to and including `end`."""
        if branch is None or end <= branch.parent_slot:
            return self.slots[bisect_left(self.slots, start) : bisect_right(self.slots, end)]
        below = self.slots[bisect_left(self.slots, start) : bisect_right(self.slots, branch.parent_slot)]
        return below + [block.slot for block in branch.fork.blocks if start <= block.slot <= end]

    def block(self, slot: int, branch: Branch | None) -> ChainBlock | None:
        if branch is None or slot <= branch.parent_slot:
            return self.chain.blocks.get(slot)
        return next((block for block in branch.fork.blocks if block.slot == slot), None)

    def head(self, limit: int, branch: Branch | None) -> ChainBlock | None:
        """The newest block up to `limit`."""
        if branch is not None:
            for block in reversed(branch.fork.blocks):
                if block.slot <= limit:
                    return block
        place = bisect_right(self.slots, limit)
        return self.chain.blocks[self.slots[place - 1]] if place else None

    def arrived(self, behind: int, limit: int, *, final: bool) -> Iterator[ChainBlock]:
        """Blocks that a node sees for the first time which goes on from slot `behind` to `limit`, in order."""
        first = bisect_right(self.arrivals, behind, key=lambda arrival: arrival.slot)
        if final:
            yield from (self.chain.blocks[slot] for slot in self.shown_slots(behind + 1, limit, None))
            return
        for arrival in self.arrivals[first:]:
            if arrival.slot > limit:
                return
            yield arrival.block

    def transaction_count(self, limit: int) -> int:
        """Transactions of the finalized chain up to the slot."""
        return self._counts[bisect_right(self.slots, limit)]

    def of_signature(self, signature: str) -> Sequence[Place]:
        """Everywhere that the transaction lies: at most once on the finalized chain, and on forks."""
        return self._signatures.get(signature, ())

    def _history(self, address: str) -> tuple[list[Place], list[int]]:
        """Transactions of the finalized chain that name the address, oldest first; and their slots."""
        found = [place for slot in self.slots for place in naming(self.chain.blocks[slot], address)]
        return found, [place.block.slot for place in found]


def naming(block: ChainBlock, address: str) -> Iterator[Place]:
    """The block's transactions that name the address, in order."""
    return (Place(block, index) for index, one in enumerate(block.transactions) if address in one.mentions)


def _branches(chain: Chain, slots: Sequence[int]) -> list[Branch]:
    found: list[Branch] = []
    for fork in sorted(chain.forks, key=lambda fork: fork.blocks[0].slot):
        first, last = fork.blocks[0].slot, fork.blocks[-1].slot
        behind = bisect_right(slots, last)
        assert behind < len(slots), f"the fork of slots {first} to {last} is never overtaken: the chain ends before"
        assert not found or found[-1].overtaken_slot <= first, f"the fork at slot {first} begins inside another"
        found.append(Branch(fork, first, slots[behind]))
    return found


def _arrivals(chain: Chain, slots: Sequence[int], branches: Sequence[Branch]) -> list[Arrival]:
    """Blocks of the finalized chain that lie beside a fork are seen when it is overtaken."""
    found = [Arrival(block.slot, block, True) for branch in branches for block in branch.fork.blocks]
    for slot in slots:
        beside = next((b for b in branches if b.first_slot <= slot <= b.last_slot), None)
        found.append(Arrival(slot if beside is None else beside.overtaken_slot, chain.blocks[slot], False))
    return sorted(found, key=lambda arrival: (arrival.slot, arrival.block.slot))


def _by_signature(chain: Chain) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    forked = [block for fork in chain.forks for block in fork.blocks]
    for block in (*chain.blocks.values(), *forked):
        for index, transaction in enumerate(block.transactions):
            found.setdefault(transaction.signature, []).append(Place(block, index))
    return found
