"""The items of one block for one query: which transactions, instructions and logs are sent, and how they look.

Items are sent once, in order of their places, whichever filters asked for them. Large numbers are text. To walk a
transaction costs more than all the rest: it is done for those that a filter might match, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import msgspec

from indexer.simulation.chain import ChainBlock, ChainTransaction
from indexer.simulation.encodings import Json
from indexer.simulation.heads import head
from indexer.simulation.portal_query import InstructionFilter, LogFilter, Query, TransactionFilter
from indexer.simulation.portal_walk import Call, Line, Walked, walked

_PREFIXES = {"d1": 1, "d2": 2, "d4": 4, "d8": 8}
_ACCOUNTS = tuple((f"a{place}", place) for place in range(16))


class Item(msgspec.Struct, gc=False):
    """A transaction of a block."""

    index: int
    transaction: ChainTransaction
    _walked: Walked | None = None

    @property
    def walked(self) -> Walked:
        if self._walked is None:
            self._walked = walked(self.transaction)
        return self._walked


class Chosen(msgspec.Struct):
    """What of one transaction is sent; calls and lines by their position."""

    transaction: bool = False
    calls: set[int] = msgspec.field(default_factory=set)
    lines: set[int] = msgspec.field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        return not (self.transaction or self.calls or self.lines)


def items(block: ChainBlock) -> list[Item]:
    return [Item(index, one) for index, one in enumerate(block.transactions)]


def header(block: ChainBlock, query: Query) -> Json:
    told: Json = {
        "number": block.slot,
        "hash": block.blockhash,
        "parentNumber": block.parent_slot,
        "parentHash": block.previous_blockhash,
        "height": block.height,
        "timestamp": block.block_time,
    }
    return _selected(told, query.fields.block)


def matching(found: Iterable[Item], query: Query) -> Json:
    """The item tables of a block's line, without those that are empty."""
    tables: dict[str, list[Json]] = {"transactions": [], "instructions": [], "logs": []}
    if not (query.transactions or query.instructions or query.logs):
        return {}
    for item in found:
        chosen = _chosen(item, query)
        if chosen.is_empty:
            continue
        if chosen.transaction:
            tables["transactions"].append(_selected(_transaction(item), query.fields.transaction))
        calls, lines = item.walked.calls, item.walked.lines
        fields = query.fields
        tables["instructions"] += (_selected(_call(item, calls[n]), fields.instruction) for n in sorted(chosen.calls))
        tables["logs"] += (_selected(_line(item, lines[n]), fields.log) for n in sorted(chosen.lines))
    return {name: rows for name, rows in tables.items() if rows}


# --- filters -------------------------------------------------------------------------------------------------------


def _chosen(item: Item, query: Query) -> Chosen:
    chosen = Chosen()
    for by_transaction in query.transactions:
        _by_transaction(item, by_transaction, chosen)
    for by_call in query.instructions:
        _by_call(item, by_call, chosen)
    for by_line in query.logs:
        _by_line(item, by_line, chosen)
    return chosen


def _by_transaction(item: Item, wanted: TransactionFilter, chosen: Chosen) -> None:
    payer = item.transaction.shown["transaction"]["message"]["accountKeys"][0]
    mentioned = wanted.mentions_account is None or not item.transaction.mentions.isdisjoint(wanted.mentions_account)
    if not (_among(payer, wanted.fee_payer) and mentioned):
        return
    chosen.transaction = True
    if wanted.instructions:
        chosen.calls |= set(range(len(item.walked.calls)))
    if wanted.logs:
        chosen.lines |= set(range(len(item.walked.lines)))


def _by_call(item: Item, wanted: InstructionFilter, chosen: Chosen) -> None:
    if not _is_named(item, wanted.program_id) or wanted.is_committed is item.transaction.failed:
        return
    calls, lines, asked = item.walked.calls, item.walked.lines, _asked(wanted)
    for place, call in enumerate(calls):
        if not _call_matches(call, wanted, asked):
            continue
        chosen.calls.add(place)
        chosen.transaction |= wanted.transaction
        if wanted.transaction_instructions:
            chosen.calls |= set(range(len(calls)))
        if wanted.inner_instructions:
            chosen.calls |= {n for n, one in enumerate(calls) if one.address[: len(call.address)] == call.address}
        if wanted.logs:
            chosen.lines |= {n for n, line in enumerate(lines) if line.address == call.address}


class _Asked(msgspec.Struct, frozen=True):
    """What a filter asks of a call beside its program, without what it does not ask."""

    accounts: Sequence[tuple[int, Sequence[str]]]  # Their places, and what may be there.
    prefixes: Sequence[tuple[int, Sequence[str]]]  # Their sizes, and what they may be.


def _asked(wanted: InstructionFilter) -> _Asked:
    accounts = [(place, allowed) for name, place in _ACCOUNTS if (allowed := getattr(wanted, name)) is not None]
    prefixes = [(size, allowed) for name, size in _PREFIXES.items() if (allowed := getattr(wanted, name)) is not None]
    return _Asked(accounts, [(size, [text.lower() for text in allowed]) for size, allowed in prefixes])


def _call_matches(call: Call, wanted: InstructionFilter, asked: _Asked) -> bool:
    if not _among(call.program_id, wanted.program_id):
        return False
    if wanted.mentions_account is not None and set(call.accounts).isdisjoint(wanted.mentions_account):
        return False
    if not all(place < len(call.accounts) and call.accounts[place] in allowed for place, allowed in asked.accounts):
        return False
    return all(_prefix(call, size) in allowed for size, allowed in asked.prefixes)


def _by_line(item: Item, wanted: LogFilter, chosen: Chosen) -> None:
    if not _is_named(item, wanted.program_id):
        return
    for place, line in enumerate(item.walked.lines):
        if not (_among(line.program_id, wanted.program_id) and _among(line.kind, wanted.kind)):
            continue
        chosen.lines.add(place)
        chosen.transaction |= wanted.transaction
        if wanted.instruction:
            chosen.calls |= {n for n, call in enumerate(item.walked.calls) if call.address == line.address}


def _is_named(item: Item, programs: Sequence[str] | None) -> bool:
    """Whether the transaction names one of them: otherwise nothing in it is theirs."""
    return programs is None or not item.transaction.mentions.isdisjoint(programs)


def _among(value: str, allowed: Sequence[str] | None) -> bool:
    return allowed is None or value in allowed


def _prefix(call: Call, size: int) -> str | None:
    """The first bytes in hex; None: the data is shorter."""
    begin = head(call.data)[:size]
    return f"0x{begin.hex()}" if len(begin) == size else None


# --- projection ----------------------------------------------------------------------------------------------------


def _transaction(item: Item) -> Json:
    shown, meta = item.transaction.shown, item.transaction.shown["meta"]
    message = shown["transaction"]["message"]
    return {
        "transactionIndex": item.index,
        "version": shown["version"],
        "accountKeys": message["accountKeys"],
        "addressTableLookups": message.get("addressTableLookups") or [],
        "numReadonlySignedAccounts": message["header"]["numReadonlySignedAccounts"],
        "numReadonlyUnsignedAccounts": message["header"]["numReadonlyUnsignedAccounts"],
        "numRequiredSignatures": message["header"]["numRequiredSignatures"],
        "recentBlockhash": message["recentBlockhash"],
        "signatures": shown["transaction"]["signatures"],
        "err": meta["err"],
        "fee": str(meta["fee"]),
        "computeUnitsConsumed": str(meta.get("computeUnitsConsumed") or 0),
        "loadedAddresses": meta.get("loadedAddresses") or {"readonly": [], "writable": []},
        "feePayer": message["accountKeys"][0],
        "hasDroppedLogMessages": item.walked.dropped,
    }


def _call(item: Item, call: Call) -> Json:
    told = {
        "transactionIndex": item.index,
        "instructionAddress": call.address,
        "programId": call.program_id,
        "accounts": call.accounts,
        "data": call.data,
        "error": call.error,
        "computeUnitsConsumed": None if call.units is None else str(call.units),
        "isCommitted": not item.transaction.failed,
        "hasDroppedLogMessages": call.dropped,
    }
    return told | {name: partial(_prefix, call, size) for name, size in _PREFIXES.items()}


def _line(item: Item, line: Line) -> Json:
    return {
        "transactionIndex": item.index,
        "logIndex": line.index,
        "instructionAddress": line.address,
        "programId": line.program_id,
        "kind": line.kind,
        "message": line.message,
    }


def _selected(told: Mapping[str, Any], fields: msgspec.Struct) -> Json:
    """The selected fields; what is costly to make is a function that makes it."""
    return {name: value() if callable(value := told[name]) else value for name in _names(fields)}


@lru_cache(maxsize=64)
def _names(fields: msgspec.Struct) -> tuple[str, ...]:
    """The selected ones, in camel case."""
    return tuple(name for name, is_wanted in msgspec.to_builtins(fields).items() if is_wanted)
