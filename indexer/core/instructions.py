"""The instruction tree: who called whom, and which inner instructions are events.

An event by self-CPI is an inner instruction of a program to itself: the tag, the program, exactly one
account, which is the program's event authority, and a caller that is the program itself. A caller
that is known to be another program cannot be an event, whatever its bytes say.
"""

from __future__ import annotations

from collections.abc import Sequence

from indexer.core import base58
from indexer.core.payload import DISCRIMINATOR_BYTES, Enclosing, Payload
from indexer.core.transaction import Instruction

EVENT_TAG = bytes.fromhex("e445a52e51cb9a1d")
_TOP_LEVEL = 1


def parents(instructions: Sequence[Instruction]) -> list[int | None]:
    """Flat index of each instruction's caller; None: top level, or not to be told.

    Where stack heights were not recorded (history before 1.14.6) nothing can be told.
    """
    found: list[int | None] = []
    path: list[Instruction] = []
    for instruction in instructions:
        height = instruction.stack_height
        if not instruction.is_inner:
            path = [instruction]
            found.append(None)
            continue
        while path and height is not None and (path[-1].stack_height or 0) >= height:
            path.pop()
        known = height is not None and bool(path) and path[-1].stack_height == height - 1
        found.append(path[-1].index if known else None)
        path.append(instruction)
    return found


def enclosing_of(instruction: Instruction) -> Enclosing:
    return Enclosing(
        program_id=instruction.program_id,
        index=instruction.index,
        discriminator=instruction.data[:DISCRIMINATOR_BYTES] or None,
        accounts=instruction.accounts,
        stack_height=instruction.stack_height,
    )


def self_cpi_payloads(instructions: Sequence[Instruction], program_id: bytes, authority: bytes) -> list[Payload]:
    """Events that the program emitted by calling itself, in order of their positions."""
    accounts = (authority,)
    candidates = [i for i in instructions if i.accounts == accounts and i.program_id == program_id and i.is_inner]
    if not candidates:
        return []
    callers, found = parents(instructions), []
    enclosing: dict[int, Enclosing] = {}  # By caller: most emit several events.
    for event in candidates:
        caller = _caller(instructions, event, callers[event.index], accounts)
        if caller is None or (body := _tagged(event)) is None:
            continue
        if caller.index not in enclosing:
            enclosing[caller.index] = enclosing_of(caller)
        readable = len(body) >= DISCRIMINATOR_BYTES
        found.append(Payload(program_id, "cpi", event.index, body, enclosing[caller.index], is_readable=readable))
    return found


def _tagged(instruction: Instruction) -> bytes | None:
    """What follows the tag; None: the data do not begin with it. A text that does not is not decoded."""
    if instruction.raw is None and not base58.may_begin_with(instruction.text or "", EVENT_TAG):
        return None
    data = instruction.data
    return data[len(EVENT_TAG) :] if data.startswith(EVENT_TAG) else None


def _caller(
    instructions: Sequence[Instruction], event: Instruction, parent: int | None, authority: tuple[bytes, ...]
) -> Instruction | None:
    """The instruction of the same program that emitted the event; None: there is none, so it is no event."""
    if parent is not None:
        return instructions[parent] if instructions[parent].program_id == event.program_id else None
    family = [i for i in instructions if i.outer == event.outer]
    if all(i.stack_height is not None for i in family if i.is_inner):
        return None  # The heights are recorded and fit no caller.
    own = (i for i in reversed(family) if i.index < event.index and i.program_id == event.program_id)
    return next((i for i in own if i.accounts != authority), None)
