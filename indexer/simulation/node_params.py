"""Parameters of requests: read as Agave reads them, and refused in its way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeVar

import msgspec

from indexer.core import base58
from indexer.simulation.cluster import Commitment
from indexer.simulation.encodings import Details, Encoding
from indexer.simulation.node_errors import invalid_params

_Shape = TypeVar("_Shape")


class Config(msgspec.Struct, frozen=True, rename="camel"):
    """What every method takes in its last parameter."""

    commitment: Commitment | None = None
    min_context_slot: int | None = None

    @property
    def level(self) -> Commitment:
        return self.commitment or "finalized"


class TransactionConfig(Config, frozen=True, rename="camel"):
    encoding: Encoding | None = None
    max_supported_transaction_version: int | None = None


class BlockConfig(TransactionConfig, frozen=True, rename="camel"):
    transaction_details: Details | None = None
    rewards: bool | None = None


class HistoryConfig(Config, frozen=True, rename="camel"):
    before: str | None = None
    until: str | None = None
    limit: int | None = None


class StatusConfig(msgspec.Struct, frozen=True, rename="camel"):
    search_transaction_history: bool = False


class Slice(msgspec.Struct, frozen=True):
    offset: int
    length: int


class Memcmp(msgspec.Struct, frozen=True):
    offset: int
    bytes: str
    encoding: Literal["base58", "base64"] | None = None


class AccountFilter(msgspec.Struct, frozen=True, rename="camel"):
    """Exactly one of the two."""

    data_size: int | None = None
    memcmp: Memcmp | None = None


class AccountConfig(Config, frozen=True, rename="camel"):
    encoding: Literal["base58", "base64", "base64+zstd", "jsonParsed"] | None = None
    data_slice: Slice | None = None
    filters: Sequence[AccountFilter] | None = None
    with_context: bool | None = None


Params = Sequence[Any]


def config_at(params: Params, place: int, shape: type[_Shape]) -> _Shape:
    """The configuration object at `place`; an encoding alone may stand for it."""
    value = params[place] if place < len(params) else None
    if value is None:
        return shape()
    return converted({"encoding": value} if isinstance(value, str) else value, shape)


def converted(value: Any, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise invalid_params(f"Invalid params: {error}.") from None


def required(params: Params, place: int) -> Any:
    if place >= len(params):
        raise invalid_params(f"Invalid params: invalid length {len(params)}, expected at least {place + 1} elements.")
    return params[place]


def slot_at(params: Params, place: int) -> int:
    value = required(params, place)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise invalid_params(f"Invalid params: invalid type: {_kind(value)}, expected u64.")
    return value


def address_at(params: Params, place: int) -> str:
    return address(required(params, place))


def address(value: Any) -> str:
    return _base58(value, 32)


def signature(value: Any) -> str:
    return _base58(value, 64)


def at_least_confirmed(config: Config) -> Commitment:
    """The commitment asked for, where `processed` will not do."""
    if config.level == "processed":
        raise invalid_params("Method does not support commitment below `confirmed`")
    return config.level


def _base58(value: Any, size: int) -> str:
    if not isinstance(value, str):
        raise invalid_params(f"Invalid params: invalid type: {_kind(value)}, expected a string.")
    try:
        (base58.key if size == 32 else base58.signature)(value)
    except base58.NotBase58:
        is_base58 = value.isascii() and set(value.encode()) <= set(base58.ALPHABET)
        raise invalid_params(f"Invalid param: {'WrongSize' if is_base58 else 'Invalid'}") from None
    return value


def _kind(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "floating point", str: "string", list: "sequence", dict: "map"}
    return f"{names.get(type(value), 'null')} `{value}`"
