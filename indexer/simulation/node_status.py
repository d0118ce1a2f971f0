"""What a node says of itself and of the head of the chain: getSlot, getHealth, getEpochInfo and the like."""

from __future__ import annotations

from typing import Any

from indexer.simulation.cluster import Commitment, View
from indexer.simulation.encodings import Json
from indexer.simulation.node_errors import node_unhealthy
from indexer.simulation.node_params import Config, Params, config_at
from indexer.simulation.node_transactions import require_context

_SLOTS_IN_EPOCH = 432_000
_BLOCKHASH_BLOCKS = 150  # For how many blocks a blockhash stays valid.
_UNHEALTHY_SLOTS = 128
_FEATURE_SET = 3_271_415_109


def get_slot(view: View, params: Params) -> int:
    return head_slot(view, checked_level(view, params))


def get_block_height(view: View, params: Params) -> int:
    head = view.head(checked_level(view, params))
    return 0 if head is None else head.height


def get_genesis_hash(view: View, _params: Params) -> str:
    return view.cluster.chain.genesis_hash


def get_health(view: View, _params: Params) -> str:
    behind = view.cluster.slot() - view.slot
    if behind > _UNHEALTHY_SLOTS:
        raise node_unhealthy(behind)
    return "ok"


def get_version(version: str) -> Json:
    return {"feature-set": _FEATURE_SET, "solana-core": version}


def get_epoch_info(view: View, params: Params) -> Json:
    level = checked_level(view, params)
    slot, head = head_slot(view, level), view.head(level)
    return {
        "absoluteSlot": slot,
        "blockHeight": 0 if head is None else head.height,
        "epoch": slot // _SLOTS_IN_EPOCH,
        "slotIndex": slot % _SLOTS_IN_EPOCH,
        "slotsInEpoch": _SLOTS_IN_EPOCH,
        "transactionCount": view.cluster.places.transaction_count(slot),
    }


def get_latest_blockhash(view: View, params: Params) -> Json:
    head = view.head(checked_level(view, params))
    assert head is not None, "the chain has no block yet, so there is no blockhash"
    return {"blockhash": head.blockhash, "lastValidBlockHeight": head.height + _BLOCKHASH_BLOCKS}


def checked_level(view: View, params: Params, place: int = 0) -> Commitment:
    """The commitment that the configuration at `place` asks for. Raises RpcError below its context slot."""
    config = config_at(params, place, Config)
    require_context(view, config.min_context_slot, config.level)
    return config.level


def head_slot(view: View, level: Commitment) -> int:
    head = view.head(level)
    return view.first_slot if head is None else head.slot


def with_context(view: View, level: Commitment, value: Any, version: str) -> Json:
    return {"context": {"apiVersion": version, "slot": head_slot(view, level)}, "value": value}
