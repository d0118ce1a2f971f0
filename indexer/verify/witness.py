"""From what the ledger keeps to links: events of a transaction as its protocol tells them, and readings of accounts.

Only settled rows bear witness. Nothing here reads a record that was made of an event: what is proven is that the bytes
are all there, and, beside it, that each of them has its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from indexer.core.payload import Event
from indexer.core.protocol import Protocol, Scene, recalled
from indexer.core.record import Counter, EventRow, TvlObservation
from indexer.core.reference import Reference
from indexer.verify.chain import END, Chain, Link, Place

NOWHERE = -1  # A place in its block that nobody told.
_NO_REFERENCE = Reference()  # Chains are of raw numbers: no decimals enter.


class Sieve(msgspec.Struct, frozen=True):
    """Of `event` only payloads with `byte` at `offset` are evidence: so that most need not be read. "": of none."""

    event: str = ""
    offset: int = 0
    byte: bytes = b""


NO_SIEVE = Sieve()


class Witness:
    """What a protocol tells of its own completeness. `events`: the names of those that `testify` reads.

    `lp_decimals`: of its LP tokens.
    """

    def __init__(
        self,
        protocol: Protocol,
        events: Iterable[str],
        testify: Callable[[Scene], Iterable[Link]],
        lp_decimals: int = 0,
        sieve: Sieve = NO_SIEVE,
    ) -> None:
        self.name = protocol.name
        self.events = frozenset(events)
        self.sieve = sieve
        self._protocol, self._testify, self._lp_decimals = protocol, testify, lp_decimals

    def links(self, events: Iterable[EventRow]) -> Iterable[Link]:
        """Of one transaction's events; those that are no evidence may be left out."""
        scene = recalled(self._protocol, events, _NO_REFERENCE)
        return () if scene is None else self._testify(scene)

    def reading(self, row: Counter | TvlObservation) -> Link | None:
        """Of a row that was read from an account; None: it is none that a chain has."""
        if isinstance(row, Counter):
            return _reading(row, row.counter_kind, row.market_key, row.value)
        if row.component != "lp_supply" or row.amount is None:
            return None
        return _reading(row, row.component, row.component_key, int(row.amount.scaleb(self._lp_decimals)))


def _reading(row: Counter | TvlObservation, evidence: str, key: str, value: int) -> Link:
    origin = row.origin
    return Link(
        chain=Chain(origin.protocol, evidence, key),
        place=Place(origin.slot, END, END),  # A node tells an account as the whole slot left it.
        signature=origin.signature,
        time=origin.block_time,
        before=value,
        after=value,
        is_reading=True,
    )


class Told(msgspec.Struct, frozen=True):
    """Makes links of one transaction."""

    scene: Scene

    def step(self, event: Event, evidence: str, key: str, before: int, after: int, *, row: str | None = None) -> Link:
        return self._link(event, evidence, key, before=before, after=after, row=row)

    def count(self, event: Event, evidence: str, key: str, number: int, *, row: str | None = None) -> Link:
        """An event that has a number."""
        return self.step(event, evidence, key, number - 1, number, row=row)

    def move(self, event: Event, evidence: str, key: str, delta: int, *, row: str | None = None) -> Link:
        return self._link(event, evidence, key, delta=delta, row=row)

    def read(self, event: Event, evidence: str, key: str, value: int) -> Link:
        """An event that tells what stands, and changes nothing."""
        return self._link(event, evidence, key, before=value, after=value, is_reading=True)

    def _link(self, event: Event, evidence: str, key: str, **values: Any) -> Link:
        scene, index = self.scene, event.payload.index
        return Link(
            chain=Chain(scene.protocol, evidence, key),
            place=Place(scene.slot, NOWHERE if scene.tx_index is None else scene.tx_index, index),
            signature=scene.signature,
            time=scene.block_time,
            index=index,
            **values,
        )


def links_of(witness: Witness, events: Iterable[EventRow]) -> Iterator[Link]:
    """Of many transactions' events, in any order."""
    transactions: dict[tuple[int, bytes], list[EventRow]] = {}
    for event in events:
        if event.origin.event in witness.events:
            transactions.setdefault((event.origin.slot, event.origin.signature), []).append(event)
    for some in transactions.values():
        yield from witness.links(some)
