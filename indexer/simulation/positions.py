"""Where what a script emits must come out: line numbers and flat positions of instructions, told from the script.

Every frame logs its entry and, behind all that is inside of it, what it consumed and how it ended. Every instruction
takes one flat position when it is entered. The compute budget's program, which may run before, logs two lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from indexer.core.payload import Enclosing
from indexer.simulation.memory import Frame
from indexer.simulation.script import Emit


class Place(msgspec.Struct, frozen=True):
    """An emission, who emitted it, and where it must be found: a line for `log`, a flat position for `cpi`."""

    emit: Emit
    program_id: bytes
    index: int
    enclosing: Enclosing


class Walk:
    """`before`: instructions of the compute budget that run first."""

    def __init__(self, before: int = 0) -> None:
        self.line, self.flat = 2 * before, before

    def places(self, frames: Iterable[Frame], height: int = 1) -> Iterator[Place]:
        """In order of running. Behind the last one, `line` and `flat` are what the whole transaction has."""
        for frame in frames:
            yield from self._inside(frame, height)

    def _inside(self, frame: Frame, height: int) -> Iterator[Place]:
        enclosing = Enclosing(frame.program_id, self.flat, frame.data[:8] or None, frame.accounts, height)
        self.line += 1  # invoke
        self.flat += 1
        for part in frame.inside:
            if isinstance(part, Frame):
                yield from self._inside(part, height + 1)
            elif isinstance(part, Emit) and part.channel == "cpi":
                yield Place(part, frame.program_id, self.flat, enclosing)
                self.line += 3  # The event is a frame of its own, inside of which nothing happens.
                self.flat += 1
            else:
                if isinstance(part, Emit):
                    yield Place(part, frame.program_id, self.line, enclosing)
                self.line += 1
        self.line += 2  # consumed, success
