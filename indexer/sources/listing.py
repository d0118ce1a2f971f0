"""Lists of signatures by address, newest to oldest, and which slots they tell whole.

A list proves as little as whoever gives it was shown to have. So each is read from one endpoint: one that has the
block whose signature the list begins below, that has finalized the span, and whose history reaches down to where
the list ends. What it cannot show in one answer counts for nothing:

- a page may be cut inside a slot, so its lowest slot is listed again by the next page, from above; a slot that fills
  a page whole is doubted, since the order within a slot is not stable;
- around the slot where a node's own ledger ends and an archive goes on, lists have holes: these slots are doubted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from indexer.core.coverage import Span, Spans, union
from indexer.sources.base import Lane, SourceInterrupted
from indexer.sources.readings import Listed
from indexer.sources.reasons import Refused, told
from indexer.sources.rpc import Rpc

_FURTHER_SLOTS = 5000
_SEAM_S = 30.0  # About 75 slots, well inside `seam_slots`.


class ListingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`limit`: of one page, in signatures. `seam_slots`: on either side of an archive seam."""

    limit: int = 1000
    seam_slots: int = 1000
    look_behind_slots: int = 64  # Where the block behind the span is looked for first.


class Stretch(msgspec.Struct, frozen=True):
    """The signatures of an address in these slots; of slots in `doubts` perhaps not all."""

    span: Span
    entries: Sequence[Listed]
    doubts: Spans = ()
    endpoints: frozenset[str] = frozenset()


class Lister:
    """Reads lists for one span; `in_use` keeps lists that are to be compared on different endpoints."""

    def __init__(self, rpc: Rpc, lane: Lane, settings: ListingSettings, span: Span) -> None:
        self._rpc = rpc
        self._lane: Lane = lane
        self._settings = settings
        self._span = span
        self._seams: dict[str, tuple[float, Spans]] = {}  # By endpoint, with the time they were asked for.

    async def stretches(self, address: str, in_use: set[str]) -> AsyncGenerator[Stretch, None]:
        """The span from its end to its start, from one endpoint, or where it fails from the next one.

        Raises SourceInterrupted where none is left that could go on.
        """
        top, failures = self._span.end, dict[str, str]()
        while top > self._span.start:
            endpoint, before = await self._entry(top, in_use, failures)
            in_use.add(endpoint)
            try:
                async with aclosing(self._from(endpoint, address, Span(self._span.start, top), before)) as found:
                    async for stretch in found:
                        yield stretch
                        top = stretch.span.start
            except SourceInterrupted as error:
                failures[endpoint] = str(error)
            finally:
                in_use.discard(endpoint)

    async def _entry(self, top: int, in_use: set[str], failures: dict[str, str]) -> tuple[str, Listed | None]:
        """An endpoint, and a signature of its first block at or behind `top`; None: there is no such block yet."""
        while True:
            wanted = Span(top, top + self._settings.look_behind_slots)
            avoid = in_use | failures.keys()
            try:
                answer = await self._rpc.slots_with_blocks(wanted, lane=self._lane, past=top - 1, avoid=avoid)
            except SourceInterrupted as error:
                raise SourceInterrupted(f"no list of signatures below slot {top}: {told(failures)}; {error}") from None
            try:
                return answer.endpoint, await self._behind(answer.endpoint, answer.value, wanted.end)
            except SourceInterrupted as error:
                failures[answer.endpoint] = str(error)

    async def _behind(self, endpoint: str, slots: Sequence[int], further: int) -> Listed | None:
        """A signature in the first of these blocks, or in one behind them."""
        head = await self._rpc.finalized_slot(lane=self._lane, only=endpoint)
        while True:
            for slot in slots:
                answer = await self._rpc.block_head(slot, lane=self._lane, signatures=True, only=endpoint)
                if answer.value.signatures:
                    return Listed(answer.value.signatures[-1], slot)
            if further > head:
                return None
            wanted = Span(further, further + _FURTHER_SLOTS)
            slots = (await self._rpc.slots_with_blocks(wanted, lane=self._lane, only=endpoint)).value
            further = wanted.end

    async def _from(
        self, endpoint: str, address: str, span: Span, before: Listed | None
    ) -> AsyncGenerator[Stretch, None]:
        """The span from one endpoint. Raises Refused where it cannot show the rest."""
        pages = _Pages(span, before, self._settings.limit)
        while pages.top > span.start:
            seam = await self._seam(endpoint)
            answer = await self._rpc.signatures(
                address,
                lane=self._lane,
                limit=self._settings.limit,
                before=pages.before,
                past=self._span.end - 1,
                only=endpoint,
            )
            # Asked behind the empty page: it must still reach down to where it says that there is nothing.
            floor = None if answer.value else await self._rpc.first_block(lane=self._lane, only=endpoint)
            stretch = pages.ended(floor) if floor is not None else pages.add(answer.value)
            if stretch is not None:
                yield msgspec.structs.replace(
                    stretch, doubts=union(stretch.doubts, seam), endpoints=frozenset((endpoint,))
                )
            if floor is not None and pages.top > span.start:
                raise Refused(f"signatures below slot {pages.top}", {endpoint: f"its first block is {floor}"})

    async def _seam(self, endpoint: str) -> Spans:
        """Slots around the place where the endpoint's own ledger ends, if an archive goes on there; it moves slowly."""
        now = asyncio.get_running_loop().time()
        asked_at, seam = self._seams.get(endpoint, (now - _SEAM_S, ()))
        if now - asked_at >= _SEAM_S:
            floor = await self._rpc.local_floor(lane=self._lane, only=endpoint)
            first = await self._rpc.first_block(lane=self._lane, only=endpoint)
            around = self._settings.seam_slots
            is_seam = floor is not None and floor > first
            seam = (Span(max(0, floor - around), floor + around + 1),) if is_seam and floor is not None else ()
            self._seams[endpoint] = (now, seam)
        return seam


class _Pages:
    """Pages of one list as they come; pure. `top`: every slot of the span from here up is told."""

    def __init__(self, span: Span, before: Listed | None, limit: int) -> None:
        self.top = span.end
        self.before = before
        self._span = span
        self._limit = limit
        self._known: dict[tuple[str, int], Listed] = {}  # Not told yet.
        self._doubts: set[int] = set()
        self._begun: set[str] = set()  # Where pages began within the slot of `before`.

    def add(self, page: Sequence[Listed]) -> Stretch | None:
        """What is whole now; None: nothing more than before. The page is in order and not empty."""
        low = page[-1].slot
        whole = [entry for entry in page if entry.slot > low]
        if self.before is not None and page[0].slot == self.before.slot:
            self._doubts.add(page[0].slot)  # This slot came in two answers.
        if not whole and len(page) >= self._limit:
            self._doubts.add(low)
        self._known |= {(entry.signature, entry.slot): entry for entry in page if entry.slot in self._span}
        self._go_on(whole[-1] if whole else page[-1])
        return self._told(max(low + 1, self._span.start))

    def ended(self, first_block: int) -> Stretch | None:
        """The list ended, at an endpoint that has all blocks from `first_block` on."""
        return self._told(max(first_block, self._span.start))

    def _go_on(self, before: Listed) -> None:
        if self.before is None or before.slot < self.before.slot:
            self._begun.clear()
        if before.signature in self._begun:
            raise SourceInterrupted(f"the list of signatures goes in a circle in slot {before.slot}")
        self._begun.add(before.signature)
        self.before = before

    def _told(self, floor: int) -> Stretch | None:
        if floor >= self.top:
            return None
        span, self.top = Span(floor, self.top), floor
        entries = [entry for entry in self._known.values() if entry.slot in span]
        self._known = {place: entry for place, entry in self._known.items() if entry.slot < floor}
        doubts = union(Span(slot, slot + 1) for slot in self._doubts if slot in span)
        return Stretch(span, entries, doubts)


async def merged(lists: Sequence[AsyncGenerator[Stretch, None]], span: Span) -> AsyncGenerator[Stretch, None]:
    """Several lists of one span as one: a slot is told when every list has told it, and doubted when one doubts it."""
    heads: list[list[Stretch]] = [[] for _ in lists]
    floors = [span.end for _ in lists]
    top = span.end
    while top > span.start:
        for place, stretches in enumerate(lists):
            while floors[place] >= top:
                stretch = await anext(stretches)
                heads[place].append(stretch)
                floors[place] = stretch.span.start
        floor = max(floors)
        yield _one([stretch for head in heads for stretch in head], Span(floor, top))
        heads = [[stretch for stretch in head if stretch.span.start < floor] for head in heads]
        top = floor


def _one(stretches: Sequence[Stretch], span: Span) -> Stretch:
    entries: dict[tuple[str, int], Listed] = {}
    for entry in (entry for stretch in stretches for entry in stretch.entries if entry.slot in span):
        known = entries.get((entry.signature, entry.slot))
        if known is None or not known.succeeded:
            entries[entry.signature, entry.slot] = entry
    doubts = union(*(stretch.doubts for stretch in stretches))
    endpoints = frozenset(name for stretch in stretches for name in stretch.endpoints)
    return Stretch(span, tuple(entries.values()), doubts, endpoints)
