"""The program that stands in for every program of the chain: machine code that runs a list of system calls.

The same file is loaded at any program id. What it runs lies in the last account of its instruction, of which the
instruction's data names a place; `memory` writes both. All addresses in it are computed before, since the runtime
lays memory out by fixed rules, so the machine code needs no data structures and fits in one screen:

    instruction data = discriminator (8) | address of the first call, u64
    call = number, u64 | five registers, u64 each

It keeps account infos at the start of its heap, for its own calls, and copies the last account behind them. Data of
less than 16 bytes, or that starts with the event tag, is answered at once by success.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

EVENT_TAG = bytes.fromhex("e445a52e51cb9a1d")  # What Anchor puts before an event by self-CPI.
END, LOG, LOG_DATA, INVOKE, FAIL = range(5)
INFOS, INFO_BYTES, MOST_ACCOUNTS = 0x3_0000_0000, 56, 128
SCRIPT = INFOS + 8192  # Behind 128 account infos.
HEAP_BYTES = 256 * 1024
_ROOM_TO_GROW = 10_240  # What the runtime leaves behind each account's data.

# SBPF v0: u8 opcode, u8 registers, i16 offset, i32 immediate.
_MOV, _ADD, _SUB, _AND, _RSH, _MOV_R, _ADD_R = 0xB7, 0x07, 0x17, 0x57, 0x77, 0xBF, 0x0F
_JA, _JEQ, _JNE, _JLT, _JEQ_R = 0x05, 0x15, 0x55, 0xA5, 0x1D
_LOAD, _LOAD_BYTE, _STORE, _LOAD_WIDE, _CALL, _EXIT = 0x79, 0x71, 0x7B, 0x18, 0x85, 0x95
_SYSCALLS = ("sol_memcpy_", "sol_log_", "sol_log_data", "sol_invoke_signed_c")


class _Step(NamedTuple):
    opcode: int
    destination: int = 0
    source: int = 0
    offset: int | str = 0  # A label to jump to.
    value: int = 0


# r1: where we read. r5: accounts left. r7: where we write. r8, r9: data of the account read last, and its length.
_STEPS: tuple[str | _Step, ...] = (
    _Step(_LOAD, 5, 1),
    _Step(_ADD, 1, value=8),
    _Step(_LOAD_WIDE, 7, value=INFOS),
    "account",  # u8 255, signs, writable, executable, 4 bytes | key 32 | owner 32 | lamports 8 | length 8 | data
    _Step(_JEQ, 5, 0, "arrived"),
    _Step(_SUB, 5, value=1),
    _Step(_LOAD_BYTE, 2, 1),
    _Step(_JNE, 2, 0, "named before", 255),
    _Step(_MOV_R, 2, 1),
    _Step(_ADD, 2, value=8),
    _Step(_STORE, 7, 2, 0),  # The info: key, lamports, length, data, owner, rent epoch, then the three flags.
    _Step(_ADD, 2, value=32),
    _Step(_STORE, 7, 2, 32),
    _Step(_ADD, 2, value=32),
    _Step(_STORE, 7, 2, 8),
    _Step(_LOAD, 9, 2, 8),
    _Step(_STORE, 7, 9, 16),
    _Step(_ADD, 2, value=16),
    _Step(_STORE, 7, 2, 24),
    _Step(_MOV_R, 8, 2),
    _Step(_LOAD, 3, 1),
    _Step(_RSH, 3, value=8),
    _Step(_STORE, 7, 3, 48),
    _Step(_ADD_R, 2, 9),
    _Step(_ADD, 2, value=_ROOM_TO_GROW + 7),
    _Step(_AND, 2, value=-8),
    _Step(_LOAD, 3, 2),
    _Step(_STORE, 7, 3, 40),
    _Step(_MOV_R, 1, 2),
    _Step(_ADD, 7, value=INFO_BYTES),
    "named before",  # Nothing but its place follows.
    _Step(_ADD, 1, value=8),
    _Step(_JA, offset="account"),
    "arrived",  # Length of the instruction's data, and the data.
    _Step(_LOAD, 4, 1),
    _Step(_JLT, 4, 0, "succeed", 16),
    _Step(_LOAD, 2, 1, 8),
    _Step(_LOAD_WIDE, 3, value=int.from_bytes(EVENT_TAG, "little")),
    _Step(_JEQ_R, 2, 3, "succeed"),
    _Step(_LOAD, 6, 1, 16),
    _Step(_LOAD_WIDE, 1, value=SCRIPT),
    _Step(_MOV_R, 2, 8),
    _Step(_MOV_R, 3, 9),
    _Step(_CALL, value=_SYSCALLS.index("sol_memcpy_")),
    "next",  # r6: the call to run.
    *(_Step(_LOAD, register, 6, 8 * register) for register in range(6)),
    _Step(_ADD, 6, value=48),
    _Step(_JEQ, 0, 0, "succeed", END),
    _Step(_JEQ, 0, 0, "log", LOG),
    _Step(_JEQ, 0, 0, "data", LOG_DATA),
    _Step(_JEQ, 0, 0, "invoke", INVOKE),
    _Step(_MOV_R, 0, 1),  # FAIL: the first register is the program's result.
    _Step(_EXIT),
    "succeed",
    _Step(_MOV, 0),
    _Step(_EXIT),
    "log",
    _Step(_CALL, value=_SYSCALLS.index("sol_log_")),
    _Step(_JA, offset="next"),
    "data",
    _Step(_CALL, value=_SYSCALLS.index("sol_log_data")),
    _Step(_JA, offset="next"),
    "invoke",
    _Step(_CALL, value=_SYSCALLS.index("sol_invoke_signed_c")),
    _Step(_JA, offset="next"),
)


@cache
def program_file() -> bytes:
    """The program as the smallest shared object that the loader takes; an address is an offset in the file."""
    return _shared_object(*_assembled())


def _assembled() -> tuple[bytes, list[tuple[int, int]]]:
    """Machine code, and (offset, number) of each system call, which the loader fills in."""
    labels, code, calls = _labels(), b"", []
    for step in _STEPS:
        if isinstance(step, str):
            continue
        offset, value = step.offset, step.value
        if isinstance(offset, str):
            offset = labels[offset] - len(code) // 8 - 1
        if step.opcode == _CALL:
            calls.append((len(code), value))
            value = -1
        low, high = struct.unpack("<ii", struct.pack("<Q", value & (1 << 64) - 1))
        code += struct.pack("<BBhi", step.opcode, step.destination | step.source << 4, offset, low)
        code += struct.pack("<BBhi", 0, 0, 0, high) if step.opcode == _LOAD_WIDE else b""
    return code, calls


def _labels() -> dict[str, int]:
    labels, position = {}, 0
    for step in _STEPS:
        if isinstance(step, str):
            labels[step] = position
        else:
            position += 2 if step.opcode == _LOAD_WIDE else 1
    return labels


# --- the file -------------------------------------------------------------------------------------------------------

_HEADER, _SEGMENT, _SECTION = 64, 56, 64
_START = _HEADER + 2 * _SEGMENT
_SECTIONS = (".text", ".dynsym", ".dynstr", ".rel.dyn", ".dynamic", ".shstrtab")
# kind, flags, the section it refers to, size of an entry
_SECTION_FACTS = ((1, 6, 0, 0), (11, 2, 3, 24), (3, 2, 0, 0), (9, 2, 2, 16), (6, 3, 3, 16), (3, 0, 0, 0))


def _shared_object(code: bytes, calls: list[tuple[int, int]]) -> bytes:
    symbols, names = _symbols()
    relocations = b"".join(struct.pack("<QQ", _START + at, (number + 1) << 32 | 10) for at, number in calls)
    parts = [code, symbols, names, relocations]
    places = _places(parts)
    dynamic = _dynamic(places, names, relocations)
    labels = b"\0" + b"\0".join(name.encode() for name in _SECTIONS) + b"\0"
    parts += [dynamic, labels]
    places = _places(parts)
    table = bytes(_SECTION) + b"".join(
        struct.pack(
            "<IIQQQQIIQQ", labels.index(name.encode() + b"\0"), kind, flags, at, at, len(part), link, 0, 8, size
        )
        for name, (kind, flags, link, size), at, part in zip(_SECTIONS, _SECTION_FACTS, places, parts, strict=False)
    )
    file = b"\x7fELF\2\1\1".ljust(16, b"\0")
    file += struct.pack("<HHIQQQI", 3, 247, 1, _START, _HEADER, places[-1], 0)
    file += struct.pack("<HHHHHH", _HEADER, _SEGMENT, 2, _SECTION, 1 + len(_SECTIONS), len(_SECTIONS))
    file += struct.pack("<IIQQQQQQ", 1, 5, _START, _START, _START, len(code), len(code), 8)
    file += struct.pack("<IIQQQQQQ", 2, 6, places[4], places[4], places[4], len(dynamic), len(dynamic), 8)
    for at, part in zip(places, [*parts, table], strict=True):
        file = file.ljust(at, b"\0") + part
    return file


def _symbols() -> tuple[bytes, bytes]:
    symbols, names = bytes(24), b"\0"
    for name in _SYSCALLS:
        symbols += struct.pack("<IBBHQQ", len(names), 0x10, 0, 0, 0, 0)
        names += name.encode() + b"\0"
    return symbols, names


def _places(parts: Iterable[bytes]) -> list[int]:
    """Where each part begins, and where the last one ends; all of them multiples of 8."""
    places = [_START]
    for part in parts:
        places.append(-(-(places[-1] + len(part)) // 8) * 8)
    return places


def _dynamic(places: list[int], names: bytes, relocations: bytes) -> bytes:
    _, symbols_at, names_at, relocations_at, *_ = places
    tables = (6, symbols_at), (11, 24), (5, names_at), (10, len(names))
    relocated = (17, relocations_at), (18, len(relocations)), (19, 16)
    return b"".join(struct.pack("<QQ", *entry) for entry in (*tables, *relocated, (0, 0)))
