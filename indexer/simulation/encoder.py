"""Write events as the chain would: a second reading of the IDLs, by borsh-construct alone.

Nothing here is shared with our decoders, so that a value that comes back equal was read right and not
only read as it was written. The IDL is read as plain JSON, enums are written as their ordinal, and one field is
written after the other, so that a payload can end where an older layout ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import borsh_construct as borsh
from construct import Bytes
from solders.pubkey import Pubkey

from indexer.resources import resource

IDL_FILES = ("drift.json", "drift_vaults.json", "gmsol_store.json", "jupiter_perps.json")
INTEGERS = {f"{sign}{bits}": (sign == "i", bits) for sign in "ui" for bits in (8, 16, 32, 64, 128)}
WRITERS = {
    "u8": borsh.U8, "u16": borsh.U16, "u32": borsh.U32, "u64": borsh.U64, "u128": borsh.U128,
    "i8": borsh.I8, "i16": borsh.I16, "i32": borsh.I32, "i64": borsh.I64, "i128": borsh.I128,
    "f32": borsh.F32, "f64": borsh.F64, "bool": borsh.Bool, "string": borsh.String, "publicKey": Bytes(32),
}  # fmt: skip
ZEROS: dict[str, Any] = {"bool": False, "string": "", "publicKey": bytes(32), "f32": 0.0, "f64": 0.0}
Fields = Sequence[Mapping[str, Any]]


@cache
def document(idl_file: str) -> Mapping[str, Any]:
    return json.loads(idl_text(idl_file))  # type: ignore[no-any-return]


@cache
def idl_text(idl_file: str) -> str:
    return (resource("idl") / idl_file).read_text(encoding="utf-8")


def program_id(idl_file: str) -> str:
    """The program's address in base58."""
    return str(document(idl_file)["metadata"]["address"])


def event_names(idl_file: str) -> list[str]:
    return [event["name"] for event in document(idl_file)["events"]]


def event_fields(idl_file: str, event: str) -> Fields:
    return named(document(idl_file)["events"], event)["fields"]  # type: ignore[no-any-return]


def discriminator(event: str) -> bytes:
    return sha256(f"event:{event}".encode()).digest()[:8]


# --- bytes ---------------------------------------------------------------------------------------------------------


def encode_event(idl_file: str, event: str, /, *, end: str | None = None, **values: Any) -> bytes:
    """Discriminator and body. Omitted values are zero, None or empty; `end` is the last field that is written.

    Enums by ordinal or variant name, keys as 32 bytes or base58, `[u8; n]` as bytes, structs as mappings. Raises
    KeyError for a name that the event does not have.
    """
    return discriminator(event) + _fields(idl_file, event_fields(idl_file, event), values, event, end)


def encode_type(idl_file: str, name: str, /, *, end: str | None = None, **values: Any) -> bytes:
    """The bytes of one struct of the IDL's types, without a discriminator."""
    return _fields(idl_file, type_of(idl_file, name)["type"]["fields"], values, name, end)


def encode_account(idl_file: str, account: str, /, **values: Any) -> bytes:
    """An account image: sha256("account:Name")[:8] and the body."""
    fields = named(document(idl_file)["accounts"], account)["type"]["fields"]
    return sha256(f"account:{account}".encode()).digest()[:8] + _fields(idl_file, fields, values, account, None)


def _fields(idl: str, fields: Fields, values: Mapping[str, Any], owner: str, end: str | None) -> bytes:
    names = [field["name"] for field in fields]
    if unknown := set(values) - set(names):
        raise KeyError(f"{owner} has no field {sorted(unknown)}")
    last = len(names) if end is None else names.index(end) + 1
    return b"".join(_encode(idl, f["type"], values.get(f["name"], ...), f"{owner}.{f['name']}") for f in fields[:last])


def _encode(idl: str, kind: Any, value: Any, place: str) -> bytes:
    if isinstance(kind, str):
        return _primitive(kind, value, place)
    if "defined" in kind:
        return _defined(idl, kind["defined"], value)
    if "option" in kind:
        return b"\0" if value is None or value is ... else b"\1" + _encode(idl, kind["option"], value, place)
    if "vec" in kind:
        return _vector(idl, kind["vec"], () if value is ... else value, place)
    inside, length = kind["array"]
    if inside == "u8":
        return bytes(Bytes(length).build(bytes(length) if value is ... else bytes(value)))
    items = [...] * length if value is ... else list(value)
    assert len(items) == length, f"{place}: {len(items)} values, the IDL needs {length}"
    return b"".join(_encode(idl, inside, item, place) for item in items)


def _primitive(kind: str, value: Any, place: str) -> bytes:
    value = ZEROS.get(kind, 0) if value is ... else value
    if kind == "publicKey" and isinstance(value, str):
        value = bytes(Pubkey.from_string(value))
    assert value is not None, f"{place}: None for a {kind}"
    return bytes(WRITERS[kind].build(value))


def _vector(idl: str, inside: Any, values: Sequence[Any], place: str) -> bytes:
    return bytes(borsh.U32.build(len(values))) + b"".join(_encode(idl, inside, value, place) for value in values)


def _defined(idl: str, name: str, value: Any) -> bytes:
    body = type_of(idl, name)["type"]
    if body["kind"] == "struct":
        return _fields(idl, body["fields"], {} if value is ... else value, name, None)
    variants = [variant["name"] for variant in body["variants"]]
    ordinal = 0 if value is ... else variants.index(value) if isinstance(value, str) else value
    return bytes(borsh.U8.build(ordinal))


def type_of(idl: str, name: str) -> Mapping[str, Any]:
    return named(document(idl)["types"], name)


def named(listed: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next(entry for entry in listed if entry["name"] == name)
