"""A transaction that ran, as nodes show it: `transaction`, `meta` and `version` of getTransaction, encoding json.

Everything is read off the message and what the runtime told. Balances are those of the fee payer alone, since nothing
else moves. A version 1 transaction is one that ran as version 0 without tables, since the runtime knows no other; it
has a `transactionConfig`, and stack heights at the top level.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from solders.instruction import CompiledInstruction
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey

from indexer.core import base58
from indexer.simulation.chain import ChainTransaction
from indexer.simulation.runtime import COMPUTE_UNITS, LAMPORTS, Executed

FEE = 5_000  # Lamports a signature.


def shown(executed: Executed, *, priority_fee: int | None = None) -> ChainTransaction:
    """`priority_fee`: of a version 1 transaction, lamports. None: the version that it ran as."""
    message, is_v1 = executed.signed.message, priority_fee is not None
    static = [_text(key) for key in message.account_keys]
    loaded = _loaded(executed)
    signature = str(executed.signed.signatures[0])
    body = {"signatures": [signature], "message": _message(message, static, priority_fee)}
    return ChainTransaction(
        signature=signature,
        mentions=frozenset((*static, *loaded["writable"], *loaded["readonly"])),
        shown={
            "transaction": body,
            "meta": _meta(executed, len(static), loaded),
            "version": 1 if is_v1 else "legacy" if isinstance(message, Message) else 0,
        },
        wire=None if is_v1 else bytes(executed.signed),
    )


def _message(message: Message | MessageV0, static: list[str], priority_fee: int | None) -> dict[str, Any]:
    header, height = message.header, None if priority_fee is None else 1
    shown: dict[str, Any] = {
        "header": {
            "numRequiredSignatures": header.num_required_signatures,
            "numReadonlySignedAccounts": header.num_readonly_signed_accounts,
            "numReadonlyUnsignedAccounts": header.num_readonly_unsigned_accounts,
        },
        "accountKeys": static,
        "recentBlockhash": str(message.recent_blockhash),
        "instructions": [_instruction(one, height) for one in message.instructions],
    }
    if priority_fee is not None:
        config = {"priorityFee": priority_fee, "computeUnitLimit": COMPUTE_UNITS}
        shown["transactionConfig"] = config | {"loadedAccountsDataSizeLimit": None, "heapSize": None}
    elif isinstance(message, MessageV0):
        shown["addressTableLookups"] = [
            {
                "accountKey": _text(lookup.account_key),
                "writableIndexes": list(lookup.writable_indexes),
                "readonlyIndexes": list(lookup.readonly_indexes),
            }
            for lookup in message.address_table_lookups
        ]
    return shown


def _meta(executed: Executed, static: int, loaded: dict[str, list[str]]) -> dict[str, Any]:
    told, failed = executed.told, executed.failed
    err = None if failed is None else {"InstructionError": [failed[0], {"Custom": failed[1]}]}
    keys = static + len(loaded["writable"]) + len(loaded["readonly"])
    return {
        "err": err,
        "status": {"Ok": None} if err is None else {"Err": err},
        "fee": FEE,
        "preBalances": _balances(LAMPORTS, keys),
        "postBalances": _balances(LAMPORTS - FEE, keys),
        "preTokenBalances": [],
        "postTokenBalances": [],
        "innerInstructions": _inner(told.inner_instructions()),
        "logMessages": [_line(line) for line in told.logs()],
        "rewards": [],
        "loadedAddresses": loaded,
        "computeUnitsConsumed": told.compute_units_consumed(),
    }


def _inner(groups: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    return [
        {"index": index, "instructions": [_instruction(one.instruction(), one.stack_height()) for one in group]}
        for index, group in enumerate(groups)
        if group
    ]


def _instruction(one: CompiledInstruction, height: int | None) -> dict[str, Any]:
    return {
        "programIdIndex": one.program_id_index,
        "accounts": list(one.accounts),
        "data": base58.encode(bytes(one.data)),
        "stackHeight": height,
    }


def _loaded(executed: Executed) -> dict[str, list[str]]:
    """Addresses out of the tables: the writable ones of all tables, then the readonly ones."""
    message = executed.signed.message
    if isinstance(message, Message):
        return {"writable": [], "readonly": []}
    keys = {table.key: table.addresses for table in executed.tables}
    lookups = [(keys[lookup.account_key], lookup) for lookup in message.address_table_lookups]
    return {
        "writable": [_text(found[place]) for found, lookup in lookups for place in bytes(lookup.writable_indexes)],
        "readonly": [_text(found[place]) for found, lookup in lookups for place in bytes(lookup.readonly_indexes)],
    }


@lru_cache(maxsize=8_192)
def _text(key: Pubkey) -> str:
    return str(key)


@lru_cache(maxsize=512)
def _balances(payer: int, keys: int) -> list[int]:
    """One list for all that are alike: a chain holds tens of thousands of them."""
    return [payer, *[0] * (keys - 1)]


@lru_cache(maxsize=2_048)
def _line(line: str) -> str:
    """One text for all lines that are alike."""
    return line
