"""Run the worlds of `tests.world` in the real runtime: a world's frames are scripts of the simulation.

Only the form is changed here. Nothing is shared with the core under test: what comes out is what the runtime told.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

from solders.compute_budget import set_compute_unit_limit
from solders.instruction import Instruction
from solders.keypair import Keypair

from indexer.simulation.answer import shown
from indexer.simulation.memory import event_authority, loaded
from indexer.simulation.runtime import LOG_BYTES, Runtime
from indexer.simulation.script import Chunks, Emit, Invoke, Text
from tests.world import BLOCK_TIME, EVENT_TAG, SLOT, Frame

PAYER = Keypair.from_seed(bytes(range(32)))


class Chain:
    """A runtime whose transactions stand alone. Every one starts with an instruction of the compute budget."""

    def __init__(self, *, log_limit: int | None = LOG_BYTES, depth: int = 5) -> None:
        self.runtime = Runtime(log_bytes=log_limit, depth=depth)

    def run(
        self,
        *frames: Frame,
        before: Sequence[Instruction] = (),
        fails: bool = False,
        tables: Sequence[Sequence[bytes]] | None = None,
    ) -> dict[str, Any]:
        """The transaction of these frames as getTransaction shows it (encoding json). Version 0 where tables are given.

        Asserts that it succeeded, or failed where `fails` says so.
        """
        script = loaded([_invoke(frame) for frame in frames])
        budget = set_compute_unit_limit(1_400_000)
        executed = self.runtime.run(script, PAYER, PAYER.pubkey(), bytes(32), before=[budget, *before], tables=tables)
        assert (executed.failed is not None) == fails, executed.failed
        return {"slot": SLOT, "blockTime": BLOCK_TIME, **shown(executed).shown}


def _invoke(one: Frame) -> Invoke:
    inside = tuple(_part(one, part) for part in one.inside if part != "fail")
    return Invoke(one.program_id, one.data, one.accounts, inside, "fail" in one.inside)


def _part(one: Frame, part: str | Frame) -> Emit | Text | Chunks | Invoke:
    if isinstance(part, Frame):
        return Emit(part.data[8:], "", "cpi") if _is_own_event(one, part) else _invoke(part)
    if part.startswith("Program data: "):
        return Chunks(tuple(b64decode(chunk) for chunk in part.removeprefix("Program data: ").split(" ")))
    return Text(part.removeprefix("Program log: "))


def _is_own_event(one: Frame, part: Frame) -> bool:
    """Only these can be signed by the event authority; others are passed as they are."""
    authority, _ = event_authority(one.program_id)
    return part.program_id == one.program_id and part.data.startswith(EVENT_TAG) and part.accounts == (authority,)
