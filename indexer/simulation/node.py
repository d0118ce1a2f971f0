"""One JSON-RPC node of the cluster: a request goes in, an answer comes out, and nothing else happens.

What a node knows is its view: it may be late, and its ledger may begin late, with or without an archive behind
it. Each method is a function of the view and its parameters; the table of them stands at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from indexer.simulation import node_accounts, node_blocks, node_status, node_transactions
from indexer.simulation.cluster import Cluster, View
from indexer.simulation.encodings import Json
from indexer.simulation.faults import Faults, no_faults
from indexer.simulation.json_rpc import answered
from indexer.simulation.lies import Lies
from indexer.simulation.node_accounts import Accounts
from indexer.simulation.node_errors import RpcError, method_not_found
from indexer.simulation.node_params import AccountConfig, Params, config_at
from indexer.simulation.node_transactions import require_context

Method = Callable[["Node", View, Params], Any]
_INDEX_SINCE = 4  # Agave 4.0 tells `transactionIndex` in rows of signatures.
_SEEN = {-32001: "block_purged", -32015: "version_refused"}  # What is counted though it is no fault.


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
        faults: Faults | None = None,
    ) -> None:
        """`behind`: slots that it is late. `ledger_slot`: the first slot of its own ledger (default: the chain's);
        older ones come out of an archive from `archive_slot` on, if it has one."""
        self.cluster, self.name, self.version = cluster, name, version
        self.behind = behind
        self.ledger_slot = cluster.chain.first_slot if ledger_slot is None else ledger_slot
        self.first_slot = self.ledger_slot if archive_slot is None else min(archive_slot, self.ledger_slot)
        self.accounts = accounts or {}
        self.faults = faults or no_faults(cluster.clock)
        self.lies = Lies(name, self.faults, cluster)

    def view(self, method: str = "") -> View:
        """What it sees now: for subscriptions, or for a request of this method."""
        late = self.lies.slots_late(method) if method else self.lies.slots_stalled()
        floor = self.lies.moved_floor()
        if method and floor:
            self.faults.saw("floor_moved")
        return self.cluster.view(self.behind + late, max(self.first_slot, floor), max(self.ledger_slot, floor))

    def respond(self, body: bytes) -> bytes:
        """The answer to a request or a batch; empty where all of it were notifications."""
        return answered(body, self.call)

    def call(self, method: str, params: Params) -> Any:
        """The result. Raises RpcError."""
        if method not in METHODS:
            raise method_not_found()
        try:
            return METHODS[method](self, self.view(method), params)
        except RpcError as error:
            if error.code in _SEEN:
                self.faults.saw(_SEEN[error.code])
            raise

    def tells_index(self) -> bool:
        return int(self.version.partition(".")[0]) >= _INDEX_SINCE


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


def _signatures(node: Node, view: View, params: Params) -> list[Json]:
    return node_transactions.get_signatures_for_address(view, node.lies, params, node.tells_index())


def _with_lies(function: Callable[[View, Lies, Params], Any]) -> Method:
    return lambda node, view, params: function(view, node.lies, params)


METHODS: Mapping[str, Method] = {
    "getAccountInfo": _accounts(node_accounts.account_info),
    "getBlock": _with_lies(node_blocks.get_block),
    "getBlockHeight": _of_view(node_status.get_block_height),
    "getBlockTime": _of_view(node_blocks.get_block_time),
    "getBlocks": _with_lies(node_blocks.get_blocks),
    "getBlocksWithLimit": _with_lies(node_blocks.get_blocks_with_limit),
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
    "getTransaction": _with_lies(node_transactions.get_transaction),
    "getVersion": lambda node, _view, _params: node_status.get_version(node.version),
    "minimumLedgerSlot": _of_view(node_blocks.minimum_ledger_slot),
}
