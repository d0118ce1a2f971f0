"""An IDL file as plain shapes: events, accounts, types, and the accounts of instructions.

Files are in Anchor's classic dialect and are parsed by anchorpy_core, which checks the dialect. A
discriminator is computed from the name, never read from a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec
from anchorpy_core import idl as parser


class Simple(msgspec.Struct, frozen=True):
    name: str  # u8 ... i128, bool, publicKey, string, bytes


class Array(msgspec.Struct, frozen=True):
    item: Shape
    length: int


class Vec(msgspec.Struct, frozen=True):
    item: Shape


class Option(msgspec.Struct, frozen=True):
    item: Shape


class Fields(msgspec.Struct, frozen=True):
    """A struct. Its fields in order."""

    name: str
    fields: tuple[tuple[str, Shape], ...]


class Enum(msgspec.Struct, frozen=True):
    """An enum whose variants carry nothing; its value is the ordinal."""

    name: str
    variants: tuple[str, ...]


_NAMES = ("u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "bool", "string", "bytes")
Shape = Simple | Array | Vec | Option | Fields | Enum
_SIMPLE = {getattr(parser.IdlTypeSimple, name.capitalize()): Simple(name) for name in _NAMES}
_SIMPLE[parser.IdlTypeSimple.PublicKey] = Simple("publicKey")
_SIMPLE[parser.IdlTypeSimple.F32] = Simple("f32")  # Read as 4 raw bytes: no float is ever made of it.


class UnsupportedIdl(ValueError):
    """The file uses something that no event of these programs needs (enums with data, floats, ...)."""


class Idl:
    """One program's IDL, resolved: no shape refers to a name."""

    def __init__(self, text: str) -> None:
        self._parsed = parser.Idl.from_json(text)
        self._definitions = {t.name: t for t in self._parsed.types}
        self.name: str = self._parsed.name
        self.events: Mapping[str, Fields] = {
            e.name: Fields(e.name, tuple((f.name, self._shape(f.ty)) for f in e.fields))
            for e in self._parsed.events or ()
        }
        self.accounts: Mapping[str, Shape] = {a.name: self._definition(a) for a in self._parsed.accounts}
        self.instructions: Mapping[bytes, tuple[str, Mapping[str, int]]] = {
            discriminator("global", snake_case(i.name)): (i.name, {a.name: n for n, a in enumerate(i.accounts)})
            for i in self._parsed.instructions
        }

    def type(self, name: str) -> Shape:
        """The shape of a named type. Raises UnsupportedIdl where the file has none of that name."""
        if name not in self._definitions:
            raise UnsupportedIdl(f"{self.name}: no type named {name}")
        return self._definition(self._definitions[name])

    def _definition(self, definition: Any) -> Shape:
        body = definition.ty
        if isinstance(body, parser.IdlTypeDefinitionTyStruct):
            return Fields(definition.name, tuple((f.name, self._shape(f.ty)) for f in body.fields))
        if isinstance(body, parser.IdlTypeDefinitionTyEnum) and not any(v.fields for v in body.variants):
            return Enum(definition.name, tuple(v.name for v in body.variants))
        raise UnsupportedIdl(f"{self.name}: type {definition.name} is neither a struct nor an enum without data")

    def _shape(self, ty: Any) -> Shape:
        if isinstance(ty, parser.IdlTypeDefined):
            return self.type(ty.defined)
        if isinstance(ty, parser.IdlTypeOption):
            return Option(self._shape(ty.option))
        if isinstance(ty, parser.IdlTypeVec):
            return Vec(self._shape(ty.vec))
        if isinstance(ty, parser.IdlTypeArray):
            return Array(self._shape(ty.array[0]), ty.array[1])
        if ty in _SIMPLE:
            return _SIMPLE[ty]
        raise UnsupportedIdl(f"{self.name}: type {ty}")


def discriminator(namespace: str, name: str) -> bytes:
    """First 8 bytes of sha256("namespace:name"): `event`, `account` or `global`."""
    return sha256(f"{namespace}:{name}".encode()).digest()[:8]


def snake_case(name: str) -> str:
    """As Anchor writes instruction names before hashing: addLiquidity2 is add_liquidity2."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def enum_names(text: str, name: str) -> tuple[str, ...]:
    """Variant names of an enum of the file, in order of their ordinals."""
    shape = Idl(text).type(name)
    if not isinstance(shape, Enum):
        raise UnsupportedIdl(f"{name} is no enum")
    return shape.variants


def instruction_accounts(text: str) -> dict[bytes, Mapping[str, int]]:
    """Position of each account by name, by instruction discriminator."""
    return {key: accounts for key, (_, accounts) in Idl(text).instructions.items()}
