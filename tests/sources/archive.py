"""A small SQD archive: what it keeps of transactions, and what it answers to a query. Written from its public source.

Log lines are walked together with the instruction tree. Where they part, or after `Log truncated`, lines are not kept
and `hasDroppedLogMessages` says so: of the transaction, or of single instructions. Queries are strict: a name that is
not in the catalogue is an error, as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.transaction import Instruction, Transaction
from tests.adversarial.answers import text

_KEY = "[1-9A-HJ-NP-Za-km-z]+"
_ANY = "([^\n\r\u2028\u2029]*)"
_SHAPES = {
    "invoke": re.compile(rf"Program ({_KEY}) invoke \[(\d+)\]"),
    "success": re.compile(rf"Program ({_KEY}) success"),
    "failed": re.compile(rf"Program ({_KEY}) failed: {_ANY}"),
    "log": re.compile(f"Program log: {_ANY}"),
    "data": re.compile(f"Program data: {_ANY}"),
    "cu": re.compile(rf"Program ({_KEY}) consumed \d+ of \d+ compute units"),
    "truncate": re.compile("Log truncated"),
    "other": re.compile("(.*)", re.DOTALL),
}
FIELDS = {
    "block": {"number", "hash", "parentNumber", "parentHash", "height", "timestamp"},
    "transaction": {
        "transactionIndex", "version", "accountKeys", "addressTableLookups", "numReadonlySignedAccounts",
        "numReadonlyUnsignedAccounts", "numRequiredSignatures", "recentBlockhash", "signatures", "err", "fee",
        "computeUnitsConsumed", "loadedAddresses", "feePayer", "hasDroppedLogMessages",
    },
    "instruction": {
        "transactionIndex", "instructionAddress", "programId", "accounts", "data", "d1", "d2", "d4", "d8", "error",
        "computeUnitsConsumed", "isCommitted", "hasDroppedLogMessages",
    },
    "log": {"transactionIndex", "logIndex", "instructionAddress", "programId", "kind", "message"},
}  # fmt: skip
REQUEST = {
    "programId", "discriminator", "d1", "d2", "d4", "d8", *(f"a{n}" for n in range(16)), "isCommitted", "transaction",
    "transactionInstructions", "innerInstructions", "logs",
}  # fmt: skip
TOP = {"type", "fromBlock", "toBlock", "parentBlockHash", "includeAllBlocks", "fields", "instructions", "logs"}


class Block(msgspec.Struct, frozen=True):
    """A block of the archive. Transactions in their places; a place may be taken by something that is not kept."""

    slot: int
    parent_slot: int
    hash: str
    parent_hash: str
    time: int
    transactions: tuple[Transaction, ...]


class BadQuery(Exception):
    """What the Portal answers with 400."""


class Archive:
    """Blocks in order of their slots."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self.blocks = {block.slot: block for block in blocks}
        self._kept = {
            slot: [kept(tx, tx.tx_index or 0) for tx in block.transactions] for slot, block in self.blocks.items()
        }

    def lines(self, query: dict[str, Any]) -> list[bytes]:
        """The lines of the answer. Raises BadQuery."""
        _check(query)
        slots = [slot for slot in sorted(self.blocks) if query["fromBlock"] <= slot <= query["toBlock"]]
        found = {slot: self._matching(slot, query) for slot in slots}
        return [
            _line(self.blocks[s], found[s], query["fields"]) for s in slots if found[s] or s in (slots[0], slots[-1])
        ]

    def _matching(self, slot: int, query: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
        items: dict[str, list[dict[str, Any]]] = {"transactions": [], "instructions": [], "logs": []}
        for transaction, instructions, logs in self._kept[slot]:
            for request in query.get("instructions", ()):
                hits = [one for one in instructions if _hits(one, request)]
                if hits:
                    items["transactions"] += [transaction] if request.get("transaction") else []
                    items["instructions"] += instructions if request.get("transactionInstructions") else hits
                    addresses = [one["instructionAddress"] for one in hits]
                    items["logs"] += (
                        [one for one in logs if one["instructionAddress"] in addresses] if request.get("logs") else []
                    )
        return {name: _unique(found) for name, found in items.items() if found}


def kept(tx: Transaction, tx_index: int) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """What the archive holds of a transaction: it, its instructions, its lines."""
    walk = _Walk(tx, tx.logs or ())
    try:
        dropped = walk.run()
    except _Parted:
        walk = _Walk(tx, ("Log truncated",))
        dropped = walk.run()
    transaction = {
        "transactionIndex": tx_index,
        "version": tx.version,
        "signatures": [text(tx.signature)],
        "err": None if tx.succeeded else {"InstructionError": [0, {"Custom": 1}]},
        "hasDroppedLogMessages": dropped,
    }
    placed = {"transactionIndex": tx_index}
    return transaction, [one | placed for one in walk.instructions], [one | placed for one in walk.logs]


class _Parted(Exception):
    """Lines and tree do not go together."""


class _Walk:
    def __init__(self, tx: Transaction, lines: Sequence[str]) -> None:
        self.tx = tx
        self.messages = [_message(line) for line in lines]
        self.at = 0
        self.instructions: list[dict[str, Any]] = []
        self.logs: list[dict[str, Any]] = []
        self.calls: list[Instruction] = []
        self.last: list[int] = []

    def run(self) -> bool:
        """Whether lines were dropped. Raises _Parted."""
        outer: dict[int, list[Instruction]] = {}
        for one in self.tx.instructions or ():
            outer.setdefault(one.outer, []).append(one)
        for index, calls in sorted(outer.items()):
            self.calls, self.last = list(calls), [index - 1]
            self._call(1)
            while self.calls:
                self._push()["hasDroppedLogMessages"] = True
        if not self._ended:
            raise _Parted
        return self._truncated

    @property
    def _truncated(self) -> bool:
        return self.at < len(self.messages) and self.messages[self.at][0] == "truncate"

    @property
    def _ended(self) -> bool:
        return self.at >= len(self.messages) or self._truncated

    def _call(self, height: int) -> None:
        if not self.calls or self.calls[0].stack_height != height:
            raise _Parted
        program = text(self.calls[0].program_id)
        if not self._ended and self.messages[self.at][:2] == ("invoke", program):
            if self.messages[self.at][2] != str(height):
                raise _Parted
            self.at += 1
            self._invoke(program)
            return
        if self._truncated:
            return
        self._push()["hasDroppedLogMessages"] = True
        while not self._ended and self.messages[self.at][0] in ("log", "data", "cu", "other"):
            self.at += 1

    def _invoke(self, program: str) -> None:
        one = self._push()
        self._take(one)
        if self._truncated:
            one["hasDroppedLogMessages"] = True
            return
        if self._ended or self.messages[self.at][1] != program:
            raise _Parted
        one["error"] = self.messages[self.at][2] if self.messages[self.at][0] == "failed" else None
        self.at += 1
        while self.calls and (self.calls[0].stack_height or 0) > len(one["instructionAddress"]):
            self._push()["hasDroppedLogMessages"] = True

    def _take(self, one: dict[str, Any]) -> None:
        while not self._ended:
            kind, found, _ = self.messages[self.at]
            if kind in ("log", "data", "other"):
                owner = {name: one[name] for name in ("instructionAddress", "programId")}
                self.logs.append({"logIndex": self.at, "kind": kind, "message": found, **owner})
                self.at += 1
            elif kind == "cu":
                if found != one["programId"]:
                    raise _Parted
                self.at += 1
            elif kind == "invoke":
                self._call(len(one["instructionAddress"]) + 1)
            else:
                return

    def _push(self) -> dict[str, Any]:
        call = self.calls.pop(0)
        height = call.stack_height or 0
        address = self.last[:height]
        if len(address) == height:
            address[-1] += 1
        elif len(address) + 1 == height:
            address.append(0)
        else:
            raise AssertionError("a tree with a hole")
        self.last = address
        made = {
            "instructionAddress": address,
            "programId": text(call.program_id),
            "accounts": [text(account) for account in call.accounts],
            "data": text(call.data),
            "error": None,
            "isCommitted": self.tx.succeeded,
            "hasDroppedLogMessages": False,
        }
        self.instructions.append(made)
        return made


def _message(line: str) -> tuple[str, str, str]:
    for kind, shape in _SHAPES.items():
        if found := shape.fullmatch(line):
            first, second, *_ = (*found.groups(), "", "")
            return kind, first, second
    raise AssertionError(line)


def _hits(one: dict[str, Any], request: dict[str, Any]) -> bool:
    data = base58.decode(one["data"])
    return (
        one["programId"] in request.get("programId", [one["programId"]])
        and ("d8" not in request or "0x" + data[:8].hex() in request["d8"])
        and request.get("isCommitted", one["isCommitted"]) == one["isCommitted"]
    )


def _unique(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({msgspec.json.encode(item): item for item in items}.values())


def _line(block: Block, items: dict[str, list[dict[str, Any]]], fields: dict[str, Any]) -> bytes:
    header = {
        "number": block.slot,
        "hash": block.hash,
        "parentNumber": block.parent_slot,
        "parentHash": block.parent_hash,
        "height": block.slot,
        "timestamp": block.time,
    }
    shown: dict[str, Any] = {"header": _selected(header, fields.get("block", {}))}
    for name, found in items.items():
        shown[name] = [_selected(one, fields.get(name[:-1], {})) for one in found]
    return msgspec.json.encode(shown)


def _selected(item: dict[str, Any], fields: dict[str, bool]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if fields.get(name)}


def _check(query: dict[str, Any]) -> None:
    names = [(query, TOP), *((query["fields"].get(table, {}), known) for table, known in FIELDS.items())]
    names += [(query["fields"], set(FIELDS))]
    names += [(request, REQUEST) for request in query.get("instructions", ())]
    for given, known in names:
        if unknown := set(given) - known:
            raise BadQuery(f"unknown field {min(unknown)}")
    if query["type"] != "solana" or query["toBlock"] < query["fromBlock"]:
        raise BadQuery("an impossible range")


def chained(filled: dict[int, Sequence[Transaction]], first_parent: int) -> Iterator[Block]:
    """Blocks of these transactions by slot, each on top of the one before."""
    parent, parent_hash = first_parent, text(bytes([7]) * 32)
    for slot, transactions in sorted(filled.items()):
        placed = [
            msgspec.structs.replace(tx, slot=slot, tx_index=place, block_time=TIME + slot)
            for place, tx in enumerate(transactions)
        ]
        here = text(slot.to_bytes(32, "big"))
        yield Block(slot, parent, here, parent_hash, TIME + slot, tuple(placed))
        parent, parent_hash = slot, here


TIME = 1_700_000_000
