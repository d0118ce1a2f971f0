"""Spans of slots: what is there, what is missing.

A set of slots is a tuple of spans in order that neither overlap nor touch; every function takes
spans in any order and gives them so. Equal sets are therefore equal tuples.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import msgspec


class Span(msgspec.Struct, frozen=True, order=True):
    """Slots `start` up to, but not including, `end`. Never empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        assert 0 <= self.start < self.end, f"{self.start}..{self.end} is no span of slots"

    def __contains__(self, slot: int) -> bool:
        return self.start <= slot < self.end

    def __len__(self) -> int:
        return self.end - self.start


Spans = tuple[Span, ...]


def union(*sets: Iterable[Span]) -> Spans:
    """Every slot that is in one of them."""
    merged: list[Span] = []
    for span in sorted(span for spans in sets for span in spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


def missing(wanted: Iterable[Span], have: Iterable[Span]) -> Spans:
    """The slots of `wanted` that are not in `have`."""
    gaps: list[Span] = []
    present = union(have)
    for span in union(wanted):
        start = span.start
        for other in present[_first_behind(present, start) :]:
            if other.start >= span.end:
                break
            if start < other.start:
                gaps.append(Span(start, other.start))
            start = max(start, other.end)
        if start < span.end:
            gaps.append(Span(start, span.end))
    return tuple(gaps)


def common(left: Iterable[Span], right: Iterable[Span]) -> Spans:
    """The slots that are in both."""
    left = tuple(left)
    return missing(left, missing(left, right))


def covers(spans: Sequence[Span], slot: int) -> bool:
    """Whether `slot` is in `spans`, which must be a result of this module (ordered, disjoint)."""
    place = bisect_right(spans, slot, key=lambda span: span.start)
    return place > 0 and slot in spans[place - 1]


def of_slots(slots: Iterable[int]) -> Spans:
    """The spans that hold exactly these slots."""
    return union(Span(slot, slot + 1) for slot in slots)


def _first_behind(spans: Sequence[Span], slot: int) -> int:
    """Position of the first span that ends behind `slot`."""
    return bisect_right(spans, slot, key=lambda span: span.end)
