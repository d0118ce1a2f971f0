"""Measures of shapes: how values are laid out in bytes, and the classes that hold them."""

from __future__ import annotations

from functools import cache
from struct import calcsize
from typing import Any

import msgspec

from indexer.core.idl import Array, Enum, Fields, Option, Shape, Simple, Vec

# `struct` codes of single values. A float stays its raw bytes: no amount may pass through one.
FORMATS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i8": "b", "i16": "h", "i32": "i", "i64": "q"}
FORMATS |= {"publicKey": "32s", "f32": "4s", "f64": "8s"}
WIDE = {"u128": "QQ", "i128": "Qq"}  # In two halves, the lower first.


@cache
def struct_class(shape: Fields) -> type[msgspec.Struct]:
    """The class whose instances hold the values of a struct; every field may be None."""
    return msgspec.defstruct(shape.name, [(name, Any, None) for name, _ in shape.fields], frozen=True, gc=False)


@cache
def is_fixed(shape: Shape) -> bool:
    """True where every value of the shape has the same number of bytes."""
    if isinstance(shape, Array):
        return is_fixed(shape.item)
    if isinstance(shape, Fields):
        return all(is_fixed(item) for _, item in shape.fields)
    return isinstance(shape, Enum) or (isinstance(shape, Simple) and shape.name not in ("string", "bytes"))


@cache
def smallest_bytes(shape: Shape) -> int:
    """Fewest bytes that a value of the shape can have."""
    if isinstance(shape, Fields):
        return sum(smallest_bytes(item) for _, item in shape.fields)
    if isinstance(shape, Array):
        return shape.length * smallest_bytes(shape.item)
    if isinstance(shape, Option | Enum):
        return 1
    if isinstance(shape, Vec) or shape.name in ("string", "bytes"):
        return 4
    return {"bool": 1, "u128": 16, "i128": 16}.get(shape.name) or calcsize(FORMATS[shape.name])
