"""A small chain for the sources: blocks by slot with true parent links, and nodes that answer from it.

Transactions are those of `tests.world`, as `tests.adversarial.answers` shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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
        return [base58.encode(tx.signature) for tx in self.transactions]


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
    **facts: Any,
) -> Node:
    """A node over the chain. `listed`: slots that getBlocks tells; `has`: whose blocks it gives; `instead`: what it
    gives in the place of a block: an Error, Null, a SmallBlock."""
    head = facts.setdefault("slot", max(blocks, default=0))

    def get_blocks(params: list[Any]) -> Any:
        if isinstance(params[2], dict) and params[2].get("minContextSlot", 0) > head:
            raise Error(-32016, "Minimum context slot has not been reached")
        return [slot for slot in sorted(blocks) if params[0] <= slot <= min(params[1], head) and listed(slot)]

    def get_block(params: list[Any]) -> Any:
        slot, config = params
        found = (instead or {}).get(slot, blocks.get(slot))
        details = config.get("transactionDetails", "full")
        if isinstance(found, Error) or found is Null:
            if details == "full" or not isinstance(found, Error) or found.code != -32015:
                return found
            found = blocks[slot]  # Without transactions there is no version that could be too high.
        if found is None or slot > head or not has(slot):
            raise Error(-32007 if slot <= head else -32004, f"Slot {slot} was skipped, or missing")
        return shown(found, details)

    return Node({"getBlocks": get_blocks, "getBlock": get_block}, **facts)
