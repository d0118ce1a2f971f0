"""The SQD Portal as a source: all of history, filtered where it lies. It settles finalized slots.

Blocks come in ascending order, those that match and always the first and the last one of what an answer covers. So a
block that came settles everything up to it, whether the answer ended well or not, as long as the parents that blocks
name leave no room for another one. An empty answer settles nothing: what it says is proven by the parent of the next
block behind, or not at all.

The Portal does not tell its genesis hash. Before anything of it is believed, the hash of its finalized head is
compared with what a node of the ledger's own cluster says of that slot.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from random import Random
from typing import Any, TypeGuard

import msgspec

from indexer.core.coverage import Span
from indexer.core.protocol import Protocol as Stream
from indexer.core.protocol import unrecorded
from indexer.core.rpc import MAX_SLOT, Malformed
from indexer.core.transaction import Transaction
from indexer.errors import ClusterMismatch
from indexer.redaction import redacted
from indexer.sources.base import RawPage, SourceInterrupted, Strategy
from indexer.sources.portal_http import PortalCounts, PortalHttp, PortalSettings, Refusal, Retries
from indexer.sources.portal_lines import read_block
from indexer.sources.portal_pages import BrokenChain, Found, Reading, Wanted
from indexer.sources.portal_query import headers_query, stream_query
from indexer.sources.pump import Put, pumped
from indexer.sources.wire import Http

_TURN_BYTES = 32_768  # Of lines that are read at one go: about a millisecond.
Fetch = Callable[[bytes], Awaitable[Transaction | None]]
BlockHash = Callable[[int], Awaitable[str | None]]


class _Block(msgspec.Struct, frozen=True):
    number: int
    hash: str


class Portal:
    """A Source.

    `fetch`: getTransaction by signature, for what the archive does not have whole; None where no node has it, and
    SourceInterrupted where none answers. Without it, such slots are unavailable here. `blockhash`: the hash of a slot
    by a node of the ledger's cluster; None where it does not have the block. Without it, nothing guards the cluster.
    """

    strategy: Strategy = "portal"

    def __init__(
        self,
        url: str,
        http: Http,
        *,
        rng: Random,
        fetch: Fetch | None,
        blockhash: BlockHash | None,
        settings: PortalSettings | None = None,
    ) -> None:
        self._settings = settings or PortalSettings()
        self._http = PortalHttp(url, http, rng, self._settings)
        self._rng, self._fetch, self._blockhash = rng, fetch, blockhash
        self._is_of_cluster = blockhash is None
        self._first: int | None = None  # Slot of the dataset, once it was told.
        self._reached: tuple[float, Span] | None = None  # When, and what.

    @property
    def endpoint(self) -> str:
        """Its address, without credentials."""
        return self._http.endpoint

    def fingerprint(self, key: bytes) -> bytes:
        """A keyed hash of its address: who shares its budget knows it by that."""
        return self._http.fingerprint(key)

    def share(self, among: int) -> None:
        """So many processes ask it, we too."""
        self._http.share(among)

    def health(self) -> PortalCounts:
        """Counters: a snapshot."""
        return msgspec.structs.replace(self._http.counts)

    async def reach(self) -> Span | None:
        """First slot of the dataset up to the finalized head; None: it does not answer. Raises ClusterMismatch."""
        try:
            return await self._reach()
        except SourceInterrupted:
            return None

    async def slot_at(self, seconds: int) -> int | None:
        """The first block at this Unix time or later; None: there is none yet. Raises SourceInterrupted."""
        found = await self._http.get(f"/timestamps/{seconds}/block")
        slot = found.get("block_number") if isinstance(found, dict) else None
        return slot if _is_slot(slot) else None

    def pages(self, streams: Sequence[Stream], span: Span) -> AsyncGenerator[RawPage, None]:
        """See Source: one stream after the other. What lies before the dataset is unavailable here.

        Raises ClusterMismatch too.
        """
        return pumped(partial(self._feed, streams, span), self._settings.pages_ahead)

    async def _reach(self) -> Span:
        """Raises SourceInterrupted, ClusterMismatch."""
        now = asyncio.get_running_loop().time()
        if self._reached is not None and now < self._reached[0] + self._settings.head_s:
            return self._reached[1]
        head = await self._http.get("/finalized-head")
        if not (isinstance(head, dict) and _is_slot(head.get("number")) and isinstance(head.get("hash"), str)):
            raise SourceInterrupted(f"{self.endpoint}: it tells no finalized head")
        first = await self._first_slot()
        if first > head["number"]:
            raise SourceInterrupted(f"{self.endpoint}: its dataset begins at {first}, its head is {head['number']}")
        await self._guard(_Block(head["number"], head["hash"]))
        self._reached = now, Span(first, head["number"] + 1)
        return self._reached[1]

    async def _first_slot(self) -> int:
        """Of the dataset; asked for once. Raises SourceInterrupted."""
        if self._first is None:
            metadata = await self._http.get("/metadata")
            first = metadata.get("start_block") if isinstance(metadata, dict) else None
            if not _is_slot(first):
                raise SourceInterrupted(f"{self.endpoint}: it does not tell where its dataset begins")
            self._first = first
        return self._first

    async def _guard(self, head: _Block) -> None:
        """Once: the chain is the ledger's."""
        if self._is_of_cluster or self._blockhash is None:
            return
        known = await self._blockhash(head.number)
        if known is None:
            raise SourceInterrupted(f"{self.endpoint}: no node has block {head.number} to compare its cluster by")
        if known != head.hash:
            raise ClusterMismatch(
                f"block {head.number} has hash {head.hash}, nodes of the ledger's cluster say {known}",
                place=self.endpoint,
                remedy="name the Portal dataset of the ledger's cluster",
            )
        self._is_of_cluster = True

    async def _feed(self, streams: Sequence[Stream], span: Span, put: Put[RawPage]) -> None:
        reach = await self._reach()
        start, end = max(span.start, reach.start), min(span.end, reach.end)
        for stream in streams:
            if span.start < start:
                before = Span(span.start, min(start, span.end))
                await put(RawPage(unavailable={stream.name: (before,)}, endpoint=self.endpoint))
            if start < end:
                await self._read(stream, Reading(stream.name, Span(start, end), self.endpoint), reach, put)

    async def _read(self, stream: Stream, reading: Reading, reach: Span, put: Put[RawPage]) -> None:
        """Answers one after the other, until all was told. Raises SourceInterrupted."""
        retries = Retries(self._settings, self._rng)
        while (rest := reading.rest) is not None:
            trouble: Refusal | SourceInterrupted | None = None
            try:
                await self._answer(stream, reading, rest, put)
                if reading.next == rest.start:
                    await self._prove_empty(reading, reach)
            except (Refusal, SourceInterrupted) as error:
                trouble = error
            await self._put_page(stream, reading, put)
            if reading.next > rest.start:
                retries.progressed()
            if isinstance(trouble, SourceInterrupted):
                raise trouble
            if trouble is not None:
                self._http.counts.refusals += 1
                await retries.after(trouble)

    async def _answer(self, stream: Stream, reading: Reading, rest: Span, put: Put[RawPage]) -> None:
        """One answer, as far as it goes. Raises Refusal, SourceInterrupted."""
        has_logs, clock = bool(stream.logs.ids), asyncio.get_running_loop().time
        put_at, turn = clock(), 0
        async with aclosing(self._http.lines(stream_query(stream, rest))) as lines:
            async for line in lines:
                try:
                    reading.add(read_block(line, has_logs=has_logs), is_first=reading.next == rest.start)
                except (Malformed, BrokenChain) as error:
                    raise self._senseless(reading, error) from None
                turn += len(line)
                if turn >= _TURN_BYTES:  # A piece of the answer may hold hundreds of blocks; others have their turn.
                    turn = 0
                    await asyncio.sleep(0)
                is_full = reading.transactions >= self._settings.page_transactions
                if is_full or clock() >= put_at + self._settings.page_s:
                    await self._put_page(stream, reading, put)
                    put_at = clock()

    async def _prove_empty(self, reading: Reading, reach: Span) -> None:
        """Nothing came: the next block there is must lie behind. Raises Refusal, SourceInterrupted."""
        async with aclosing(self._http.lines(headers_query(Span(reading.next, reach.end)))) as lines:
            line = await anext(lines, None)
        if line is None:
            raise Refusal(f"{self.endpoint}: nothing from slot {reading.next} on, its head was {reach.end - 1}")
        try:
            reading.prove_empty(read_block(line, has_logs=False).header)
        except Malformed as error:
            raise self._senseless(reading, error) from None
        except BrokenChain as error:  # The answer was empty, and should not have been.
            raise Refusal(str(self._senseless(reading, error))) from None

    async def _put_page(self, stream: Stream, reading: Reading, put: Put[RawPage]) -> None:
        page = reading.page(await self._found(stream, reading.wanted))
        if page is not None:
            self._http.counts.transactions += len(page.transactions)
            await put(page)

    async def _found(self, stream: Stream, wanted: Sequence[Wanted]) -> Sequence[Found]:
        """What nodes have of these, several at once."""
        self._http.counts.doubtful += len(wanted)
        turn = asyncio.Semaphore(self._settings.fetches)

        async def find(one: Wanted) -> Found:
            async with turn:
                return await self._find(stream, one)

        async with asyncio.TaskGroup() as finding:
            tasks = [finding.create_task(find(one)) for one in wanted]
        return [task.result() for task in tasks]

    async def _find(self, stream: Stream, wanted: Wanted) -> Found:
        if self._fetch is None:
            return Found(wanted, None)
        try:
            fetched = await self._fetch(wanted.doubtful.signature)
        except SourceInterrupted:
            return Found(wanted, None, is_answered=False)
        if fetched is None or not fetched.succeeded or fetched.slot != wanted.block.header.number:
            return Found(wanted, None)
        if unrecorded(fetched, [stream]):
            return Found(wanted, None)
        self._http.counts.fetched += 1
        place = {"tx_index": wanted.doubtful.tx_index, "block_time": wanted.block.block_time}
        return Found(wanted, msgspec.structs.replace(fetched, **place))

    def _senseless(self, reading: Reading, error: Malformed | BrokenChain) -> SourceInterrupted:
        return SourceInterrupted(redacted(f"{self.endpoint}: behind slot {reading.next - 1}: {error}"))


def _is_slot(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SLOT
