"""Several lists of one span as one: of several addresses, or of one address by several endpoints."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import partial

from indexer.core.coverage import Span, union
from indexer.sources.ahead import gathered
from indexer.sources.listing import Stretch
from indexer.sources.readings import Listed


async def merged(lists: Sequence[AsyncGenerator[Stretch, None]], span: Span) -> AsyncGenerator[Stretch, None]:
    """Several lists of one span as one: a slot is told when every list has told it, and doubted when one doubts it."""
    heads = [_Head(one, span.end) for one in lists]
    top = span.end
    while top > span.start:
        await gathered(heads, partial(_Head.advance, top=top), len(heads))
        floor = max(head.floor for head in heads)
        yield _one([stretch for head in heads for stretch in head.told], Span(floor, top))
        for head in heads:
            head.told = [stretch for stretch in head.told if stretch.span.start < floor]
        top = floor


class _Head:
    """One of several lists, as far as it was read. `told`: what was read and may still be needed."""

    def __init__(self, stretches: AsyncGenerator[Stretch, None], floor: int) -> None:
        self.floor = floor
        self.told: list[Stretch] = []
        self._stretches = stretches

    async def advance(self, top: int) -> None:
        """Read on until it tells something below `top`."""
        while self.floor >= top:
            stretch = await anext(self._stretches)
            self.told.append(stretch)
            self.floor = stretch.span.start


def _one(stretches: Sequence[Stretch], span: Span) -> Stretch:
    entries: dict[tuple[str, int], Listed] = {}
    for entry in (entry for stretch in stretches for entry in stretch.entries if entry.slot in span):
        known = entries.get((entry.signature, entry.slot))
        if known is None or not known.succeeded:
            entries[entry.signature, entry.slot] = entry
    doubts = union(*(stretch.doubts for stretch in stretches))
    endpoints = frozenset(name for stretch in stretches for name in stretch.endpoints)
    return Stretch(span, tuple(entries.values()), doubts, endpoints)
