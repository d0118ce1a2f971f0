"""Questions to RPC nodes, typed: what is asked by which method, with which parameters, and what is read of it.

Everything is asked at commitment `finalized` unless it says otherwise, in encoding json, for the highest version of
transactions that we know. What a node was seen to have is told to the pool.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from indexer.core.coverage import Span
from indexer.core.jsonrpc import Reading, plain
from indexer.core.rpc import Block, BlockHead, block_reading, head_reading
from indexer.core.transaction import Unavailable
from indexer.sources.ahead import gathered
from indexer.sources.base import Lane, SourceInterrupted
from indexer.sources.providers import Answer, Providers
from indexer.sources.reasons import Refused

Commitment = Literal["confirmed", "finalized"]
_Value = TypeVar("_Value")
_FINALIZED: dict[str, Any] = {"commitment": "finalized"}
_INTEGER = plain(int)


class RpcSettings(msgspec.Struct, frozen=True, kw_only=True):
    max_transaction_version: int = 1  # With a lower one than a block holds, nodes answer error -32015 for all of it.


class Rpc:
    """Typed questions to the pool. All raise Refused and SourceInterrupted as `Providers.ask` does."""

    def __init__(self, providers: Providers, settings: RpcSettings | None = None) -> None:
        self.providers = providers
        self._settings = settings or RpcSettings()

    async def slots_with_blocks(self, span: Span, *, lane: Lane, past: int | None = None) -> Sequence[int]:
        """The slots of a span that the answerer has blocks of, in order; of what it says nothing, nothing is known."""
        context = _FINALIZED if past is None else {**_FINALIZED, "minContextSlot": past}
        reading = plain(list[int]).checked(_inside(span))
        answer = await self._ask("getBlocks", [span.start, span.end - 1, context], reading, lane=lane, past=past)
        return answer.value

    async def block(
        self,
        slot: int,
        *,
        lane: Lane,
        programs: Collection[bytes],
        check: Callable[[Block], Block],
        avoid: Collection[str] = (),
    ) -> Answer[Block]:
        """A block with the transactions that succeeded and name one of the programs.

        `check` raises Unavailable for a block that another endpoint may have whole.
        """
        config = {**_FINALIZED, "encoding": "json", "transactionDetails": "full", **self._body()}
        reading = block_reading(slot, programs).checked(_with_parent).checked(check)
        answer = await self._ask("getBlock", [slot, config], reading, lane=lane, avoid=avoid)
        self.providers.saw(answer.endpoint, finalized_slot=slot)
        return answer

    async def block_head(
        self,
        slot: int,
        *,
        lane: Lane,
        signatures: bool = False,
        check: Callable[[BlockHead], BlockHead] = lambda head: head,
        avoid: Collection[str] = (),
        only: str | None = None,
    ) -> Answer[BlockHead]:
        """A block without its transactions, or with the signatures of all of them."""
        config = {**_FINALIZED, "transactionDetails": "signatures" if signatures else "none", **self._body()}
        reading = head_reading(slot).checked(_with_parent).checked(check)
        answer = await self._ask("getBlock", [slot, config], reading, lane=lane, avoid=avoid, only=only)
        self.providers.saw(answer.endpoint, finalized_slot=slot)
        return answer

    async def finalized_slot(self, *, lane: Lane, only: str | None = None, patience_s: float | None = None) -> int:
        """The newest finalized slot of whoever answers."""
        answer = await self._ask("getSlot", [_FINALIZED], _INTEGER, lane=lane, only=only, patience_s=patience_s)
        self.providers.saw(answer.endpoint, finalized_slot=answer.value)
        return answer.value

    async def first_block(self, *, lane: Lane, only: str | None = None, patience_s: float | None = None) -> int:
        """The lowest slot whose block whoever answers has."""
        answer = await self._ask("getFirstAvailableBlock", [], _INTEGER, lane=lane, only=only, patience_s=patience_s)
        self.providers.saw(answer.endpoint, first_block=answer.value)
        return answer.value

    async def reach(self, *, lane: Lane) -> Span | None:
        """From the first block that anybody has up to the highest finalized slot of anybody; None: nobody answers."""

        async def reach_of(name: str) -> Span | None:
            try:
                first = await self.first_block(lane=lane, only=name, patience_s=0)
                return Span(first, max(first, await self.finalized_slot(lane=lane, only=name, patience_s=0)) + 1)
            except (Refused, SourceInterrupted):
                return None

        names = self.providers.names
        spans = [span for span in await gathered(names, reach_of, max(1, len(names))) if span is not None]
        return Span(min(s.start for s in spans), max(s.end for s in spans)) if spans else None

    def _body(self) -> dict[str, Any]:
        return {"maxSupportedTransactionVersion": self._settings.max_transaction_version, "rewards": False}

    async def _ask(
        self, method: str, params: Sequence[Any], read: Reading[Any, _Value], **terms: Any
    ) -> Answer[_Value]:
        return await self.providers.ask(method, params, read, **terms)


_Parented = TypeVar("_Parented", Block, BlockHead)


def _with_parent(block: _Parented) -> _Parented:
    if block.parent_slot >= block.slot > 0:
        raise Unavailable(f"block {block.slot} names {block.parent_slot} as its parent")
    return block


def _inside(span: Span) -> Callable[[list[int]], list[int]]:
    def check(slots: list[int]) -> list[int]:
        if any(slot not in span for slot in slots) or sorted(set(slots)) != slots:
            raise Unavailable(f"the list of blocks of {span.start}..{span.end} is out of order, or of another span")
        return slots

    return check
