"""What is read of answers, and what makes an answer one to believe: the checks raise Unavailable for any other.

Whoever gave an answer that contradicts its question does not have what was asked for; another endpoint may.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from indexer.core import base58
from indexer.core.coverage import Span
from indexer.core.jsonrpc import Reading, plain
from indexer.core.rpc import Block, BlockHead
from indexer.core.transaction import Transaction, Unavailable


class Listed(msgspec.Struct, frozen=True):
    """An entry of a list of signatures. `succeeded`: as the list says; only the transaction itself proves it."""

    signature: str
    slot: int
    succeeded: bool = True


class _Entry(msgspec.Struct):
    signature: str
    slot: int
    err: Any = None


class _Version(msgspec.Struct, rename={"solana_core": "solana-core"}):
    solana_core: str


INTEGER = plain(int)
SLOTS = plain(list[int])
# As it came, but for spaces. A union with null, as every result is one, takes nothing else than null for a Raw.
RAW: Reading[Any, msgspec.Raw] = Reading(Any, lambda value: msgspec.Raw(msgspec.json.encode(value)))
VERSION = plain(_Version)
LISTED: Reading[list[_Entry], list[Listed]] = Reading(
    list[_Entry], lambda entries: [Listed(entry.signature, entry.slot, entry.err is None) for entry in entries]
)

_Parented = TypeVar("_Parented", Block, BlockHead)


def with_parent(block: _Parented) -> _Parented:
    """A block comes behind its parent."""
    if block.parent_slot >= block.slot > 0:
        raise Unavailable(f"block {block.slot} names {block.parent_slot} as its parent")
    return block


def of_slot(transaction: Transaction, slot: int) -> Transaction:
    """The transaction lies where it was told of: a node that is behind still has it on a fork that was dropped."""
    if transaction.slot != slot:
        raise Unavailable(f"it is of slot {transaction.slot}, and was told of slot {slot}")
    return transaction


def of_signature(signature: str) -> Callable[[Transaction], Transaction]:
    """The transaction is the one that was asked for."""

    def check(transaction: Transaction) -> Transaction:
        if (found := base58.encode(transaction.signature)) != signature:
            raise Unavailable(f"it answers with transaction {found}")
        return transaction

    return check


def in_order(before: Listed | None) -> Callable[[list[Listed]], list[Listed]]:
    """A list that does not begin below `before` was made without it, and one out of order has no end."""

    def check(entries: list[Listed]) -> list[Listed]:
        slots = [entry.slot for entry in entries]
        if before is not None and (slots[:1] > [before.slot] or any(e.signature == before.signature for e in entries)):
            raise Unavailable(
                f"the list begins at slot {slots[0]}, it should below {before.signature} in {before.slot}"
            )
        if slots != sorted(slots, reverse=True):
            raise Unavailable("the list of signatures is out of order")
        return entries

    return check


def inside(span: Span) -> Callable[[list[int]], list[int]]:
    """A list of slots is in order and of the span that was asked for."""

    def check(slots: list[int]) -> list[int]:
        if any(slot not in span for slot in slots) or sorted(set(slots)) != slots:
            raise Unavailable(f"the list of blocks of {span.start}..{span.end} is out of order, or of another span")
        return slots

    return check
