"""Transactions of a block in encoding json, opened only where they may be ours.

Of one that failed, or names none of the programs, nothing is checked but its outcome and its keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

import msgspec

from indexer.core.jsonrpc import Malformed
from indexer.core.rpc.shapes import Body, Call, Inner, Loaded, Message, Meta, Shown, converted
from indexer.core.transaction import Version

_Part = TypeVar("_Part")  # As it came: bytes of JSON, or objects.
_NULL = msgspec.Raw(b"null")


class _EntryMeta(msgspec.Struct, Generic[_Part], rename="camel", gc=False):
    err: Any = None
    inner_instructions: _Part = _NULL  # type: ignore[assignment]  # Right for Raw; None is read the same from objects.
    log_messages: _Part = _NULL  # type: ignore[assignment]  # The same.
    loaded_addresses: Loaded | None = None


class _EntryMessage(msgspec.Struct, Generic[_Part], rename="camel", gc=False):
    account_keys: list[str]
    instructions: _Part


class _EntryBody(msgspec.Struct, Generic[_Part], rename="camel", gc=False):
    signatures: _Part
    message: _EntryMessage[_Part]


class Entry(msgspec.Struct, Generic[_Part], rename="camel", gc=False):
    """A transaction of a block in encoding json: what tells whether it is ours, and the rest as it came."""

    transaction: _EntryBody[_Part]
    meta: _EntryMeta[_Part] | None = None
    version: Version = "legacy"


def named(entries: Iterable[Entry[msgspec.Raw]], names: frozenset[str] | None) -> Iterator[tuple[int, Shown]]:
    """The transactions that may be ours, with their places. Raises ValidationError where one of them is not usual."""
    for index, entry in enumerate(entries):
        if names is None or not _is_foreign(entry, names):
            yield index, _opened(entry)


def is_shown_foreign(item: Any, names: frozenset[str]) -> bool:
    try:
        return _is_foreign(converted(item, Entry[Any], "transaction"), names)
    except Malformed:
        return False  # Another encoding, or a wrong shape, of which the whole reading says what is wrong.


def _is_foreign(entry: Entry[Any], names: frozenset[str]) -> bool:
    """Whether it is shown, without making anything of it, that it failed or names none of the programs."""
    meta = entry.meta
    if meta is None:
        return False
    if meta.err is not None:
        return True
    loaded = meta.loaded_addresses
    if loaded is not None and not (names.isdisjoint(loaded.writable) and names.isdisjoint(loaded.readonly)):
        return False
    return names.isdisjoint(entry.transaction.message.account_keys)


def _opened(entry: Entry[msgspec.Raw]) -> Shown:
    body, meta = entry.transaction, entry.meta
    return Shown(
        transaction=Body(
            signatures=_SIGNATURES.decode(body.signatures),
            message=Message([*body.message.account_keys], _CALLS.decode(body.message.instructions)),
        ),
        meta=None
        if meta is None
        else Meta(
            err=meta.err,
            inner_instructions=_INNER.decode(meta.inner_instructions),
            log_messages=_LINES.decode(meta.log_messages),
            loaded_addresses=meta.loaded_addresses,
        ),
        version=entry.version,
    )


_SIGNATURES = msgspec.json.Decoder(list[str])
_CALLS = msgspec.json.Decoder(list[Call])
_INNER = msgspec.json.Decoder(list[Inner] | None)
_LINES = msgspec.json.Decoder(list[str] | None)
