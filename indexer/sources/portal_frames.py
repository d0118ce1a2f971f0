"""Log lines of a transaction of which only some came, put back to their places among frames.

The archive keeps no `invoke` and `success` lines: it says instead which instruction wrote a line, and where the line
stood. From that and the whole instruction tree a log is made that reads as the true one does: calls in the order of
the tree, every kept line at its own index in its own frame, nothing anywhere else.

What must stay true: the true log had all these lines and two more for each call, in this order, so that room is never
short unless tree, owners and indexes contradict each other. Then there is no such log, and the transaction has to be
asked for elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from indexer.core import base58
from indexer.core.emitted import PRECOMPILES

MOST_LINES = 10_000  # A log has at most so many bytes.
Address = tuple[int, ...]  # Path in the instruction tree: (2,) is outer 2, (2, 0) the first that it called.


class Call(msgspec.Struct, frozen=True):
    """An instruction: where it stands in the tree, and its program."""

    address: Address
    program_id: bytes


class Kept(msgspec.Struct, frozen=True):
    """A line that came, with its owner; `text` is the whole line."""

    index: int
    address: Address
    text: str


class Contradiction(Exception):
    """Lines and tree do not fit together."""


def framed(calls: Sequence[Call], kept: Sequence[Kept]) -> tuple[str, ...]:
    """The log: `calls` in flat order, `kept` in order of index. Raises Contradiction."""
    log = _Log(calls, kept)
    for line in kept:
        log.place(line)
    log.finish()
    return tuple(log.lines)


class _Log:
    """A log that grows: `_next` is the call that is entered next, `_open` are the frames, the top one last."""

    def __init__(self, calls: Sequence[Call], kept: Sequence[Kept]) -> None:
        self.lines: list[str] = []
        self._calls = calls
        self._next = 0
        self._open: list[Call] = []
        self._last_line = {line.address: line.index for line in kept}

    def place(self, line: Kept) -> None:
        self._bring_up(line.address)
        self._run_early(line)
        if not len(self.lines) <= line.index < MOST_LINES:
            raise Contradiction(f"line {line.index} can only be line {len(self.lines)} or later")
        self.lines += [""] * (line.index - len(self.lines))
        self.lines.append(line.text)

    def finish(self) -> None:
        while self._next < len(self._calls):
            self._enter()
        while self._open:
            self._leave()

    def _bring_up(self, address: Address) -> None:
        """Let the frame of `address` be on top: run everything before it, then leave what runs in it."""
        if all(frame.address != address for frame in self._open):
            while self._next < len(self._calls) and self._calls[self._next].address <= address:
                self._enter()
        if all(frame.address != address for frame in self._open):
            raise Contradiction(f"a line of instruction {list(address)}, which does not run there")
        while (top := self._open[-1]).address != address:
            while self._is_next_inside(top.address):
                self._enter()
            while top in self._open:
                self._leave()

    def _run_early(self, line: Kept) -> None:
        """Let calls of the top frame that log nothing more run before the line, as far as there is room.

        Nobody knows on which side of it they ran. Early is never wrong: room that is left is filled with nothing,
        and later there may be none.
        """
        while (end := self._end_of_silent_call(line)) is not None:
            cost = 2 * sum(call.program_id not in PRECOMPILES for call in self._calls[self._next : end])
            if len(self.lines) + cost > line.index:
                return
            while self._next < end:
                self._enter()
            while self._open[-1].address != line.address:
                self._leave()

    def _end_of_silent_call(self, line: Kept) -> int | None:
        """Position behind the next call of the top frame and all that it calls; None: there is none, or it logs yet."""
        if self._next == len(self._calls) or self._calls[self._next].address[:-1] != line.address:
            return None
        root, end = self._calls[self._next].address, self._next
        while end < len(self._calls) and _is_inside(self._calls[end].address, root):
            if self._last_line.get(self._calls[end].address, -1) > line.index:
                return None
            end += 1
        return end

    def _is_next_inside(self, address: Address) -> bool:
        return self._next < len(self._calls) and _is_inside(self._calls[self._next].address, address)

    def _enter(self) -> None:
        """Run the next call as far as its `invoke` line; frames that did not make it have made all their calls."""
        call = self._calls[self._next]
        while self._open and not _is_inside(call.address, self._open[-1].address):
            self._leave()
        self._next += 1
        if call.program_id not in PRECOMPILES:
            self._open.append(call)
            self.lines.append(f"Program {base58.encode(call.program_id)} invoke [{len(call.address)}]")

    def _leave(self) -> None:
        self.lines.append(f"Program {base58.encode(self._open.pop().program_id)} success")


def _is_inside(address: Address, above: Address) -> bool:
    """Whether it is `above` itself or is called below it."""
    return address[: len(above)] == above
