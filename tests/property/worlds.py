"""Random worlds by seed: nested calls of our programs and others, with payloads of anyone anywhere.

Every world is one that the runtime could make: no program is entered again while another one that it called runs,
nobody is deeper than 4, and at most 40 instructions run. What deceives is counted by its kind.
"""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from collections.abc import Sequence
from random import Random

import msgspec

from indexer.core import base58
from indexer.core.protocol import Processed
from indexer.core.record import EventRow, Failure
from indexer.core.transaction import Transaction
from tests.encoder import IDL_FILES, discriminator, drawn_payload, encode_event, event_names
from tests.programs import DRIFT, GMX, GMX_AUTHORITY, JUPITER, JUPITER_AUTHORITY, PROGRAM_IDS, VAULTS
from tests.world import EVENT_TAG, Frame, data_line, event, frame, key, log_line, transaction

OTHERS = (key(301), key(302))
PROGRAMS = (DRIFT, VAULTS, GMX, JUPITER, *OTHERS)
AUTHORITIES = {GMX: GMX_AUTHORITY, JUPITER: JUPITER_AUTHORITY}
OWN_IDL = {program: name for name, program in PROGRAM_IDS.items()}
DEEPEST, MOST = 4, 40
NO_ACTION = encode_event("drift.json", "OrderActionRecord", action=200)


class World(msgspec.Struct):
    """Frames, and how often each kind of part occurs in them."""

    frames: list[Frame]
    kinds: Counter[str]


class Maker:
    """`largest` bounds the payloads, in bytes; `noise` is how often a long text is logged, against the other parts."""

    def __init__(self, seed: int, largest: int = 10_000, noise: int = 0) -> None:
        self.rng = Random(seed)
        self.largest, self.noise = largest, noise
        self.kinds: Counter[str] = Counter()
        self.left = MOST

    def world(self) -> World:
        made = [self.frame(self.rng.choice(PROGRAMS), []) for _ in range(self.rng.randint(1, 3))]
        return World(made, self.kinds)

    def frame(self, program: bytes, above: list[bytes]) -> Frame:
        self.left -= 1
        accounts = [key(self.rng.randrange(4)) for _ in range(self.rng.randrange(4))]
        if program in AUTHORITIES and self.rng.random() < 0.2:
            accounts = [AUTHORITIES[program]]  # As an event has it, and still none.
        path = [*above, program]
        inside = [part for _ in range(self.rng.randrange(6)) if (part := self.part(program, path)) is not None]
        return frame(program, *inside, discriminator=self.rng.randbytes(8), accounts=accounts)

    def part(self, program: bytes, path: list[bytes]) -> str | Frame | None:
        kind = self.rng.choices(
            ("data", "text", "event", "spoilt", "foreign", "words", "chunks", "forged", "call", "noise"),
            (4, 3, 6, 3, 2, 2, 1, 2, 7, self.noise),
        )[0]
        made = getattr(self, f"_{kind}")(program, path)
        self.kinds[kind] += made is not None
        return made  # type: ignore[no-any-return]

    def _payload(self, program: bytes) -> bytes:
        while True:
            payload = drawn_payload(self.rng, OWN_IDL.get(program) or self.rng.choice(IDL_FILES))
            if len(payload) <= self.largest:
                return payload

    def _data(self, program: bytes, _: list[bytes]) -> str:
        return data_line(self._payload(program))

    def _text(self, program: bytes, _: list[bytes]) -> str:
        return log_line(self._payload(program))

    def _foreign(self, _: bytes, __: list[bytes]) -> str:
        return self.rng.choice((data_line, log_line))(self._payload(key(0)))

    def _spoilt(self, program: bytes, path: list[bytes]) -> str | Frame | None:
        payload = self._payload(program)
        place = self.rng.randrange(8, len(payload))
        if program == DRIFT and self.rng.random() < 0.3:
            return self.rng.choice((data_line, log_line))(NO_ACTION)
        damaged = payload[:place] + b"\xff" + payload[place + 1 :]
        wrong = self.rng.choice((payload[:place], payload + b"\7", damaged, b"123"))
        if program in AUTHORITIES and self.rng.random() < 0.7:
            return self._emitted(program, AUTHORITIES[program], wrong, path)
        return data_line(wrong)

    def _words(self, program: bytes, _: list[bytes]) -> str:
        name = base58.encode(self.rng.choice(PROGRAMS))
        return log_line(
            self.rng.choice(("Withdraw", "é 手", "Log truncated", f"Program {name} success", "Program log: x"))
        )

    def _noise(self, _: bytes, path: list[bytes]) -> str | None:
        """Only at top level: what a call carries may have 10,240 bytes."""
        return log_line("n" * self.rng.randint(2500, 6000)) if len(path) == 1 else None

    def _chunks(self, program: bytes, _: list[bytes]) -> str:
        payload = self._payload(program)
        return data_line(payload[:8], payload[8:])

    def _event(self, program: bytes, path: list[bytes]) -> Frame | None:
        if program not in AUTHORITIES:
            return None
        return self._emitted(program, AUTHORITIES[program], self._payload(program), path)

    def _forged(self, program: bytes, path: list[bytes]) -> Frame | None:
        """Another program's event, or our own with another account."""
        emitter = self.rng.choice(tuple(AUTHORITIES))
        authority = AUTHORITIES[emitter] if emitter != program else key(9)
        return self._emitted(emitter, authority, self._payload(emitter), path)

    def _emitted(self, emitter: bytes, authority: bytes, payload: bytes, path: list[bytes]) -> Frame | None:
        if not self._may_call(emitter, path):
            return None
        self.left -= 1
        return event(emitter, authority, payload)

    def _call(self, _: bytes, path: list[bytes]) -> Frame | None:
        callee = self.rng.choice(PROGRAMS)
        return self.frame(callee, path) if self._may_call(callee, path) else None

    def _may_call(self, callee: bytes, path: list[bytes]) -> bool:
        """A program may call itself; one that waits for another may not be entered again."""
        return len(path) < DEEPEST and self.left > 0 and (callee == path[-1] or callee not in path)


def world(seed: int) -> World:
    return Maker(seed).world()


def world_transaction(seed: int) -> Transaction:
    rng = Random(-seed)
    tx_index, block_time = rng.choice((None, 5)), rng.choice((None, 1_735_689_600))
    return transaction(*world(seed).frames, tx_index=tx_index, block_time=block_time)


# --- what is true of a world ----------------------------------------------------------------------------------------


class Emitted(msgspec.Struct, frozen=True):
    """A payload of one of our programs on its channel, and the flat index of the instruction that emitted it."""

    program: bytes
    payload: bytes
    enclosing: int


class Truth:
    """Every payload that must be found, by (channel, index), told from the frames alone.

    `lines` and `flat` are what stands before: the runtime may have run something else first.
    """

    def __init__(self, frames: Sequence[Frame], lines: int = 0, flat: int = 0) -> None:
        self.found: dict[tuple[str, int], Emitted] = {}
        self.line, self.flat = lines, flat
        for one in frames:
            self._walk(one, None, -1)

    def _walk(self, one: Frame, caller: bytes | None, caller_index: int) -> None:
        here, self.flat = self.flat, self.flat + 1
        self.line += 1  # invoke
        if caller == one.program_id and one.accounts == (AUTHORITIES.get(caller),) and one.data.startswith(EVENT_TAG):
            self.found["cpi", here] = Emitted(caller, one.data[len(EVENT_TAG) :], caller_index)
        for part in one.inside:
            if isinstance(part, Frame):
                self._walk(part, one.program_id, here)
                continue
            payload = line_payload(one.program_id, part)
            if payload is not None:
                self.found["log", self.line] = Emitted(one.program_id, payload, here)
            self.line += 1
        self.line += 2  # consumed, success


def line_payload(program: bytes, line: str) -> bytes | None:
    """What a line of ours says: its bytes; its text where that is no payload; None where it is text."""
    if program not in (DRIFT, VAULTS):
        return None
    prefix, _, content = line.partition(": ")
    is_text = prefix == "Program log"
    known = {discriminator(name) for name in event_names(OWN_IDL[program])}
    try:
        payload = b64decode(content, validate=True)
    except ValueError:
        return None if is_text or " " in content else content.encode()
    if is_text:
        return payload if payload[:8] in known else None
    return payload if len(payload) >= 8 else content.encode()


def told(processed: Processed) -> dict[tuple[str, int], Emitted]:
    """What the core made of it, in the same form. Failures of a whole transaction are not in it."""
    rows = [row for row in (*processed.events, *processed.failures) if row.origin.index >= 0]
    return {(row.origin.channel, row.origin.index): _told(row) for row in rows}


def _told(row: EventRow | Failure) -> Emitted:
    assert row.payload is not None
    assert row.enclosing is not None
    assert row.enclosing.index is not None
    return Emitted(row.origin.program_id, row.payload, row.enclosing.index)
