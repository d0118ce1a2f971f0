"""Write events as the chain would: a second reading of the IDLs, by borsh-construct alone.

Nothing here is shared with the decoder under test, so that a value that comes back equal was read right and not
only read as it was written. The IDL is read as plain JSON, enums are written as their ordinal, and one field is
written after the other, so that a payload can end where an older layout ended.

`random_event` and its relatives give hypothesis strategies for any value a field can hold, extremes included.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from random import Random
from typing import Any

import borsh_construct as borsh
from construct import Bytes
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from tests.shared import REPOSITORY

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
    return (REPOSITORY / "idl" / idl_file).read_text(encoding="utf-8")


def program_id(idl_file: str) -> str:
    """The program's address in base58."""
    return str(document(idl_file)["metadata"]["address"])


def event_names(idl_file: str) -> list[str]:
    return [event["name"] for event in document(idl_file)["events"]]


def event_fields(idl_file: str, event: str) -> Fields:
    return _one(document(idl_file)["events"], event)["fields"]  # type: ignore[no-any-return]


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
    return _fields(idl_file, _type(idl_file, name)["type"]["fields"], values, name, end)


def encode_account(idl_file: str, account: str, /, **values: Any) -> bytes:
    """An account image: sha256("account:Name")[:8] and the body."""
    fields = _one(document(idl_file)["accounts"], account)["type"]["fields"]
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
    body = _type(idl, name)["type"]
    if body["kind"] == "struct":
        return _fields(idl, body["fields"], {} if value is ... else value, name, None)
    variants = [variant["name"] for variant in body["variants"]]
    ordinal = 0 if value is ... else variants.index(value) if isinstance(value, str) else value
    return bytes(borsh.U8.build(ordinal))


def _type(idl: str, name: str) -> Mapping[str, Any]:
    return _one(document(idl)["types"], name)


def _one(listed: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next(entry for entry in listed if entry["name"] == name)


# --- arbitrary values ----------------------------------------------------------------------------------------------


@cache
def event_values(idl_file: str, event: str) -> st.SearchStrategy[dict[str, Any]]:
    """Values for every field of one event, as `encode_event` takes them and a decoder should give them."""
    return _struct_values(idl_file, event_fields(idl_file, event))


def random_event(idl_file: str) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    """(event name, values) of any event of one IDL."""
    return st.one_of([st.tuples(st.just(name), event_values(idl_file, name)) for name in event_names(idl_file)])


def random_payload(idl_file: str) -> st.SearchStrategy[bytes]:
    """Encoded: discriminator and body of any event of one IDL."""
    return random_event(idl_file).map(lambda drawn: encode_event(idl_file, drawn[0], **drawn[1]))


def _struct_values(idl: str, fields: Fields) -> st.SearchStrategy[dict[str, Any]]:
    names = [field["name"] for field in fields]
    values = st.tuples(*(_values(idl, field["type"]) for field in fields))
    return values.map(lambda drawn: dict(zip(names, drawn, strict=True)))


def _values(idl: str, kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, str):
        return _primitive_values(kind)
    if "option" in kind:
        return st.none() | _values(idl, kind["option"])
    if "vec" in kind:
        return st.lists(_values(idl, kind["vec"]), max_size=3)
    if "array" in kind:
        inside, length = kind["array"]
        if inside == "u8":
            return st.binary(min_size=length, max_size=length)
        return st.lists(_values(idl, inside), min_size=length, max_size=length)
    body = _type(idl, kind["defined"])["type"]
    if body["kind"] == "struct":
        return _struct_values(idl, body["fields"])
    return st.integers(0, len(body["variants"]) - 1)


def _primitive_values(kind: str) -> st.SearchStrategy[Any]:
    if kind in INTEGERS:
        signed, bits = INTEGERS[kind]
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        return st.sampled_from((0, 1, low, high)) | st.integers(low, high)
    if kind == "publicKey":
        return st.binary(min_size=32, max_size=32)
    if kind in ("f32", "f64"):
        return st.floats(width=32 if kind == "f32" else 64, allow_nan=False)
    return {"bool": st.booleans(), "string": st.text(max_size=12)}[kind]


# --- values by seed ------------------------------------------------------------------------------------------------


def drawn_event(rng: Random, idl_file: str) -> tuple[str, dict[str, Any]]:
    """(event name, values) by a generator of numbers: much faster than a strategy, and as wide."""
    event = rng.choice(document(idl_file)["events"])
    return event["name"], _drawn_struct(rng, idl_file, event["fields"])


def drawn_payload(rng: Random, idl_file: str) -> bytes:
    name, values = drawn_event(rng, idl_file)
    return encode_event(idl_file, name, **values)


def _drawn_struct(rng: Random, idl: str, fields: Fields) -> dict[str, Any]:
    return {field["name"]: _drawn(rng, idl, field["type"]) for field in fields}


def _drawn(rng: Random, idl: str, kind: Any) -> Any:
    if isinstance(kind, str):
        return _drawn_primitive(rng, kind)
    if "option" in kind:
        return _drawn(rng, idl, kind["option"]) if rng.random() < 0.6 else None
    if "vec" in kind:
        return [_drawn(rng, idl, kind["vec"]) for _ in range(rng.randrange(3))]
    if "array" in kind:
        inside, length = kind["array"]
        return rng.randbytes(length) if inside == "u8" else [_drawn(rng, idl, inside) for _ in range(length)]
    body = _type(idl, kind["defined"])["type"]
    if body["kind"] == "struct":
        return _drawn_struct(rng, idl, body["fields"])
    return rng.randrange(len(body["variants"]))


def _drawn_primitive(rng: Random, kind: str) -> Any:
    if kind not in INTEGERS:
        return {"publicKey": rng.randbytes(32), "bool": rng.random() < 0.5, "string": rng.choice(("", "é", "text"))}[
            kind
        ]
    signed, bits = INTEGERS[kind]
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return rng.choice((0, 1, low, high, rng.randint(low, high), min(rng.randrange(1 << 40), high)))
