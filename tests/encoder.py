"""Write events as the chain would, and draw any values for their fields: the encoder of the simulation, for tests.

`random_event` and its relatives give hypothesis strategies for any value a field can hold, extremes included.
"""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

from hypothesis import strategies as st

from indexer.simulation.encoder import (
    IDL_FILES,
    INTEGERS,
    Fields,
    discriminator,
    document,
    encode_account,
    encode_event,
    encode_type,
    event_fields,
    event_names,
    idl_text,
    program_id,
    type_of,
)

__all__ = [
    "IDL_FILES",
    "discriminator",
    "document",
    "drawn_event",
    "drawn_payload",
    "encode_account",
    "encode_event",
    "encode_type",
    "event_fields",
    "event_names",
    "event_values",
    "idl_text",
    "program_id",
    "random_event",
    "random_payload",
]

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
    body = type_of(idl, kind["defined"])["type"]
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
    body = type_of(idl, kind["defined"])["type"]
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
