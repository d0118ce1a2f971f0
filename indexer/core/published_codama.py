"""Types and instructions of an IDL in Codama's dialect: a tree of nodes that say their kind.

Only what Anchor's programs need of it is read: fixed numbers, keys, options with a tag byte, vectors and texts with a
length of four bytes. A field that is the discriminator is taken off, since shapes begin behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pybase64 import b64decode

from indexer.core import base58
from indexer.core.idl import Array, Enum, Fields, Option, Shape, Simple, UnsupportedIdl, Vec
from indexer.core.published_anchor import NUMBERS, Budget, written_bytes

_Node = Mapping[Any, Any]
_U8, _U32 = {"format": "u8"}, {"format": "u32"}


class CodamaTypes:
    def __init__(self, types: Sequence[_Node]) -> None:
        self._types = {one["name"]: one.get("type") for one in types if isinstance(one.get("name"), str)}
        self._budget = Budget()

    def declared(self, node: _Node) -> Shape:
        """The shape of an event or an account. Raises UnsupportedIdl."""
        shape = self._shape(node.get("data"), node["name"], 0)
        if isinstance(shape, Fields) and shape.fields and shape.fields[0][0] == "discriminator":
            return Fields(shape.name, shape.fields[1:])
        return shape

    def _shape(self, node: Any, name: str, depth: int) -> Shape:
        self._budget.spend(depth)
        inner = depth + 1
        match node:
            case {"kind": "numberTypeNode", "format": str(form), **more} if (
                more.get("endian", "le") == "le" and form in NUMBERS
            ):
                return Simple(form)
            case {"kind": "publicKeyTypeNode"}:
                return Simple("publicKey")
            case {"kind": "booleanTypeNode"}:
                return Simple("bool")
            case {"kind": "structTypeNode", "fields": list(fields)}:
                return Fields(name, tuple(self._fields(fields, inner)))
            case {"kind": "definedTypeLinkNode", "name": str(link)}:
                return self._shape(self._types.get(link), link, inner)
            case {"kind": "hiddenPrefixTypeNode" | "hiddenSuffixTypeNode", "type": wrapped}:
                return self._shape(wrapped, name, inner)
            case {"kind": "optionTypeNode", "item": item, **more} if not more.get("fixed") and _is(more, "prefix", _U8):
                return Option(self._shape(item, name, inner))
            case {"kind": "arrayTypeNode", "item": item, "count": count}:
                return self._array(item, count, name, inner)
            case {"kind": "enumTypeNode", "variants": list(variants), **more} if _is(more, "size", _U8):
                return Enum(name, tuple(_variant(one, name) for one in variants))
            case {"kind": "sizePrefixTypeNode", "type": {"kind": str(kind)}, **more} if _is(more, "prefix", _U32):
                return Simple({"stringTypeNode": "string", "bytesTypeNode": "bytes"}.get(kind, kind))
            case {"kind": "fixedSizeTypeNode", "size": int(size), "type": {"kind": "bytesTypeNode"}}:
                return Array(Simple("u8"), size)
            case _:
                raise UnsupportedIdl(f"{name}: type {str(node)[:80]}")

    def _fields(self, fields: Sequence[Any], depth: int) -> Iterator[tuple[str, Shape]]:
        for field in fields:
            match field:
                case {"name": str(name), "type": node}:
                    yield name, self._shape(node, name, depth)
                case _:
                    raise UnsupportedIdl(f"field {str(field)[:80]}")

    def _array(self, item: Any, count: Any, name: str, depth: int) -> Shape:
        match count:
            case {"kind": "fixedCountNode", "value": int(length)} if length >= 0:
                return Array(self._shape(item, name, depth), length)
            case {"kind": "prefixedCountNode", "prefix": {"format": "u32"}}:
                return Vec(self._shape(item, name, depth))
            case _:
                raise UnsupportedIdl(f"{name}: array of {str(count)[:80]}")


def codama_discriminator(node: _Node) -> bytes | None:
    """What stands before the fields of an event, account or instruction; None: the node does not say it in bytes."""
    fields = node.get("arguments") or _table(node.get("data")).get("fields") or ()
    for one in node.get("discriminators") or ():
        match one:
            case {"kind": "constantDiscriminatorNode", "offset": 0, "constant": {"value": value}}:
                return _bytes(value)
            case {"kind": "fieldDiscriminatorNode", "offset": 0, "name": name}:
                named = (field for field in fields if isinstance(field, dict) and field.get("name") == name)
                return next((_bytes(field.get("defaultValue")) for field in named), None)
    return None


def codama_instructions(nodes: Sequence[_Node]) -> dict[bytes, tuple[str, tuple[str, ...]]]:
    """Names of the accounts of each instruction that says its discriminator."""
    found = {}
    for node in nodes:
        match node:
            case {"name": str(name), "accounts": list(accounts)} if (key := codama_discriminator(node)) is not None:
                named = (one.get("name") for one in accounts if isinstance(one, dict))
                found[key] = (name, tuple(one for one in named if isinstance(one, str)))
    return found


def _bytes(node: Any) -> bytes | None:
    match node:
        case {"kind": "bytesValueNode", "data": str(data), "encoding": str(encoding)}:
            return _decoded(data, encoding)
        case {"kind": "arrayValueNode", "items": list(items)}:
            return written_bytes([one.get("number") for one in items if isinstance(one, dict)])
        case _:
            return None


def _decoded(data: str, encoding: str) -> bytes | None:
    try:
        match encoding:
            case "base16":
                return bytes.fromhex(data)
            case "base58":
                return base58.decode(data)
            case "base64":
                return b64decode(data, validate=True)
    except ValueError as error:
        raise UnsupportedIdl(f"{data[:80]} is no {encoding}") from error
    return None


def _variant(node: Any, name: str) -> str:
    match node:
        case {"kind": "enumEmptyVariantTypeNode", "name": str(variant)}:
            return variant
        case _:
            raise UnsupportedIdl(f"type {name} is no enum without data")


def _is(node: _Node, key: str, wanted: _Node) -> bool:
    """Whether a part is what Borsh writes; where it is left out, that is the default."""
    told = _table(node.get(key, wanted))
    return all(told.get(name) == value for name, value in wanted.items())


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
