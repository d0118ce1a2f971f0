"""Asking simulated servers in tests: a clock that is moved by hand, and requests without a wire."""

from __future__ import annotations

import json
from typing import Any

from indexer.simulation.cluster import Cluster
from indexer.simulation.exchange import Request, Server
from indexer.simulation.node import Node


class Clock:
    """Seconds that stand still until they are set."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def to_slot(self, cluster: Cluster, slot: int) -> None:
        self.now = cluster.time_of(slot)


class RpcFailed(Exception):
    """The node answered with this error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error['code']}: {error['message']}")
        self.code, self.data = error["code"], error.get("data")


def ask(node: Node, method: str, *params: Any) -> Any:
    """The result. Raises RpcFailed."""
    return result_of(node.respond(request(method, *params)))


def request(method: str, *params: Any, request_id: Any = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}).encode()


def result_of(body: bytes) -> Any:
    answer = json.loads(body)
    if "error" in answer:
        raise RpcFailed(answer["error"])
    return answer["result"]


def code_of(node: Node, method: str, *params: Any) -> int | None:
    """The code of the error that this brings; None: it brings a result."""
    try:
        ask(node, method, *params)
    except RpcFailed as failed:
        return failed.code
    return None


def posted(server: Server, path: str, query: dict[str, Any]) -> Any:
    return server.respond(Request("POST", path, json.dumps(query).encode())).made()
