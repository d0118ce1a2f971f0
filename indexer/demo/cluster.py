"""The simulated cluster as a process of its own: `python -m indexer.demo.cluster SHAPE`.

It says one JSON document a line: how far its history is made, then where it is served. It ends with its standard
input, whoever closes it, and where its chain ends.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from typing import Any

import msgspec

from indexer.demo.shape import Shape
from indexer.simulation.build import Builder
from indexer.simulation.living import LivingChain

SLOTS_AT_ONCE = 96


class Made(msgspec.Struct, frozen=True, tag=True):
    """Slots of the history."""

    slots: int
    of: int


class Served(msgspec.Struct, frozen=True, tag=True):
    """Where it is, and where its history begins and ends."""

    genesis_hash: str
    first_slot: int
    live_slot: int
    rpc: tuple[str, ...]
    websocket: tuple[str, ...]
    portal: str


Said = Made | Served


async def main(shape: Shape) -> None:
    profile = shape.profile(int(time.time()))
    builder = Builder(shape.seed, profile, keeps_truth=False)
    for made in range(0, profile.history_slots, SLOTS_AT_ONCE):
        builder.build(min(SLOTS_AT_ONCE, profile.history_slots - made))
        _say(Made(made, profile.history_slots))
    began_s = profile.time_of(builder.live_slot)
    ahead_s = time.time() - time.monotonic() - began_s  # The clock of the wall may be set; that of the chain is not.
    chain = LivingChain(builder, lambda: time.monotonic() + ahead_s, int(shape.hours * 3_600_000) // profile.slot_ms)
    async with chain.box().served() as addresses:
        _say(
            Served(
                genesis_hash=chain.chain.genesis_hash,
                first_slot=min(chain.chain.blocks),
                live_slot=chain.live_slot,
                rpc=tuple(addresses.rpc),
                websocket=tuple(addresses.websocket),
                portal=addresses.portal,
            )
        )
        await _first_of(chain.grow(), _end_of_input())


async def _first_of(*some: Any) -> None:
    """Until one of them ends; raises what it raises."""
    tasks = [asyncio.ensure_future(one) for one in some]
    done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    for task in done:
        task.result()


async def _end_of_input() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def _say(what: Said) -> None:
    sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with suppress(BrokenPipeError):  # Who started it has gone.
        asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Shape)))
