"""A node as a server: JSON-RPC over HTTP, and subscriptions over a WebSocket at the same address."""

from __future__ import annotations

from indexer.simulation.exchange import Answer, Request
from indexer.simulation.node import Node
from indexer.simulation.subscriptions import Session


class RpcServer:
    """exchange.Server for one node."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def respond(self, request: Request) -> Answer:
        if request.method == "GET":
            return Answer(body=b"ok", content_type="text/plain") if request.path == "/health" else Answer(405)
        return Answer(body=self.node.respond(request.body))

    def connect(self) -> Session:
        return Session(self.node)
