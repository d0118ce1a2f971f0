"""What an IDL says about bytes, in one form for both Anchor dialects.

A shape is a primitive's name, or a tuple: `("struct", ((name, shape), ...))`, `("enum", ((name, shape), ...))`,
`("option", shape)`, `("vec", shape)`, `("array", shape, length)`. Names of types are not part of it: only what is on
the wire and what the fields are called, generics filled in. Two IDLs with equal shapes read the same bytes alike.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Shape = str | tuple[Any, ...]
SIZES = {"bool": 1, "publicKey": 32} | {f"{sign}{bits}": bits // 8 for sign in "ui" for bits in (8, 16, 32, 64, 128)}


class Idl:
    """One IDL file, classic dialect or new."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._types = {definition["name"]: definition for definition in document["types"]}

    @classmethod
    def read(cls, path: Path) -> "Idl":
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def events(self) -> dict[str, Shape]:
        return {event["name"]: self._declared(event) for event in self.document.get("events", [])}

    def accounts(self) -> dict[str, Shape]:
        """By name with a capital first letter, as the discriminator is computed; old files write it small."""
        declared = self.document.get("accounts", [])
        return {_capital(account["name"]): self._declared(account) for account in declared}

    def type(self, name: str) -> Shape:
        return self._body(self._types[name], [])

    def instructions(self) -> dict[str, tuple[tuple[str, bool, bool, bool], ...]]:
        """The accounts of each instruction: name, writable, signer, optional."""
        listed = self.document["instructions"]
        return {instruction["name"]: tuple(map(_account, instruction["accounts"])) for instruction in listed}

    def _declared(self, declared: Mapping[str, Any]) -> Shape:
        if "fields" in declared:
            return self._fields(declared["fields"], {})
        return self._body(declared if "type" in declared else self._types[declared["name"]], [])

    def _body(self, definition: Mapping[str, Any], arguments: list[Shape]) -> Shape:
        body = definition["type"]
        names = [generic["name"] for generic in definition.get("generics", [])]
        generics = dict(zip(names, arguments, strict=True))
        if body["kind"] == "struct":
            return self._fields(body["fields"], generics)
        assert body["kind"] == "enum", body
        return "enum", tuple((v["name"], self._fields(v.get("fields", []), generics)) for v in body["variants"])

    def _fields(self, fields: list[Any], generics: Mapping[str, Shape]) -> Shape:
        return "struct", tuple((field["name"], self._shape(field["type"], generics)) for field in fields)

    def _shape(self, written: Any, generics: Mapping[str, Shape]) -> Shape:
        if isinstance(written, str):
            return "publicKey" if written == "pubkey" else written
        ((kind, inside),) = written.items()
        if kind == "generic":
            return generics[inside]
        if kind == "defined":
            return self._defined(inside, generics)
        if kind == "array":
            return "array", self._shape(inside[0], generics), inside[1]
        return kind, self._shape(inside, generics)

    def _defined(self, reference: Any, generics: Mapping[str, Shape]) -> Shape:
        if isinstance(reference, str):
            return self._body(self._types[reference], [])
        arguments = [self._shape(argument["type"], generics) for argument in reference.get("generics", [])]
        return self._body(self._types[reference["name"]], arguments)


def differences(ours: Shape, theirs: Shape, place: str = "") -> Iterator[str]:
    """Every place where two shapes part, with both sides."""
    named = ours[0] in ("struct", "enum") and ours[0] == theirs[0]
    if not named:
        if ours != theirs:
            yield f"{place}: {ours}, published {theirs}"
        return
    names = [name for name, _ in ours[1]], [name for name, _ in theirs[1]]
    if names[0] != names[1]:
        yield f"{place}: names {names[0]}, published {names[1]}"
        return
    for (name, our), (_, their) in zip(ours[1], theirs[1], strict=True):
        yield from differences(our, their, f"{place}.{name}")


def wire(shape: Shape) -> tuple[Any, ...]:
    """The bytes alone: names of fields dropped, structs laid flat, an enum as its variants in order."""
    if isinstance(shape, str):
        return (shape,)
    if shape[0] == "struct":
        return tuple(part for _, inside in shape[1] for part in wire(inside))
    if shape[0] == "enum":
        return (("enum", *(name for name, _ in shape[1])),)
    return ((shape[0], wire(shape[1]), *shape[2:]),)


def span(shape: Shape) -> tuple[int, int | None]:
    """Least and greatest length in bytes; None: no bound."""
    if isinstance(shape, str):
        return (SIZES[shape], SIZES[shape]) if shape in SIZES else (4, None)
    if shape[0] == "struct":
        return _sum(span(inside) for _, inside in shape[1])
    if shape[0] == "array":
        return _sum([span(shape[1])] * shape[2])
    if shape[0] == "vec":
        return 4, None
    if shape[0] == "option":
        inside = span(shape[1])[1]
        return 1, None if inside is None else 1 + inside
    assert all(fields == ("struct", ()) for _, fields in shape[1]), "an enum whose variants carry fields"
    return 1, 1


def offset(shape: Shape, path: str) -> int:
    """Where a field of fixed position starts: `state.pools.primary`."""
    start = 0
    for step in path.split("."):
        names = [name for name, _ in shape[1]]
        least, most = _sum(span(inside) for _, inside in shape[1][: names.index(step)])
        assert least == most, f"{path}: {step} has no fixed place"
        start, shape = start + least, dict(shape[1])[step]
    return start


def _sum(spans: Any) -> tuple[int, int | None]:
    least, most = 0, 0
    bounded = True
    for low, high in spans:
        least += low
        bounded = bounded and high is not None
        most += high or 0
    return least, most if bounded else None


def _account(account: Mapping[str, Any]) -> tuple[str, bool, bool, bool]:
    assert "accounts" not in account, f"nested accounts in {account['name']}"
    flags = (("isMut", "writable"), ("isSigner", "signer"), ("isOptional", "optional"))
    mut, signer, optional = (bool(account.get(old, account.get(new, False))) for old, new in flags)
    return account["name"], mut, signer, optional


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
