"""Transactions and blocks in the encodings that nodes answer in: json, jsonParsed, base64, base58.

A client that does not say how high a version it can read gets an error for every version but legacy, and for
the whole block if one of its transactions is of such a version. Instructions inside `meta` are never bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pybase64

from indexer.core import base58
from indexer.simulation.chain import ChainBlock, ChainTransaction
from indexer.simulation.node_errors import unsupported_version

Encoding = Literal["json", "jsonParsed", "base64", "base58"]
Details = Literal["full", "accounts", "signatures", "none"]
Json = dict[str, Any]
_META_OF_ACCOUNTS = ("err", "status", "fee", "preBalances", "postBalances", "preTokenBalances", "postTokenBalances")


def encoded(transaction: ChainTransaction, encoding: Encoding, highest: int | None) -> Json:
    """`transaction`, `meta` and, where the client named its `highest` version, `version`. Raises RpcError."""
    meta = transaction.shown["meta"]
    shown: Json
    if encoding == "jsonParsed":
        shown = {"transaction": _parsed(transaction), "meta": _parsed_meta(transaction)}
    elif encoding == "json":
        shown = {"transaction": transaction.shown["transaction"], "meta": meta}
    else:
        shown = {"transaction": [_wire(transaction, encoding), encoding], "meta": meta}
    return shown | _version(transaction, highest)


def encoded_block(block: ChainBlock, encoding: Encoding, details: Details, rewards: bool, highest: int | None) -> Json:
    """getBlock's result. Raises RpcError."""
    shown: Json = {
        "blockHeight": block.height,
        "blockTime": shown_time(block),
        "blockhash": block.blockhash,
        "parentSlot": block.parent_slot,
        "previousBlockhash": block.previous_blockhash,
    }
    if rewards:
        shown["rewards"] = []
    if details == "full":
        shown["transactions"] = [encoded(one, encoding, highest) for one in block.transactions]
    elif details == "accounts":
        shown["transactions"] = [_accounts(one, highest) for one in block.transactions]
    elif details == "signatures":
        shown["signatures"] = [one.signature for one in block.transactions]
    return shown


def shown_time(block: ChainBlock) -> int | None:
    """The block's time as JSON-RPC shows it: null where nobody knows it."""
    return block.block_time or None


def all_keys(transaction: ChainTransaction) -> list[str]:
    """Every account by index: static ones, then loaded ones, the writable before the readonly."""
    loaded = _loaded(transaction)
    static: list[str] = transaction.shown["transaction"]["message"]["accountKeys"]
    return [*static, *loaded.get("writable", ()), *loaded.get("readonly", ())]


def _version(transaction: ChainTransaction, highest: int | None) -> Json:
    version = transaction.shown["version"]
    if version != "legacy" and (highest is None or version > highest):
        raise unsupported_version(version)
    return {} if highest is None else {"version": version}


def _wire(transaction: ChainTransaction, encoding: Encoding) -> str:
    """A version 1 body, whose bytes a chain may not have, is shown as bytes that no older client can read."""
    wire = transaction.wire or b"\x81" + base58.signature(transaction.signature)
    return base58.encode(wire) if encoding == "base58" else pybase64.b64encode_as_string(wire)


def _loaded(transaction: ChainTransaction) -> Mapping[str, Sequence[str]]:
    return transaction.shown["meta"].get("loadedAddresses") or {}


def _accounts(transaction: ChainTransaction, highest: int | None) -> Json:
    meta = transaction.shown["meta"]
    body = {"accountKeys": _parsed_keys(transaction), "signatures": transaction.shown["transaction"]["signatures"]}
    kept = {name: meta[name] for name in _META_OF_ACCOUNTS if name in meta}
    return {"transaction": body, "meta": kept} | _version(transaction, highest)


# --- jsonParsed ----------------------------------------------------------------------------------------------------
# Our programs are none that a node could parse, so that every instruction comes by key, with its data.


def _parsed(transaction: ChainTransaction) -> Json:
    body = transaction.shown["transaction"]
    keys = all_keys(transaction)
    message = {name: part for name, part in body["message"].items() if name != "header"}
    message["accountKeys"] = _parsed_keys(transaction)
    message["instructions"] = [_by_key(one, keys) for one in body["message"]["instructions"]]
    return {**body, "message": message}


def _parsed_meta(transaction: ChainTransaction) -> Json:
    keys = all_keys(transaction)
    meta = {name: part for name, part in transaction.shown["meta"].items() if name != "loadedAddresses"}
    meta["innerInstructions"] = [
        {"index": group["index"], "instructions": [_by_key(one, keys) for one in group["instructions"]]}
        for group in meta["innerInstructions"] or ()
    ]
    return meta


def _by_key(instruction: Mapping[str, Any], keys: Sequence[str]) -> Json:
    return {
        "accounts": [keys[place] for place in instruction["accounts"]],
        "data": instruction["data"],
        "programId": keys[instruction["programIdIndex"]],
        "stackHeight": instruction.get("stackHeight"),
    }


def _parsed_keys(transaction: ChainTransaction) -> list[Json]:
    message, loaded = transaction.shown["transaction"]["message"], _loaded(transaction)
    header, static = message["header"], message["accountKeys"]
    signers = header["numRequiredSignatures"]
    shown = [
        {
            "pubkey": key,
            "signer": place < signers,
            "source": "transaction",
            "writable": _writable(place, header, static),
        }
        for place, key in enumerate(static)
    ]
    return shown + [
        {"pubkey": key, "signer": False, "source": "lookupTable", "writable": kind == "writable"}
        for kind in ("writable", "readonly")
        for key in loaded.get(kind, ())
    ]


def _writable(place: int, header: Mapping[str, int], static: Sequence[str]) -> bool:
    signers = header["numRequiredSignatures"]
    if place < signers:
        return place < signers - header["numReadonlySignedAccounts"]
    return place < len(static) - header["numReadonlyUnsignedAccounts"]
