"""Run the worlds of `tests.world` in the real runtime: LiteSVM with a program of our own at any program id.

The program is a list of system calls that is read from its instruction: every entry is a number and five registers.
All addresses in it are computed here, since the runtime lays memory out by fixed rules; so the machine code needs
no data structures and fits in one screen. An instruction that starts with the event tag returns at once.

    instruction data = discriminator (8) | calls, 48 bytes each, up to one of number 0 | what the calls point to

It is copied to the heap first, where the runtime allows account infos to lie. Nothing here is shared with the core
under test, base58 included.
"""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from solders.account import Account
from solders.address_lookup_table_account import ID as LOOKUP_TABLES
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit
from solders.instruction import AccountMeta, CompiledInstruction, Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.solders import ComputeBudget
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from tests.world import BLOCK_TIME, EVENT_TAG, SLOT, Frame

HEAP, INPUT, ROOM_TO_GROW = 0x3_0000_0000, 0x4_0000_0000, 10_240
END, LOG, LOG_DATA, INVOKE, FAIL = range(5)
EVENT_SEED = b"__event_authority"

# --- machine code (SBPF v0: u8 opcode, u8 registers, i16 offset, i32 immediate) -------------------------------------

MOV, ADD, SUB, AND, LSH, MOV_R, ADD_R = 0xB7, 0x07, 0x17, 0x57, 0x67, 0xBF, 0x0F
JA, JEQ, JNE, JEQ_R, JGE_R = 0x05, 0x15, 0x55, 0x1D, 0x3D
LOAD, LOAD_BYTE, STORE, LOAD_WIDE, CALL, EXIT = 0x79, 0x71, 0x7B, 0x18, 0x85, 0x95
SYSCALLS = ("sol_log_", "sol_log_data", "sol_invoke_signed_c")

# label | opcode, destination, source, offset (a number, or a label to jump to), immediate
PROGRAM: tuple[str | tuple[Any, ...], ...] = (
    (LOAD, 5, 1, 0, 0),  # r5: accounts left to skip; r1: where we read.
    (ADD, 1, 0, 0, 8),
    "account",
    (JEQ, 5, 0, "arrived", 0),
    (SUB, 5, 0, 0, 1),
    (LOAD_BYTE, 2, 1, 0, 0),
    (ADD, 1, 0, 0, 8),
    (JNE, 2, 0, "account", 255),  # Named before: nothing follows.
    (LOAD, 2, 1, 72, 0),  # Behind key, owner and lamports: the length of its data.
    (ADD_R, 1, 2, 0, 0),
    (ADD, 1, 0, 0, 80 + ROOM_TO_GROW + 7),
    (AND, 1, 0, 0, -8),
    (ADD, 1, 0, 0, 8),  # Rent epoch.
    (JA, 0, 0, "account", 0),
    "arrived",
    (LOAD, 4, 1, 0, 0),
    (ADD, 1, 0, 0, 8),
    (ADD_R, 4, 1, 0, 0),  # r4: end of the instruction data.
    (LOAD, 2, 1, 0, 0),
    (LOAD_WIDE, 3, 0, 0, int.from_bytes(EVENT_TAG, "little")),
    (JEQ_R, 2, 3, "succeed", 0),
    (MOV, 6, 0, 0, 3),
    (LSH, 6, 0, 0, 32),
    (MOV_R, 7, 6, 0, 0),
    "copy",
    (JGE_R, 1, 4, "next", 0),
    (LOAD, 2, 1, 0, 0),
    (STORE, 7, 2, 0, 0),
    (ADD, 1, 0, 0, 8),
    (ADD, 7, 0, 0, 8),
    (JA, 0, 0, "copy", 0),
    "next",  # r6: 8 bytes before the next call (at first the discriminator lies there).
    (LOAD, 0, 6, 8, 0),
    *((LOAD, register, 6, 8 + 8 * register, 0) for register in range(1, 6)),
    (ADD, 6, 0, 0, 48),
    (JEQ, 0, 0, "succeed", END),
    (JEQ, 0, 0, "log", LOG),
    (JEQ, 0, 0, "data", LOG_DATA),
    (JEQ, 0, 0, "invoke", INVOKE),
    (MOV_R, 0, 1, 0, 0),  # FAIL: the first register is the program's result.
    (EXIT, 0, 0, 0, 0),
    "succeed",
    (MOV, 0, 0, 0, 0),
    (EXIT, 0, 0, 0, 0),
    "log",
    (CALL, 0, 0, 0, "sol_log_"),
    (JA, 0, 0, "next", 0),
    "data",
    (CALL, 0, 0, 0, "sol_log_data"),
    (JA, 0, 0, "next", 0),
    "invoke",
    (CALL, 0, 0, 0, "sol_invoke_signed_c"),
    (JA, 0, 0, "next", 0),
)


def _assembled() -> tuple[bytes, list[tuple[int, int]]]:
    """Machine code, and (offset, number) of each system call, which the loader fills in."""
    labels, position = {}, 0
    for line in PROGRAM:
        if isinstance(line, str):
            labels[line] = position
        else:
            position += 2 if line[0] == LOAD_WIDE else 1
    code, calls = b"", []
    for line in PROGRAM:
        if isinstance(line, str):
            continue
        opcode, destination, source, offset, value = line
        if isinstance(offset, str):
            offset = labels[offset] - len(code) // 8 - 1
        if opcode == CALL:
            calls.append((len(code), SYSCALLS.index(value)))
            value = -1
        low, high = struct.unpack("<ii", struct.pack("<Q", value & (1 << 64) - 1))
        code += struct.pack("<BBhi", opcode, destination | source << 4, offset, low)
        code += struct.pack("<BBhi", 0, 0, 0, high) if opcode == LOAD_WIDE else b""
    return code, calls


@cache
def program_file() -> bytes:
    """The machine code as the smallest shared object that the loader takes; an address is an offset in the file."""
    code, calls = _assembled()
    header, segment, section = 64, 56, 64
    start = header + 2 * segment
    names, symbols = b"\0", bytes(24)
    for name in SYSCALLS:
        symbols += struct.pack("<IBBHQQ", len(names), 0x10, 0, 0, 0, 0)
        names += name.encode() + b"\0"
    relocations = b"".join(struct.pack("<QQ", start + at, (number + 1) << 32 | 10) for at, number in calls)
    places = [start]
    for part in (code, symbols, names, relocations):
        places.append(-(-(places[-1] + len(part)) // 8) * 8)
    _, symbols_at, names_at, relocations_at, dynamic_at = places
    tables = (6, symbols_at), (11, 24), (5, names_at), (10, len(names))
    relocated = (17, relocations_at), (18, len(relocations)), (19, 16)
    dynamic = b"".join(struct.pack("<QQ", *entry) for entry in (*tables, *relocated, (0, 0)))
    labels = b"\0.text\0.dynsym\0.dynstr\0.rel.dyn\0.dynamic\0.shstrtab\0"
    labels_at = dynamic_at + len(dynamic)
    sections_at = -(-(labels_at + len(labels)) // 8) * 8
    rows = (
        (".text", 1, 6, start, len(code), 0, 0), (".dynsym", 11, 2, symbols_at, len(symbols), 3, 24),
        (".dynstr", 3, 2, names_at, len(names), 0, 0), (".rel.dyn", 9, 2, relocations_at, len(relocations), 2, 16),
        (".dynamic", 6, 3, dynamic_at, len(dynamic), 3, 16), (".shstrtab", 3, 0, labels_at, len(labels), 0, 0),
    )  # fmt: skip
    table = bytes(section) + b"".join(
        struct.pack("<IIQQQQIIQQ", labels.index(name.encode() + b"\0"), kind, flags, at, at, size, link, 0, 8, entry)
        for name, kind, flags, at, size, link, entry in rows
    )
    file = b"\x7fELF\2\1\1".ljust(16, b"\0")
    file += struct.pack("<HHIQQQIHHHHHH", 3, 247, 1, start, header, sections_at, 0, header, segment, 2, section, 7, 6)
    file += struct.pack("<IIQQQQQQ", 1, 5, start, start, start, len(code), len(code), 8)
    file += struct.pack("<IIQQQQQQ", 2, 6, dynamic_at, dynamic_at, dynamic_at, len(dynamic), len(dynamic), 8)
    for at, part in zip(
        (*places, labels_at, sections_at), (code, symbols, names, relocations, dynamic, labels, table), strict=True
    ):
        file = file.ljust(at, b"\0") + part
    return file


# --- a frame as an instruction --------------------------------------------------------------------------------------


class Chain:
    """A runtime with our program at each of these ids."""

    def __init__(self, *programs: bytes, log_limit: int | None = 10_000, depth: int | None = None) -> None:
        self.programs = [Pubkey.from_bytes(program) for program in programs]
        self.payer = Keypair.from_seed(bytes(range(32)))
        self.svm = LiteSVM().with_transaction_history(0).with_log_bytes_limit(log_limit)
        if depth is not None:
            self.svm = self.svm.with_compute_budget(_deeper(depth))
        for program in self.programs:
            self.svm.add_program(program, program_file())
        self.svm.airdrop(self.payer.pubkey(), 10**12)

    def table(self, *addresses: bytes) -> AddressLookupTableAccount:
        """A lookup table that holds these addresses and may be used at once."""
        self.svm.warp_to_slot(self.svm.get_clock().slot + 1)
        address = Pubkey.from_bytes(b"table".ljust(32, b"\1"))
        # u32 kind, u64 slot of its end, u64 slot of its last change, u8 first of that change, u8 no authority
        data = struct.pack("<IQQBB", 1, 2**64 - 1, 0, 0, 0).ljust(56, b"\0") + b"".join(addresses)
        lamports = self.svm.minimum_balance_for_rent_exemption(len(data))
        self.svm.set_account(address, Account(lamports, data, LOOKUP_TABLES))
        return AddressLookupTableAccount(address, [Pubkey.from_bytes(one) for one in addresses])

    def run(
        self,
        *frames: Frame | Instruction,
        fails: bool = False,
        tables: Sequence[AddressLookupTableAccount] | None = None,
    ) -> dict[str, Any]:
        """The transaction of these frames as getTransaction shows it (encoding json). Version 0 where tables are given.

        Asserts that it succeeded, or failed where `fails` says so.
        """
        instructions = [set_compute_unit_limit(1_400_000), *map(self._instruction, frames)]
        blockhash, payer = self.svm.latest_blockhash(), self.payer.pubkey()
        message = (
            Message.new_with_blockhash(instructions, payer, blockhash)
            if tables is None
            else MessageV0.try_compile(payer, instructions, list(tables), blockhash)
        )
        result = self.svm.send_transaction(VersionedTransaction(message, [self.payer]))
        assert isinstance(result, FailedTransactionMetadata) == fails, result
        return answer(result, message, tables or ())

    def _instruction(self, one: Frame | Instruction) -> Instruction:
        if isinstance(one, Instruction):
            return one
        accounts = _accounts(one)
        metas = [AccountMeta(Pubkey.from_bytes(account), False, False) for account in accounts]
        return Instruction(Pubkey.from_bytes(one.program_id), self._data(one, accounts), metas)

    def _data(self, one: Frame, accounts: Sequence[bytes]) -> bytes:
        """What the frame's program reads: its discriminator and the calls that make what is inside of it."""
        if one.data.startswith(EVENT_TAG):
            return one.data
        assert len(one.data) == 8, "a frame that runs has its discriminator alone; the script follows"
        memory = _Memory(8 + 48 * (len(one.inside) + 1))
        infos = memory.put(b"".join(self._infos(accounts)))
        count = len(dict.fromkeys(accounts))
        calls = [self._call(one, part, accounts, memory, infos, count) for part in one.inside]
        table = b"".join(struct.pack("<6Q", *call, *[0] * (6 - len(call))) for call in [*calls, (END,)])
        return one.data + table + bytes(memory.content)

    def _call(
        self, one: Frame, part: str | Frame, accounts: Sequence[bytes], memory: _Memory, infos: int, count: int
    ) -> tuple[int, ...]:
        if isinstance(part, Frame):
            return INVOKE, self._invoked(one, part, accounts, memory), infos, count, *_signer(one, part, memory)
        if part.startswith("Program data: "):
            chunks = [b64decode(chunk) for chunk in part.removeprefix("Program data: ").split(" ")]
            return LOG_DATA, memory.slices(chunks), len(chunks)
        if part.startswith("fail "):
            return FAIL, int(part.removeprefix("fail "))
        words = part.removeprefix("Program log: ").encode()
        return LOG, memory.put(words), len(words)

    def _invoked(self, one: Frame, part: Frame, accounts: Sequence[bytes], memory: _Memory) -> int:
        """Where the struct of the called instruction lies: program, metas, data."""
        needed, signs = _accounts(part), _is_own_event(one, part)
        where = _places(accounts, self._sizes(accounts))
        metas = b"".join(struct.pack("<QBB6x", where[account] + 8, 0, signs) for account in needed)
        data = self._data(part, needed)
        fields = where[part.program_id] + 8, memory.put(metas), len(needed), memory.put(data), len(data)
        return memory.put(struct.pack("<5Q", *fields))

    def _infos(self, accounts: Sequence[bytes]) -> Iterator[bytes]:
        sizes = self._sizes(accounts)
        for account, at in _places(accounts, sizes).items():
            key, owner, lamports, data = at + 8, at + 40, at + 72, at + 88
            size = sizes[account]
            known = self.svm.get_account(Pubkey.from_bytes(account))
            runs = known is not None and known.executable
            epoch = known.rent_epoch if known is not None else (1 << 64) - 1
            yield struct.pack("<6QBBB5x", key, lamports, size, data, owner, epoch, 0, 0, runs)

    def _sizes(self, accounts: Sequence[bytes]) -> dict[bytes, int]:
        known = {account: self.svm.get_account(Pubkey.from_bytes(account)) for account in accounts}
        return {account: len(found.data) if found is not None else 0 for account, found in known.items()}


class _Memory:
    """What the calls point to, behind the table of calls."""

    def __init__(self, start: int) -> None:
        self.start, self.content = start, bytearray()

    def put(self, part: bytes) -> int:
        """Address of these bytes on the heap, a multiple of 8."""
        address = HEAP + self.start + len(self.content)
        self.content += part + bytes(-len(part) % 8)
        return address

    def slices(self, parts: Sequence[bytes]) -> int:
        return self.put(b"".join(struct.pack("<QQ", self.put(part), len(part)) for part in parts))


def _places(accounts: Sequence[bytes], sizes: dict[bytes, int]) -> dict[bytes, int]:
    """Where the runtime puts each account into the input; the second mention of one takes 8 bytes only."""
    places: dict[bytes, int] = {}
    at = INPUT + 8
    for account in accounts:
        if account in places:
            at += 8
            continue
        places[account] = at
        at += -(-(88 + sizes[account] + ROOM_TO_GROW) // 8) * 8 + 8
    return places


def _accounts(one: Frame) -> list[bytes]:
    """The frame's own accounts, then whatever its calls need."""
    wanted = list(one.accounts)
    for part in one.inside:
        if isinstance(part, Frame):
            wanted += [account for account in (part.program_id, *_accounts(part)) if account not in wanted]
    return wanted


def _is_own_event(one: Frame, part: Frame) -> bool:
    authority, _ = event_authority(one.program_id)
    return part.program_id == one.program_id and part.data.startswith(EVENT_TAG) and part.accounts == (authority,)


def _signer(one: Frame, part: Frame, memory: _Memory) -> tuple[int, int]:
    """The seeds of the event authority, for the program's own events; nobody else can sign for it."""
    if not _is_own_event(one, part):
        return 0, 0
    seeds = EVENT_SEED, bytes([event_authority(one.program_id)[1]])
    return memory.put(struct.pack("<QQ", memory.slices(seeds), len(seeds))), 1


@cache
def event_authority(program: bytes) -> tuple[bytes, int]:
    address, bump = Pubkey.find_program_address([EVENT_SEED], Pubkey.from_bytes(program))
    return bytes(address), bump


def _deeper(depth: int) -> ComputeBudget:
    budget = ComputeBudget()
    budget.max_instruction_stack_depth = depth
    return budget


# --- as a node answers ----------------------------------------------------------------------------------------------


def answer(result: Any, message: Message | MessageV0, tables: Sequence[AddressLookupTableAccount]) -> dict[str, Any]:
    """The `result` of getTransaction; what nobody reads (balances) is empty."""
    failed = isinstance(result, FailedTransactionMetadata)
    meta = result.meta() if failed else result
    body: dict[str, Any] = {
        "accountKeys": list(map(str, message.account_keys)),
        "instructions": [_shown(one, None) for one in message.instructions],
    }
    loaded: dict[str, list[str]] = {"writable": [], "readonly": []}
    if isinstance(message, MessageV0):
        known = {table.key: table.addresses for table in tables}
        for lookup in message.address_table_lookups:
            loaded["writable"] += [str(known[lookup.account_key][i]) for i in lookup.writable_indexes]
            loaded["readonly"] += [str(known[lookup.account_key][i]) for i in lookup.readonly_indexes]
    return {
        "slot": SLOT,
        "blockTime": BLOCK_TIME,
        "version": 0 if isinstance(message, MessageV0) else "legacy",
        "transaction": {"signatures": [str(meta.signature())], "message": body},
        "meta": {
            "err": json.loads(result.to_json())["err"] if failed else None,
            "innerInstructions": [
                {"index": index, "instructions": [_shown(one.instruction(), one.stack_height()) for one in group]}
                for index, group in enumerate(meta.inner_instructions())
                if group
            ],
            "logMessages": meta.logs(),
            "loadedAddresses": loaded,
        },
    }


def _shown(one: CompiledInstruction, height: int | None) -> dict[str, Any]:
    return {
        "programIdIndex": one.program_id_index,
        "accounts": list(one.accounts),
        "data": base58(bytes(one.data)),
        "stackHeight": height,
    }


DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(data: bytes) -> str:
    """By halves: an instruction that carries a script has tens of thousands of bytes."""
    value, zeros = int.from_bytes(data, "big"), len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + _digits(value, len(data) * 138 // 100 + 1).lstrip("1")


def _digits(value: int, count: int) -> str:
    if count == 1:
        return DIGITS[value]
    low = count // 2
    upper, lower = divmod(value, 58**low)
    return _digits(upper, count - low) + _digits(lower, low)
