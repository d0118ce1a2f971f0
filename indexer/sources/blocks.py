"""Settle spans by whole blocks: getBlocks says which there are, getBlock brings them, parent links prove the rest.

- A list of blocks proves nothing: blocks that it lacks are fetched when their children name them, and slots
  count as empty only between a block and the parent that it names. No error code and no retention floor does that.
- The edges are proven as well: the first block's parent lies before the span, and the next block behind the span
  names the last one in it. Where there is no next block yet, the slots behind the last block stay missing.
- What a block says is believed when its successor names it; of contradictions, what other endpoints confirm.
- A block that nobody has whole is unavailable for the streams that it may hide something of.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

import msgspec

from indexer.core.coverage import Span
from indexer.core.protocol import Protocol as Stream
from indexer.sources.ahead import ahead
from indexer.sources.base import Lane, RawPage, SourceInterrupted, Strategy
from indexer.sources.fetched import Fetcher
from indexer.sources.links import Link, contradicts, first_chain, follows
from indexer.sources.pages import Gathering
from indexer.sources.pump import Put, pumped
from indexer.sources.rpc import Rpc


class BlocksSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`range_slots`: of one getBlocks. `beyond_slots`: how far the last one looks past the span.

    `prefetch`: blocks on their way at once; each is some MB while it is read. `most_unlisted`: blocks in a row that a
    list lacks; more, and it is no list of these slots: it begins above them.
    """

    range_slots: int = 1000
    beyond_slots: int = 32
    prefetch: int = 8
    young_slots: int = 150  # What nobody has of the newest so many finalized slots may still come.
    page_slots: int = 64
    page_transactions: int = 500
    most_unlisted: int = 64
    pages_ahead: int = 1  # Read while one is written.


class BlocksSource:
    """Strategy `blocks`: every stream from one read of each block, pages in ascending order."""

    strategy: Strategy = "blocks"

    def __init__(self, rpc: Rpc, lane: Lane, settings: BlocksSettings | None = None) -> None:
        self._rpc = rpc
        self._lane: Lane = lane
        self._settings = settings or BlocksSettings()

    async def reach(self) -> Span | None:
        """First available block of any endpoint up to the highest finalized slot of any; None: nobody answers."""
        return await self._rpc.reach(lane=self._lane)

    def pages(self, streams: Sequence[Stream], span: Span) -> AsyncGenerator[RawPage, None]:
        """See `Source.pages`. While a page is written the next one is read."""
        return pumped(partial(self._feed, streams, span), self._settings.pages_ahead)

    async def _feed(self, streams: Sequence[Stream], span: Span, put: Put[RawPage]) -> None:
        page = Gathering(streams, span, self._settings.page_slots, self._settings.page_transactions)
        fetcher = Fetcher(self._rpc, self._lane, streams, span)
        walk = _Walk(fetcher, page, span.start, self._settings.most_unlisted)
        try:
            async with aclosing(ahead(self._listed(span), fetcher.fetch, self._settings.prefetch)) as links:
                async for link in links:
                    if link is not None:  # Else its child will say whether there is such a block.
                        await walk.append(link)
                    if page.is_full:
                        await put(page.taken(self._young_from))
            if walk.top < span.end and (link := await self._next_behind(span, fetcher)) is not None:
                await walk.append(link)
            walk.end()
        except SourceInterrupted:
            if not page.is_empty:
                await put(page.taken(self._young_from))
            raise
        if not page.is_empty:
            await put(page.taken(self._young_from))

    @property
    def _young_from(self) -> int:
        return self._rpc.young_from(self._settings.young_slots)

    async def _listed(self, span: Span) -> AsyncGenerator[int, None]:
        """Slots with blocks, as one answerer or another lists them, and the first behind the span if it is near."""
        for start in range(span.start, span.end, self._settings.range_slots):
            end = min(start + self._settings.range_slots, span.end)
            beyond = self._settings.beyond_slots if end == span.end else 0
            wanted = Span(start, end + beyond)
            answer = await self._rpc.slots_with_blocks(wanted, lane=self._lane, past=end - 1)
            for slot in answer.value:
                yield slot
                if slot >= span.end:
                    return

    async def _next_behind(self, span: Span, fetcher: Fetcher) -> Link | None:
        """The first block behind the span that anybody has; None: there is none yet."""
        head = (await self._rpc.finalized(lane=self._lane)).value
        for start in range(span.end, head + 1, self._settings.range_slots):
            wanted = Span(start, min(start + self._settings.range_slots, head + 1))
            for slot in (await self._rpc.slots_with_blocks(wanted, lane=self._lane)).value:
                if (link := await fetcher.fetch(slot)) is not None:
                    return link
        return None


class _Walk:
    """The chain as far as it is known, upwards. What its last block says waits until its successor confirms it."""

    def __init__(self, fetcher: Fetcher, page: Gathering, start: int, most_unlisted: int) -> None:
        self._fetcher = fetcher
        self._page = page
        self._most_unlisted = most_unlisted
        self._told = start - 1  # Up to here everything is in a page.
        self._anchor: Link | None = None  # The block below `last`, where it is known.
        self._last: Link | None = None
        self._is_doubted = False  # `last` was contradicted: only its successor can make it count.

    @property
    def top(self) -> int:
        """The highest slot that is known to be of the chain, or below it."""
        return self._told if self._last is None else self._last.slot

    async def append(self, link: Link) -> None:
        """Go on to this block, by way of those between that were not listed. Raises SourceInterrupted."""
        path = [link]
        while path[0].floor > self.top and (parent := await self._fetcher.fetch(path[0].floor)) is not None:
            path.insert(0, parent)
            if len(path) > self._most_unlisted:
                raise SourceInterrupted(f"{len(path) - 1} blocks in a row below slot {link.slot} are in no list")
        for one in path:
            if contradicts(one, self._last):
                await self._resolve(one)
            else:
                self._push(one)

    def end(self) -> None:
        """There is nothing more: the last block stands for itself."""
        if self._last is not None:
            self._tell(self._last)

    def _push(self, link: Link) -> None:
        """`link` does not contradict what is below it."""
        if self._last is not None:
            self._is_doubted = self._is_doubted and not follows(link, self._last)
            self._tell(self._last)
        self._anchor, self._last, self._is_doubted = self._last, link, False

    async def _resolve(self, link: Link) -> None:
        """`last` and `link` are not of one chain: ask others for both, and go on with what fits together."""
        last = self._last
        assert last is not None, "there is nothing to contradict"
        lower, upper = await self._fetcher.elsewhere(last), await self._fetcher.elsewhere(link)
        chain = first_chain(self._anchor, [*lower, last], [*upper, link])
        self._last, self._anchor = self._anchor, None
        for one in chain:
            self._push(one)
        if not chain:
            self._lack(link.slot - 1)
            self._last, self._is_doubted = link, True

    def _tell(self, link: Link) -> None:
        """Into the page: the slots below it that it proves empty, those that it proves to be lacking, and itself."""
        if link.slot <= self._told:
            return
        if self._is_doubted:
            self._lack(link.slot)
            return
        self._page.lacks(self._told + 1, link.floor + 1)  # Its parent is there, and nobody has it.
        self._page.settles(max(self._told, link.floor) + 1, link.slot)
        self._page.at(link.slot, link.block_time)
        if link.block is None:
            self._page.lacks(link.slot, link.slot + 1)
        else:
            self._page.has(link.block.transactions, link.endpoint)
            self._page.settles(link.slot, link.slot + 1, but=self._fetcher.hidden(link.block))
        self._told = link.slot

    def _lack(self, slot: int) -> None:
        """Nothing is known up to this slot."""
        self._page.lacks(self._told + 1, slot + 1)
        self._told = slot
