"""Everything that a protocol's programs emitted in one transaction, and what is known to be missing.

Where logs and the instruction tree are both recorded they are walked together: the calls that the
logs tell must be the calls of the tree, up to the truncation if there is one. Where they differ no
log line has an owner that can be trusted, and the transaction gives one failure instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import pybase64

from indexer.core import base58
from indexer.core.frames import Programs
from indexer.core.instructions import enclosing_of, self_cpi_payloads
from indexer.core.logs import Logs, read_logs
from indexer.core.payload import DISCRIMINATOR_BYTES, Enclosing, Payload
from indexer.core.transaction import Instruction, Transaction

# Precompiles run without an `invoke` line.
PRECOMPILES = frozenset(
    base58.key(text)
    for text in (
        "Ed25519SigVerify111111111111111111111111111",
        "KeccakSecp256k11111111111111111111111111111",
        "Secp256r1SigVerify1111111111111111111111111",
    )
)


class Missing(msgspec.Struct, frozen=True):
    """Something that a log-stream program emitted cannot be told from this transaction."""

    reason: Literal["truncated_logs", "attribution_mismatch"]
    program_id: bytes
    detail: str
    evidence: bytes | None = None  # The lines, where they contradict the tree or themselves.


class LogPrograms:
    """The log-stream programs of one protocol, in order of rank, with the payloads that `Program log:` may hold."""

    def __init__(self, discriminators: Mapping[bytes, Sequence[bytes]]) -> None:
        self.ids = tuple(discriminators)
        self.alone = {program_id: Enclosing(program_id) for program_id in self.ids}  # Logs without a tree.
        # 8 bytes are 10 base64 digits and a part of the 11th: a text that starts otherwise is no payload.
        self.spoken = Programs(
            {
                program_id: frozenset(pybase64.b64encode_as_string(d)[:10] for d in known)
                for program_id, known in discriminators.items()
            }
        )


def log_payloads(tx: Transaction, programs: LogPrograms) -> tuple[list[Payload], Missing | None]:
    """Payloads of the programs' log lines, and what is missing of them."""
    if tx.logs is None:
        return [], None
    logs = read_logs(tx.logs, programs.spoken)
    tree = None if tx.instructions is None else _calls_of(tx.instructions)
    contradiction = _contradiction(logs, tree)
    if not contradiction and not logs.is_truncated:
        return _kept(logs, programs, tree), None
    involved = _involved(tx, logs, programs)
    if involved is None:
        return [], None
    if not contradiction:
        return _kept(logs, programs, tree), Missing("truncated_logs", involved, f"{len(tx.logs)} lines are left")
    evidence = "\n".join(tx.logs).encode("utf-8", "surrogatepass") or None
    missing = Missing("attribution_mismatch", involved, contradiction, evidence)
    # Against a tree no line can be trusted; alone, what frames wrote that were left in order still counts.
    return ([] if tree is not None else _kept(logs, programs, None)), missing


def cpi_payloads(tx: Transaction, program_id: bytes, authority: bytes) -> list[Payload]:
    """Payloads of a program's self-CPI events."""
    return [] if tx.instructions is None else self_cpi_payloads(tx.instructions, program_id, authority)


def is_unrecorded(tx: Transaction, logs: LogPrograms, callers: Sequence[bytes]) -> bool:
    """True where the transaction touches a stream's program and lacks the channel that the stream is read from."""
    touched = tx.keys or frozenset()
    if tx.logs is None and any(program_id in touched for program_id in logs.ids):
        return True
    return tx.instructions is None and any(program_id in touched for program_id in callers)


def _involved(tx: Transaction, logs: Logs, programs: LogPrograms) -> bytes | None:
    """The first of the programs that runs in the transaction, as far as what was recorded can tell."""
    run = {program_id for program_id, _ in logs.calls}
    if tx.instructions is not None:
        run |= {instruction.program_id for instruction in tx.instructions}
    else:
        run |= tx.keys or frozenset()
    return next((program_id for program_id in programs.ids if program_id in run), None)


def _calls_of(instructions: Sequence[Instruction]) -> list[Instruction]:
    """Instructions that leave an `invoke` line, in order."""
    return [instruction for instruction in instructions if instruction.program_id not in PRECOMPILES]


def _contradiction(logs: Logs, tree: list[Instruction] | None) -> str | None:
    """What logs and tree do not agree on; None: they agree."""
    if tree is not None and [(one.program_id, one.stack_height) for one in tree] != logs.calls:
        if len(logs.calls) > len(tree) or (len(logs.calls) < len(tree) and not logs.is_truncated):
            return f"{len(logs.calls)} calls in the logs, {len(tree)} in the instructions"
        for number, ((program, depth), one) in enumerate(zip(logs.calls, tree, strict=False)):
            if one.program_id != program:
                name = base58.encode(program)
                return f"call {number} is of {name} in the logs, of another program in the instructions"
            if one.stack_height not in (None, depth):
                return f"call {number} has depth {depth} in the logs, {one.stack_height} in the instructions"
    return None if logs.is_consistent else "frames are not left in order"


def _kept(logs: Logs, programs: LogPrograms, tree: list[Instruction] | None) -> list[Payload]:
    """Payloads of the lines; what is text, or holds several chunks, is none."""
    payloads = []
    for index, begun, call, text, is_text in logs.lines:
        program_id = call[0]
        enclosing = programs.alone[program_id] if tree is None else enclosing_of(tree[logs.ordinal(begun, call)])
        try:
            data = pybase64.b64decode(text, None, True)  # Named, the argument costs as much as the decoding.
        except ValueError:
            data = b""
        if len(data) >= DISCRIMINATOR_BYTES:
            payloads.append(Payload(program_id, "log", index, data, enclosing, is_text))
        elif not is_text and " " not in text:
            raw = text.encode("utf-8", "surrogatepass")
            payloads.append(Payload(program_id, "log", index, raw, enclosing, is_readable=False))
    return payloads
