"""The newest slots: heads, and what is confirmed and not finalized yet. Nothing here settles anything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from indexer.core import base58
from indexer.core.protocol import Protocol as Stream
from indexer.core.transaction import Transaction
from indexer.sources.base import Lane, Recent
from indexer.sources.readings import of_slot
from indexer.sources.reasons import Refused
from indexer.sources.rpc import Rpc
from indexer.sources.signatures import SignaturesSource

_PATIENCE_S = 3.0  # With endpoints that do not answer when asked for heads, which are asked for again soon.
_ELSEWHERE_S = 3.0  # For a node to leave a fork that was dropped.
_AGAIN_SLOTS = 8  # Of what was asked for before, since another endpoint may have been behind.


class Confirmed:
    """Questions of the tail. All raise SourceInterrupted where endpoints are away."""

    def __init__(self, rpc: Rpc, lane: Lane) -> None:
        self._rpc = rpc
        self._lane: Lane = lane
        self._signatures = SignaturesSource(rpc, lane)
        self._asked: dict[str, int] = {}  # Up to where, by stream.

    async def heads(self) -> tuple[int, int]:
        """(finalized, confirmed) slot. Whoever waits for them is told soon that nobody answers."""
        finalized = (await self._rpc.finalized(lane=self._lane, patience_s=_PATIENCE_S)).value
        return finalized, max(finalized, await self._rpc.confirmed_slot(lane=self._lane, patience_s=_PATIENCE_S))

    async def transaction(self, signature: bytes, slot: int) -> Transaction | None:
        """A transaction at `confirmed`, some time after it was notified of this slot; None: nobody had it there.

        A node that is behind may still have it on a fork; where all say another slot for a while, they are believed.
        """
        clock = asyncio.get_running_loop().time
        believed_at = clock() + _ELSEWHERE_S

        def check(transaction: Transaction) -> Transaction:
            return transaction if clock() >= believed_at else of_slot(transaction, slot)

        return await self._rpc.transaction(base58.encode(signature), lane=self._lane, check=check)

    async def recent(self, streams: Sequence[Stream]) -> Recent:
        """What is confirmed, not finalized, and was not asked for before, or not had."""
        finalized, confirmed = await self.heads()
        after = {s.name: max(finalized, self._asked.get(s.name, 0) - _AGAIN_SLOTS) for s in streams}
        found = await self._signatures.recent(streams, after)
        self._asked.update({stream.name: found.lacking.get(stream.name, confirmed) for stream in streams})
        return found

    async def finalized_transaction(self, signature: bytes) -> Transaction | None:
        """A transaction of history; None: nobody has it."""
        return await self._rpc.transaction(base58.encode(signature), lane=self._lane, commitment="finalized")

    async def blockhash(self, slot: int) -> str | None:
        """The hash of a slot's block; None: nobody has it."""
        try:
            return (await self._rpc.block_head(slot, lane=self._lane)).value.blockhash
        except Refused:
            return None
