"""getBlock as a Block, with the transactions that may be ours, or as its head alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.jsonrpc import Lighter, Reading
from indexer.core.rpc.cut import without_transactions
from indexer.core.rpc.entries import Entry, is_shown_foreign, named
from indexer.core.rpc.gate import ForeignBlock, gate
from indexer.core.rpc.shapes import Head, Shown, converted, slot_in_range
from indexer.core.rpc.transaction import transaction_of
from indexer.core.transaction import Transaction, Unavailable, plausible_time


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


class BlockTask(msgspec.Struct, frozen=True):
    """Which block is read for which programs: all that `block_reading` needs to know."""

    slot: int
    programs: frozenset[bytes] | None


class _Signatures(Head, rename="camel", kw_only=True):
    signatures: tuple[str, ...] = ()


class _Block(Head, rename="camel", kw_only=True):
    transactions: list[Any]


class _UsualBlock(Head, rename="camel", kw_only=True):
    transactions: list[Entry[msgspec.Raw]]


def parse_block(answer: Any, slot: int, programs: Collection[bytes] | None = None) -> Block:
    """A getBlock result (the object under `result`) as a Block. Raises Malformed, Unavailable.

    `programs`: transactions that failed, or name none of them, are left out, and nothing else of them is checked.
    """
    if answer is None:
        raise Unavailable(f"the node answers null for block {slot}")
    slot = slot_in_range(slot)
    block = converted(answer, _Block, "result")
    names = _names(programs)
    entries = (
        (index, converted(item, Shown, f"result.transactions[{index}]"))
        for index, item in enumerate(block.transactions)
        if names is None or not is_shown_foreign(item, names)
    )
    return _block(block, slot, entries, programs)


def block_reading(slot: int, programs: Collection[bytes] | None = None) -> Reading[_UsualBlock, Block]:
    """`parse_block` from the bytes of an answer."""
    names = _names(programs)
    ours = None if programs is None else frozenset(programs)
    return Reading(
        _UsualBlock,
        lambda block: _block(block, slot, named(block.transactions, names), programs),
        lambda answer: parse_block(answer, slot, programs),
        None if ours is None else _foreign_reading(slot, ours),
        BlockTask(slot, ours),
    )


def _foreign_reading(slot: int, programs: frozenset[bytes]) -> Lighter[ForeignBlock, Block]:
    serves = gate(programs).names_none
    return Lighter(ForeignBlock, lambda block: _block(block, slot, (), programs), serves, without_transactions)


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


def _block(head: Head, slot: int, entries: Iterable[tuple[int, Shown]], programs: Collection[bytes] | None) -> Block:
    block_time = plausible_time(head.block_time)
    transactions, unavailable = [], []
    for index, entry in entries:
        if programs is not None and entry.meta is not None and entry.meta.err is not None:
            continue
        try:
            transaction = transaction_of(entry, slot_in_range(slot), index, block_time)
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
