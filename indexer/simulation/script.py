"""What a simulated transaction does, told once: the calls that run, what they emit, and the rows that must come of it.

The runtime executes a script; the rows beside each emission are the ground truth. They are written from
what was meant, never from what was decoded, and they know no place yet: `chain` gives them slot, signature,
index and time when the transaction has been put into a block.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from indexer.core.record import Channel, Origin, Record

NOWHERE = Origin(protocol="", program_id=bytes(32), slot=0, signature=bytes(64), channel="log", index=0)


class Emit(msgspec.Struct, frozen=True):
    """A payload that the running program emits, and what must come of it.

    `rows`: one record for each row, with origin NOWHERE and its `part`. `known`: False where no IDL of ours
    has the event, so that a failure `unknown_event` is the truth. `surplus`: how many bytes follow the newest layout
    that we know, so that beside the rows a failure `unexpected_length` is the truth.
    """

    payload: bytes  # Discriminator and body.
    event: str  # The program's name for it.
    channel: Channel  # `log` or `cpi`.
    is_text: bool = False  # `Program log:` instead of `Program data:`.
    rows: Sequence[Record] = ()
    known: bool = True
    surplus: int = 0


class Text(msgspec.Struct, frozen=True):
    """A line of text that the running program logs; the part behind `Program log: `."""

    text: str


class Chunks(msgspec.Struct, frozen=True):
    """A `Program data:` line of several chunks, which is no event."""

    chunks: tuple[bytes, ...]


class Invoke(msgspec.Struct, frozen=True):
    """One instruction: the program, its data's first 8 bytes, its accounts, and what happens inside, in order.

    Where something happens inside, more accounts follow: what its calls need, and the script's own. Data that starts
    with the event tag may be longer and is passed as it is; nothing happens inside of it. So a foreign program can
    call ours as if it were an event.
    """

    program_id: bytes
    discriminator: bytes
    accounts: tuple[bytes, ...]
    inside: tuple[Emit | Text | Chunks | Invoke, ...]
    fails: bool = False  # It returns an error after all that, so the transaction fails as a whole.


Part = Emit | Text | Chunks | Invoke


class Script(msgspec.Struct, frozen=True):
    """A transaction: its outer instructions. `is_v0`: with lookup tables for everything that may come from one."""

    calls: tuple[Invoke, ...]
    is_v0: bool = False

    @property
    def fails(self) -> bool:
        return any(_fails(call) for call in self.calls)


def _fails(call: Invoke) -> bool:
    return call.fails or any(_fails(part) for part in call.inside if isinstance(part, Invoke))
