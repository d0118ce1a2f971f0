"""getTransaction as a Transaction, from any encoding; transactions of blocks are made here too."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import msgspec
import pybase64
from solders.transaction import VersionedTransaction

from indexer.core import base58
from indexer.core.jsonrpc import Malformed, Reading
from indexer.core.rpc.shapes import Body, Call, Inner, Loaded, ParsedKey, Shown, UsualShown, converted, slot_in_range
from indexer.core.transaction import Instruction, Transaction, Unavailable, Version, plausible_time

_VERSIONS = ("legacy", 0, 1)


class _Content(msgspec.Struct):
    """A transaction's own part, whatever its encoding was."""

    signature: bytes
    keys: list[bytes]
    calls: list[Call]


def parse_transaction(answer: Any) -> Transaction:
    """A getTransaction result (the object under `result`) as a Transaction. Raises Malformed, Unavailable."""
    if answer is None:
        raise Unavailable("the node answers null for this transaction")
    return _alone(converted(answer, Shown, "result"))


def _alone(entry: Shown) -> Transaction:
    if entry.slot is None:
        raise Malformed("result.slot is missing")
    return transaction_of(entry, slot_in_range(entry.slot), None, plausible_time(entry.block_time))


def transaction_of(entry: Shown, slot: int, index: int | None, block_time: int | None) -> Transaction:
    if entry.meta is None:
        raise Unavailable("meta is null: the node does not have its effects")
    if not _is_known(entry.version):
        raise Unavailable(f"its version {str(entry.version)[:20]!r} is not known")
    version = cast(Version, entry.version)
    content = _content(entry.transaction, version, entry.meta.loaded_addresses)
    return Transaction(
        slot=slot,
        signature=content.signature,
        succeeded=entry.meta.err is None,
        keys=frozenset(content.keys),
        instructions=_flat(content, entry.meta.inner_instructions),
        logs=None if entry.meta.log_messages is None else tuple(entry.meta.log_messages),
        tx_index=index,
        block_time=block_time,
        version=version,
    )


def _is_known(version: Any) -> bool:
    return not isinstance(version, bool) and version in _VERSIONS


def _content(body: Any, version: Version, loaded: Loaded | None) -> _Content:
    """Signature, keys (loaded ones behind the static ones) and outer instructions of any encoding."""
    if type(body) is Body or isinstance(body, dict):
        content, has_loaded = _json_content(body)
    elif isinstance(body, list) and len(body) == 2 and all(isinstance(part, str) for part in body):
        content, has_loaded = _wire_content(_wire(body[0], body[1]), version), False
    elif isinstance(body, str):
        content, has_loaded = _wire_content(_wire(body, "base58"), version), False
    else:
        raise Malformed("transaction: neither an object nor [text, encoding]")
    if loaded is not None and not has_loaded:
        content.keys += map(_key, (*loaded.writable, *loaded.readonly))
    return content


def _json_content(body: Any) -> tuple[_Content, bool]:
    parsed = body if type(body) is Body else converted(body, Body, "transaction")
    if not parsed.signatures:
        raise Malformed("transaction.signatures is empty")
    keys = parsed.message.account_keys
    # jsonParsed lists the loaded ones among them. Types are compared: `isinstance` of a Struct is ten times as slow.
    is_parsed = ParsedKey in set(map(type, keys))
    texts = [k.pubkey if type(k) is ParsedKey else k for k in keys] if is_parsed else keys
    content = _Content(signature_bytes(parsed.signatures[0]), [*map(_key, texts)], parsed.message.instructions)
    return content, is_parsed


def _wire(text: str, encoding: str) -> bytes:
    try:
        if encoding == "base64":
            return pybase64.b64decode(text, validate=True)
        if encoding == "base58":
            return base58.decode(text)
    except ValueError:
        raise Malformed(f"transaction: no {encoding}") from None
    raise Unavailable(f"its encoding {encoding[:20]!r} is not known")


def _wire_content(wire: bytes, version: Version) -> _Content:
    if version == 1:
        raise Unavailable("a version 1 body is read from json only")
    try:
        signed = VersionedTransaction.from_bytes(wire)
    except ValueError:
        raise Unavailable("its bytes are no transaction of a known version") from None
    if not signed.signatures:
        raise Malformed("transaction: no signature")
    message = signed.message
    calls = [
        Call(program_id_index=i.program_id_index, accounts=list(i.accounts), data=base58.encode(i.data))
        for i in message.instructions
    ]
    return _Content(bytes(signed.signatures[0]), [bytes(k) for k in message.account_keys], calls)


def _flat(content: _Content, inner: Sequence[Inner] | None) -> tuple[Instruction, ...] | None:
    """Instructions in flat order; None where inner ones were not recorded."""
    if inner is None:
        return None
    groups: dict[int, list[Call]] = {}
    for group in inner:
        if not 0 <= group.index < len(content.calls):
            raise Malformed(f"meta.innerInstructions: index {group.index} of {len(content.calls)} instructions")
        groups.setdefault(group.index, []).extend(group.instructions)
    found: list[Instruction] = []
    for outer, call in enumerate(content.calls):
        found.append(_instruction(len(found), outer, call, content.keys, is_inner=False))
        for nested in groups.get(outer, ()):
            found.append(_instruction(len(found), outer, nested, content.keys, is_inner=True))
    return tuple(found)


def _instruction(index: int, outer: int, call: Call, keys: Sequence[bytes], *, is_inner: bool) -> Instruction:
    program_id = _at(keys, call.program_id_index) if call.program_id is None else _key(call.program_id)
    return Instruction(
        index=index,
        outer=outer,
        is_inner=is_inner,
        program_id=program_id,
        accounts=_accounts(call.accounts, keys),
        stack_height=call.stack_height if is_inner else 1,
        text=call.data,
    )


def _accounts(named: Sequence[int | str], keys: Sequence[bytes]) -> tuple[bytes, ...]:
    """By index, as almost all are, or by key."""
    try:
        if not named or min(named) >= 0:  # type: ignore[operator]  # A text among them is a TypeError.
            return tuple(map(keys.__getitem__, named))  # type: ignore[arg-type]  # The same.
    except (TypeError, IndexError):
        pass  # Some are keys, or an index is too high: which one is told below.
    return tuple(_key(a) if isinstance(a, str) else _at(keys, a) for a in named)


def _at(keys: Sequence[bytes], place: int | None) -> bytes:
    if place is None or not 0 <= place < len(keys):
        raise Malformed(f"account index {place} of {len(keys)} keys")
    return keys[place]


@lru_cache(maxsize=65_536)
def _key(text: str) -> bytes:
    try:
        return base58.key(text)
    except base58.NotBase58 as error:
        raise Malformed(str(error)) from None


def signature_bytes(text: str) -> bytes:
    try:
        return base58.signature(text)
    except base58.NotBase58 as error:
        raise Malformed(str(error)) from None


# `parse_transaction` from the bytes of an answer.
TRANSACTION: Reading[UsualShown, Transaction] = Reading(UsualShown, _alone, parse_transaction)
