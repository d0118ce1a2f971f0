"""Who wrote each log line of a transaction: its lines as a call stack, and what each program emitted.

A log line does not say who wrote it: the writer is whichever program was entered last and has not
returned. `invoke [depth]` carries the depth, so the stack is cut to it on every entry. A frame is
left only by the whole line `Program <its own id> success`, compared as a whole: text that a program
prints always starts with `Program log: `, `Program data: ` or `Program return: ` and can close
nothing. `Log truncated` ends what can be attributed; lines that follow it are not believed.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from indexer.core.frames import TEXT, Call, Programs, entered, left

TRUNCATED = "Log truncated"
# As 13 characters, since one slice serves both; a space follows `Program data:`.
_DATA = "Program data:"
_HEAD, _BEGIN, _UNITS = slice(13), slice(23), slice(-6, None)  # Python makes a slice anew for every line[:13].


# A line that may hold a payload: its place among all lines, how many calls had begun, the call that wrote it (the last
# one of these at its depth), what follows the prefix, and whether that is `Program log:` and not `Program data:`.
Line = tuple[int, int, Call, str, bool]


class Logs(msgspec.Struct, frozen=True, gc=False):
    lines: Sequence[Line]
    calls: Sequence[Call]  # Of every `invoke` line, in order.
    is_truncated: bool
    is_consistent: bool  # False: frames were left that were not on top, or entered at an impossible depth.

    def ordinal(self, begun: int, call: Call) -> int:
        """Which of all calls one is that ran when so many had begun."""
        ordinal = begun - 1
        while self.calls[ordinal][1] != call[1]:
            ordinal -= 1
        return ordinal


def read_logs(lines: Sequence[str], programs: Programs) -> Logs:
    """Walk the lines and keep those of `programs` that may hold payloads. Never raises."""
    try:
        return _walked(lines, programs)
    except IndexError:  # A line of less than 13 characters, which says nothing.
        return _walked([line if len(line) > 12 else TEXT for line in lines], programs)


def _walked(lines: Sequence[str], programs: Programs) -> Logs:
    """The walk over lines of 13 characters or more. Raises IndexError on shorter ones.

    The 13th character of a frame's line is of a base58 id, neither space nor colon: it tells text from frames.
    """
    found: list[Line] = []
    calls: list[Call] = []
    frame = programs.nobody
    for index, line in enumerate(lines):  # The order of the tests is that of their cost and of how often they hold.
        if line == frame.success:
            frame = frame.outer
        elif (sign := line[12]) == " ":
            if (begins := frame.begins) is not None and line[_BEGIN] in begins:
                found.append((index, len(calls), frame.call, line[13:], True))
        elif sign == ":":
            if frame.begins is not None and line[_HEAD] == _DATA:
                found.append((index, len(calls), frame.call, line[14:], False))
        elif line[-1] == "]" and (inner := frame.inner.get(line) or programs.enter(frame, line)):
            frame = inner
            calls.append(frame.call)
        elif line[_UNITS] == " units":
            continue
        elif line == TRUNCATED:
            return Logs(found, calls, True, True)
        elif left(line) or entered(line):
            return _salvaged(lines, programs)
    return Logs(found, calls, False, True) if frame is programs.nobody else _salvaged(lines, programs)


def _salvaged(lines: Sequence[str], programs: Programs) -> Logs:
    """The walk for lines that contradict themselves: what a frame wrote counts only if the frame was left in order."""
    found: list[Line] = []
    calls: list[Call] = []
    stack: list[int] = []  # Calls; the depth of each lies in `calls`.
    proven: set[int] = set()
    truncated = False
    for index, line in enumerate(lines):
        owner = calls[stack[-1]] if stack else (b"", 0)
        if line.startswith((TEXT, _DATA)):
            is_text = line.startswith(TEXT)
            begins = programs.begins.get(owner[0])
            if begins is not None and (not is_text or line[_BEGIN] in begins):
                found.append((index, stack[-1] + 1, owner, line[13 if is_text else 14 :], is_text))
        elif (call := entered(line)) is not None:
            while stack and calls[stack[-1]][1] >= call[1]:
                stack.pop()
            stack.append(len(calls))
            calls.append(call)
        elif line == TRUNCATED:
            truncated = True
            break
        elif (program := left(line)) is not None and program in (calls[c][0] for c in stack):
            while calls[stack[-1]][0] != program:
                stack.pop()
            proven.add(stack.pop())
    return Logs([line for line in found if line[1] - 1 in proven], calls, truncated, False)
