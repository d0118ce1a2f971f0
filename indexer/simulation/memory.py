"""A script as the program reads it: one piece of memory with every call of every instruction, and the instructions.

The memory is the data of the last account of each instruction; the program copies it to a fixed address, so every
address in it is known here. Instructions get the accounts that the script names, then those that their calls need,
then the memory's own; one inside of which nothing happens gets the first of these alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256

import msgspec
import pybase64
from solders.pubkey import Pubkey

from indexer.simulation.program import (
    END,
    EVENT_TAG,
    FAIL,
    HEAP_BYTES,
    INFOS,
    INVOKE,
    LOG,
    LOG_DATA,
    MOST_ACCOUNTS,
    SCRIPT,
)
from indexer.simulation.script import Chunks, Emit, Invoke, Text

MEMORY_ACCOUNT = sha256(b"the script of a simulated transaction").digest()
FAILURE_CODE = 6001  # Of an instruction that fails: InstructionError, Custom.
_EVENT_SEED = b"__event_authority"
_CALL, _META, _INSTRUCTION, _SLICE = (
    struct.Struct("<6Q"),
    struct.Struct("<QBB6x"),
    struct.Struct("<5Q"),
    struct.Struct("<2Q"),
)


class Frame(msgspec.Struct, frozen=True):
    """An instruction as it will be shown, with what happens inside, in order."""

    program_id: bytes
    data: bytes
    accounts: tuple[bytes, ...]
    inside: tuple[Emit | Text | Chunks | Frame, ...]
    fails: bool = False


class Loaded(msgspec.Struct, frozen=True):
    """A script that can run: its outer instructions, the programs that run in it, and the memory account's data."""

    frames: tuple[Frame, ...]
    programs: frozenset[bytes]
    memory: bytes


def loaded(calls: Iterable[Invoke]) -> Loaded:
    """Raises ValueError where the script has no room in the program's heap, or an instruction too many accounts."""
    memory = _Memory()
    frames = tuple(memory.frame(call) for call in calls)
    room = HEAP_BYTES - (SCRIPT - INFOS)
    if len(memory.content) > room:
        raise ValueError(f"a script of {len(memory.content)} bytes, the heap has room for {room}")
    return Loaded(frames, frozenset(memory.programs), bytes(memory.content))


@lru_cache(maxsize=256)
def event_authority(program_id: bytes) -> tuple[bytes, int]:
    """The account that only the program itself can sign for, and the bump of its address."""
    address, bump = Pubkey.find_program_address([_EVENT_SEED], Pubkey.from_bytes(program_id))
    return bytes(address), bump


class _Memory:
    def __init__(self) -> None:
        self.content = bytearray()
        self.keys: dict[bytes, int] = {}
        self.seeds: dict[bytes, int] = {}
        self.programs: set[bytes] = set()

    def put(self, part: bytes) -> int:
        """Address of these bytes, a multiple of 8."""
        address = SCRIPT + len(self.content)
        self.content += part + bytes(-len(part) % 8)
        return address

    def key(self, key: bytes) -> int:
        if key not in self.keys:
            self.keys[key] = self.put(key)
        return self.keys[key]

    def slices(self, parts: Sequence[bytes]) -> int:
        return self.put(b"".join([_SLICE.pack(self.put(part), len(part)) for part in parts]))

    def frame(self, call: Invoke) -> Frame:
        self.programs.add(call.program_id)
        if call.discriminator.startswith(EVENT_TAG) or not (call.inside or call.fails):
            return Frame(call.program_id, call.discriminator, call.accounts, ())
        parts = tuple(self.frame(part) if isinstance(part, Invoke) else part for part in call.inside)
        accounts = _accounts(call, parts)
        infos = len(set(accounts))
        if infos > MOST_ACCOUNTS:
            raise ValueError(f"an instruction with {infos} accounts, the program takes {MOST_ACCOUNTS}")
        calls = [self.call(call.program_id, part, infos) for part in parts]
        calls.append(_CALL.pack(FAIL, FAILURE_CODE, 0, 0, 0, 0) if call.fails else _CALL.pack(END, 0, 0, 0, 0, 0))
        data = call.discriminator + self.put(b"".join(calls)).to_bytes(8, "little")
        return Frame(call.program_id, data, accounts, parts, call.fails)

    def call(self, program_id: bytes, part: Emit | Text | Chunks | Frame, infos: int) -> bytes:
        if isinstance(part, Frame):
            return _CALL.pack(INVOKE, self.instruction(part), INFOS, infos, 0, 0)
        if isinstance(part, Chunks):
            return _CALL.pack(LOG_DATA, self.slices(part.chunks), len(part.chunks), 0, 0, 0)
        if isinstance(part, Text):
            return self.text(part.text.encode())
        if part.channel == "cpi":
            return _CALL.pack(
                INVOKE, self.instruction(event_frame(program_id, part), 1), INFOS, infos, self.signer(program_id), 1
            )
        if part.is_text:
            return self.text(pybase64.b64encode(part.payload))
        return _CALL.pack(LOG_DATA, self.slices((part.payload,)), 1, 0, 0, 0)

    def text(self, text: bytes) -> bytes:
        return _CALL.pack(LOG, self.put(text), len(text), 0, 0, 0)

    def instruction(self, frame: Frame, signs: int = 0) -> int:
        """Address of the called instruction: program, metas, data."""
        metas = self.put(b"".join([_META.pack(self.key(account), 0, signs) for account in frame.accounts]))
        data = self.put(frame.data)
        fields = self.key(frame.program_id), metas, len(frame.accounts), data, len(frame.data)
        return self.put(_INSTRUCTION.pack(*fields))

    def signer(self, program_id: bytes) -> int:
        """Address of the seeds of the event authority; nobody but the program can sign with them."""
        if program_id not in self.seeds:
            seeds = _EVENT_SEED, bytes([event_authority(program_id)[1]])
            self.seeds[program_id] = self.put(_SLICE.pack(self.slices(seeds), len(seeds)))
        return self.seeds[program_id]


def event_frame(program_id: bytes, event: Emit) -> Frame:
    """The instruction by which a program emits an event: to itself, with its event authority alone."""
    return Frame(program_id, EVENT_TAG + event.payload, (event_authority(program_id)[0],), ())


def _accounts(call: Invoke, parts: Sequence[Emit | Text | Chunks | Frame]) -> tuple[bytes, ...]:
    """Its own, then whatever its calls need, then the memory."""
    needed = dict.fromkeys((MEMORY_ACCOUNT,))
    for part in parts:
        if isinstance(part, Frame):
            needed |= dict.fromkeys((part.program_id, *part.accounts))
        elif isinstance(part, Emit) and part.channel == "cpi":
            needed |= dict.fromkeys((call.program_id, event_authority(call.program_id)[0]))
    own = frozenset((*call.accounts, MEMORY_ACCOUNT))
    return (*call.accounts, *(key for key in needed if key not in own), MEMORY_ACCOUNT)
