"""The walk over log lines once more, by its rules alone: nothing is remembered, no line is told by one character."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from indexer.core import base58

ENTERED = re.compile(r"Program ([1-9A-HJ-NP-Za-km-z]+) invoke \[([1-9][0-9]{0,2})\]", re.ASCII)
LEFT = re.compile(r"Program ([1-9A-HJ-NP-Za-km-z]+) (success|failed: .*)", re.DOTALL)
Found = tuple[int, str, int, str, bool]  # (line, program, ordinal of its call, text, whether it is a text line).


def is_key(text: str) -> bool:
    try:
        return len(base58.key(text)) == 32
    except base58.NotBase58:
        return False


def plain_walk(
    lines: Sequence[str], texts: Mapping[str, frozenset[str]]
) -> tuple[list[Found], list[tuple[str, int]], bool] | None:
    """What was found, all calls, and whether the lines were cut; None: they contradict themselves."""
    found: list[Found] = []
    calls: list[tuple[str, int]] = []
    stack: list[int] = []
    for index, line in enumerate(lines):
        program = calls[stack[-1]][0] if stack else None
        if line == "Log truncated":
            return found, calls, True
        if line.startswith("Program log: "):
            text = line.removeprefix("Program log: ")
            if program in texts and text[:10] in texts[program]:
                found.append((index, program, stack[-1], text, True))
        elif line.startswith("Program data:"):
            if program in texts:
                found.append((index, program, stack[-1], line[len("Program data: ") :], False))
        elif (entry := ENTERED.fullmatch(line)) and is_key(entry[1]):
            if int(entry[2]) != len(stack) + 1:
                return None
            stack.append(len(calls))
            calls.append((entry[1], int(entry[2])))
        elif line.endswith(" units") and line[12:13] not in (" ", ":"):
            continue
        elif (end := LEFT.fullmatch(line)) and is_key(end[1]):
            if program != end[1] or end[2] != "success":
                return None
            stack.pop()
    return None if stack else (found, calls, False)
