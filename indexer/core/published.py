"""An IDL as a program publishes it, in any of three dialects: Anchor's classic and new one, and Codama's.

It is somebody else's document, so nothing of it is trusted: what does not fit, is too deep or too large is
UnsupportedIdl. An event, account or type that no shape of ours can say (an enum with data, a map) is an UnsupportedIdl
of its own, beside those that can be read. Names are kept as they are written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from indexer.core.idl import Fields, Shape, UnsupportedIdl
from indexer.core.published_anchor import AnchorTypes, anchor_instructions, written_bytes
from indexer.core.published_codama import CodamaTypes, codama_discriminator, codama_instructions

Dialect = Literal["classic", "anchor", "codama"]
_Reader = Callable[[Mapping[str, Any]], Shape]


class Declared(msgspec.Struct, frozen=True):
    """An event or an account. `discriminator` None: it follows from the name. `shape`: or why there is none."""

    name: str
    discriminator: bytes | None
    shape: Fields | UnsupportedIdl


class Published(msgspec.Struct, frozen=True):
    """`events` None: the document says nothing of events, which is not the same as none."""

    dialect: Dialect
    version: str | None
    events: tuple[Declared, ...] | None
    accounts: tuple[Declared, ...]
    instructions: Mapping[bytes, tuple[str, tuple[str, ...]]]  # Discriminator -> name, names of its accounts in order.


def read_published(text: str) -> Published:
    """Raises UnsupportedIdl where it is no IDL of a dialect that we know."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnsupportedIdl(f"no JSON: {error}") from None
    match document:
        case {"standard": "codama", "program": {**program}}:
            return _codama(program)
        case {"instructions": list()}:
            return _anchor(document)
        case _:
            raise UnsupportedIdl("neither an IDL of Anchor nor of Codama")


def _anchor(document: Mapping[str, Any]) -> Published:
    types, told = AnchorTypes(_listed(document, "types")), _table(document.get("metadata"))
    version = document.get("version", told.get("version"))
    events = _listed(document, "events") if "events" in document else None
    return Published(
        "anchor" if "address" in document and "spec" in told else "classic",
        version if isinstance(version, str) else None,
        None if events is None else tuple(_declared(one, types.declared, _written) for one in events),
        tuple(_declared(one, types.declared, _written) for one in _listed(document, "accounts")),
        anchor_instructions(_listed(document, "instructions")),
    )


def _codama(program: Mapping[Any, Any]) -> Published:
    types, version = CodamaTypes(_listed(program, "definedTypes")), program.get("version")
    events = _listed(program, "events") if "events" in program else None
    return Published(
        "codama",
        version if isinstance(version, str) else None,
        None if events is None else tuple(_declared(one, types.declared, codama_discriminator) for one in events),
        tuple(_declared(one, types.declared, codama_discriminator) for one in _listed(program, "accounts")),
        codama_instructions(_listed(program, "instructions")),
    )


def _declared(
    entry: Mapping[str, Any], reader: _Reader, discriminator: Callable[[Mapping[str, Any]], bytes | None]
) -> Declared:
    name = entry.get("name")
    if not isinstance(name, str):
        raise UnsupportedIdl(f"a declaration without a name: {str(entry)[:80]}")
    try:
        shape = reader(entry)
    except UnsupportedIdl as error:
        return Declared(name, discriminator(entry), error)
    read = shape if isinstance(shape, Fields) else UnsupportedIdl(f"{name} is no struct")
    return Declared(name, discriminator(entry), read)


def _written(entry: Mapping[str, Any]) -> bytes | None:
    return written_bytes(entry.get("discriminator"))


def _listed(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = document.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise UnsupportedIdl(f"{key} is no list of declarations")
    return found


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
