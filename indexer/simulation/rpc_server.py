"""A node as a server: JSON-RPC over HTTP, and subscriptions over a WebSocket at the same address."""

from __future__ import annotations

from indexer.simulation.exchange import Answer, Request
from indexer.simulation.node import Node
from indexer.simulation.subscriptions import Closed, Session
from indexer.simulation.weather import through

_REFUSING = ("restart", "websocket_refused")


class RpcServer:
    """exchange.Server for one node, with the weather at its address."""

    def __init__(self, node: Node, *, seen_as: str | None = None) -> None:
        """`seen_as`: under which name it is counted that somebody asks it."""
        self.node, self._seen_as = node, seen_as

    def respond(self, request: Request) -> Answer:
        if self._seen_as is not None:
            self.node.faults.saw(self._seen_as)
        if request.method == "GET":
            return Answer(body=b"ok", content_type="text/plain") if request.path == "/health" else Answer(405)
        return through(self.node.faults, self.node.name, request.body, lambda: self._answer(request.body))

    def connect(self) -> Session:
        """Raises Closed."""
        if any(self.node.faults.strikes(kind, self.node.name) for kind in _REFUSING):
            raise Closed(1006)
        return Session(self.node)

    def _answer(self, body: bytes) -> Answer:
        return Answer(body=self.node.respond(body))
