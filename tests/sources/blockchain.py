"""A small chain for the sources: blocks by slot with true parent links, and nodes that answer from it.

Transactions are those of `tests.world`, as `tests.adversarial.answers` shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.transaction import Transaction
from tests.adversarial.answers import as_json
from tests.sources.scripted import Error, Node, Null
from tests.world import key

TIME = 1_735_689_600


class SmallBlock(msgspec.Struct, frozen=True):
    slot: int
    parent_slot: int
    blockhash: str
    previous_blockhash: str
    transactions: Sequence[Transaction] = ()

    @property
    def signatures(self) -> list[str]:
        return [_name(tx.signature) for tx in self.transactions]


@cache
def _name(signature: bytes) -> str:
    return base58.encode(signature)


def hash_of(slot: int, fork: int = 0) -> str:
    return base58.encode(key(50_000 + slot + 1_000_000 * fork))


def chain(
    slots: Iterable[int], transactions: Mapping[int, Sequence[Transaction]] | None = None, before: int | None = None
) -> dict[int, SmallBlock]:
    """Blocks in these slots, each the child of the one before it; `before`: the slot of the first one's parent."""
    blocks: dict[int, SmallBlock] = {}
    parent = before
    for slot in sorted(slots):
        parent = slot - 1 if parent is None else parent
        found = [
            msgspec.structs.replace(tx, slot=slot, tx_index=place, block_time=TIME + slot)
            for place, tx in enumerate((transactions or {}).get(slot, ()))
        ]
        blocks[slot] = SmallBlock(slot, parent, hash_of(slot), hash_of(parent), found)
        parent = slot
    return blocks


def shown(block: SmallBlock, details: str = "full") -> dict[str, Any]:
    """A getBlock result."""
    head = {
        "blockhash": block.blockhash,
        "previousBlockhash": block.previous_blockhash,
        "parentSlot": block.parent_slot,
        "blockTime": TIME + block.slot,
        "blockHeight": block.slot,
    }
    if details == "full":
        return {**head, "transactions": [_entry(tx) for tx in block.transactions]}
    return {**head, "signatures": block.signatures} if details == "signatures" else head


def _entry(tx: Transaction) -> dict[str, Any]:
    answer = as_json(tx)
    if tx.logs is None and tx.instructions is None:
        answer["meta"] = None
    return {name: part for name, part in answer.items() if name not in ("slot", "blockTime")}


def node(
    blocks: Mapping[int, SmallBlock],
    *,
    listed: Callable[[int], bool] = lambda slot: True,
    has: Callable[[int], bool] = lambda slot: True,
    instead: Mapping[int, Any] | None = None,
    absent: Callable[[str], bool] = lambda signature: False,
    transactions: Mapping[str, Any] | None = None,
    **facts: Any,
) -> Node:
    """A node over the chain. `listed`: slots that getBlocks tells; `has`: whose blocks it gives; `instead`: what it
    gives in the place of a block: an Error, Null, another block, anything. `absent`: signatures that its lists lack;
    `transactions`: what it gives for these."""
    head = facts.setdefault("slot", max(blocks, default=0))

    def get_blocks(params: list[Any]) -> Any:
        if isinstance(params[2], dict) and params[2].get("minContextSlot", 0) > head:
            raise Error(-32016, "Minimum context slot has not been reached")
        return [slot for slot in sorted(blocks) if params[0] <= slot <= min(params[1], head) and listed(slot)]

    def get_block(params: list[Any]) -> Any:
        slot, config = params
        found = (instead or {}).get(slot, blocks.get(slot))
        details = config.get("transactionDetails", "full")
        if isinstance(found, Error) and found.code == -32015 and details != "full":
            found = blocks[slot]  # Without transactions there is no version that could be too high.
        if found is not None and not isinstance(found, SmallBlock):
            return found
        if found is None or slot > head or not has(slot):
            raise Error(-32007 if slot <= head else -32004, f"Slot {slot} was skipped, or missing")
        return shown(found, details)

    index = places(blocks, head)

    listed_for = cache(lambda address: listing(blocks, address, head, facts.get("first_block", 0), absent))

    def get_signatures(params: list[Any]) -> Any:
        address, config = params
        if config.get("minContextSlot", 0) > head:
            raise Error(-32016, "Minimum context slot has not been reached")
        found = listed_for(address)
        if "before" in config:
            place = index.get(config["before"])
            found = [] if place is None else [e for e in found if index[e["signature"]] < place]
        return found[: config["limit"]]

    def get_transaction(params: list[Any]) -> Any:
        place = index.get(params[0])
        if (transactions or {}).get(params[0]) is not None:
            return (transactions or {})[params[0]]
        return Null if place is None else as_json(blocks[place[0]].transactions[place[1]])

    methods = {
        "getBlocks": get_blocks, "getBlock": get_block,
        "getSignaturesForAddress": get_signatures, "getTransaction": get_transaction,
    }  # fmt: skip
    return Node(methods, **facts)


def places(blocks: Mapping[int, SmallBlock], head: int) -> Mapping[str, tuple[int, int]]:
    """Slot and index of every signature up to the head."""
    return {
        name: (slot, place)
        for slot, block in blocks.items()
        if slot <= head
        for place, name in enumerate(block.signatures)
    }


def listing(
    blocks: Mapping[int, SmallBlock], address: str, head: int, first: int, absent: Callable[[str], bool]
) -> list[dict[str, Any]]:
    """Every entry for an address, newest first."""
    key_of = base58.key(address)
    return [
        {"signature": name, "slot": slot, "err": None if tx.succeeded else {"InstructionError": [0, "Custom"]}}
        for slot, block in sorted(blocks.items(), reverse=True)
        if first <= slot <= head
        for tx, name in reversed(list(zip(block.transactions, block.signatures, strict=True)))
        if key_of in (tx.keys or ()) and not absent(name)
    ]
