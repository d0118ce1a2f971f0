"""A node as a server: JSON-RPC over HTTP, and subscriptions over a WebSocket at the same address."""

from __future__ import annotations

from indexer.simulation.budget import Budget
from indexer.simulation.exchange import Answer, Request
from indexer.simulation.node import Node
from indexer.simulation.subscriptions import Closed, Session
from indexer.simulation.weather import limited, through

_REFUSING = ("restart", "websocket_refused")


class RpcServer:
    """exchange.Server for one node, with the weather at its address."""

    def __init__(self, node: Node, *, budget: Budget | None = None, seen_as: str | None = None) -> None:
        """`budget`: what it lets its clients ask; every call of a batch counts. `seen_as`: under which name it is
        counted that somebody asks it."""
        self.node, self._budget, self._seen_as = node, budget, seen_as

    def respond(self, request: Request) -> Answer:
        if self._seen_as is not None:
            self.node.faults.saw(self._seen_as)
        if request.method == "GET":
            return Answer(body=b"ok", content_type="text/plain") if request.path == "/health" else Answer(405)
        if self._budget is not None and (wait_s := self._budget.wait_s(max(1, request.body.count(b'"method"')))):
            self.node.faults.saw("over_budget")
            return limited(wait_s)
        return through(self.node.faults, self.node.name, request.body, lambda: self._answer(request.body))

    def connect(self) -> Session:
        """Raises Closed."""
        if any(self.node.faults.strikes(kind, self.node.name) for kind in _REFUSING):
            raise Closed(1006)
        return Session(self.node)

    def _answer(self, body: bytes) -> Answer:
        return Answer(body=self.node.respond(body))
