"""Faults: a plan of what goes wrong where and when, and the count of what has struck.

A fault is asked for at every occasion on which it could strike. Some strike by chance, each time anew; others
touch the same signatures and slots every time, so that asking again does not help while they last. Whatever
strikes is counted: a run that struck nothing has shown nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import blake2b
from math import inf
from random import Random

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One kind of fault at one server."""

    kind: str  # One of fault_kinds.KINDS.
    server: str  # Name of a node or a portal.
    start_s: float = 0.0  # On the cluster's clock.
    end_s: float = inf  # Infinite: for good.
    chance: float = 1.0  # Of each occasion, or part of the signatures and slots that it touches.
    amount: float = 0.0  # Its size in the unit of its kind: slots, seconds, rows.
    first_slot: int = 0  # Where a kind is about a stretch of slots.


class Faults:
    """A plan while it is carried out. `struck`: how often each kind did something."""

    def __init__(self, plan: Iterable[Fault], seed: int, clock: Callable[[], float]) -> None:
        self.plan = tuple(plan)
        self.clock = clock
        self.random = Random(f"faults {seed}")
        self.struck: Counter[str] = Counter()
        self._seed = seed
        self._by_place: dict[tuple[str, str], list[Fault]] = {}
        for fault in self.plan:
            self._by_place.setdefault((fault.kind, fault.server), []).append(fault)

    @property
    def last_end_s(self) -> float:
        """When the last fault that ends has ended, on the clock; 0.0 where none ends."""
        return max((fault.end_s for fault in self.plan if fault.end_s < inf), default=0.0)

    @property
    def idle(self) -> frozenset[str]:
        """Kinds that were planned and have not struck."""
        return frozenset(fault.kind for fault in self.plan) - set(self.struck)

    def active(self, kind: str, server: str) -> Fault | None:
        """The fault where it is on now; nothing is counted."""
        if not (planned := self._by_place.get((kind, server))):
            return None
        now = self.clock()
        return next((fault for fault in planned if fault.start_s <= now < fault.end_s), None)

    def strikes(self, kind: str, server: str) -> Fault | None:
        """The fault where it is on and chance has it strike this time."""
        fault = self.active(kind, server)
        if fault is None or self.random.random() >= fault.chance:
            return None
        return self.count(fault)

    def touches(self, kind: str, server: str, thing: str | int) -> Fault | None:
        """The fault where it is on and this signature or slot is one that it touches."""
        fault = self.active(kind, server)
        if fault is None or self._part(kind, server, thing) >= fault.chance:
            return None
        return self.count(fault)

    def began(self, kind: str, server: str, behind_s: float) -> Fault | None:
        """The fault that began after `behind_s` and up to now."""
        now = self.clock()
        planned = self._by_place.get((kind, server), ())
        fault = next((fault for fault in planned if behind_s < fault.start_s <= now), None)
        return None if fault is None else self.count(fault)

    def count(self, fault: Fault) -> Fault:
        self.struck[fault.kind] += 1
        return fault

    def saw(self, kind: str) -> None:
        """Something that the chain or a node's making brought about: a fork, a pruned block, a version refused."""
        self.struck[kind] += 1

    def _part(self, kind: str, server: str, thing: str | int) -> float:
        """A number from 0 up to 1 that is always the same for the same thing."""
        digest = blake2b(f"{self._seed} {kind} {server} {thing}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64


def no_faults(clock: Callable[[], float]) -> Faults:
    return Faults((), 0, clock)
