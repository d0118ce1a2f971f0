"""Who wrote each log line of a transaction: its lines as a call stack, and what each program emitted.

A log line does not say who wrote it: the writer is whichever program was entered last and has not
returned. `invoke [depth]` carries the depth, so the stack is cut to it on every entry. A frame is
left only by the whole line `Program <its own id> success`, compared as a whole: text that a program
prints always starts with `Program log: `, `Program data: ` or `Program return: ` and can close
nothing. `Log truncated` ends what can be attributed; lines that follow it are not believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from indexer.core import base58

TRUNCATED = "Log truncated"
# Base58 id of each program whose lines are wanted -> the first 10 characters of the base64 texts that are payloads.
Programs = Mapping[str, frozenset[str]]
# As 13 characters, since one slice serves both; a space follows `Program data:`.
_DATA, _TEXT = "Program data:", "Program log: "
_HEAD, _LAST, _UNITS = slice(13), slice(-1, None), slice(-6, None)  # Python makes a slice anew for every line[:13].
# (program, call, its success line, what its texts begin with). Below all frames is nobody, whom no line can leave.
_Frame = tuple[str, int, str | None, frozenset[str] | None]
_NOBODY: _Frame = ("", -1, None, None)


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line that may hold a payload, with the call that wrote it."""

    index: int  # 0-based among all lines.
    call: int  # Ordinal of the `invoke` line of its frame.
    program: str
    text: str  # What follows the prefix.
    is_text: bool  # `Program log:`; otherwise `Program data:`.


class Logs(msgspec.Struct, frozen=True, gc=False):
    lines: Sequence[Line]
    calls: Sequence[tuple[str, int]]  # (program, depth) of every `invoke` line, in order.
    is_truncated: bool
    is_consistent: bool  # False: frames were left that were not on top, or entered at an impossible depth.


def read_logs(lines: Sequence[str], programs: Programs) -> Logs:
    """Walk the lines and keep those of `programs` that may hold payloads. Never raises."""
    found: list[Line] = []
    calls: list[tuple[str, int]] = []
    stack: list[_Frame] = []  # Those below the running one.
    program, call, success, wanted = _NOBODY
    for index, line in enumerate(lines):  # The order of the tests is that of their cost and of how often they hold.
        if line == success:
            program, call, success, wanted = stack.pop()
            continue
        head = line[_HEAD]
        if head == _TEXT:
            if wanted is not None and line[13:23] in wanted:
                found.append(Line(index, call, program, line[13:], True))
        elif head == _DATA:
            if wanted is not None:
                found.append(Line(index, call, program, line[14:], False))
        elif (last := line[_LAST]) == "]" and (entry := entered(line)) is not None:
            stack.append((program, call, success, wanted))
            entered_call, success = entry
            program, depth = entered_call
            if depth != len(stack):
                return _salvaged(lines, programs)
            call, wanted = len(calls), programs.get(program)
            calls.append(entered_call)
        elif last == "s" and line[_UNITS] == " units":
            continue
        elif line == TRUNCATED:
            return Logs(found, calls, True, True)
        elif left(line) is not None:
            return _salvaged(lines, programs)
    return _salvaged(lines, programs) if stack else Logs(found, calls, False, True)


@lru_cache(maxsize=8192)
def entered(line: str) -> tuple[tuple[str, int], str] | None:
    """((program, depth), success line) of `Program <id> invoke [n]`, matched as a whole line; else None."""
    parts = line.split(" ")
    if len(parts) != 4 or parts[0] != "Program" or parts[2] != "invoke" or not _is_program(parts[1]):
        return None
    depth = parts[3][1:-1]
    if parts[3][:1] != "[" or not (depth.isascii() and depth.isdigit() and len(depth) < 4) or depth[0] == "0":
        return None
    return (parts[1], int(depth)), f"Program {parts[1]} success"


def left(line: str) -> str | None:
    """The program of `Program <id> success` or `Program <id> failed: <why>`; else None."""
    if not (line.endswith(" success") or " failed: " in line):
        return None
    parts = line.split(" ", 3)
    if parts[0] != "Program" or len(parts) < 3 or not _is_program(parts[1]):
        return None
    return parts[1] if parts[2:] == ["success"] or parts[2] == "failed:" else None


@lru_cache(maxsize=4096)
def _is_program(text: str) -> bool:
    try:
        return len(base58.key(text)) == 32
    except base58.NotBase58:
        return False


def _salvaged(lines: Sequence[str], programs: Programs) -> Logs:
    """The walk for lines that contradict themselves: what a frame wrote counts only if the frame was left in order."""
    found: list[Line] = []
    calls: list[tuple[str, int]] = []
    stack: list[int] = []  # Calls; the depth of each lies in `calls`.
    proven: set[int] = set()
    truncated = False
    for index, line in enumerate(lines):
        top = calls[stack[-1]][0] if stack else ""
        if line.startswith((_TEXT, _DATA)):
            is_text = line.startswith(_TEXT)
            if top in programs and (not is_text or line[13:23] in programs[top]):
                found.append(Line(index, stack[-1], top, line[13 if is_text else 14 :], is_text))
        elif (entry := entered(line)) is not None:
            while stack and calls[stack[-1]][1] >= entry[0][1]:
                stack.pop()
            stack.append(len(calls))
            calls.append(entry[0])
        elif line == TRUNCATED:
            truncated = True
            break
        elif (program := left(line)) is not None and program in (calls[c][0] for c in stack):
            while calls[stack[-1]][0] != program:
                stack.pop()
            proven.add(stack.pop())
    return Logs([line for line in found if line.call in proven], calls, truncated, False)
