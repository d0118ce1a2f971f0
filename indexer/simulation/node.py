"""One JSON-RPC node of the cluster: a request goes in, an answer comes out, and nothing else happens.

What a node knows is its view: it may be late, and its ledger may begin late, with or without an archive behind
it. Requests and batches are read as JSON-RPC 2.0 wants it; a notification, which has no id, is not answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from indexer.simulation import node_accounts, node_blocks, node_status, node_transactions
from indexer.simulation.cluster import Cluster, View
from indexer.simulation.encodings import Json
from indexer.simulation.node_accounts import Accounts
from indexer.simulation.node_errors import RpcError, invalid_params, invalid_request, method_not_found, parse_error
from indexer.simulation.node_params import AccountConfig, Params, config_at
from indexer.simulation.node_transactions import require_context
from indexer.simulation.places import Place

Method = Callable[["Node", View, Params], Any]
_INDEX_SINCE = 4  # Agave 4.0 tells `transactionIndex` in rows of signatures.
_MOST_IN_BATCH = 1_000


class Node:
    """A node by its name, over a cluster that others share."""

    def __init__(
        self,
        cluster: Cluster,
        name: str = "node",
        *,
        behind: int = 0,
        ledger_slot: int | None = None,
        archive_slot: int | None = None,
        accounts: Accounts | None = None,
        version: str = "4.0.0",
    ) -> None:
        """`behind`: slots that it is late. `ledger_slot`: the first slot of its own ledger (default: the chain's);
        older ones come out of an archive from `archive_slot` on, if it has one."""
        self.cluster, self.name, self.version = cluster, name, version
        self.behind = behind
        self.ledger_slot = cluster.chain.first_slot if ledger_slot is None else ledger_slot
        self.first_slot = self.ledger_slot if archive_slot is None else min(archive_slot, self.ledger_slot)
        self.accounts = accounts or {}

    def view(self) -> View:
        return self.cluster.view(self.behind, self.first_slot, self.ledger_slot)

    def respond(self, body: bytes) -> bytes:
        """The answer to a request or a batch; empty where all of it were notifications."""
        try:
            request = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return _encoded(_failed(None, parse_error()))
        if not isinstance(request, list):
            return _encoded(self._answer(request))
        if not 0 < len(request) <= _MOST_IN_BATCH:
            return _encoded(_failed(None, invalid_request()))
        answers = [answer for one in request if (answer := self._answer(one)) is not None]
        return msgspec.json.encode(answers) if answers else b""

    def _answer(self, request: Any) -> Json | None:
        if not isinstance(request, Mapping) or not isinstance(request.get("method"), str):
            return _failed(None, invalid_request())
        try:
            result = self.call(request["method"], request.get("params"))
        except RpcError as error:
            return _failed(request.get("id"), error) if "id" in request else None
        return {"jsonrpc": "2.0", "result": result, "id": request["id"]} if "id" in request else None

    def call(self, method: str, params: Any) -> Any:
        """The result. Raises RpcError."""
        if method not in METHODS:
            raise method_not_found()
        if params is not None and not isinstance(params, list):
            raise invalid_params("Invalid params: expected a sequence.")
        return METHODS[method](self, self.view(), params or ())

    def shuffled(self, places: list[Place]) -> list[Place]:
        """The transactions of one slot in this node's own order."""
        return sorted(places, key=lambda place: _mixed(self.name, place.transaction.signature))

    def tells_index(self) -> bool:
        return int(self.version.partition(".")[0]) >= _INDEX_SINCE


def _mixed(*parts: str) -> bytes:
    return blake2b(" ".join(parts).encode(), digest_size=8).digest()


def _failed(request_id: Any, error: RpcError) -> Json:
    return {"jsonrpc": "2.0", "error": error.shown(), "id": request_id}


def _encoded(answer: Json | None) -> bytes:
    return b"" if answer is None else msgspec.json.encode(answer)


def _of_view(function: Callable[[View, Params], Any]) -> Method:
    return lambda _node, view, params: function(view, params)


def _with_context(value: Callable[[Node, View, Params], Any], place: int) -> Method:
    """A method whose configuration stands at `place` and whose answer says from which slot it is."""

    def method(node: Node, view: View, params: Params) -> Json:
        level = node_status.checked_level(view, params, place)
        return node_status.with_context(view, level, value(node, view, params), node.version)

    return method


def _statuses(node: Node, view: View, params: Params) -> Json:
    found = node_transactions.get_signature_statuses(view, params)
    return node_status.with_context(view, "processed", found, node.version)


def _accounts(read: Callable[[View, Accounts, Params, AccountConfig], Any]) -> Method:
    def method(node: Node, view: View, params: Params) -> Any:
        config = config_at(params, 1, AccountConfig)
        require_context(view, config.min_context_slot, config.level)
        value = read(view, node.accounts, params, config)
        if read is node_accounts.program_accounts and not config.with_context:
            return value
        return node_status.with_context(view, config.level, value, node.version)

    return method


def _signatures(node: Node, view: View, params: Params) -> Sequence[Json]:
    return node_transactions.get_signatures_for_address(view, params, node.shuffled, node.tells_index())


METHODS: Mapping[str, Method] = {
    "getAccountInfo": _accounts(node_accounts.account_info),
    "getBlock": _of_view(node_blocks.get_block),
    "getBlockHeight": _of_view(node_status.get_block_height),
    "getBlockTime": _of_view(node_blocks.get_block_time),
    "getBlocks": _of_view(node_blocks.get_blocks),
    "getBlocksWithLimit": _of_view(node_blocks.get_blocks_with_limit),
    "getEpochInfo": _of_view(node_status.get_epoch_info),
    "getFirstAvailableBlock": _of_view(node_blocks.get_first_available_block),
    "getGenesisHash": _of_view(node_status.get_genesis_hash),
    "getHealth": _of_view(node_status.get_health),
    "getLatestBlockhash": _with_context(lambda _node, view, params: node_status.get_latest_blockhash(view, params), 0),
    "getMultipleAccounts": _accounts(node_accounts.multiple_accounts),
    "getProgramAccounts": _accounts(node_accounts.program_accounts),
    "getSignatureStatuses": _statuses,
    "getSignaturesForAddress": _signatures,
    "getSlot": _of_view(node_status.get_slot),
    "getTransaction": _of_view(node_transactions.get_transaction),
    "getVersion": lambda node, _view, _params: node_status.get_version(node.version),
    "minimumLedgerSlot": _of_view(node_blocks.minimum_ledger_slot),
}
