"""Values as three readers see them, in one form: lists of numbers, keys as lists of bytes, enums as ordinals."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from anchorpy.coder.event import EventCoder
from anchorpy_core.idl import Idl
from solders.pubkey import Pubkey

from tests.encoder import idl_text


def plain(value: Any) -> Any:
    """Structs, mappings and anchorpy's dataclasses as the list of their values, in declared order."""
    if isinstance(value, msgspec.Struct):
        return [plain(part) for part in msgspec.structs.astuple(value)]
    if isinstance(value, Mapping):
        return [plain(part) for part in value.values()]
    if isinstance(value, Pubkey | bytes):
        return list(bytes(value))
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if dataclasses.is_dataclass(value):
        return [plain(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if value is None or isinstance(value, int | float | str):
        return value
    return int(value.index)  # anchorpy makes an enum a sum type that knows its ordinal.


@cache
def anchorpy_coder(idl_file: str) -> EventCoder:
    return EventCoder(Idl.from_json(idl_text(idl_file)))
