"""Types and instructions of an IDL in Anchor's two dialects, as somebody else wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from indexer.core.idl import Array, Enum, Fields, Option, Shape, Simple, UnsupportedIdl, Vec, discriminator, snake_case

MOST_DEPTH = 24
MOST_PARTS = 200_000  # Of all shapes of one document: the largest there is has some ten thousand.
_MOST_ACCOUNTS = 256
NUMBERS = {"u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128", "f32", "f64"}
_SIMPLE = NUMBERS | {"bool", "string", "bytes", "publicKey"}
_Entry = Mapping[Any, Any]
_Generics = Mapping[str, Shape | int]


class Budget:
    """Of parts and depth. A document cannot make more of itself than that."""

    def __init__(self) -> None:
        self._left = MOST_PARTS

    def spend(self, depth: int) -> None:
        self._left -= 1
        if depth > MOST_DEPTH or self._left < 0:
            raise UnsupportedIdl(f"types deeper than {MOST_DEPTH}, or of more than {MOST_PARTS} parts")


class AnchorTypes:
    """The types of a document. In the new dialect events and accounts are declared among them."""

    def __init__(self, types: Sequence[_Entry]) -> None:
        self._types = {one["name"]: one for one in types if isinstance(one.get("name"), str)}
        self._budget = Budget()

    def declared(self, entry: _Entry) -> Shape:
        """The shape of an event or an account. Raises UnsupportedIdl."""
        match entry:
            case {"fields": list(fields), "name": str(name)}:
                return self._struct(name, fields, {}, 0)
            case {"type": {**body}, "name": str(name)}:
                return self._body(name, body, {}, 0)
            case _:
                return self._named(entry["name"], [], {}, 0)

    def _named(self, name: str, arguments: Sequence[Any], outer: _Generics, depth: int) -> Shape:
        entry = self._types.get(name, {})
        match entry:
            case {"type": {**body}}:
                names = [str(one.get("name")) for one in entry.get("generics") or [] if isinstance(one, dict)]
                given = [self._argument(one, outer, depth) for one in arguments]
                return self._body(name, body, dict(zip(names, given, strict=False)), depth)
            case _:
                raise UnsupportedIdl(f"no type named {name}")

    def _argument(self, written: Any, outer: _Generics, depth: int) -> Shape | int:
        match written:
            case {"kind": "const", "value": str(value)} if value.isdigit() and len(value) < 10:
                return int(value)
            case {"kind": "type", "type": inner}:
                return self._shape(inner, outer, depth + 1)
            case _:
                raise UnsupportedIdl(f"generic argument {str(written)[:80]}")

    def _body(self, name: str, body: _Entry, generics: _Generics, depth: int) -> Shape:
        match body:
            case {"kind": "struct"}:
                return self._struct(name, body.get("fields") or [], generics, depth)
            case {"kind": "enum", "variants": list(variants)} if all(_is_bare(one) for one in variants):
                return Enum(name, tuple(one["name"] for one in variants))
            case {"kind": "type", "alias": inner}:
                return self._shape(inner, generics, depth + 1)
            case _:
                raise UnsupportedIdl(f"type {name} is neither a struct nor an enum without data")

    def _struct(self, name: str, fields: Sequence[Any], generics: _Generics, depth: int) -> Fields:
        return Fields(name, tuple(self._fields(fields, generics, depth)))

    def _fields(self, fields: Sequence[Any], generics: _Generics, depth: int) -> Iterator[tuple[str, Shape]]:
        for place, field in enumerate(fields):
            match field:
                case {"name": str(name), "type": written}:
                    yield name, self._shape(written, generics, depth + 1)
                case _:  # A tuple's fields have no names.
                    yield str(place), self._shape(field, generics, depth + 1)

    def _shape(self, written: Any, generics: _Generics, depth: int) -> Shape:
        self._budget.spend(depth)
        match written:
            case "pubkey":
                return Simple("publicKey")
            case str(name) if name in _SIMPLE:
                return Simple(name)
            case {"option": inner}:
                return Option(self._shape(inner, generics, depth + 1))
            case {"vec": inner}:
                return Vec(self._shape(inner, generics, depth + 1))
            case {"array": [inner, length]}:
                return Array(self._shape(inner, generics, depth + 1), _length(length, generics))
            case {"defined": str(name)}:
                return self._named(name, [], generics, depth + 1)
            case {"defined": {"name": str(name), "generics": list(arguments)}}:
                return self._named(name, arguments, generics, depth + 1)
            case {"defined": {"name": str(name)}}:
                return self._named(name, [], generics, depth + 1)
            case {"generic": str(name)} if not isinstance(generics.get(name, 0), int):
                return generics[name]  # type: ignore[return-value]  # The guard says that it is a shape.
            case _:
                raise UnsupportedIdl(f"type {str(written)[:80]}")


def anchor_instructions(entries: Sequence[_Entry]) -> dict[bytes, tuple[str, tuple[str, ...]]]:
    """Names of the accounts of each instruction, nested ones in their order, by discriminator."""
    found = {}
    for entry in entries:
        match entry:
            case {"name": str(name), "accounts": list(accounts)}:
                key = written_bytes(entry.get("discriminator")) or discriminator("global", snake_case(name))
                found[key] = (name, tuple(_flat(accounts, 0))[:_MOST_ACCOUNTS])
    return found


def _flat(accounts: Sequence[Any], depth: int) -> Iterator[str]:
    if depth > MOST_DEPTH:
        raise UnsupportedIdl(f"accounts nested deeper than {MOST_DEPTH}")
    for account in accounts:
        match account:
            case {"accounts": list(inner)}:
                yield from _flat(inner, depth + 1)
            case {"name": str(name)}:
                yield name


def _length(written: Any, generics: _Generics) -> int:
    match written:
        case int(length) if length >= 0:
            return length
        case {"generic": str(name)} if isinstance(found := generics.get(name), int):
            return found
        case _:
            raise UnsupportedIdl(f"array of length {str(written)[:80]}")


def _is_bare(variant: Any) -> bool:
    return isinstance(variant, dict) and isinstance(variant.get("name"), str) and not variant.get("fields")


def written_bytes(numbers: Any) -> bytes | None:
    """A list of bytes as JSON has them; None: it is something else."""
    if not isinstance(numbers, list) or not all(isinstance(one, int) and 0 <= one < 256 for one in numbers):
        return None
    return bytes(numbers)
