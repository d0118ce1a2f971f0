"""What a node says that is not so, or not yet: its faults as far as they concern what is told of the chain.

A lie is about a signature or a slot that the node could tell the truth of; of what it does not have anyway,
nothing is counted. Nothing of the chain itself is changed: what is retold is a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from indexer.simulation.cluster import Cluster, Commitment, View
from indexer.simulation.encodings import Json
from indexer.simulation.faults import Faults
from indexer.simulation.node_errors import (
    archive_slot_skipped,
    block_not_available,
    block_status_not_yet,
    min_context_slot_not_reached,
    slot_skipped,
)
from indexer.simulation.places import Place

_NEW_ERROR = {"BundleBudgetExceeded": {"instruction_index": 0, "units": 7}}  # Of a runtime that nobody knows yet.
_NEW_FIELD = {"computeLanes": [1, {"lane": None}]}
_HIDING = ("archive_seam", "row_missing")
_KEPT_SLOTS = 40  # Of a ledger that begins anew.


class Lies:
    """The lies of one node."""

    def __init__(self, node: str, faults: Faults, cluster: Cluster) -> None:
        self.node, self.faults, self.cluster = node, faults, cluster

    # --- how far it has come ---------------------------------------------------------------------------------------

    def slots_stalled(self) -> int:
        """Slots by which it has fallen behind since it stands still."""
        fault = self.faults.active("node_stalled", self.node)
        return 0 if fault is None else self.cluster.slot() - self.cluster.slot_at(fault.start_s) + 1

    def slots_late(self, method: str) -> int:
        """More, where another backend answers than the one that tells the slot."""
        stalled = self.slots_stalled()
        if stalled:
            self.faults.saw("node_stalled")
        fault = None if method == "getSlot" else self.faults.strikes("lagging_backend", self.node)
        return stalled if fault is None else stalled + round(fault.amount)

    def moved_floor(self) -> int:
        """The first slot of its ledger since it began one anew; 0: it did not."""
        fault = self.faults.active("floor_moved", self.node)
        return 0 if fault is None else self.cluster.slot_at(fault.start_s) - _KEPT_SLOTS

    # --- instead of an answer --------------------------------------------------------------------------------------

    def about_context(self, min_context_slot: int | None) -> None:
        """Raises RpcError."""
        if min_context_slot is not None and self.faults.strikes("context_refused", self.node):
            raise min_context_slot_not_reached(min_context_slot - 1)

    def about_block(self, view: View, slot: int, level: Commitment) -> bool:
        """Whether the block is told to be null. Raises RpcError."""
        if view.block(slot, level) is None:
            return False
        for kind, error in _BLOCK_ERRORS.items():
            if self.faults.touches(kind, self.node, slot):
                raise error(slot)
        if self._is_young("status_not_yet", slot, level):
            raise block_status_not_yet(slot)
        return self.faults.strikes("block_null", self.node) is not None

    def about_transaction(self, place: Place, level: Commitment) -> bool:
        """Whether the transaction is told to be null."""
        lost = self.faults.touches("transaction_lost", self.node, place.transaction.signature)
        return lost is not None or self._is_young("transaction_late", place.block.slot, level)

    def _is_young(self, kind: str, slot: int, level: Commitment) -> bool:
        """A slot that has reached the commitment only just now; half of them, chosen by chance."""
        fault = self.faults.active(kind, self.node)
        if fault is None or self.cluster.clock() >= self.cluster.time_of(slot, level) + fault.amount:
            return False
        return self.faults.touches(kind, self.node, slot) is not None

    # --- rows ------------------------------------------------------------------------------------------------------

    def rows(self, places: Sequence[Place]) -> list[Place]:
        """The transactions of one slot, without those that the node does not list."""
        if all(self.faults.active(kind, self.node) is None for kind in _HIDING):
            return list(places)
        return [place for place in places if not self._hides(place)]

    def order(self, signature: str) -> bytes:
        """Where the signature stands among those of its slot."""
        return blake2b(f"{self.node} {signature}".encode(), digest_size=8).digest()

    def shuffled(self, places: list[Place]) -> list[Place]:
        if len(places) > 1 and self.faults.strikes("rows_shuffled", self.node):
            return self.faults.random.sample(places, len(places))
        return places

    def page_rows(self, limit: int) -> int:
        """How many rows a page has that may have `limit`."""
        fault = self.faults.strikes("short_page", self.node)
        return limit if fault is None else min(limit, max(1, round(fault.amount)))

    def _hides(self, place: Place) -> bool:
        seam = self.faults.active("archive_seam", self.node)
        if seam is not None and seam.first_slot <= place.block.slot < seam.first_slot + seam.amount:
            return self.faults.count(seam) is not None
        return self.faults.touches("row_missing", self.node, place.transaction.signature) is not None

    # --- retold ----------------------------------------------------------------------------------------------------

    def slots(self, slots: list[int]) -> list[int]:
        if self.faults.active("slot_omitted", self.node) is None:
            return slots
        return [slot for slot in slots if self.faults.touches("slot_omitted", self.node, slot) is None]

    def transaction(self, told: Json) -> Json:
        """A transaction with its `meta`, as getTransaction and getBlock have it."""
        if (meta := told.get("meta")) is None:
            return told
        if self.faults.active("meta_null", self.node) and self._loses_meta(told["transaction"]):
            return {**told, "meta": None}
        retold = self.error(meta)
        if self.faults.strikes("unknown_field", self.node):
            return {**told, **_NEW_FIELD, "meta": {**retold, **_NEW_FIELD}}
        return told if retold is meta else {**told, "meta": retold}

    def error(self, told: Json) -> Json:
        """Something that has an `err`: where it failed, it may have failed in a way that is new."""
        if told["err"] is None or not self.faults.strikes("unknown_error_variant", self.node):
            return told
        return {**told, "err": _NEW_ERROR} | ({"status": {"Err": _NEW_ERROR}} if "status" in told else {})

    def _loses_meta(self, body: Any) -> bool:
        thing = body["signatures"][0] if isinstance(body, dict) else body[0]
        return self.faults.touches("meta_null", self.node, thing) is not None


_BLOCK_ERRORS: Mapping[str, Callable[[int], Exception]] = {
    "not_available": block_not_available,
    "skipped_lie": slot_skipped,
    "archive_skipped_lie": archive_slot_skipped,
}
