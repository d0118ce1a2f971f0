"""The JSON of RPC answers as far as it is used: shapes of transactions, and how a value is given one.

Fields that are absent in some age or encoding have defaults; unknown fields are passed over. Nothing here knows what a
transaction means.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec

from indexer.core.jsonrpc import Malformed

MAX_SLOT = 2**62  # Ends of spans and of partitions lie behind their slots and must fit a bigint too.
_Shape = TypeVar("_Shape")


class Loaded(msgspec.Struct, rename="camel", gc=False):
    """Accounts that came from lookup tables."""

    writable: list[str] = []
    readonly: list[str] = []


_Height = Annotated[int, msgspec.Meta(ge=0, le=2**15 - 1)]  # No depth has a fixed bound; this one fits a smallint.


class Call(msgspec.Struct, rename="camel"):
    """An instruction in any JSON encoding: by index (json), by key (jsonParsed), or parsed by the node."""

    program_id_index: int | None = None
    program_id: str | None = None
    accounts: list[int | str] = []
    data: str | None = None
    stack_height: _Height | None = None


class Inner(msgspec.Struct, rename="camel"):
    """The inner instructions of the outer one at `index`."""

    index: int
    instructions: list[Call]


class Meta(msgspec.Struct, rename="camel"):
    """The effects of a transaction."""

    err: Any = None
    inner_instructions: list[Inner] | None = None
    log_messages: list[str] | None = None
    loaded_addresses: Loaded | None = None


class ParsedKey(msgspec.Struct):
    """An account key in encoding jsonParsed."""

    pubkey: str


class Message(msgspec.Struct, rename="camel"):
    account_keys: list[str | ParsedKey]
    instructions: list[Call]


class Body(msgspec.Struct, rename="camel"):
    """A transaction's own part in encoding json or jsonParsed."""

    signatures: list[str]
    message: Message


class Shown(msgspec.Struct, rename="camel"):
    """A transaction as a node shows it, alone or in a block."""

    transaction: Any
    meta: Meta | None = None
    version: Any = "legacy"  # Absent in answers of before versions.
    slot: int | None = None
    block_time: int | None = None


class UsualShown(Shown, rename="camel"):
    """In encoding json or jsonParsed, where everything is as it should be."""

    transaction: Body


class Head(msgspec.Struct, rename="camel"):
    """What a block says of itself and of its parent."""

    parent_slot: int
    block_time: int | None = None
    blockhash: str | None = None
    previous_blockhash: str | None = None


def converted(value: Any, shape: type[_Shape], path: str) -> _Shape:
    """Plain objects in this shape. Raises Malformed, which names the path."""
    try:
        return msgspec.convert(value, shape)
    except (msgspec.ValidationError, RecursionError, UnicodeEncodeError) as error:  # The last: half a surrogate pair.
        raise Malformed(f"{path}: {error}") from None


def slot_in_range(slot: int) -> int:
    """The slot itself. Raises Malformed where nothing of it could be kept."""
    if not 0 <= slot <= MAX_SLOT:
        raise Malformed(f"slot {slot} is out of range")
    return slot
