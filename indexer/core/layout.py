"""Layouts: decoders made from an IDL once, at start.

`writer` turns each event into straight-line code: one `unpack_from` for every run of fixed fields, a
branch for every Option. A layout that grew on chain has several allowed ends; a payload that ends at
one of them is whole, its absent tail is None. Bytes never raise anything but Undecodable or Surplus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from indexer.core.decoder import Surplus, Undecodable, compile_decoder
from indexer.core.idl import Enum, Fields, Idl, Shape, UnsupportedIdl, discriminator, enum_names

__all__ = ["Layout", "Surplus", "Undecodable", "compile_accounts", "compile_layouts", "enum_names"]


class Layout(msgspec.Struct, frozen=True):
    name: str
    discriminator: bytes
    # From discriminator and body to a struct with the IDL's field names. Raises Undecodable, or
    # Surplus where the payload is longer than the newest layout.
    decode: Callable[[bytes], Any]


def compile_layouts(
    idl_text: str,
    *,
    tails: Mapping[str, Sequence[str]] | None = None,
    older: Mapping[str, Mapping[int, str]] | None = None,
) -> dict[bytes, Layout]:
    """Decoders of every event of an IDL, by discriminator.

    `tails[event]` names the fields after which a payload may end, besides the last. `older[event]`
    maps a payload length (discriminator included) to the type that payloads of this length have.
    """
    idl = Idl(idl_text)
    layouts = {}
    for name, shape in idl.events.items():
        old = {length: _struct(idl.type(type_name)) for length, type_name in (older or {}).get(name, {}).items()}
        decode = compile_decoder(shape, ends=(tails or {}).get(name, ()), older=old)
        key = discriminator("event", name)
        layouts[key] = Layout(name, key, decode)
    return layouts


def compile_accounts(idl_text: str) -> dict[bytes, Layout]:
    """Decoders of every account of an IDL, by discriminator. What follows the known fields is left."""
    layouts = {}
    for name, shape in Idl(idl_text).accounts.items():
        key = discriminator("account", name)
        layouts[key] = Layout(name, key, compile_decoder(_struct(shape), trailing=True))
    return layouts


def _struct(shape: Shape) -> Fields:
    if isinstance(shape, Fields):
        return shape
    raise UnsupportedIdl(f"{shape.name if isinstance(shape, Enum) else shape} is no struct")
