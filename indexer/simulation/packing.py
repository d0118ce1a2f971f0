"""Write events as `encoder` does, only much faster: a simulation writes hundreds of thousands of them.

The IDL becomes one chain of small writers per event, made once. Nothing is shared with our decoders, and a test holds
every event equal to the bytes that borsh-construct makes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from typing import Any

from indexer.simulation.encoder import INTEGERS, Fields, discriminator, document, event_fields, named, type_of

Writer = Callable[[Any], bytes]


def pack(idl_file: str, event: str, /, *, end: str | None = None, **values: Any) -> bytes:
    """Discriminator and body, as `encode_event`: omitted values are zero, None or empty; `end` is the last field.

    Keys are 32 bytes. Raises KeyError for a name that the event does not have.
    """
    start, write = _event(idl_file, event, end)
    return start + write(values)


def pack_as(idl_file: str, event: str, layout: str, /, **values: Any) -> bytes:
    """An event whose body is one of the IDL's types: a layout that grew at its front."""
    return discriminator(event) + _defined(idl_file, layout)[0](values)


def pack_account(idl_file: str, account: str, /, **values: Any) -> bytes:
    """An account's image: discriminator and body, by the same rules."""
    start, write = _account(idl_file, account)
    return start + write(values)


@cache
def _account(idl: str, account: str) -> tuple[bytes, Writer]:
    fields = named(document(idl)["accounts"], account)["type"]["fields"]
    known = frozenset(field["name"] for field in fields)
    return sha256(f"account:{account}".encode()).digest()[:8], _struct(idl, fields, account, known)[0]


@cache
def _event(idl: str, event: str, end: str | None) -> tuple[bytes, Writer]:
    fields = list(event_fields(idl, event))
    if end is not None:
        fields = fields[: [field["name"] for field in fields].index(end) + 1]
    known = frozenset(field["name"] for field in event_fields(idl, event))
    return discriminator(event), _struct(idl, fields, event, known)[0]


def _struct(idl: str, fields: Fields, owner: str, known: frozenset[str]) -> tuple[Writer, bytes]:
    parts = [(field["name"], *_writer(idl, field["type"])) for field in fields]
    zeros = b"".join(zero for _, _, zero in parts)

    def write(values: Mapping[str, Any]) -> bytes:
        if not values.keys() <= known:
            raise KeyError(f"{owner} has no field {sorted(values.keys() - known)}")
        return b"".join([writer(values[name]) if name in values else zero for name, writer, zero in parts])

    return write, zeros


def _writer(idl: str, kind: Any) -> tuple[Writer, bytes]:
    """How a type is written, and how its zero is."""
    if isinstance(kind, str):
        return _primitive(kind)
    if "defined" in kind:
        return _defined(idl, kind["defined"])
    if "option" in kind:
        return _option(_writer(idl, kind["option"])[0])
    if "vec" in kind:
        return _vector(_writer(idl, kind["vec"])[0])
    inside, length = kind["array"]
    return _octets(length) if inside == "u8" else _array(*_writer(idl, inside), length)


@cache
def _primitive(kind: str) -> tuple[Writer, bytes]:
    if kind in INTEGERS:
        signed, bits = INTEGERS[kind]
        size = bits // 8
        return (lambda value: value.to_bytes(size, "little", signed=signed)), bytes(size)
    if kind == "bool":
        return (lambda value: b"\1" if value else b"\0"), b"\0"
    if kind == "string":
        return (lambda text: len(raw := text.encode()).to_bytes(4, "little") + raw), bytes(4)
    if kind == "f32":
        return _octets(4)  # Its bytes: nobody computes with them.
    assert kind == "publicKey", f"no writer for {kind}"
    return _octets(32)


def _octets(length: int) -> tuple[Writer, bytes]:
    def write(value: bytes) -> bytes:
        assert len(value) == length, f"{len(value)} bytes, the IDL needs {length}"
        return value

    return write, bytes(length)


def _option(inside: Writer) -> tuple[Writer, bytes]:
    return (lambda value: b"\0" if value is None else b"\1" + inside(value)), b"\0"


def _vector(inside: Writer) -> tuple[Writer, bytes]:
    return (lambda values: len(values).to_bytes(4, "little") + b"".join([inside(value) for value in values])), bytes(4)


def _array(inside: Writer, zero: bytes, length: int) -> tuple[Writer, bytes]:
    def write(values: Any) -> bytes:
        assert len(values) == length, f"{len(values)} values, the IDL needs {length}"
        return b"".join([inside(value) for value in values])

    return write, zero * length


@cache
def _defined(idl: str, name: str) -> tuple[Writer, bytes]:
    body = type_of(idl, name)["type"]
    if body["kind"] == "struct":
        return _struct(idl, body["fields"], name, frozenset(field["name"] for field in body["fields"]))
    ordinals = {variant["name"]: bytes([ordinal]) for ordinal, variant in enumerate(body["variants"])}
    return (lambda value: ordinals[value] if isinstance(value, str) else bytes([value])), b"\0"
