"""Frames of the call stack that log lines tell: each is known by the lines that lead to it.

What a frame is (its program, its depth, the line that leaves it, which of its lines are wanted) depends on its
`invoke` line and on the frames around it alone. So it is made out once and kept below the frame around it, where the
next transaction finds it by that line. What is kept is bounded, and forgetting it changes no result.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from indexer.core import base58

TEXT = "Program log: "
Call = tuple[bytes, int]  # (program, depth).
_FRAMES = 8192  # Some 4 MB. Real transactions reach each program by few ways.


class Frame:
    """A running program, and the frames that were seen inside it."""

    __slots__ = ("begins", "call", "inner", "outer", "success")

    def __init__(self, call: Call, outer: Frame | None, success: str, begins: frozenset[str] | None) -> None:
        self.call = call
        self.outer = outer or self  # Below all frames is nobody, whom no line can leave.
        self.success = success  # The line that leaves it. Nobody's is an empty one, which says nothing.
        self.begins = begins  # What its texts begin with that are payloads, prefix included. None: not wanted.
        self.inner: dict[str, Frame] = {}  # By `invoke` line.


class Programs:
    """Programs whose lines are wanted, and the frames that were seen so far."""

    def __init__(self, texts: Mapping[bytes, frozenset[str]]) -> None:
        """`texts`: id of each program -> the first 10 characters of the base64 texts that are payloads."""
        self.begins = {program: frozenset(TEXT + text for text in known) for program, known in texts.items()}
        self.nobody = Frame((b"", 0), None, "", None)
        self._known = 0

    def enter(self, outer: Frame, line: str) -> Frame | None:
        """The frame that a line begins inside `outer`; None: it is no `invoke` line, or of another depth."""
        call = entered(line)
        if call is None or call[1] != outer.call[1] + 1:
            return None
        if self._known == _FRAMES:
            self.nobody.inner.clear()
            self._known = 0
        self._known += 1
        success = line[: line.index(" invoke")] + " success"
        outer.inner[line] = frame = Frame(call, outer, success, self.begins.get(call[0]))
        return frame


def entered(line: str) -> Call | None:
    """What `Program <id> invoke [n]` begins, matched as a whole line; else None."""
    parts = line.split(" ")
    if len(parts) != 4 or parts[0] != "Program" or parts[2] != "invoke" or (program := _program(parts[1])) is None:
        return None
    depth = parts[3][1:-1]
    if parts[3][:1] != "[" or parts[3][-1:] != "]":
        return None
    if not (depth.isascii() and depth.isdigit() and len(depth) < 4) or depth[0] == "0":
        return None
    return program, int(depth)


def left(line: str) -> bytes | None:
    """The program of `Program <id> success` or `Program <id> failed: <why>`; else None."""
    if not (line.endswith(" success") or " failed: " in line):
        return None
    parts = line.split(" ", 3)
    if parts[0] != "Program" or len(parts) < 3 or (parts[2:] != ["success"] and parts[2] != "failed:"):
        return None
    return _program(parts[1])


@lru_cache(maxsize=4096)
def _program(text: str) -> bytes | None:
    try:
        key = base58.key(text)
    except base58.NotBase58:
        return None
    return key if len(key) == 32 else None
