"""A payload: bytes that a program emitted, with the instruction that emitted them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

DISCRIMINATOR_BYTES = 8


class Enclosing(msgspec.Struct, frozen=True, gc=False):
    """The instruction during which a payload was emitted. None: the source did not record it."""

    program_id: bytes
    index: int | None = None  # Flat position, as of cpi payloads.
    discriminator: bytes | None = None  # First 8 bytes of its data.
    accounts: tuple[bytes, ...] | None = None
    stack_height: int | None = None


class Payload(msgspec.Struct, frozen=True, gc=False):
    program_id: bytes
    channel: Literal["log", "cpi"]
    index: int  # log: line number among all lines; cpi: flat instruction position.
    data: bytes  # Discriminator and body; the self-CPI tag is taken off. Raw text of a line that is no base64.
    enclosing: Enclosing
    is_text: bool = False  # From a `Program log:` line, which is a payload only if it decodes.
    is_readable: bool = True  # False: the line was no base64, or fewer than 8 bytes came.


class Event(msgspec.Struct, frozen=True, gc=False):
    """A decoded payload: the program's words and values."""

    name: str
    fields: Any  # Struct with the IDL's field names; enums are ordinals, keys are 32 bytes.
    payload: Payload
