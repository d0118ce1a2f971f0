"""A chain that goes on: its history is made before anybody asks for it, its live slots when their time comes.

Slots are made some seconds ahead, so that no fork touches what a node shows. Of the accounts only the last states are
kept, and of the truth nothing: who wants to be judged by it takes a chain that was made as a whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from indexer.simulation.box import Box
from indexer.simulation.build import Builder
from indexer.simulation.node_accounts import Account, accounts_of
from indexer.simulation.places import Places

AHEAD_SLOTS = 60  # More than the longest fork and all skipped slots beside it.
GROWS_EVERY_S = 0.4
_STATES = 4  # Of the accounts: finalized reads are some 32 slots behind.


class LivingChain:
    """`builder`: has made the history. `clock`: seconds since the first live slot; it ends after `most_slots`."""

    def __init__(self, builder: Builder, clock: Callable[[], float], most_slots: int) -> None:
        self.live_slot = builder.live_slot
        self.end_slot = self.live_slot + most_slots
        self._builder, self._clock = builder, clock
        self._accounts: dict[str, Sequence[Account]] = {}
        self._build()
        self.chain = builder.chain()
        self.places = Places(self.chain, builder.final_slot + 1)
        self._take()

    def box(self) -> Box:
        """Its endpoints, without faults."""
        return Box(self.places, self._clock, start_slot=self.live_slot, accounts=self._accounts)

    async def grow(self) -> None:
        """Until its end has come."""
        while self._due() < self.end_slot:
            self._build()
            self._take()
            await asyncio.sleep(GROWS_EVERY_S)

    def _due(self) -> int:
        return self.live_slot + int(self._clock() * 1000) // self._builder.profile.slot_ms

    def _build(self) -> None:
        self._builder.build(max(0, min(self._due() + AHEAD_SLOTS, self.end_slot) - self._builder.end_slot))

    def _take(self) -> None:
        self.places.grow(self._builder.final_slot + 1)
        for versions in self._builder.accounts.values():
            del versions[:-_STATES]
        self._accounts.update(accounts_of(self.chain))
