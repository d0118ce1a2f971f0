"""Layouts: decoders made from an IDL once, at start.

`writer` turns each event into straight-line code: one `unpack_from` for every run of fixed fields, a
branch for every Option. A layout that grew on chain has several allowed ends; a payload that ends at
one of them is whole, its absent tail is None. One that changed otherwise has a layout for each stretch of slots,
and all of them give values of one class. Bytes never raise anything but Undecodable or Surplus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from indexer.core.dated import Dated, dated_events, widest
from indexer.core.decoder import Surplus, Undecodable, compile_decoder
from indexer.core.idl import Enum, Fields, Idl, Shape, UnsupportedIdl, discriminator, enum_names

__all__ = ["Earlier", "Layout", "Surplus", "Undecodable", "compile_accounts", "compile_layouts", "enum_names"]


# From discriminator and body to a struct with the IDL's field names. Raises Undecodable, or Surplus where the payload
# is longer than the newest layout.
Decode = Callable[[bytes], Any]


class Earlier(msgspec.Struct, frozen=True):
    """A layout that was replaced by another one in `until_slot`."""

    until_slot: int
    decode: Decode


class Layout(msgspec.Struct, frozen=True):
    name: str
    discriminator: bytes
    decode: Decode  # The newest.
    earlier: tuple[Earlier, ...] = ()  # Oldest first.

    def at(self, slot: int) -> Decode:
        """The decoder that holds in a slot."""
        for one in self.earlier:
            if slot < one.until_slot:
                return one.decode
        return self.decode


def compile_layouts(
    idl_text: str,
    *,
    file: str = "IDL",
    tails: Mapping[str, Sequence[str]] | None = None,
    older: Mapping[str, Mapping[int, str]] | None = None,
) -> dict[bytes, Layout]:
    """Decoders of every event of an IDL, by discriminator.

    `file` is named by errors. `tails[event]` names the fields after which a payload may end, besides the last.
    `older[event]` maps a payload length (discriminator included) to the type that payloads of this length have.
    Raises UnsupportedIdl.
    """
    idl = Idl(idl_text)
    layouts = {}
    for name, dated in dated_events(idl_text, file).items():
        old = {length: _struct(idl.type(type_name)) for length, type_name in (older or {}).get(name, {}).items()}
        layouts[discriminator("event", name)] = _layout(name, dated, (tails or {}).get(name, ()), old)
    return layouts


def _layout(name: str, dated: Sequence[Dated], tails: Sequence[str], older: Mapping[int, Fields]) -> Layout:
    """Ends in `tails` are good in every stretch of slots that knows them; lengths in `older` in the first alone."""
    result = widest(dated)

    def decoder(one: Dated) -> Decode:
        ends = [end for end in tails if end in dict(one.shape.fields)]
        return compile_decoder(one.shape, ends=ends, older=older if one is dated[0] else {}, result=result)

    earlier = tuple(Earlier(one.until_slot, decoder(one)) for one in dated if one.until_slot is not None)
    return Layout(name, discriminator("event", name), decoder(dated[-1]), earlier)


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
