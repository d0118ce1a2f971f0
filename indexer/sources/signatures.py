"""Settle spans by lists of signatures: getSignaturesForAddress says which transactions there are, getTransaction
brings them, newest to oldest.

- A slot counts when its lists are whole (listing.py), every transaction that a list calls successful came, from the
  slot that the list said, and, where it may give a row, its place was read from its block.
- What nobody has is unavailable. Where a list and a transaction disagree about the slot, neither slot counts.
- Transactions that emit nothing for the stream are left out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial

import msgspec

from indexer.core import base58
from indexer.core.coverage import Span, missing, of_slots
from indexer.core.protocol import Protocol as Stream
from indexer.core.protocol import speaks, unrecorded
from indexer.core.rpc import MAX_SLOT, BlockHead
from indexer.core.transaction import Transaction, Unavailable
from indexer.sources.ahead import ahead, gathered
from indexer.sources.base import Lane, RawPage, Recent, Strategy
from indexer.sources.listing import Lister, ListingSettings, Seams, Seats, Stretch
from indexer.sources.merging import merged
from indexer.sources.readings import Listed, of_slot
from indexer.sources.reasons import Refused
from indexer.sources.rpc import Rpc


class SignaturesSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`lists`: of so many endpoints each are united before a slot counts. `prefetch`: pages on their way at once.

    `recent_pages`: of one address, at most, for `recent`.
    """

    lists: int = 1
    prefetch: int = 2
    page_transactions: int = 200
    heads_at_once: int = 8
    young_slots: int = 150  # What nobody has of the newest so many finalized slots may still come.
    recent_pages: int = 5
    listing: ListingSettings = ListingSettings()


def addresses_of(stream: Stream) -> Sequence[bytes]:
    """What every transaction of the stream names: event authorities for self-CPI events, programs for logs."""
    return [*(authority for _, authority in stream.callers), *stream.logs.ids]


class SignaturesSource:
    """Strategy `signatures`: one stream after the other, pages from the newest slot of the span to the oldest."""

    strategy: Strategy = "signatures"

    def __init__(
        self,
        rpc: Rpc,
        lane: Lane,
        settings: SignaturesSettings | None = None,
        addresses: Callable[[Stream], Sequence[bytes]] = addresses_of,
    ) -> None:
        self._rpc = rpc
        self._lane: Lane = lane
        self._settings = settings or SignaturesSettings()
        self._addresses = addresses
        self._seams = Seams(rpc, lane, self._settings.listing)

    async def reach(self) -> Span | None:
        """What as many endpoints have as lists are united; None: not so many answer."""
        return await self._rpc.reach(lane=self._lane, endpoints=self._settings.lists)

    async def pages(self, streams: Sequence[Stream], span: Span) -> AsyncGenerator[RawPage, None]:
        """See `Source.pages`."""
        for stream in streams:
            bearer = _Bearer(self._rpc, self._lane, stream, self._settings)
            pieces = self._pieces(stream, span)
            async with aclosing(ahead(pieces, bearer.page, self._settings.prefetch)) as pages:
                async for page in pages:
                    yield bearer.believed(page)

    async def recent(self, streams: Sequence[Stream], after: int | Mapping[str, int]) -> Recent:
        """What is confirmed above a slot, or above one for each stream.

        What lies below the pages that are read at most is left out.
        """
        found: dict[str, Transaction] = {}
        lacking: dict[str, int] = {}
        for stream in streams:
            floor = after if isinstance(after, int) else after[stream.name]
            for address in self._addresses(stream):
                entries = await self._confirmed(base58.encode(address), floor)
                wanted = [entry for entry in entries if entry.signature not in found]
                found |= await self._brought(wanted, stream)
                slots = [entry.slot for entry in wanted if entry.signature not in found]
                lacking |= {stream.name: min([*slots, lacking.get(stream.name, MAX_SLOT)])} if slots else {}
        return Recent(sorted(found.values(), key=lambda transaction: transaction.slot), lacking)

    async def _pieces(self, stream: Stream, span: Span) -> AsyncGenerator[Stretch, None]:
        """What all lists of the stream tell together, in pieces of not too many transactions."""
        lister = Lister(self._rpc, self._lane, self._settings.listing, span, self._seams)
        async with AsyncExitStack() as open_lists:
            lists = []
            for address in self._addresses(stream):
                seats = Seats()
                for _ in range(self._settings.lists):
                    one = lister.stretches(base58.encode(address), seats)
                    lists.append(await open_lists.enter_async_context(aclosing(one)))
            async for stretch in merged(lists, span):
                for piece in _cut(stretch, self._settings.page_transactions):
                    yield piece

    async def _confirmed(self, address: str, floor: int) -> Sequence[Listed]:
        """The newest entries of successful transactions above a slot, at `confirmed`."""
        entries: list[Listed] = []
        limit = self._settings.listing.limit
        for _ in range(self._settings.recent_pages):
            before = entries[-1] if entries else None
            answer = await self._rpc.signatures(
                address, lane="live", limit=limit, before=before, commitment="confirmed"
            )
            entries += answer.value
            if not answer.value or answer.value[-1].slot <= floor:
                break
        return [entry for entry in entries if entry.succeeded and entry.slot > floor]

    async def _brought(self, entries: Sequence[Listed], stream: Stream) -> Mapping[str, Transaction]:
        """By signature, without what nobody has yet."""
        slots = {entry.signature: entry.slot for entry in entries}
        checks = [partial(_newest, stream=stream, slot=slot) for slot in slots.values()]
        answers = await self._rpc.transactions([*slots], checks, lane="live", commitment="confirmed")
        values = zip(slots, answers, strict=True)
        return {signature: answer.value for signature, answer in values if not isinstance(answer, Refused)}


class _Wanted:
    """A transaction that a list tells of. `elsewhere`: slots in which nodes place it instead."""

    def __init__(self, entry: Listed, stream: Stream) -> None:
        self.entry = entry
        self.elsewhere: set[int] = set()
        self._stream = stream

    def checked(self, transaction: Transaction) -> Transaction:
        """Raises Unavailable where it does not say what the list says, or not all."""
        if transaction.slot != self.entry.slot:
            self.elsewhere.add(transaction.slot)
            raise Unavailable(f"it is of slot {transaction.slot}, the list says {self.entry.slot}")
        return _recorded(transaction, self._stream)


class _Bearer:
    """Makes pages of one stream: brings what lists tell."""

    def __init__(self, rpc: Rpc, lane: Lane, stream: Stream, settings: SignaturesSettings) -> None:
        self._rpc = rpc
        self._lane: Lane = lane
        self._stream = stream
        self._settings = settings
        self._disputed: set[int] = set()  # Slots where nodes place a transaction that the list has in another.

    def believed(self, page: RawPage) -> RawPage:
        """Without slots in dispute: this may have come up while later pages were made."""
        settled = {name: missing(spans, of_slots(self._disputed)) for name, spans in page.settled.items()}
        return msgspec.structs.replace(page, settled={name: spans for name, spans in settled.items() if spans})

    async def page(self, stretch: Stretch) -> RawPage:
        """What the lists tell, as a page."""
        transactions, lacking = await self._transactions(stretch.entries)
        by_slot: dict[int, list[Transaction]] = {}
        for transaction in transactions:
            by_slot.setdefault(transaction.slot, []).append(transaction)
        heads = await gathered(by_slot.items(), self._head, self._settings.heads_at_once)
        placed = [tx for head, found in zip(heads, by_slot.values(), strict=True) for tx in _placed(found, head)]
        lacking |= {slot for slot, head in zip(by_slot, heads, strict=True) if head is None}
        name, young_from = self._stream.name, self._rpc.young_from(self._settings.young_slots)
        settled = missing([stretch.span], [*of_slots(lacking), *stretch.doubts])
        unavailable = of_slots(slot for slot in lacking if slot < young_from)
        return RawPage(
            transactions=sorted(placed, key=lambda tx: (tx.slot, -1 if tx.tx_index is None else tx.tx_index)),
            settled={name: settled} if settled else {},
            unavailable={name: unavailable} if unavailable else {},
            slot_times={head.slot: head.block_time for head in heads if head is not None and head.block_time},
            endpoint=", ".join(sorted(stretch.endpoints)) or None,
        )

    async def _transactions(self, entries: Iterable[Listed]) -> tuple[Sequence[Transaction], set[int]]:
        """Those that may give rows, and the slots of those that nobody has."""
        wanted = [_Wanted(entry, self._stream) for entry in entries if entry.succeeded]
        signatures, checks = [one.entry.signature for one in wanted], [one.checked for one in wanted]
        answers = await self._rpc.transactions(signatures, checks, lane=self._lane)
        found = [answer.value for answer in answers if not isinstance(answer, Refused)]
        refused = [one for one, answer in zip(wanted, answers, strict=True) if isinstance(answer, Refused)]
        self._disputed.update(slot for one in refused for slot in one.elsewhere)
        speaking = [transaction for transaction in found if speaks(transaction, self._stream)]
        return speaking, {one.entry.slot for one in refused}

    async def _head(self, found: tuple[int, Sequence[Transaction]]) -> BlockHead | None:
        """The block that holds these transactions of its slot; None: nobody has one that does."""
        slot, transactions = found
        wanted = {base58.encode(transaction.signature) for transaction in transactions}

        def check(head: BlockHead) -> BlockHead:
            if not wanted <= set(head.signatures):
                raise Unavailable(
                    f"block {slot} does not hold {len(wanted - set(head.signatures))} of its transactions"
                )
            return head

        try:
            return (await self._rpc.block_head(slot, lane=self._lane, signatures=True, check=check)).value
        except Refused:
            return None


def _recorded(transaction: Transaction, stream: Stream) -> Transaction:
    if unrecorded(transaction, [stream]):
        raise Unavailable("its logs or inner instructions were not recorded")
    return transaction


def _newest(transaction: Transaction, *, stream: Stream, slot: int) -> Transaction:
    return _recorded(of_slot(transaction, slot), stream)


def _placed(transactions: Sequence[Transaction], head: BlockHead | None) -> Sequence[Transaction]:
    """With place and time; as they came where the block is not to be had."""
    if head is None:
        return transactions
    places = {signature: place for place, signature in enumerate(head.signatures)}
    return [
        msgspec.structs.replace(tx, tx_index=places[base58.encode(tx.signature)], block_time=head.block_time)
        for tx in transactions
    ]


def _cut(stretch: Stretch, most_transactions: int) -> Iterable[Stretch]:
    """Pieces of whole slots, newest first, of about so many transactions that are to be brought."""
    by_slot: dict[int, list[Listed]] = {}
    for entry in stretch.entries:
        by_slot.setdefault(entry.slot, []).append(entry)
    top, piece, count = stretch.span.end, list[Listed](), 0
    for slot in sorted(by_slot, reverse=True):
        piece += by_slot[slot]
        count += sum(entry.succeeded for entry in by_slot[slot])
        if count >= most_transactions and slot > stretch.span.start:
            yield _part(stretch, Span(slot, top), piece)
            top, piece, count = slot, [], 0
    yield _part(stretch, Span(stretch.span.start, top), piece)


def _part(stretch: Stretch, span: Span, entries: Sequence[Listed]) -> Stretch:
    return msgspec.structs.replace(stretch, span=span, entries=entries)
