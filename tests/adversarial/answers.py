"""A world's transaction as a node would show it: json, jsonParsed, base64, in a block, in a notification.

Base58 comes from the `based58` package, the wire format from solders, so that nothing is shared with the core.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Sequence
from typing import Any

import based58
from solders.hash import Hash
from solders.instruction import CompiledInstruction
from solders.message import Message, MessageAddressTableLookup, MessageHeader, MessageV0
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from indexer.core.transaction import Instruction, Transaction
from tests.world import key


def text(data: bytes) -> str:
    return based58.b58encode(data).decode()


def ordered_keys(tx: Transaction, loaded: Collection[bytes] = ()) -> list[bytes]:
    """A fee payer, then every key; the loaded ones come last."""
    named = [k for one in tx.instructions or () for k in (one.program_id, *one.accounts)]
    unique = list(dict.fromkeys([key(-7), *named]))
    return [k for k in unique if k not in loaded] + [k for k in unique if k in loaded]


def as_json(tx: Transaction, loaded: Collection[bytes] = (), heights: bool = True) -> dict[str, Any]:
    """getTransaction's result in encoding json. `loaded`: keys that came out of a lookup table."""
    keys = ordered_keys(tx, loaded)
    static = [text(k) for k in keys if k not in loaded]
    outer, inner = _parted(tx, lambda one: _by_index(one, keys, heights))
    message = {"accountKeys": static, "header": _HEADER, "instructions": outer, "recentBlockhash": text(key(0))}
    answer = _around(tx, {"signatures": [text(tx.signature)], "message": message}, inner)
    answer["meta"]["loadedAddresses"] = {"writable": [], "readonly": [text(k) for k in keys if k in loaded]}
    return answer


def as_parsed(tx: Transaction) -> dict[str, Any]:
    """Encoding jsonParsed, of programs that the node has no parser for."""
    keys = [
        {"pubkey": text(k), "signer": place == 0, "writable": False, "source": "transaction"}
        for place, k in enumerate(ordered_keys(tx))
    ]
    outer, inner = _parted(tx, _by_key)
    message = {"accountKeys": keys, "instructions": outer, "recentBlockhash": text(key(0))}
    return _around(tx, {"signatures": [text(tx.signature)], "message": message}, inner)


def as_wire(tx: Transaction, loaded: Collection[bytes] = (), heights: bool = True) -> dict[str, Any]:
    """Encoding base64: the body as bytes, the inner instructions as json still."""
    answer = as_json(tx, loaded, heights)
    answer["transaction"] = [b64encode(_wire(tx, loaded)).decode(), "base64"]
    return answer


def as_block(*answers: dict[str, Any]) -> dict[str, Any]:
    """getBlock's result; its transactions carry neither slot nor time of their own."""
    kept = [{name: part for name, part in one.items() if name not in ("slot", "blockTime")} for one in answers]
    first = answers[0]
    head = {
        "blockhash": text(key(1)),
        "blockHeight": 1,
        "parentSlot": first["slot"] - 1,
        "blockTime": first["blockTime"],
    }
    return {**head, "previousBlockhash": text(key(2)), "rewards": [], "transactions": kept}


def as_notification(tx: Transaction) -> dict[str, Any]:
    """What logsSubscribe delivers."""
    err = None if tx.succeeded else {"InstructionError": [0, "Custom"]}
    value = {"signature": text(tx.signature), "err": err, "logs": None if tx.logs is None else list(tx.logs)}
    result = {"context": {"slot": tx.slot, "apiVersion": "4.0.0"}, "value": value}
    return {"jsonrpc": "2.0", "method": "logsNotification", "params": {"result": result, "subscription": 1}}


_HEADER = {"numRequiredSignatures": 1, "numReadonlySignedAccounts": 0, "numReadonlyUnsignedAccounts": 0}


def _around(tx: Transaction, body: dict[str, Any], inner: list[dict[str, Any]] | None) -> dict[str, Any]:
    meta = {
        "err": None if tx.succeeded else {"InstructionError": [0, {"Custom": 1}]},
        "fee": 5000,
        "innerInstructions": inner,
        "logMessages": None if tx.logs is None else list(tx.logs),
        "preBalances": [],
        "postBalances": [],
        "rewards": None,
    }
    return {"slot": tx.slot, "blockTime": tx.block_time, "version": tx.version, "transaction": body, "meta": meta}


def _parted(tx: Transaction, shown: Any) -> tuple[list[Any], list[dict[str, Any]] | None]:
    """Outer instructions, and the groups of inner ones as `meta` has them."""
    outer = [shown(one) for one in tx.instructions or () if not one.is_inner]
    groups: dict[int, list[Any]] = {}
    for one in tx.instructions or ():
        if one.is_inner:
            groups.setdefault(one.outer, []).append(shown(one))
    return outer, [{"index": index, "instructions": group} for index, group in groups.items()]


def _by_index(one: Instruction, keys: Sequence[bytes], heights: bool) -> dict[str, Any]:
    shown = {
        "programIdIndex": keys.index(one.program_id),
        "accounts": [keys.index(account) for account in one.accounts],
        "data": text(one.data),
    }
    return shown | ({"stackHeight": one.stack_height if one.is_inner else None} if heights else {})


def _by_key(one: Instruction) -> dict[str, Any]:
    height = one.stack_height if one.is_inner else None
    accounts = [text(account) for account in one.accounts]
    return {"programId": text(one.program_id), "accounts": accounts, "data": text(one.data), "stackHeight": height}


def _wire(tx: Transaction, loaded: Collection[bytes]) -> bytes:
    keys = ordered_keys(tx, loaded)
    static = [Pubkey.from_bytes(k) for k in keys if k not in loaded]
    calls = [
        CompiledInstruction(keys.index(one.program_id), one.data, bytes(keys.index(a) for a in one.accounts))
        for one in tx.instructions or ()
        if not one.is_inner
    ]
    blockhash = Hash.from_bytes(key(0))
    if tx.version == "legacy":
        message: Message | MessageV0 = Message.new_with_compiled_instructions(1, 0, 0, static, blockhash, calls)
    else:
        tables = (
            [MessageAddressTableLookup(Pubkey.from_bytes(key(3)), b"", bytes(range(len(loaded))))] if loaded else []
        )
        message = MessageV0(MessageHeader(1, 0, 0), static, blockhash, calls, tables)
    return bytes(VersionedTransaction.populate(message, [Signature.from_bytes(tx.signature)]))
