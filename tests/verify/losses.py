"""Simulated chains that lose something: what the evidence must show of it, by plain sums, and what it does show.

A loss is a set of events that are gone. Of each chain it must be found exactly where what is gone between two places
that are left has moved something: between these two places, the nearest ones, so much, and nowhere else. What is found
nowhere must have a reason, which the certificate names.
"""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import cache
from random import Random
from typing import NamedTuple

import msgspec

from indexer.app import witnesses
from indexer.core.record import Counter, EventRow, Origin, Record, TvlObservation
from indexer.simulation.build import build_chain
from indexer.simulation.chain import Chain as SimulatedChain
from indexer.simulation.jupiter import JupiterRates
from indexer.simulation.profile import Profile
from indexer.verify.chain import Break, Chain, Link, Place, summed
from indexer.verify.evidence import EVIDENCE, Why, form_of
from indexer.verify.witness import links_of

SLOTS, TRANSACTIONS = 160, 5.0
ONLY_TELL = {"MarketStateUpdated", "MarketTokenValue", "GlvTokenValue"}  # Evidence, and no event of its own.
Event = tuple[int, bytes, int]  # Slot, signature, index.


class Loss(NamedTuple):
    """`of`: the event that is gone, with its evidence, where it is one row."""

    kind: str
    protocol: str
    gone: frozenset[Event]
    of: str = ""


@cache
def small_chain(seed: int) -> SimulatedChain:
    """Without truncation in every other one.

    With few traders of Jupiter, so that their positions change again and again, and with prices that liquidate some.
    """
    truncated = 0.03 if seed % 2 else 0.0
    jupiter = JupiterRates(traders=4, volatility=0.02)
    return build_chain(seed, Profile(slots=SLOTS, transactions=TRANSACTIONS, truncated=truncated, jupiter=jupiter))


# --- links ---------------------------------------------------------------------------------------------------------


def events_of(chain: SimulatedChain, protocol: str) -> list[EventRow]:
    return [event for event in chain.truth.events if event.origin.protocol == protocol]


def links(protocol: str, events: Iterable[EventRow], accounts: Iterable[Record]) -> list[Link]:
    witness = witnesses()[protocol]
    told = (witness.reading(row) for row in accounts if isinstance(row, Counter | TvlObservation))
    return [*links_of(witness, events), *(link for link in told if link is not None)]


def account_rows(chain: SimulatedChain, protocol: str) -> Iterator[Record]:
    """As a node tells them at the end of each slot in which the chain keeps its accounts."""
    for one in (version for versions in chain.accounts.values() for version in versions):
        if one.protocol == protocol:
            time, held = chain.blocks[one.slot].block_time or None, one.held
            origin = Origin(
                protocol=protocol,
                program_id=held.owner,
                slot=one.slot,
                signature=held.key,
                channel="account",
                index=0,
                block_time=time,
                event=held.kind,
            )
            rows = held.rows if time is not None or held.untimed is None else held.untimed
            yield from (msgspec.structs.replace(row, origin=origin) for row in rows)


# --- losses --------------------------------------------------------------------------------------------------------


def drawn(chain: SimulatedChain, dice: Random) -> Iterator[Loss]:
    """One of each kind for each protocol that has anything to lose; something of what is lost bears witness."""
    for name, witness in witnesses().items():
        events = events_of(chain, name)
        telling = [one for one in events if one.origin.event in witness.events - ONLY_TELL]
        if not telling:
            continue
        one = dice.choice(telling)
        yield Loss("row", name, frozenset({place_of(one)}))
        yield Loss("transaction", name, _all(events, lambda e, o=one: e.origin.signature == o.origin.signature))
        yield Loss("slot", name, _all(events, lambda e, o=one: e.origin.slot == o.origin.slot))
        if name == "drift" and (fills := [e for e in telling if e.origin.event == "OrderActionRecord"]):
            cut = dice.choice(fills)
            yield Loss("truncated", name, _all(events, lambda e, c=cut: _is_cut(e, c)))


def rows_drawn(chain: SimulatedChain, dice: Random) -> Iterator[Loss]:
    """One row of every event of every protocol, whether it bears witness or not; of those that do, by what."""
    for name in EVIDENCE:
        subjects = subjects_of(name, events_of(chain, name))
        by_subject: dict[str, list[Event]] = {}
        for place, subject in subjects.items():
            by_subject.setdefault(subject, []).append(place)
        for subject, places in sorted(by_subject.items()):
            yield Loss("row", name, frozenset({dice.choice(places)}), subject)


def subjects_of(protocol: str, events: Iterable[EventRow]) -> Mapping[Event, str]:
    """What each event is, and of which chains it is a link: "OrderActionRecord (perp_fills)"."""
    rows = list(events)
    told: dict[Event, set[str]] = {place_of(row): set() for row in rows}
    for link in links(protocol, rows, ()):
        if not link.is_reading:
            told[link.identity].add(link.chain.evidence)
    return {place_of(row): f"{row.origin.event} ({', '.join(sorted(told[place_of(row)])) or '-'})" for row in rows}


def place_of(row: EventRow) -> Event:
    return row.origin.slot, row.origin.signature, row.origin.index


def _is_cut(event: EventRow, first: EventRow) -> bool:
    """Whether a transaction loses it whose logs are cut at `first`."""
    return event.origin.signature == first.origin.signature and event.origin.index >= first.origin.index


def _all(events: Iterable[EventRow], is_gone: Callable[[EventRow], bool]) -> frozenset[Event]:
    return frozenset(place_of(event) for event in events if is_gone(event))


# --- what is found, and what must be -------------------------------------------------------------------------------

Breaks = Count[tuple[Chain, Place, Place, int]]  # Chain, place before, place behind, how much is missing between them.


def found(left: Iterable[Link]) -> Breaks:
    return Count((b.chain, b.after.place, b.before.place, b.found - b.expected) for b in summed(left)[1])


def expected(everything: Iterable[Link], left: Iterable[Link]) -> Breaks:
    """Between two neighbouring places that are left and tell a value: what moved there and is gone, if any.

    `everything`: of a protocol that lost nothing else.
    """
    remaining = {(link.chain, link.place) for link in left}
    chains: dict[Chain, list[Link]] = {}
    for link in sorted(everything, key=lambda link: link.place):
        chains.setdefault(link.chain, []).append(link)
    return Count(one for chain, some in chains.items() for one in _holes(chain, some, remaining))


def _holes(
    chain: Chain, some: Iterable[Link], remaining: Set[tuple[Chain, Place]]
) -> Iterator[tuple[Chain, Place, Place, int]]:
    before: Link | None = None
    lost = 0
    for link in some:
        if (chain, link.place) not in remaining:
            lost += link.delta if link.before is None or link.after is None else link.after - link.before
        elif link.after is not None:
            if before is not None and lost:
                yield chain, before.place, link.place, lost
            before, lost = link, 0


def unseen(everything: Iterable[Link], left: Iterable[Link], loss: Loss) -> set[Why]:
    """Why nothing shows of what is gone: of each link of it that no other link's loss shows in its stead.

    A loss without any link is unnumbered.
    """
    remaining = {(link.chain, link.place) for link in left}
    gone = [one for one in everything if one.identity in loss.gone and not one.is_reading]
    chains: dict[Chain, list[Link]] = {}
    for link in sorted(everything, key=lambda link: link.place):
        chains.setdefault(link.chain, []).append(link)
    return {_why(link, chains[link.chain], remaining) for link in gone} or {"unnumbered"}


def _why(gone: Link, some: Iterable[Link], remaining: Set[tuple[Chain, Place]]) -> Why:
    telling = [one.place for one in some if one.after is not None and (one.chain, one.place) in remaining]
    if not any(place < gone.place for place in telling):
        return "beginning"
    return "unmoved" if any(place > gone.place for place in telling) else "end"


def truncated(chain: SimulatedChain) -> Sequence[tuple[int, int]]:
    """(slot, transaction) of those whose logs were cut."""
    cut = (one.origin for one in chain.truth.failures if one.reason == "truncated_logs")
    return [(origin.slot, -1 if origin.tx_index is None else origin.tx_index) for origin in cut]


def unexplained(breaks: Iterable[Break], cut: Sequence[tuple[int, int]]) -> list[Break]:
    """Breaks in which no transaction was cut."""
    return [one for one in breaks if not any(one.after.place[:2] <= at < one.before.place[:2] for at in cut)]


def missing_numbers(everything: Iterable[Link]) -> Mapping[Chain, int]:
    """Of counters that an account told at the end: how many numbers no event has since the first that anything told."""
    chains: dict[Chain, list[Link]] = {}
    for link in sorted(everything, key=lambda link: link.place):
        if form_of(*link.chain[:2]) == "counter":
            chains.setdefault(link.chain, []).append(link)
    sums = {}
    for chain, some in chains.items():
        last = max((n for n, link in enumerate(some) if link.is_reading), default=-1)
        told = some[: last + 1]
        if told:
            events = sum(not link.is_reading for link in told)
            assert told[0].before is not None
            assert told[-1].after is not None
            sums[chain] = told[-1].after - told[0].before - events
    return sums
