"""The chain in time: which slot the cluster has come to, and what of it is processed, confirmed, finalized.

Slot s is processed at its time, confirmed a few slots later, finalized some 32 later. Every node of the cluster
sees this through a view of its own: up to where it has come, and from which slot on it still has the ledger.
A view is a moment; nothing that is asked of it changes while time goes on.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from indexer.simulation.chain import Chain, ChainBlock
from indexer.simulation.places import Branch, Place, Places, naming

Commitment = Literal["processed", "confirmed", "finalized"]
_CONFIRMED_AFTER = 2  # Slots; mainnet: about a second.
_FINALIZED_AFTER = 32
_ROUNDING = 1e-9  # Slots: who slept until a slot's time has come to the slot.


class Cluster:
    """A chain that is produced slot by slot."""

    def __init__(
        self,
        chain: Chain | Places,
        clock: Callable[[], float],
        *,
        start_slot: int | None = None,
        speed: float = 1.0,
        confirmed_after: int = _CONFIRMED_AFTER,
        finalized_after: int = _FINALIZED_AFTER,
    ) -> None:
        """`clock` tells seconds; at 0 the cluster has come to `start_slot` (default: the chain's first), and what lies
        before it is history. `speed`: chain seconds in one second of the clock."""
        self.places = chain if isinstance(chain, Places) else Places(chain)
        self.chain = self.places.chain
        self.start_slot = self.chain.first_slot if start_slot is None else start_slot
        self.after = {"processed": 0, "confirmed": confirmed_after, "finalized": finalized_after}
        self.clock = clock
        self.slot_s = self.chain.slot_ms / 1000 / speed  # Seconds of the clock.

    def slot(self) -> int:
        """The slot of now. It goes on behind the end of the chain, so that its last slots are finalized too."""
        return self.slot_at(self.clock())

    def slot_at(self, time_s: float) -> int:
        return self.start_slot + int(time_s / self.slot_s + _ROUNDING)

    def time_of(self, slot: int, commitment: Commitment = "processed") -> float:
        """When the clock shows that the slot has reached the commitment. Negative: before the start."""
        return (slot + self.after[commitment] - self.start_slot) * self.slot_s

    def view(self, behind: int = 0, first_slot: int = 0, ledger_slot: int = 0) -> View:
        """What a node sees now that is `behind` slots late; for the rest see View."""
        return View(self, self.slot() - behind, max(first_slot, self.chain.first_slot), ledger_slot)


class View(msgspec.Struct, frozen=True):
    """What one node sees at one moment."""

    cluster: Cluster
    slot: int  # How far it has come; may lie behind the end of the chain.
    first_slot: int  # What lies before was purged.
    ledger_slot: int  # What lies before comes out of an archive.

    def limit(self, commitment: Commitment) -> int:
        """The last slot that has reached the commitment, with or without a block."""
        return min(self.slot - self.cluster.after[commitment], self.cluster.places.end_slot - 1)

    def branch(self, commitment: Commitment) -> Branch | None:
        """The fork that the view is on. The finalized chain is none."""
        return None if commitment == "finalized" else self.cluster.places.branch(self.limit(commitment))

    def head(self, commitment: Commitment) -> ChainBlock | None:
        """The newest block; None: the chain has not begun."""
        return self.cluster.places.head(self.limit(commitment), self.branch(commitment))

    def block(self, slot: int, commitment: Commitment) -> ChainBlock | None:
        """The block of the slot. None: skipped, purged, or not yet at the commitment."""
        if not self.first_slot <= slot <= self.limit(commitment):
            return None
        return self.cluster.places.block(slot, self.branch(commitment))

    def is_dropped(self, block: ChainBlock) -> bool:
        """Whether the block lies on a fork."""
        return self.cluster.chain.blocks.get(block.slot) is not block

    def slots(self, start: int, end: int, commitment: Commitment) -> list[int]:
        """Slots with a block from `start` up to and including `end`."""
        start, end = max(start, self.first_slot), min(end, self.limit(commitment))
        return self.cluster.places.shown_slots(start, end, self.branch(commitment)) if start <= end else []

    def find(self, signature: str, commitment: Commitment) -> Place | None:
        for place in self.cluster.places.of_signature(signature):
            if self.block(place.block.slot, commitment) is place.block:
                return place
        return None

    def history(self, address: str, commitment: Commitment) -> Sequence[Place]:
        """Transactions that name the address, oldest first."""
        limit, branch = self.limit(commitment), self.branch(commitment)
        places, slots = self.cluster.places.history(address)
        last = limit if branch is None else min(limit, branch.parent_slot)
        kept = places[bisect_left(slots, self.first_slot) : bisect_right(slots, last)]
        if branch is None:
            return kept
        forked = (block for block in branch.fork.blocks if self.first_slot <= block.slot <= limit)
        return kept + [place for block in forked for place in naming(block, address)]
