"""Blocks of a node: getBlock, getBlocks, getBlockTime, and how far back it has them.

Of a slot without a block a node tells three different things: skipped, as far as its own ledger goes; skipped
or missing, where its archive was asked; not available, where it has not come to the slot.
"""

from __future__ import annotations

from indexer.simulation.chain import ChainBlock
from indexer.simulation.cluster import Commitment, View
from indexer.simulation.encodings import Json, encoded_block, shown_time
from indexer.simulation.lies import Lies
from indexer.simulation.node_errors import (
    RpcError,
    archive_slot_skipped,
    block_cleaned_up,
    block_not_available,
    invalid_params,
    slot_skipped,
)
from indexer.simulation.node_params import BlockConfig, Config, Params, at_least_confirmed, config_at, slot_at

_MOST_SLOTS = 500_000


def get_block(view: View, lies: Lies, params: Params) -> Json | None:
    slot, config = slot_at(params, 0), config_at(params, 1, BlockConfig)
    level = at_least_confirmed(config)
    if lies.about_block(view, slot, level):
        return None
    block = _block(view, slot, level)
    if view.is_dropped(block):
        lies.faults.saw("fork_served")
    rewards = True if config.rewards is None else config.rewards
    highest = config.max_supported_transaction_version
    shown = encoded_block(block, config.encoding or "json", config.transaction_details or "full", rewards, highest)
    if "transactions" in shown:
        shown["transactions"] = [lies.transaction(one) for one in shown["transactions"]]
    return shown


def get_blocks(view: View, lies: Lies, params: Params) -> list[int]:
    start = slot_at(params, 0)
    has_end = len(params) > 1 and isinstance(params[1], int)
    end = slot_at(params, 1) if has_end else start + _MOST_SLOTS
    level = at_least_confirmed(config_at(params, 2 if has_end or len(params) > 2 else 1, Config))
    end = min(end, view.limit(level))
    if end - start > _MOST_SLOTS:
        raise invalid_params(f"Slot range too large; max {_MOST_SLOTS}")
    return lies.slots(view.slots(start, end, level))


def get_blocks_with_limit(view: View, lies: Lies, params: Params) -> list[int]:
    start, limit = slot_at(params, 0), slot_at(params, 1)
    level = at_least_confirmed(config_at(params, 2, Config))
    if limit > _MOST_SLOTS:
        raise invalid_params(f"Limit too large; max {_MOST_SLOTS}")
    return lies.slots(view.slots(start, view.limit(level), level))[:limit]


def get_block_time(view: View, params: Params) -> int | None:
    slot = slot_at(params, 0)
    return shown_time(_block(view, slot, "finalized" if slot <= view.limit("finalized") else "processed"))


def get_first_available_block(view: View, _params: Params) -> int:
    slots = view.slots(view.first_slot, view.limit("finalized"), "finalized")
    return slots[0] if slots else view.first_slot


def minimum_ledger_slot(view: View, _params: Params) -> int:
    return max(view.first_slot, view.ledger_slot)


def _block(view: View, slot: int, level: Commitment) -> ChainBlock:
    block = view.block(slot, level)
    if block is None:
        raise _absent(view, slot)
    return block


def _absent(view: View, slot: int) -> RpcError:
    if slot >= view.limit("finalized"):
        return block_not_available(slot)
    if slot < view.first_slot:
        return block_cleaned_up(slot, get_first_available_block(view, ()))
    return archive_slot_skipped(slot) if slot < view.ledger_slot else slot_skipped(slot)
