"""Small worlds: transactions made of nested calls, with the log lines and instructions a node would report.

Logs and instruction tree come from one description, so that they agree unless a test takes them apart. A frame is
one running instruction; inside it lie, in order, what it logs, what it emits by self-CPI, and whom it calls.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.protocol import Processed, Protocol, process
from indexer.core.record import Record
from indexer.core.reference import Reference
from indexer.core.transaction import Instruction, Transaction

EVENT_TAG = bytes.fromhex("e445a52e51cb9a1d")
SLOT, BLOCK_TIME = 300_000_000, 1_735_689_600  # 2025-01-01.


class Frame(msgspec.Struct, frozen=True):
    """One instruction while it runs. `inside`: log lines and frames, in order."""

    program_id: bytes
    data: bytes
    accounts: tuple[bytes, ...]
    inside: tuple[str | Frame, ...]
    silent: bool = False  # A precompile: it is an instruction, but logs nothing at all.


def key(n: int) -> bytes:
    """A key that is like no other; always the same for the same number."""
    return sha256(f"key {n}".encode()).digest()


def signature(n: int) -> bytes:
    return key(n) + key(-n - 1)


# --- what a frame holds --------------------------------------------------------------------------------------------


def data_line(*chunks: bytes) -> str:
    """`Program data: <base64> ...`, as emit! writes it with one chunk."""
    return "Program data: " + " ".join(b64encode(chunk).decode() for chunk in chunks)


def log_line(content: bytes | str) -> str:
    """`Program log: ...`: words, or the base64 of bytes as Drift writes its own events."""
    return "Program log: " + (content if isinstance(content, str) else b64encode(content).decode())


def frame(
    program_id: bytes,
    *inside: str | Frame,
    discriminator: bytes = bytes(8),
    accounts: Sequence[bytes] = (),
    silent: bool = False,
) -> Frame:
    return Frame(program_id, discriminator, tuple(accounts), inside, silent)


def event(program_id: bytes, event_authority: bytes, payload: bytes) -> Frame:
    """A self-CPI event; put it into a frame of the same program."""
    return frame(program_id, discriminator=EVENT_TAG + payload, accounts=(event_authority,))


class Call(msgspec.Struct, frozen=True):
    """One outer instruction of `cpi_transaction`, with the payloads it emits."""

    discriminator: bytes
    accounts: tuple[bytes, ...]
    payloads: tuple[bytes, ...]


def call(discriminator: bytes, accounts: Sequence[bytes], *payloads: bytes) -> Call:
    return Call(discriminator, tuple(accounts), payloads)


# --- transactions --------------------------------------------------------------------------------------------------


def transaction(*frames: Frame, **facts: Any) -> Transaction:
    """A successful transaction of these outer instructions; `facts` replaces any field of it."""
    instructions = tuple(_instructions(frames))
    keys = frozenset(k for one in instructions for k in (one.program_id, *one.accounts))
    made = Transaction(
        slot=SLOT,
        signature=signature(0),
        succeeded=True,
        keys=keys,
        instructions=instructions,
        logs=tuple(line for one in frames for line in lines_of(one)),
        tx_index=0,
        block_time=BLOCK_TIME,
        version=0,
    )
    return msgspec.structs.replace(made, **facts)


def log_transaction(program_id: bytes, *payloads: bytes, text: bool = False, **kw: Any) -> Transaction:
    """One outer instruction that logs these payloads, as `Program data:` or (`text`) as `Program log:`.

    `discriminator` and `accounts` are those of the instruction; everything else replaces fields of the transaction.
    """
    outer = {name: kw.pop(name) for name in ("discriminator", "accounts") if name in kw}
    written = [log_line(payload) if text else data_line(payload) for payload in payloads]
    return transaction(frame(program_id, *written, **outer), **kw)


def cpi_transaction(program_id: bytes, event_authority: bytes, *calls: Call, **kw: Any) -> Transaction:
    """Outer instructions, each with its events by self-CPI inside."""
    frames = (
        frame(
            program_id,
            *(event(program_id, event_authority, payload) for payload in one.payloads),
            discriminator=one.discriminator,
            accounts=one.accounts,
        )
        for one in calls
    )
    return transaction(*frames, **kw)


def lines_of(one: Frame, depth: int = 1) -> list[str]:
    """The log lines of one frame and of everything it calls, as the runtime writes them."""
    if one.silent:
        return []
    name = base58.encode(one.program_id)
    inside = [line for part in one.inside for line in ([part] if isinstance(part, str) else lines_of(part, depth + 1))]
    consumed = f"Program {name} consumed 1000 of 200000 compute units"
    return [f"Program {name} invoke [{depth}]", *inside, consumed, f"Program {name} success"]


def _instructions(frames: Sequence[Frame]) -> Iterator[Instruction]:
    index = 0
    for outer, one in enumerate(frames):
        for depth, running in _walk(one, 1):
            yield Instruction(
                index=index,
                outer=outer,
                is_inner=depth > 1,
                program_id=running.program_id,
                accounts=running.accounts,
                stack_height=depth,
                raw=running.data,
            )
            index += 1


def _walk(one: Frame, depth: int) -> Iterator[tuple[int, Frame]]:
    yield depth, one
    for part in one.inside:
        if isinstance(part, Frame):
            yield from _walk(part, depth + 1)


# --- what comes out ------------------------------------------------------------------------------------------------


def records(protocol: Protocol, tx: Transaction, reference: Reference | None = None) -> list[Record]:
    """The records of one transaction: without the events and failures that come beside them."""
    return processed(protocol, tx, reference).records


def processed(protocol: Protocol, tx: Transaction, reference: Reference | None = None) -> Processed:
    """Everything `process` gives for one transaction and one protocol."""
    return process(tx, [protocol], Reference() if reference is None else reference)
