"""Questions to RPC nodes, typed: what is asked by which method, with which parameters, and what is read of it.

Everything is asked at commitment `finalized` unless it says otherwise, in encoding json, for the highest version of
transactions that we know. What a node was seen to have is told to the pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from indexer.core.coverage import Span
from indexer.core.jsonrpc import Reading
from indexer.core.rpc import TRANSACTION, Block, BlockHead, block_reading, head_reading
from indexer.core.transaction import Transaction
from indexer.sources.ahead import gathered
from indexer.sources.base import Lane, SourceInterrupted
from indexer.sources.providers import Answer, Providers, Question
from indexer.sources.readings import (
    INTEGER,
    LISTED,
    RAW,
    SLOTS,
    VERSION,
    Listed,
    in_order,
    inside,
    of_signature,
    with_parent,
)
from indexer.sources.reasons import Refused

Commitment = Literal["confirmed", "finalized"]
_Value = TypeVar("_Value")
_FINALIZED: dict[str, Any] = {"commitment": "finalized"}
_LONGEST_WAIT_S = 2.0
_FLOOR_S = 60.0


class RpcSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`null_patience_s`: how long a transaction that was notified is asked for; `first_wait_s`: before the 2nd time."""

    max_transaction_version: int = 1  # With a lower one than a block holds, nodes answer error -32015 for all of it.
    null_patience_s: float = 15.0
    first_wait_s: float = 0.1


class Rpc:
    """Typed questions to the pool. All raise Refused and SourceInterrupted as `Providers.ask` does."""

    def __init__(self, providers: Providers, settings: RpcSettings | None = None) -> None:
        self.providers = providers
        self._settings = settings or RpcSettings()
        self._floors: dict[str, tuple[float, int]] = {}  # By endpoint, with the time of asking.

    async def slots_with_blocks(
        self, span: Span, *, lane: Lane, past: int | None = None, avoid: Collection[str] = (), only: str | None = None
    ) -> Answer[list[int]]:
        """The slots of a span that the answerer has blocks of, in order; of what it says nothing, nothing is known.

        Who was seen to begin above the span's start is not asked while another is there: its list would begin late.
        """
        params = [span.start, span.end - 1, _finalized(past)]
        reading = SLOTS.checked(inside(span))
        avoid = {*avoid, *self.providers.lacking(span.start)} if only is None else avoid
        return await self._ask("getBlocks", params, reading, lane=lane, past=past, avoid=avoid, only=only)

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
        reading = block_reading(slot, programs).checked(with_parent).checked(check)
        answer = await self._ask("getBlock", [slot, config], reading, lane=lane, avoid=avoid, slot=slot)
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
        reading = head_reading(slot).checked(with_parent).checked(check)
        answer = await self._ask("getBlock", [slot, config], reading, lane=lane, avoid=avoid, only=only, slot=slot)
        self.providers.saw(answer.endpoint, finalized_slot=slot)
        return answer

    async def signatures(
        self,
        address: str,
        *,
        lane: Lane,
        limit: int,
        before: Listed | None = None,
        past: int | None = None,
        commitment: Commitment = "finalized",
        only: str | None = None,
    ) -> Answer[list[Listed]]:
        """Signatures that name the address, newest first, from below `before` on; `limit` at most 1,000."""
        config: dict[str, Any] = {"commitment": commitment, "limit": limit}
        config |= {} if before is None else {"before": before.signature}
        config |= {} if past is None else {"minContextSlot": past}
        reading = LISTED.checked(in_order(before))
        return await self._ask("getSignaturesForAddress", [address, config], reading, lane=lane, past=past, only=only)

    async def transactions(
        self,
        signatures: Sequence[str],
        checks: Sequence[Callable[[Transaction], Transaction]],
        *,
        lane: Lane,
        commitment: Commitment = "finalized",
    ) -> list[Answer[Transaction] | Refused]:
        """The transaction of each signature, in order; each has its `check`, which raises Unavailable."""
        questions = [
            self._transaction(signature, check, commitment) for signature, check in zip(signatures, checks, strict=True)
        ]
        return await self.providers.ask_many("getTransaction", questions, lane=lane)

    async def transaction(
        self,
        signature: str,
        *,
        lane: Lane,
        commitment: Commitment = "confirmed",
        check: Callable[[Transaction], Transaction] = lambda transaction: transaction,
    ) -> Transaction | None:
        """A transaction that was just notified; None: for `null_patience_s` nobody had it.

        Right after a notification null is normal for a while, from a node that lags for longer.
        """
        question = self._transaction(signature, check, commitment)
        deadline = _now() + self._settings.null_patience_s
        wait_s = self._settings.first_wait_s
        while True:
            try:
                return (await self._ask("getTransaction", question.params, question.read, lane=lane)).value
            except Refused:
                if _now() + wait_s > deadline:
                    return None
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    async def local_floor(self, *, lane: Lane, only: str) -> int | None:
        """Where the endpoint's own ledger begins, below which it asks an archive; None: it does not tell."""
        try:
            return (await self._ask("minimumLedgerSlot", [], INTEGER, lane=lane, only=only)).value
        except Refused:
            return None

    async def versions(self) -> Mapping[str, str]:
        """What each endpoint runs, or why it does not answer."""

        async def version(name: str) -> str:
            try:
                found = await self._ask("getVersion", [], VERSION, lane="live", only=name, patience_s=0)
            except SourceInterrupted as error:
                return f"no answer: {error}"
            return found.value.solana_core

        names = self.providers.names
        return dict(zip(names, await gathered(names, version, max(1, len(names))), strict=True))

    async def finalized(
        self,
        *,
        lane: Lane,
        past: int | None = None,
        avoid: Collection[str] = (),
        only: str | None = None,
        patience_s: float | None = None,
    ) -> Answer[int]:
        """The newest finalized slot of whoever answers."""
        terms: dict[str, Any] = {"past": past, "avoid": avoid, "only": only, "patience_s": patience_s}
        answer = await self._ask("getSlot", [_finalized(past)], INTEGER, lane=lane, **terms)
        self.providers.saw(answer.endpoint, finalized_slot=answer.value)
        return answer

    async def confirmed_slot(self, *, lane: Lane, patience_s: float | None = None) -> int:
        """The newest confirmed slot of whoever answers."""
        params = [{"commitment": "confirmed"}]
        return (await self._ask("getSlot", params, INTEGER, lane=lane, patience_s=patience_s)).value

    async def first_block(self, *, lane: Lane, only: str | None = None, patience_s: float | None = None) -> int:
        """The lowest slot whose block whoever answers has."""
        answer = await self._ask("getFirstAvailableBlock", [], INTEGER, lane=lane, only=only, patience_s=patience_s)
        self.providers.saw(answer.endpoint, first_block=answer.value)
        return answer.value

    async def reach(self, *, lane: Lane, endpoints: int = 1) -> Span | None:
        """From the first block up to the highest finalized slot that so many endpoints have; None: no such slot."""

        async def reach_of(name: str) -> Span | None:
            try:
                head = (await self.finalized(lane=lane, only=name, patience_s=0)).value
                first = await self._floor(name, lane)
            except SourceInterrupted:
                return None
            return Span(first, max(first, head) + 1)

        names = self.providers.names
        spans = [span for span in await gathered(names, reach_of, max(1, len(names))) if span is not None]
        if len(spans) < endpoints:
            return None
        start = sorted(span.start for span in spans)[endpoints - 1]
        end = sorted(span.end for span in spans)[-endpoints]
        return Span(start, end) if start < end else None

    async def _floor(self, name: str, lane: Lane) -> int:
        """Where an endpoint's history begins, not asked again for a while: it moves by a slot in a slot's time."""
        asked_at, slot = self._floors.get(name, (_now() - _FLOOR_S, 0))
        if _now() - asked_at >= _FLOOR_S:
            slot = await self.first_block(lane=lane, only=name, patience_s=0)
            self._floors[name] = (_now(), slot)
        return slot

    async def raw(self, method: str, params: Sequence[Any], *, lane: Lane, slot: int | None = None) -> msgspec.Raw:
        """A whole result as it came, of whoever has one. `slot`: what it is about."""
        return (await self._ask(method, params, RAW, lane=lane, slot=slot)).value

    @property
    def whole_transaction(self) -> Mapping[str, Any]:
        """The configuration of getTransaction by which everything of it is told."""
        return {**_FINALIZED, "encoding": "json", **self._version()}

    @property
    def whole_block(self) -> Mapping[str, Any]:
        """The same of getBlock, without rewards."""
        return {**_FINALIZED, "encoding": "json", "transactionDetails": "full", **self._body()}

    def young_from(self, young_slots: int) -> int:
        """The first slot that was finalized so recently that nodes may not have it yet."""
        return (self.providers.finalized_head or 0) - young_slots + 1

    def _transaction(
        self, signature: str, check: Callable[[Transaction], Transaction], commitment: Commitment
    ) -> Question[Transaction]:
        config = {"commitment": commitment, "encoding": "json", **self._version()}
        return Question([signature, config], TRANSACTION.checked(of_signature(signature)).checked(check))

    def _body(self) -> dict[str, Any]:
        return {**self._version(), "rewards": False}

    def _version(self) -> dict[str, Any]:
        return {"maxSupportedTransactionVersion": self._settings.max_transaction_version}

    async def _ask(
        self, method: str, params: Sequence[Any], read: Reading[Any, _Value], **terms: Any
    ) -> Answer[_Value]:
        return await self.providers.ask(method, params, read, **terms)


def _finalized(past: int | None) -> dict[str, Any]:
    return _FINALIZED if past is None else {**_FINALIZED, "minContextSlot": past}


def _now() -> float:
    return asyncio.get_running_loop().time()
