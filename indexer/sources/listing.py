"""Lists of signatures by address, newest to oldest, and which slots they tell whole.

A list proves as little as whoever gives it was shown to have. So each is read from one endpoint: one that has the
block whose signature the list begins below (near the head it begins at its newest), that has finalized the span, and
whose history reaches down to where the list ends. What it cannot show in one answer counts for nothing:

- a page may be cut inside a slot, so its lowest slot is listed again by the next page, from above; a slot that fills
  a page whole is doubted, since the order within a slot is not stable;
- around the slot where a node's own ledger ends and an archive goes on, lists have holes: these slots are doubted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing

import msgspec

from indexer.core.coverage import Span, Spans, union
from indexer.sources.base import Lane, SourceInterrupted
from indexer.sources.readings import Listed
from indexer.sources.reasons import Refused, told
from indexer.sources.rpc import Rpc

_RANGE_SLOTS = 1000  # Of one getBlocks.
_SEAM_S = 30.0  # About 75 slots, well inside `seam_slots`.


class ListingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`limit`: of one page, in signatures. `seam_slots`: on either side of an archive seam."""

    limit: int = 1000
    seam_slots: int = 1000
    near_slots: int = 100  # So near below the head a list begins at its newest, whatever the span.


class Stretch(msgspec.Struct, frozen=True):
    """The signatures of an address in these slots; of slots in `doubts` perhaps not all."""

    span: Span
    entries: Sequence[Listed]
    doubts: Spans = ()
    endpoints: frozenset[str] = frozenset()


class Seams:
    """Where archives go on below the endpoints' own ledgers, as far as endpoints tell; asked for now and then."""

    def __init__(self, rpc: Rpc, lane: Lane, settings: ListingSettings) -> None:
        self._rpc = rpc
        self._lane: Lane = lane
        self._around = settings.seam_slots
        self._known: dict[str, tuple[float, Spans]] = {}  # By endpoint, with the time of asking.

    async def of(self, endpoint: str) -> Spans:
        """The slots around the seam; none where the ledger just begins, or the endpoint does not tell."""
        now = asyncio.get_running_loop().time()
        asked_at, seam = self._known.get(endpoint, (now - _SEAM_S, ()))
        if now - asked_at >= _SEAM_S:
            floor = await self._rpc.local_floor(lane=self._lane, only=endpoint)
            first = await self._rpc.first_block(lane=self._lane, only=endpoint)
            is_seam = floor is not None and floor > first
            seam = (Span(max(0, floor - self._around), floor + self._around + 1),) if floor and is_seam else ()
            self._known[endpoint] = (now, seam)
        return seam


class Seats:
    """Endpoints that lists of one address are read from, so that no two of them are read from the same."""

    def __init__(self) -> None:
        self.taken: set[str] = set()
        self.choosing = asyncio.Lock()


class Lister:
    """Reads lists for one span."""

    def __init__(self, rpc: Rpc, lane: Lane, settings: ListingSettings, span: Span, seams: Seams) -> None:
        self._rpc = rpc
        self._lane: Lane = lane
        self._settings = settings
        self._span = span
        self._seams = seams

    async def stretches(self, address: str, seats: Seats) -> AsyncGenerator[Stretch, None]:
        """The span from its end to its start, from one endpoint, or where it fails from the next one.

        Raises SourceInterrupted where none is left that could go on.
        """
        top, failures = self._span.end, dict[str, str]()
        while top > self._span.start:
            async with seats.choosing:
                endpoint, head = await self._endpoint(top, seats.taken | failures.keys(), failures)
                seats.taken.add(endpoint)
            try:
                before = await self._behind(endpoint, top, head)
                async with aclosing(self._from(endpoint, address, Span(self._span.start, top), before)) as found:
                    async for stretch in found:
                        yield stretch
                        top = stretch.span.start
            except SourceInterrupted as error:
                failures[endpoint] = str(error)
            finally:
                seats.taken.discard(endpoint)

    async def _endpoint(self, top: int, avoid: Collection[str], failures: Mapping[str, str]) -> tuple[str, int]:
        """One that has finalized everything below `top`, and its finalized slot."""
        try:
            answer = await self._rpc.finalized(lane=self._lane, past=top - 1, avoid=avoid)
        except SourceInterrupted as error:
            raise SourceInterrupted(f"no list of signatures below slot {top}: {told(failures)}; {error}") from None
        return answer.endpoint, answer.value

    async def _behind(self, endpoint: str, top: int, head: int) -> Listed | None:
        """A signature that the endpoint has in a block at or behind `top`; None: its newest are not far above."""
        if head - top < self._settings.near_slots:
            return None
        for start in range(top, head + 1, _RANGE_SLOTS):
            wanted = Span(start, min(start + _RANGE_SLOTS, head + 1))
            for slot in (await self._rpc.slots_with_blocks(wanted, lane=self._lane, only=endpoint)).value:
                answer = await self._rpc.block_head(slot, lane=self._lane, signatures=True, only=endpoint)
                if answer.value.signatures:
                    return Listed(answer.value.signatures[-1], slot)
        return None

    async def _from(
        self, endpoint: str, address: str, span: Span, before: Listed | None
    ) -> AsyncGenerator[Stretch, None]:
        """The span from one endpoint. Raises Refused where it cannot show the rest."""
        pages = _Pages(span, before, self._settings.limit)
        while pages.top > span.start:
            seam = await self._seams.of(endpoint)
            page = await self._page(endpoint, address, pages.before) or await self._page(
                endpoint, address, pages.before
            )
            # Asked behind the empty page: it must still reach down to where it says that there is nothing.
            floor = None if page else await self._rpc.first_block(lane=self._lane, only=endpoint)
            stretch = pages.ended(floor) if floor is not None else pages.add(page)
            if stretch is not None:
                doubts = union(stretch.doubts, seam)
                yield msgspec.structs.replace(stretch, doubts=doubts, endpoints=frozenset((endpoint,)))
            if floor is not None and pages.top > span.start:
                raise Refused(f"signatures below slot {pages.top}", {endpoint: f"its first block is {floor}"})

    async def _page(self, endpoint: str, address: str, before: Listed | None) -> Sequence[Listed]:
        answer = await self._rpc.signatures(
            address,
            lane=self._lane,
            limit=self._settings.limit,
            before=before,
            past=self._span.end - 1,
            only=endpoint,
        )
        return answer.value


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
