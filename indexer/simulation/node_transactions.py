"""Transactions of a node: getTransaction, getSignaturesForAddress, getSignatureStatuses.

Signatures come newest first. Within one slot every node has an order of its own; it says nothing about places in
the block. Where `before` is unknown the page is empty; where `until` is unknown, it is as if it were not there.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from indexer.simulation.cluster import Commitment, View
from indexer.simulation.encodings import Json, encoded, shown_time
from indexer.simulation.lies import Lies
from indexer.simulation.node_errors import invalid_params, min_context_slot_not_reached
from indexer.simulation.node_params import (
    HistoryConfig,
    Params,
    StatusConfig,
    TransactionConfig,
    address_at,
    at_least_confirmed,
    config_at,
    converted,
    required,
    signature,
)
from indexer.simulation.places import Place

_MOST_ROWS = 1_000
_MOST_STATUSES = 256
_STATUS_CACHE_SLOTS = 150  # How long statuses are known without a search in the history.


def get_transaction(view: View, lies: Lies, params: Params) -> Json | None:
    named, config = signature(required(params, 0)), config_at(params, 1, TransactionConfig)
    level = at_least_confirmed(config)
    place = view.find(named, level)
    if place is None or lies.about_transaction(place, level):
        return None
    if view.is_dropped(place.block):
        lies.faults.saw("fork_served")
    shown = encoded(place.transaction, config.encoding or "json", config.max_supported_transaction_version)
    return {"slot": place.block.slot, "blockTime": shown_time(place.block), **lies.transaction(shown)}


def get_signatures_for_address(view: View, lies: Lies, params: Params, tells_index: bool) -> list[Json]:
    named, config = address_at(params, 0), config_at(params, 1, HistoryConfig)
    level, limit = at_least_confirmed(config), _MOST_ROWS if config.limit is None else config.limit
    if not 1 <= limit <= _MOST_ROWS:
        raise invalid_params(f"Invalid limit; max {_MOST_ROWS}")
    lies.about_context(config.min_context_slot)
    require_context(view, config.min_context_slot, level)
    places = _page(view, lies, view.history(named, level), config, lies.page_rows(limit))
    if places and all(place.transaction.failed for place in places):
        lies.faults.saw("page_of_failures")
    final = view.limit("finalized")
    return [lies.error(_row(place, final, tells_index)) for place in places]


def get_signature_statuses(view: View, params: Params) -> list[Json | None]:
    named = required(params, 0)
    if not isinstance(named, list):
        raise invalid_params("Invalid params: expected a sequence.")
    if len(named) > _MOST_STATUSES:
        raise invalid_params(f"Too many inputs provided; max {_MOST_STATUSES}")
    config = converted(params[1], StatusConfig) if len(params) > 1 and params[1] is not None else StatusConfig()
    return [_status(view, signature(text), config) for text in named]


def require_context(view: View, min_context_slot: int | None, level: Commitment) -> None:
    """Raises RpcError where the node has not come as far as the client asks."""
    head = view.head(level)
    reached = view.first_slot if head is None else head.slot
    if min_context_slot is not None and reached < min_context_slot:
        raise min_context_slot_not_reached(reached)


# --- pages of signatures -------------------------------------------------------------------------------------------


def _page(view: View, lies: Lies, history: Sequence[Place], config: HistoryConfig, limit: int) -> list[Place]:
    """`history` is oldest first. Only the slots that the page reaches are put in order."""
    found: list[Place] = []
    level = config.level
    start, skip_past = len(history), None
    if config.before is not None:
        if (before := view.find(signature(config.before), level)) is None:
            return []
        start, skip_past = _behind(history, before.block.slot), before
    until = None if config.until is None else view.find(signature(config.until), level)
    for slot, group in groupby(history[:start][::-1], key=lambda place: place.block.slot):
        rows = _behind_signature(_ordered(lies, list(group)), slot, skip_past)
        if until is not None and slot <= until.block.slot:
            return (found + _up_to_signature(rows, slot, until))[:limit]
        found += rows
        if len(found) >= limit:
            break
    return found[:limit]


def _ordered(lies: Lies, places: list[Place]) -> list[Place]:
    """The rows of one slot in the node's own order, which is as good as any."""
    own = lies.rows(places)
    if len(own) > 1:
        own.sort(key=lambda place: lies.order(place.transaction.signature))
    return lies.shuffled(own)


def _behind(history: Sequence[Place], slot: int) -> int:
    return bisect_right(history, slot, key=lambda place: place.block.slot)


def _behind_signature(rows: list[Place], slot: int, before: Place | None) -> list[Place]:
    """Rows older than `before`. One that does not name the address stands where its place in the block puts it."""
    if before is None or slot != before.block.slot:
        return rows
    named = [row.transaction.signature for row in rows]
    if before.transaction.signature in named:
        return rows[named.index(before.transaction.signature) + 1 :]
    return [row for row in rows if row.index < before.index]


def _up_to_signature(rows: list[Place], slot: int, until: Place) -> list[Place]:
    """Rows newer than `until`."""
    if slot < until.block.slot:
        return []
    named = [row.transaction.signature for row in rows]
    if until.transaction.signature in named:
        return rows[: named.index(until.transaction.signature)]
    return [row for row in rows if row.index > until.index]


def _row(place: Place, final: int, tells_index: bool) -> Json:
    block, transaction = place.block, place.transaction
    row = {
        "blockTime": shown_time(block),
        "confirmationStatus": "finalized" if block.slot <= final else "confirmed",
        "err": transaction.shown["meta"]["err"],
        "memo": None,
        "signature": transaction.signature,
        "slot": block.slot,
    }
    if tells_index:
        row["transactionIndex"] = place.index
    return row


def _status(view: View, named: str, config: StatusConfig) -> Json | None:
    place = view.find(named, "processed")
    if place is None:
        return None
    slot = place.block.slot
    if not config.search_transaction_history and slot < view.limit("processed") - _STATUS_CACHE_SLOTS:
        return None
    err: Any = place.transaction.shown["meta"]["err"]
    is_final = slot <= view.limit("finalized")
    return {
        "confirmationStatus": "finalized"
        if is_final
        else "confirmed"
        if slot <= view.limit("confirmed")
        else "processed",
        "confirmations": None if is_final else len(view.slots(slot + 1, view.limit("processed"), "processed")),
        "err": err,
        "slot": slot,
        "status": {"Ok": None} if err is None else {"Err": err},
    }
