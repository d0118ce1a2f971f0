"""A record as people and programs see it: the names and units of the contract.

Dollars and tokens are decimals as text, keys and signatures are base58, times are UTC, None is null.
The names equal the columns of the views `perps.*`.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import pybase64

from indexer.core import amount, base58
from indexer.core.record import DECODER_VERSION, Failure, Record
from indexer.core.reference import Reference

# Counters of 64 bits: as text, since not every reader of JSON keeps their digits.
_COUNTERS = frozenset({"sequence"})
_RENAMED = {"value_origin": "origin"}
_HEX = frozenset({"discriminator"})
_SYMBOLS = {"mint": "symbol", "mint_in": "symbol_in", "mint_out": "symbol_out"}
_HIDDEN = frozenset({"origin", "part", "enclosing", "is_text"})


def shown(record: Record, reference: Reference) -> dict[str, Any]:
    """One record as a JSON object: identity first, then what it says. Nothing is settled here."""
    return {**_identity(record), **_named(record, reference)}


def _identity(record: Record) -> dict[str, Any]:
    origin = record.origin
    return {
        "record": record.kind,
        "protocol": origin.protocol,
        "program_id": base58.encode(origin.program_id),
        "slot": origin.slot,
        "signature": base58.encode(origin.signature),
        "channel": origin.channel,
        "index": origin.index,
        "part": record.part,
        "tx_index": origin.tx_index,
        "block_time": utc(origin.block_time),
        "event": origin.event,
        "settled": False,
        "decoder_version": DECODER_VERSION,
    }


def _named(record: Record, reference: Reference) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (label, show) in _columns(type(record)).items():
        value = getattr(record, name)
        if name == "market_key":
            found |= _market(record.origin.protocol, value, reference)
        found[label] = None if value is None else show(value)
        if name in _SYMBOLS:
            found[_SYMBOLS[name]] = _symbol(value, reference)
    return found


def _market(protocol: str, key: str | None, reference: Reference) -> dict[str, Any]:
    """An unknown market is called by its key; where a record has none, nothing is known or unknown."""
    if key is None:
        return {"market": None, "base_asset": None, "market_known": None}
    market = reference.market(protocol, key)
    return {
        "market": key if market is None else market.symbol,
        "base_asset": None if market is None else market.base_asset,
        "market_known": market is not None,
    }


def _symbol(mint: bytes | None, reference: Reference) -> str | None:
    token = None if mint is None else reference.tokens.get(mint)
    return None if token is None else token.symbol


@cache
def _columns(kind: type[Record]) -> Mapping[str, tuple[str, Callable[[Any], Any]]]:
    """Field -> (name, how it is shown)."""
    hints = typing.get_type_hints(kind)
    names = [field.name for field in msgspec.structs.fields(kind) if field.name not in _HIDDEN]
    return {name: (_label(name), _way(kind, name, hints[name])) for name in names}


def _label(name: str) -> str:
    return _RENAMED.get(name, name.removesuffix("_e6"))


def _way(kind: type[Record], name: str, hint: Any) -> Callable[[Any], Any]:
    types = set(typing.get_args(hint)) | {hint}
    if name.endswith("_e6"):
        return lambda value: amount.plain(amount.exact(value, amount.USD_DECIMALS))
    if Decimal in types:
        return amount.plain
    if bytes in types and kind is Failure:
        return bytes.hex if name in _HEX else pybase64.b64encode_as_string
    if bytes in types:
        return base58.encode
    return str if name in _COUNTERS else lambda value: value


def utc(seconds: int | None) -> str | None:
    """Unix seconds as 2024-03-14T18:41:18Z."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
