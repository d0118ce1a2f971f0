"""Blocks out of the Portal's lines: transactions with exactly the positions that RPC answers have.

The depth-first order of the paths of instructions is the flat order of RPC answers, the length of a path is the stack
height, and a line's `logIndex` is its place among all lines. Where the archive says, or shows, that it does not have
a transaction whole, the transaction is doubtful: it has to be asked for elsewhere, and is never shown half.

What must stay true: a line raises Malformed or gives a block; every field that was asked for is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec

from indexer.core import base58
from indexer.core.emitted import PRECOMPILES
from indexer.core.rpc import MAX_SLOT, Malformed
from indexer.core.transaction import Instruction, Transaction, Version, plausible_time
from indexer.sources.portal_frames import Address, Call, Contradiction, Kept, framed

_VERSIONS = ("legacy", 0, 1)
_PREFIXES = {"log": "Program log: ", "data": "Program data: ", "other": ""}  # What the archive took off a line.


class Header(msgspec.Struct, frozen=True, rename="camel"):
    """`number` is the slot; `timestamp` in Unix seconds, 0 where it is unknown."""

    number: int
    hash: str
    parent_number: int
    parent_hash: str
    timestamp: int | None = None


class Doubtful(msgspec.Struct, frozen=True):
    """A transaction that succeeded and of which the archive does not have everything."""

    signature: bytes
    tx_index: int
    reason: str


class PortalBlock(msgspec.Struct, frozen=True):
    """A block's transactions that match the query and succeeded, in order of their place."""

    header: Header
    transactions: tuple[Transaction, ...]
    doubtful: tuple[Doubtful, ...]

    @property
    def block_time(self) -> int | None:
        return plausible_time(self.header.timestamp)


class _Transaction(msgspec.Struct, rename="camel"):
    transaction_index: int
    version: Any
    signatures: list[str]
    err: Any
    has_dropped_log_messages: bool | None


class _Instruction(msgspec.Struct, rename="camel"):
    transaction_index: int
    instruction_address: list[int]
    program_id: str
    accounts: list[str]
    data: str
    error: Any
    is_committed: bool
    has_dropped_log_messages: bool | None


class _Log(msgspec.Struct, rename="camel"):
    transaction_index: int
    log_index: int
    instruction_address: list[int]
    program_id: str
    kind: str
    message: str


class _Line(msgspec.Struct):
    header: Header
    transactions: list[_Transaction] = []
    instructions: list[_Instruction] = []
    logs: list[_Log] = []


_Item = TypeVar("_Item", _Instruction, _Log)
_decode = msgspec.json.Decoder(_Line).decode


def read_block(line: bytes, *, has_logs: bool) -> PortalBlock:
    """A line of the answer; `has_logs`: the query asked for the programs' log lines. Raises Malformed."""
    try:
        parsed = _decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed(f"no block: {error}") from None
    header = parsed.header
    if not -1 <= header.parent_number < header.number <= MAX_SLOT:
        raise Malformed(f"block {header.number} has parent {header.parent_number}")
    calls = _grouped(parsed.instructions)
    lines = _grouped(parsed.logs) if has_logs else {}
    transactions: list[Transaction] = []
    doubtful: list[Doubtful] = []
    for one in sorted(parsed.transactions, key=lambda one: one.transaction_index):
        if one.err is not None:
            continue
        place = one.transaction_index
        logs = lines.get(place, ()) if has_logs else None
        made = _made(header, one, calls.get(place, ()), logs)
        if isinstance(made, Transaction):
            transactions.append(made)
        else:
            doubtful.append(made)
    _check_owned(parsed, {one.transaction_index for one in parsed.transactions})
    return PortalBlock(header, tuple(transactions), tuple(doubtful))


def _grouped(items: Sequence[_Item]) -> Mapping[int, list[_Item]]:
    groups: dict[int, list[_Item]] = {}
    for item in items:
        groups.setdefault(item.transaction_index, []).append(item)
    return groups


def _check_owned(parsed: _Line, places: set[int]) -> None:
    """Every instruction and line belongs to a transaction that came, once."""
    if len(places) != len(parsed.transactions):
        raise Malformed(f"block {parsed.header.number} has a transaction twice")
    named = {call.transaction_index for call in parsed.instructions} | {log.transaction_index for log in parsed.logs}
    if lacking := named - places:
        raise Malformed(f"block {parsed.header.number} lacks its transaction {min(lacking)}")


def _made(
    header: Header, one: _Transaction, calls: Sequence[_Instruction], logs: Sequence[_Log] | None
) -> Transaction | Doubtful:
    if not one.signatures or not 0 <= one.transaction_index <= MAX_SLOT:
        raise Malformed(f"transaction {one.transaction_index} of block {header.number} has no signature, or no place")
    signature = _signature(one.signatures[0])
    try:
        version = _version(one.version)
        ordered = _ordered(calls)
        instructions = tuple(_instruction(index, call) for index, call in enumerate(ordered))
        lines = None if logs is None else _lines(one, ordered, instructions, logs)
    except Contradiction as reason:
        return Doubtful(signature, one.transaction_index, str(reason))
    return Transaction(
        slot=header.number,
        signature=signature,
        succeeded=True,
        keys=None,
        instructions=instructions,
        logs=lines,
        tx_index=one.transaction_index,
        block_time=plausible_time(header.timestamp),
        version=version,
    )


def _version(version: Any) -> Version:
    if isinstance(version, bool) or version not in _VERSIONS:
        raise Contradiction(f"its version {str(version)[:20]!r} is not known")
    return cast(Version, version)


def _ordered(calls: Sequence[_Instruction]) -> list[_Instruction]:
    """In flat order. Raises Contradiction where one is missing before another: positions would be wrong."""
    ordered = sorted(calls, key=lambda call: call.instruction_address)
    previous: list[int] = []
    for call in ordered:
        address = call.instruction_address
        if not _follows(previous, address):
            raise Contradiction(f"instruction {address} comes behind {previous}")
        if not call.is_committed or call.error is not None:
            raise Contradiction(f"instruction {address} failed, and its transaction did not")
        previous = address
    if not ordered:
        raise Contradiction("its instructions did not come")
    return ordered


def _follows(previous: Sequence[int], address: Sequence[int]) -> bool:
    """Whether a path is the next one in depth-first order: a first child, or the next one of it or of one above."""
    if not address:
        return False
    if address[-1] == 0:
        return list(address[:-1]) == list(previous)
    return list(previous[: len(address)]) == [*address[:-1], address[-1] - 1]


def _instruction(index: int, call: _Instruction) -> Instruction:
    return Instruction(
        index=index,
        outer=call.instruction_address[0],
        is_inner=len(call.instruction_address) > 1,
        program_id=_key(call.program_id),
        accounts=tuple(map(_key, call.accounts)),
        stack_height=len(call.instruction_address),
        text=call.data,
    )


def _lines(
    one: _Transaction, ordered: Sequence[_Instruction], instructions: Sequence[Instruction], logs: Sequence[_Log]
) -> tuple[str, ...]:
    """The log, as far as it matters. Raises Contradiction where lines were dropped or stand nowhere."""
    if one.has_dropped_log_messages is not False:
        raise Contradiction("the archive dropped log lines of it")
    calls = [Call(tuple(c.instruction_address), i.program_id) for c, i in zip(ordered, instructions, strict=True)]
    for parsed, call in zip(ordered, calls, strict=True):
        is_silent = len(call.address) == 1 and call.program_id in PRECOMPILES  # It logs nothing, dropped or not.
        if parsed.has_dropped_log_messages is not False and not is_silent:
            raise Contradiction(f"the archive dropped log lines of instruction {parsed.instruction_address}")
    owners = {call.address: parsed.program_id for parsed, call in zip(ordered, calls, strict=True)}
    return framed(calls, [_kept(log, owners) for log in sorted(logs, key=lambda log: log.log_index)])


def _kept(log: _Log, owners: Mapping[Address, str]) -> Kept:
    address = tuple(log.instruction_address)
    if owners.get(address) != log.program_id:
        raise Contradiction(
            f"line {log.log_index} is of {log.program_id[:50]}, which instruction {list(address)} is not"
        )
    if log.kind not in _PREFIXES:
        raise Contradiction(f"line {log.log_index} is of kind {log.kind[:20]!r}, which is not known")
    return Kept(log.log_index, address, _PREFIXES[log.kind] + log.message)


@lru_cache(maxsize=65_536)
def _key(text: str) -> bytes:
    try:
        return base58.key(text)
    except base58.NotBase58 as error:
        raise Malformed(str(error)) from None


def _signature(text: str) -> bytes:
    try:
        return base58.signature(text)
    except base58.NotBase58 as error:
        raise Malformed(str(error)) from None
