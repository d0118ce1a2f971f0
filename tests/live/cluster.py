"""The simulated cluster as a process of its own, so that it does not wait for the daemon that is measured.

It says one JSON document when its chain is made and served; its clock begins with a line on standard input, and it
ends with the next one, telling what struck. Times are seconds of the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from indexer.simulation.box import Box
from indexer.simulation.build import build_chain
from indexer.simulation.chain import Chain
from indexer.simulation.profile import Profile


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What the cluster is like. `faults`: a profile of the box; they begin and end within `faults_s` seconds."""

    seed: int
    history_slots: int
    live_slots: int
    transactions: float = 10.0  # A slot, others' included.
    protocols: tuple[str, ...] = ("drift", "jupiter_perps", "gmx_solana")
    faults: str = "calm"
    faults_s: float = 60.0


class Told(msgspec.Struct, frozen=True):
    """What the cluster says when it is there."""

    genesis_hash: str
    first_slot: int
    start_slot: int
    slot_s: float
    confirmed_after: int  # Slots.
    rpc: list[str]
    websocket: list[str]
    portal: str
    transactions: int  # Of the history.
    events: dict[int, int]  # Payloads that a ledger has to hold, by slot.
    overtaking: dict[int, int]  # By slot beside a fork: the slot whose confirmation drops the fork.
    made_s: float

    def confirmed_at(self, slot: int) -> float:
        """Seconds since the clock began. A block beside a fork is confirmed when the fork is overtaken."""
        return (self.overtaking.get(slot, slot) + self.confirmed_after - self.start_slot) * self.slot_s


class Ended(msgspec.Struct, frozen=True):
    """`last_fault_s`: since the clock began."""

    struck: dict[str, int]
    last_fault_s: float


def chain_of(shape: Shape, kept: Path) -> Chain:
    """Made, or what was made before: clusters of one shape share it."""
    if not kept.exists():
        slots = shape.history_slots + shape.live_slots
        profile = Profile(slots=slots, transactions=shape.transactions, timeless=0.0, protocols=shape.protocols)
        part = kept.with_suffix(".part")
        part.write_bytes(pickle.dumps(build_chain(shape.seed, profile)))
        part.rename(kept)
    chain: Chain = pickle.loads(kept.read_bytes())
    return chain


async def main(shape: Shape, kept: Path) -> None:
    began: list[float] = []
    made = time.monotonic()
    chain = chain_of(shape, kept)
    box = Box(
        chain,
        lambda: time.monotonic() - began[0] if began else 0.0,
        seed=shape.seed,
        profile=shape.faults,
        start_slot=chain.first_slot + shape.history_slots,
        span_s=shape.faults_s,
    )
    start = box.cluster.start_slot
    async with box.served() as addresses:
        _say(
            Told(
                genesis_hash=chain.genesis_hash,
                first_slot=min(chain.blocks),
                start_slot=start,
                slot_s=box.cluster.slot_s,
                confirmed_after=box.cluster.after["confirmed"],
                rpc=list(addresses.rpc),
                websocket=list(addresses.websocket),
                portal=addresses.portal,
                transactions=sum(len(b.transactions) for s, b in chain.blocks.items() if s < start),
                events=dict(Counter(event.origin.slot for event in chain.truth.events)),
                overtaking={a.block.slot: a.slot for a in box.cluster.places.arrivals if a.slot != a.block.slot},
                made_s=time.monotonic() - made,
            )
        )
        await asyncio.to_thread(sys.stdin.readline)
        began.append(time.monotonic())
        _say(began[0])
        await asyncio.to_thread(sys.stdin.readline)
    _say(Ended(dict(box.faults.struck), box.faults.last_end_s))


def _say(what: Any) -> None:
    sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(msgspec.convert(json.loads(sys.argv[1]), Shape), Path(sys.argv[2])))
