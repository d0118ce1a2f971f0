"""Transactions out of what RPC nodes answer: getTransaction, getBlock, logsNotification.

Only fields that are used are read, and only their shapes are checked; `err` and everything unknown
are opaque. Encodings json, jsonParsed and base64 (base58 too) give the same Transaction. Two things
can go wrong: `Malformed`, it is no such answer; `Unavailable`, it is one, and its body cannot be
read, so that it says nothing about the chain.

`TRANSACTION` and `block_reading` read the same from the bytes of an answer (core/jsonrpc.py): what is
usual in one typed pass, everything else by the functions here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar, cast

import msgspec
import pybase64
from solders.transaction import VersionedTransaction

from indexer.core import base58
from indexer.core.gate import gate
from indexer.core.jsonrpc import Malformed as Malformed
from indexer.core.jsonrpc import Reading
from indexer.core.transaction import Instruction, Transaction, Unavailable, Version, plausible_time

MAX_SLOT = 2**62  # Ends of spans and of partitions lie behind their slots and must fit a bigint too.
_VERSIONS = ("legacy", 0, 1)
_Shape = TypeVar("_Shape")
_Part = TypeVar("_Part")  # As it came: bytes of JSON, or objects.


class Block(msgspec.Struct, frozen=True):
    slot: int
    parent_slot: int
    block_time: int | None
    transactions: tuple[Transaction, ...]
    unavailable: tuple[str, ...]  # One line for each transaction whose body cannot be read.
    blockhash: str | None = None
    previous_blockhash: str | None = None  # The blockhash of the parent.


class BlockHead(msgspec.Struct, frozen=True):
    """A block without its transactions; `signatures`: of all of them, by place, where they were asked for."""

    slot: int
    parent_slot: int
    block_time: int | None
    blockhash: str | None
    previous_blockhash: str | None
    signatures: tuple[str, ...] = ()


class _Head(msgspec.Struct, rename="camel"):
    parent_slot: int
    block_time: int | None = None
    blockhash: str | None = None
    previous_blockhash: str | None = None


class _Loaded(msgspec.Struct, rename="camel", gc=False):
    writable: list[str] = []
    readonly: list[str] = []


_Height = Annotated[int, msgspec.Meta(ge=0, le=2**15 - 1)]  # No depth has a fixed bound; this one fits a smallint.


class _Call(msgspec.Struct, rename="camel"):
    """An instruction in any JSON encoding: by index (json), by key (jsonParsed), or parsed by the node."""

    program_id_index: int | None = None
    program_id: str | None = None
    accounts: list[int | str] = []
    data: str | None = None
    stack_height: _Height | None = None


class _Inner(msgspec.Struct, rename="camel"):
    index: int
    instructions: list[_Call]


class _Meta(msgspec.Struct, rename="camel"):
    err: Any = None
    inner_instructions: list[_Inner] | None = None
    log_messages: list[str] | None = None
    loaded_addresses: _Loaded | None = None


class _ParsedKey(msgspec.Struct):
    pubkey: str


class _Message(msgspec.Struct, rename="camel"):
    account_keys: list[str | _ParsedKey]
    instructions: list[_Call]


class _Body(msgspec.Struct, rename="camel"):
    signatures: list[str]
    message: _Message


class _Transaction(msgspec.Struct, rename="camel"):
    transaction: Any
    meta: _Meta | None = None
    version: Any = "legacy"  # Absent in answers of before versions.
    slot: int | None = None
    block_time: int | None = None


class _UsualTransaction(_Transaction, rename="camel"):
    """In encoding json or jsonParsed, where everything is as it should be."""

    transaction: _Body


class _Signatures(_Head, rename="camel", kw_only=True):
    signatures: tuple[str, ...] = ()


class _Block(_Head, rename="camel", kw_only=True):
    transactions: list[Any]


_NULL = msgspec.Raw(b"null")


class _EntryMeta(msgspec.Struct, Generic[_Part], rename="camel", gc=False):
    err: Any = None
    inner_instructions: _Part = _NULL  # type: ignore[assignment]
    log_messages: _Part = _NULL  # type: ignore[assignment]
    loaded_addresses: _Loaded | None = None


class _EntryMessage(msgspec.Struct, Generic[_Part], rename="camel", gc=False):
    account_keys: list[str]
    instructions: _Part


class _EntryBody(msgspec.Struct, Generic[_Part], rename="camel", gc=False):
    signatures: _Part
    message: _EntryMessage[_Part]


class _Entry(msgspec.Struct, Generic[_Part], rename="camel", gc=False):
    """A transaction of a block in encoding json: what tells whether it is ours, and the rest as it came."""

    transaction: _EntryBody[_Part]
    meta: _EntryMeta[_Part] | None = None
    version: Version = "legacy"


class _UsualBlock(_Head, rename="camel", kw_only=True):
    transactions: list[_Entry[msgspec.Raw]]


class _Value(msgspec.Struct):
    signature: str
    logs: list[str] | None
    err: Any = None


class _Context(msgspec.Struct):
    slot: int


class _Notification(msgspec.Struct):
    context: _Context
    value: _Value


class _Content(msgspec.Struct):
    """A transaction's own part, whatever its encoding was."""

    signature: bytes
    keys: list[bytes]
    calls: list[_Call]


def parse_transaction(answer: Any) -> Transaction:
    """A getTransaction result (the object under `result`) as a Transaction. Raises Malformed, Unavailable."""
    if answer is None:
        raise Unavailable("the node answers null for this transaction")
    return _alone(_convert(answer, _Transaction, "result"))


def parse_block(answer: Any, slot: int, programs: Collection[bytes] | None = None) -> Block:
    """A getBlock result (the object under `result`) as a Block. Raises Malformed, Unavailable.

    `programs`: transactions that failed, or name none of them, are left out, and nothing else of them is checked.
    """
    if answer is None:
        raise Unavailable(f"the node answers null for block {slot}")
    slot = _slot(slot)
    block = _convert(answer, _Block, "result")
    names = _names(programs)
    entries = (
        (index, _convert(item, _Transaction, f"result.transactions[{index}]"))
        for index, item in enumerate(block.transactions)
        if names is None or not _is_shown_foreign(item, names)
    )
    return _block(block, slot, entries, programs)


def parse_notification(message: Any) -> Transaction:
    """A logsNotification, whole or only its `params.result`, as a Transaction. Raises Malformed, Unavailable."""
    inner = message.get("params", message) if isinstance(message, dict) else message
    inner = inner.get("result", inner) if isinstance(inner, dict) else inner
    note = _convert(inner, _Notification, "params.result")
    signature = _signature(note.value.signature)
    if signature == bytes(64):
        raise Unavailable("the notification carries the placeholder signature")
    logs = None if note.value.logs is None else tuple(note.value.logs)
    return Transaction(
        slot=_slot(note.context.slot),
        signature=signature,
        succeeded=note.value.err is None,
        keys=None,
        instructions=None,
        logs=logs,
    )


def block_reading(slot: int, programs: Collection[bytes] | None = None) -> Reading[_UsualBlock, Block]:
    """`parse_block` from the bytes of an answer."""
    names = _names(programs)
    return Reading(
        _UsualBlock,
        lambda block: _block(block, slot, _named(block.transactions, names), programs),
        lambda answer: parse_block(answer, slot, programs),
        None if programs is None else gate(frozenset(programs)).thinned,
    )


def head_reading(slot: int) -> Reading[_Signatures, BlockHead]:
    """A getBlock answer with transactionDetails `none` or `signatures`."""
    return Reading(_Signatures, lambda head: _head(head, slot))


def _head(head: _Signatures, slot: int) -> BlockHead:
    return BlockHead(
        slot=slot,
        parent_slot=head.parent_slot,
        block_time=plausible_time(head.block_time),
        blockhash=head.blockhash,
        previous_blockhash=head.previous_blockhash,
        signatures=head.signatures,
    )


def _alone(entry: _Transaction) -> Transaction:
    if entry.slot is None:
        raise Malformed("result.slot is missing")
    return _transaction(entry, _slot(entry.slot), None, plausible_time(entry.block_time))


def _block(
    head: _Head, slot: int, entries: Iterable[tuple[int, _Transaction]], programs: Collection[bytes] | None
) -> Block:
    block_time = plausible_time(head.block_time)
    transactions, unavailable = [], []
    for index, entry in entries:
        if programs is not None and entry.meta is not None and entry.meta.err is not None:
            continue
        try:
            transaction = _transaction(entry, _slot(slot), index, block_time)
        except Unavailable as error:
            unavailable.append(f"transaction {index}: {error}")
            continue
        if programs is None or not (transaction.keys or frozenset()).isdisjoint(programs):
            transactions.append(transaction)
    return Block(
        slot=slot,
        parent_slot=head.parent_slot,
        block_time=block_time,
        transactions=tuple(transactions),
        unavailable=tuple(unavailable),
        blockhash=head.blockhash,
        previous_blockhash=head.previous_blockhash,
    )


def _names(programs: Collection[bytes] | None) -> frozenset[str] | None:
    return None if programs is None else frozenset(base58.encode(program) for program in programs)


def _named(entries: Iterable[_Entry[msgspec.Raw]], names: frozenset[str] | None) -> Iterator[tuple[int, _Transaction]]:
    """The transactions that may be ours, with their places. Raises ValidationError where one of them is not usual."""
    for index, entry in enumerate(entries):
        if names is None or not _is_foreign(entry, names):
            yield index, _opened(entry)


def _is_shown_foreign(item: Any, names: frozenset[str]) -> bool:
    try:
        return _is_foreign(_convert(item, _Entry[Any], "transaction"), names)
    except Malformed:
        return False  # Another encoding, or a wrong shape, of which the whole reading says what is wrong.


def _is_foreign(entry: _Entry[Any], names: frozenset[str]) -> bool:
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


def _opened(entry: _Entry[msgspec.Raw]) -> _Transaction:
    body, meta = entry.transaction, entry.meta
    return _Transaction(
        transaction=_Body(
            signatures=_SIGNATURES.decode(body.signatures),
            message=_Message([*body.message.account_keys], _CALLS.decode(body.message.instructions)),
        ),
        meta=None
        if meta is None
        else _Meta(
            err=meta.err,
            inner_instructions=_INNER.decode(meta.inner_instructions),
            log_messages=_LINES.decode(meta.log_messages),
            loaded_addresses=meta.loaded_addresses,
        ),
        version=entry.version,
    )


def _is_known(version: Any) -> bool:
    return not isinstance(version, bool) and version in _VERSIONS


def _convert(value: Any, shape: type[_Shape], path: str) -> _Shape:
    try:
        return msgspec.convert(value, shape)
    except (msgspec.ValidationError, RecursionError, UnicodeEncodeError) as error:  # The last: half a surrogate pair.
        raise Malformed(f"{path}: {error}") from None


def _transaction(entry: _Transaction, slot: int, index: int | None, block_time: int | None) -> Transaction:
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


def _content(body: Any, version: Version, loaded: _Loaded | None) -> _Content:
    """Signature, keys (loaded ones behind the static ones) and outer instructions of any encoding."""
    if isinstance(body, dict | _Body):
        content, has_loaded = _json_content(body)
    elif isinstance(body, list) and len(body) == 2 and all(isinstance(part, str) for part in body):
        content, has_loaded = _wire_content(_wire(body[0], body[1]), version), False
    elif isinstance(body, str):
        content, has_loaded = _wire_content(_wire(body, "base58"), version), False
    else:
        raise Malformed("transaction: neither an object nor [text, encoding]")
    if loaded is not None and not has_loaded:
        content.keys += [_key(text) for text in (*loaded.writable, *loaded.readonly)]
    return content


def _json_content(body: Any) -> tuple[_Content, bool]:
    parsed = body if isinstance(body, _Body) else _convert(body, _Body, "transaction")
    if not parsed.signatures:
        raise Malformed("transaction.signatures is empty")
    keys = parsed.message.account_keys
    is_parsed = any(isinstance(k, _ParsedKey) for k in keys)  # jsonParsed lists the loaded ones among them.
    texts = [k.pubkey if isinstance(k, _ParsedKey) else k for k in keys]
    content = _Content(_signature(parsed.signatures[0]), [_key(t) for t in texts], parsed.message.instructions)
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
        _Call(program_id_index=i.program_id_index, accounts=list(i.accounts), data=base58.encode(i.data))
        for i in message.instructions
    ]
    return _Content(bytes(signed.signatures[0]), [bytes(k) for k in message.account_keys], calls)


def _flat(content: _Content, inner: Sequence[_Inner] | None) -> tuple[Instruction, ...] | None:
    """Instructions in flat order; None where inner ones were not recorded."""
    if inner is None:
        return None
    groups: dict[int, list[_Call]] = {}
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


def _instruction(index: int, outer: int, call: _Call, keys: Sequence[bytes], *, is_inner: bool) -> Instruction:
    program_id = _at(keys, call.program_id_index) if call.program_id is None else _key(call.program_id)
    return Instruction(
        index=index,
        outer=outer,
        is_inner=is_inner,
        program_id=program_id,
        accounts=tuple(_key(a) if isinstance(a, str) else _at(keys, a) for a in call.accounts),
        stack_height=call.stack_height if is_inner else 1,
        text=call.data,
    )


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


def _signature(text: str) -> bytes:
    try:
        return base58.signature(text)
    except base58.NotBase58 as error:
        raise Malformed(str(error)) from None


def _slot(slot: int) -> int:
    if not 0 <= slot <= MAX_SLOT:
        raise Malformed(f"slot {slot} is out of range")
    return slot


_SIGNATURES = msgspec.json.Decoder(list[str])
_CALLS = msgspec.json.Decoder(list[_Call])
_INNER = msgspec.json.Decoder(list[_Inner] | None)
_LINES = msgspec.json.Decoder(list[str] | None)
# `parse_transaction` from the bytes of an answer.
TRANSACTION: Reading[_UsualTransaction, Transaction] = Reading(_UsualTransaction, _alone, parse_transaction)
