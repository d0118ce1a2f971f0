"""Whose log line is it: a transaction's log lines and its instruction tree, walked together as the archive does.

Every instruction gets its address in the tree, every line its owner. Where lines are missing, the instructions that
they belonged to are marked; where lines and tree contradict each other no line is kept, and everything is marked.
After `Log truncated` nothing is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgspec

from indexer.simulation.chain import ChainTransaction
from indexer.simulation.encodings import all_keys

Kind = Literal["log", "data", "other"]
Address = tuple[int, ...]
_BASE58 = "[1-9A-HJ-NP-Za-km-z]+"
_LINE = r"[^\n\r\u2028\u2029]*"  # A text of more lines is kept whole, as something else.
_INVOKE = re.compile(rf"Program ({_BASE58}) invoke \[(\d+)\]")
_RETURN = re.compile(rf"Program ({_BASE58}) (?:success|failed: ({_LINE}))")
_UNITS = re.compile(rf"Program ({_BASE58}) consumed (\d+) of \d+ compute units")
_TEXT = re.compile(rf"Program (log|data): ({_LINE})")
_TRUNCATED = "Log truncated"
# Programs that run without an `invoke` line, as the archive lists them.
_SILENT = frozenset(
    (
        "11111111111111111111111111111111",
        "AddressLookupTab1e1111111111111111111111111",
        "BPFLoader1111111111111111111111111111111111",
        "BPFLoader2111111111111111111111111111111111",
        "BPFLoaderUpgradeab1e11111111111111111111111",
        "ComputeBudget111111111111111111111111111111",
        "Ed25519SigVerify111111111111111111111111111",
        "KeccakSecp256k11111111111111111111111111111",
        "NativeLoader1111111111111111111111111111111",
        "Secp256r1SigVerify1111111111111111111111111",
        "ZkTokenProof1111111111111111111111111111111",
    )
)


class Call(msgspec.Struct, gc=False):
    """One instruction, with what the lines told of it."""

    address: Address
    program_id: str
    accounts: tuple[str, ...]
    data: str
    dropped: bool = False  # Lines of it are known to be missing.
    error: str | None = None
    units: int | None = None


class Line(msgspec.Struct, frozen=True, gc=False):
    index: int  # Among all lines of the transaction.
    address: Address
    program_id: str
    kind: Kind
    message: str


class Walked(msgspec.Struct, gc=False):
    calls: list[Call]
    lines: list[Line]
    dropped: bool


class _Contradiction(Exception):
    """Lines and tree cannot both be true."""


def walked(transaction: ChainTransaction) -> Walked:
    try:
        return _Walk(transaction, transaction.logs).whole()
    except _Contradiction:
        again = _Walk(transaction, (_TRUNCATED,)).whole()
        return Walked(again.calls, [], dropped=True)


class _Walk:
    def __init__(self, transaction: ChainTransaction, logs: Sequence[str]) -> None:
        self.logs, self.at = logs, 0
        self.keys = all_keys(transaction)
        self.outer = transaction.shown["transaction"]["message"]["instructions"]
        self.groups = _groups(transaction)
        self.failed_at = _failed_at(transaction)
        self.result = Walked([], [], dropped=False)
        self.todo: list[Mapping[str, Any]] = []  # Instructions of one outer one that are still to come, the last first.
        self.last: Address = ()

    def whole(self) -> Walked:
        for place, instruction in enumerate(self.outer):
            self.last = (place - 1,)
            self.todo = [*reversed(self.groups.get(place, [])), {**instruction, "stackHeight": 1}]
            self._outer(place)
        self.result.dropped = self.at < len(self.logs)
        if self.result.dropped and not self._is_truncated():
            raise _Contradiction
        return self.result

    def _outer(self, place: int) -> None:
        if place > self.failed_at:  # It never ran.
            self._take(1)
            if self.todo:
                raise _Contradiction
            return
        self._call(1)
        while self.todo:
            self._take(self.todo[-1].get("stackHeight") or 2).dropped = True

    def _call(self, height: int) -> None:
        """The next instruction, at this height; the next line is its `invoke`, or it has none."""
        if self.todo and self.todo[-1].get("stackHeight") not in (None, height):
            raise _Contradiction
        if not self.todo:
            raise _Contradiction
        program_id = self.keys[self.todo[-1]["programIdIndex"]]
        invoked = None if self._is_over() else _INVOKE.fullmatch(self.logs[self.at])
        if invoked is not None and invoked[1] == program_id:
            if int(invoked[2]) != height:
                raise _Contradiction
            self.at += 1
            self._running(self._take(height), height)
        elif not self._is_truncated():
            self._take(height).dropped = True
            self._skip_unowned()

    def _running(self, call: Call, height: int) -> None:
        """The lines of one call, and of what it calls, up to its return."""
        while not self._is_over():
            line = self.logs[self.at]
            if (left := _RETURN.fullmatch(line)) is not None:
                if left[1] != call.program_id:
                    raise _Contradiction
                call.error = left[2]
                self.at += 1
                self._silent_inside(call)
                return
            if _INVOKE.fullmatch(line) is not None:
                self._call(height + 1)
                continue
            self._own(call, line)
            self.at += 1
        if not self._is_truncated():
            raise _Contradiction
        call.dropped = True

    def _own(self, call: Call, line: str) -> None:
        if (consumed := _UNITS.fullmatch(line)) is not None:
            if consumed[1] != call.program_id:
                raise _Contradiction
            call.units = int(consumed[2])
            return
        text = _TEXT.fullmatch(line)
        kind, message = cast(tuple[Kind, str], ("other", line) if text is None else text.groups())
        self.result.lines.append(Line(self.at, call.address, call.program_id, kind, message))

    def _silent_inside(self, parent: Call) -> None:
        """Calls inside one that has returned, of which no line spoke."""
        while self.todo:
            height = self.todo[-1].get("stackHeight")
            if height is None:
                height = len(parent.address) + 1 if parent.error else 2
            if height <= len(parent.address):
                return
            self._take(height).dropped = True

    def _skip_unowned(self) -> None:
        while not self._is_over() and not any(one.fullmatch(self.logs[self.at]) for one in (_INVOKE, _RETURN)):
            self.at += 1

    def _take(self, height: int) -> Call:
        instruction = self.todo.pop()
        if len(self.last) + 1 < height:
            raise _Contradiction
        self.last = (
            (*self.last[: height - 1], self.last[height - 1] + 1) if len(self.last) >= height else (*self.last, 0)
        )
        call = Call(
            address=self.last,
            program_id=self.keys[instruction["programIdIndex"]],
            accounts=tuple(self.keys[place] for place in instruction["accounts"]),
            data=instruction["data"],
        )
        self.result.calls.append(call)
        return call

    def _is_truncated(self) -> bool:
        return self.at < len(self.logs) and self.logs[self.at] == _TRUNCATED

    def _is_over(self) -> bool:
        return self.at >= len(self.logs) or self._is_truncated()


def _groups(transaction: ChainTransaction) -> dict[int, list[Mapping[str, Any]]]:
    groups: dict[int, list[Mapping[str, Any]]] = {}
    for group in transaction.shown["meta"]["innerInstructions"] or ():
        groups.setdefault(group["index"], []).extend(group["instructions"])
    return groups


def _failed_at(transaction: ChainTransaction) -> int:
    """The outer instruction that failed; the ones behind it never ran. -1: none ran."""
    meta, count = transaction.shown["meta"], len(transaction.shown["transaction"]["message"]["instructions"])
    if isinstance(meta["err"], Mapping) and "InstructionError" in meta["err"]:
        return int(meta["err"]["InstructionError"][0])
    ran = meta["err"] is None or meta["logMessages"] or meta["innerInstructions"]
    return count if ran else -1
