"""Where everything of a chain lies, and which blocks a node shows when it has come up to a slot.

A node that has come up to slot L shows one chain: the blocks that the block at its tip descends from. While L
is in a fork, these are the blocks up to the fork's parent and the fork's own; the first block of the finalized
chain behind the fork overtakes it, and from then on the fork was never there. So nothing here depends on time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
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
    """The index of one chain; many clusters and nodes share it. Of a chain that is still made it holds the slots below
    `end_slot`, which no fork may touch any more."""

    def __init__(self, chain: Chain, end_slot: int | None = None) -> None:
        self.chain = chain
        self.end_slot = chain.first_slot
        self.slots: list[int] = []
        self.branches: list[Branch] = []
        self.arrivals: list[Arrival] = []
        self._signatures: dict[str, list[Place]] = {}
        self._counts = [0]  # Transactions before each of the slots, and at the end.
        self._histories: dict[str, _History] = {}  # Those asked for last, at the end.
        self.grow(chain.end_slot if end_slot is None else end_slot)

    def grow(self, end_slot: int) -> None:
        """Take in what the chain has up to `end_slot`."""
        slots = [slot for slot in range(self.end_slot, end_slot) if slot in self.chain.blocks]
        self.slots += slots
        self.end_slot = max(self.end_slot, end_slot)
        branches = _branches(self.chain.forks[len(self.branches) :], self.slots, self.branches[-1:])
        self.branches += branches
        # None of the new ones can come before an old one: they begin behind the last slot that was taken in.
        self.arrivals += _arrivals(self.chain, slots, branches)
        blocks = [self.chain.blocks[slot] for slot in slots]
        self._counts += list(accumulate((len(one.transactions) for one in blocks), initial=self._counts.pop()))
        forked = (block for branch in branches for block in branch.fork.blocks)
        for block in (*blocks, *forked):
            for index, transaction in enumerate(block.transactions):
                self._signatures.setdefault(transaction.signature, []).append(Place(block, index))

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

    def history(self, address: str) -> tuple[list[Place], list[int]]:
        """Transactions of the finalized chain that name the address, oldest first; and their slots."""
        found = self._histories.pop(address, None) or _History()
        for slot in self.slots[found.walked :]:
            places = list(naming(self.chain.blocks[slot], address))
            found.places += places
            found.slots += [slot] * len(places)
        found.walked = len(self.slots)
        self._histories[address] = found
        if len(self._histories) > _ADDRESSES:
            del self._histories[next(iter(self._histories))]
        return found.places, found.slots


class _History:
    """What of the first `walked` slots names an address."""

    def __init__(self) -> None:
        self.walked = 0
        self.places: list[Place] = []
        self.slots: list[int] = []


def naming(block: ChainBlock, address: str) -> Iterator[Place]:
    """The block's transactions that name the address, in order."""
    return (Place(block, index) for index, one in enumerate(block.transactions) if address in one.mentions)


def _branches(forks: Sequence[Fork], slots: Sequence[int], before: Sequence[Branch]) -> list[Branch]:
    """The forks as branches, in order. `before`: the last one of earlier ones, if there is one."""
    found: list[Branch] = []
    for fork in sorted(forks, key=lambda fork: fork.blocks[0].slot):
        first, last = fork.blocks[0].slot, fork.blocks[-1].slot
        behind, former = bisect_right(slots, last), (*before, *found)[-1:]
        assert behind < len(slots), f"the fork of slots {first} to {last} is never overtaken: the chain ends before"
        assert not former or former[0].overtaken_slot <= first, f"the fork at slot {first} begins inside another"
        found.append(Branch(fork, first, slots[behind]))
    return found


def _arrivals(chain: Chain, slots: Sequence[int], branches: Sequence[Branch]) -> list[Arrival]:
    """Blocks of the finalized chain that lie beside a fork are seen when it is overtaken."""
    found = [Arrival(block.slot, block, True) for branch in branches for block in branch.fork.blocks]
    for slot in slots:
        beside = next((b for b in branches if b.first_slot <= slot <= b.last_slot), None)
        found.append(Arrival(slot if beside is None else beside.overtaken_slot, chain.blocks[slot], False))
    return sorted(found, key=lambda arrival: (arrival.slot, arrival.block.slot))
