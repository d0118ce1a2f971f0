"""Chains: what a program counts or sums, told again and again by its events, so that a lost one shows.

An event tells what stood before it and after it (a counter's number, a position's last trade, a supply), or only by how
much it moved; an account, or an event that merely reads, tells what stands. Stretches of a chain are summed up by
themselves and joined in any grouping with the same result, so that a stretch that did not change is never read again.

What must stay true: a chain breaks only between two places that tell absolute values, and what is missing lies between
them; what lies before the first or behind the last such place is neither proven nor doubted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

_DAY_S = 86_400
END = 2**31 - 1  # As a transaction: the end of the slot. As a position: the end of the transaction.


class Chain(NamedTuple):
    """`key`: a market, a position or a token, as text."""

    protocol: str
    evidence: str  # See `evidence`.
    key: str


class Place(NamedTuple):
    """In the order of the chain."""

    slot: int
    tx_index: int
    position: int


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What one event or one reading tells of one chain.

    `before` and `after` are both there, or both None: then it moved by `delta`. A reading has both equal.
    """

    chain: Chain
    place: Place
    signature: bytes  # Of the transaction; the account's key of a reading.
    time: int | None = None  # Unix seconds.
    before: int | None = None
    after: int | None = None
    delta: int = 0
    is_reading: bool = False
    row: str | None = None  # Kind of the record that must lie at the same place.
    index: int = 0  # Of the payload, as rows have it: `place.position` of a reading is the end of its transaction.

    @property
    def identity(self) -> tuple[int, bytes, int]:
        return self.place.slot, self.signature, self.index


class Known(msgspec.Struct, frozen=True):
    """A place that tells what stands there."""

    place: Place
    signature: bytes
    time: int | None
    value: int
    is_reading: bool = False


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of one chain, as far as its neighbours need to know it.

    `lead` is moved before the first known value, `trail` behind the last; where none is known, `lead` is all of it.
    """

    links: int = 0
    readings: int = 0
    first: Known | None = None
    lead: int = 0
    last: Known | None = None
    trail: int = 0


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """Between `after` and `before` something is missing: `expected` should stand there, `found` does."""

    chain: Chain
    after: Known
    before: Known
    expected: int
    found: int


NOTHING = Segment()


def unit(link: Link) -> Segment:
    links, readings = (0, 1) if link.is_reading else (1, 0)
    if link.before is None or link.after is None:
        return Segment(links=links, readings=readings, lead=link.delta)
    first, last = (
        Known(link.place, link.signature, link.time, value, link.is_reading) for value in (link.before, link.after)
    )
    return Segment(links=links, readings=readings, first=first, last=last)


def joined(chain: Chain, left: Segment, right: Segment) -> tuple[Segment, Break | None]:
    """Two stretches that follow each other as one, and the break between them."""
    links, readings = left.links + right.links, left.readings + right.readings
    if left.last is None:
        first, lead = right.first, left.lead + right.lead
        one = Segment(links=links, readings=readings, first=first, lead=lead, last=right.last, trail=right.trail)
        return one, None
    if right.first is None:
        trail = left.trail + right.lead
        one = Segment(links=links, readings=readings, first=left.first, lead=left.lead, last=left.last, trail=trail)
        return one, None
    expected = left.last.value + left.trail + right.lead
    both = Segment(links=links, readings=readings, first=left.first, lead=left.lead, last=right.last, trail=right.trail)
    if expected == right.first.value:
        return both, None
    return both, Break(chain=chain, after=left.last, before=right.first, expected=expected, found=right.first.value)


def summed(links: Iterable[Link]) -> tuple[dict[Chain, Segment], list[Break]]:
    """Each chain as one stretch, and its breaks, in order of place. `links`: in any order."""
    segments: dict[Chain, Segment] = {}
    breaks: list[Break] = []
    for link in sorted(links, key=lambda link: link.place):
        segment, broken = joined(link.chain, segments.get(link.chain, NOTHING), unit(link))
        segments[link.chain] = segment
        breaks += [broken] if broken else []
    return segments, breaks


def by_day(links: Iterable[Link]) -> tuple[dict[tuple[Chain, int], Segment], list[Break]]:
    """Each chain as one stretch a UTC day (days since 1970), and the breaks within these.

    What has no time is of the day of what stands before it; days never run back. 0: no time is known at all.
    """
    ordered = sorted(links, key=lambda link: link.place)
    today = next((link.time // _DAY_S for link in ordered if link.time is not None), 0)
    days: dict[int, list[Link]] = {}
    for link in ordered:
        today = today if link.time is None else max(today, link.time // _DAY_S)
        days.setdefault(today, []).append(link)
    segments: dict[tuple[Chain, int], Segment] = {}
    breaks: list[Break] = []
    for day, some in days.items():
        of_day, broken = summed(some)
        segments |= {(chain, day): segment for chain, segment in of_day.items()}
        breaks += broken
    return segments, breaks


def strung(chain: Chain, segments: Iterable[Segment]) -> tuple[Segment, list[Break]]:
    """Stretches of one chain in their order as one, with the breaks between them."""
    whole, breaks = NOTHING, []
    for segment in segments:
        whole, broken = joined(chain, whole, segment)
        breaks += [broken] if broken else []
    return whole, breaks


def last_readings(readings: Iterable[Link]) -> Iterable[Link]:
    """Of readings of one transaction the last one of each chain, at the transaction's end.

    A program may tell its counter before or after the event that it counted.
    """
    found: Mapping[Chain, Link] = {link.chain: link for link in sorted(readings, key=lambda link: link.place)}
    return (msgspec.structs.replace(link, place=link.place._replace(position=END)) for link in found.values())
