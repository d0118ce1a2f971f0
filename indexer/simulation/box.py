"""The endpoints of one run: three nodes with different ledgers, a portal, perhaps a node of another cluster.

One node is honest and has everything, be it late and behind bad weather; what the others keep back or deny, it
tells. Their addresses hold keys, which must show nowhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from math import ceil
from random import Random

import msgspec

from indexer.simulation import fault_kinds
from indexer.simulation.budget import Budget
from indexer.simulation.chain import Chain
from indexer.simulation.cluster import Cluster
from indexer.simulation.exchange import Server
from indexer.simulation.faults import Faults
from indexer.simulation.memory_wire import MemoryDial, MemoryHttp
from indexer.simulation.node import Node
from indexer.simulation.node_accounts import Accounts, accounts_of
from indexer.simulation.places import Places
from indexer.simulation.portal import Portal
from indexer.simulation.rpc_server import RpcServer
from indexer.simulation.serve import serve

_DATASET = "solana-mainnet"
_KEPT_SLOTS = 150  # How far back a node without an archive goes at the start.
_OWN_SLOTS = 300  # How far back the honest node's own ledger goes; before it lies its archive.
_STRANGER = "stranger"
_OTHER_GENESIS = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"  # Devnet's.


class Addresses(msgspec.Struct, frozen=True):
    """Where the endpoints are, with their keys. WebSockets in the order of the nodes."""

    rpc: Sequence[str]
    websocket: Sequence[str]
    portal: str  # Of the dataset.


class Box:
    def __init__(
        self,
        chain: Chain | Places,
        clock: Callable[[], float],
        *,
        seed: int = 0,
        profile: str = "calm",
        start_slot: int | None = None,
        speed: float = 1.0,
        span_s: float = 60.0,
        portal_behind: int = 50,
        rpc_per_s: float | None = None,
        portal_per_s: float | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        """`clock` begins at 0 and runs with the loop's time. `profile`: one of fault_kinds.PROFILES. Faults that end
        begin and end within `span_s` seconds. `rpc_per_s`, `portal_per_s`: what each server lets be asked, and twice
        that at once; None: everything. `accounts` None: the chain's own."""
        self.cluster = Cluster(chain, clock, start_slot=start_slot, speed=speed)
        self.profile, self._random = profile, Random(f"box {seed}")
        planned = [
            fault_kinds.Server("node-1", is_honest=True),
            fault_kinds.Server("node-2"),
            fault_kinds.Server("node-3"),
            fault_kinds.Server("portal", is_portal=True),
        ]
        history = range(self.cluster.chain.first_slot, self.cluster.start_slot)
        self.faults = Faults(fault_kinds.draw(seed, profile, planned, span_s, history), seed, clock)
        self.nodes = self._nodes(accounts_of(self.cluster.chain) if accounts is None else accounts)
        budget = self._budget(portal_per_s)
        self.portal = Portal(self.cluster, behind=portal_behind, budget=budget, faults=self.faults)
        self.servers: dict[str, Server] = {
            node.name: RpcServer(node, budget=self._budget(rpc_per_s)) for node in self.nodes
        }
        if "nodes" in fault_kinds.PROFILES[profile]:
            self.servers[_STRANGER] = self._stranger()
        self.servers["portal"] = self.portal

    def _nodes(self, accounts: Accounts) -> list[Node]:
        start, first = self.cluster.start_slot, self.cluster.chain.first_slot
        own, kept = max(first, start - _OWN_SLOTS), max(first, start - _KEPT_SLOTS)
        made = [
            Node(self.cluster, "node-1", ledger_slot=own, archive_slot=first, accounts=accounts, faults=self.faults),
            Node(self.cluster, "node-2", behind=2, accounts=accounts, faults=self.faults),
            Node(self.cluster, "node-3", ledger_slot=kept, accounts=accounts, version="3.1.8", faults=self.faults),
        ]
        return self._random.sample(made, len(made))

    def _budget(self, per_s: float | None) -> Budget | None:
        return None if per_s is None else Budget(per_s, ceil(2 * per_s), self.cluster.clock)

    def _stranger(self) -> RpcServer:
        """A node of another cluster: the same slots, and nothing in them."""
        chain = self.cluster.chain
        empty = {slot: msgspec.structs.replace(block, transactions=()) for slot, block in chain.blocks.items()}
        other = msgspec.structs.replace(chain, genesis_hash=_OTHER_GENESIS, blocks=empty, forks=())
        ours = self.cluster
        cluster = Cluster(other, ours.clock, start_slot=ours.start_slot, speed=chain.slot_ms / 1000 / ours.slot_s)
        return RpcServer(Node(cluster, _STRANGER, faults=self.faults), seen_as="stranger_asked")

    # --- wires -----------------------------------------------------------------------------------------------------

    def addresses(self) -> Addresses:
        """In memory."""
        return self._addresses({name: (f"{name}.box", f"{name}.box") for name in self.servers})

    def http(self) -> MemoryHttp:
        return MemoryHttp(self._by_host(), self._random)

    def dial(self) -> MemoryDial:
        return MemoryDial(self._by_host(), self._random)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Addresses]:
        """On real sockets."""
        async with serve(self.servers) as ports:
            hosts = {name: (f"127.0.0.1:{port}", f"127.0.0.1:{port + 1}") for name, port in ports.items()}
            yield self._addresses(hosts)

    def _by_host(self) -> dict[str, Server]:
        return {f"{name}.box": server for name, server in self.servers.items()}

    def _addresses(self, hosts: Mapping[str, tuple[str, str]]) -> Addresses:
        keys = {name: f"SECRET-{name}" for name in hosts}
        nodes = [name for name in hosts if name != "portal"]
        return Addresses(
            rpc=[f"http://{hosts[name][0]}/?api-key={keys[name]}" for name in nodes],
            websocket=[f"ws://{hosts[name][1]}/?api-key={keys[name]}" for name in nodes],
            portal=f"http://{hosts['portal'][0]}/datasets/{_DATASET}",
        )
