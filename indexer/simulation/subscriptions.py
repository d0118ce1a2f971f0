"""The WebSocket side of a node: logsSubscribe, slotSubscribe, rootSubscribe, and the notifications that follow.

A session is one connection. It has no clock of its own and sends nothing: it is told what the client sent, and
asked what has become due. Every block is notified once for each subscription, when the node has first come to it
at the commitment asked for: blocks of a fork as well, and those beside it when it was overtaken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, Literal

import msgspec

from indexer.simulation.chain import ChainBlock, ChainTransaction
from indexer.simulation.cluster import Commitment
from indexer.simulation.encodings import Json
from indexer.simulation.node import Node
from indexer.simulation.node_errors import RpcError, invalid_params, method_not_found
from indexer.simulation.node_params import Config, Params, address, config_at, required

_MOST_UNREAD = 10_000  # Frames; a client that reads slower is cut off.


class Closed(Exception):
    """The server closes the connection, with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with code {code}")
        self.code = code


class Subscription(msgspec.Struct):
    id: int
    kind: Literal["logs", "slot", "root"]
    commitment: Commitment
    told: int  # The slot up to which everything was notified.
    mentions: str | None = None


class Session:
    def __init__(self, node: Node) -> None:
        self.node = node
        self.subscriptions: dict[int, Subscription] = {}
        self._replies: deque[str] = deque()
        self._ids = count(1)

    def take(self, text: str | bytes) -> None:
        """A frame from the client. Raises Closed where it reads nothing of what it asks for."""
        try:
            request = msgspec.json.decode(text)
        except msgspec.DecodeError:
            request = None
        self._replies.append(_text(self._reply(request)))
        if len(self._replies) > _MOST_UNREAD:
            raise Closed(1009)

    def due(self) -> list[str]:
        """The frames that are to be sent now, in order. Raises Closed."""
        frames = list(self._replies)
        self._replies.clear()
        for subscription in self.subscriptions.values():
            frames += (_text(told) for told in self._notifications(subscription))
        return frames

    def next_in_s(self) -> float:
        """Seconds until something may become due that is not due now."""
        cluster = self.node.cluster
        return max(0.0, cluster.time_of(cluster.slot() + 1) - cluster.clock())

    # --- requests --------------------------------------------------------------------------------------------------

    def _reply(self, request: Any) -> Json:
        if not isinstance(request, Mapping) or not isinstance(request.get("method"), str):
            return {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid request"}, "id": None}
        try:
            result = self._call(request["method"], request.get("params") or ())
        except RpcError as error:
            return {"jsonrpc": "2.0", "error": error.shown(), "id": request.get("id")}
        return {"jsonrpc": "2.0", "result": result, "id": request.get("id")}

    def _call(self, method: str, params: Params) -> Any:
        if method in ("logsUnsubscribe", "slotUnsubscribe", "rootUnsubscribe"):
            return self._unsubscribe(required(params, 0))
        if method == "logsSubscribe":
            return self._subscribe("logs", config_at(params, 1, Config).level, _mentioned(required(params, 0)))
        if method == "slotSubscribe":
            return self._subscribe("slot", "processed")
        if method == "rootSubscribe":
            return self._subscribe("root", "finalized")
        raise method_not_found()

    def _subscribe(
        self, kind: Literal["logs", "slot", "root"], commitment: Commitment, mentions: str | None = None
    ) -> int:
        made = Subscription(next(self._ids), kind, commitment, self.node.view().limit(commitment), mentions)
        self.subscriptions[made.id] = made
        return made.id

    def _unsubscribe(self, subscription_id: Any) -> bool:
        if self.subscriptions.pop(subscription_id, None) is None:
            raise invalid_params("Invalid subscription id.")
        return True

    # --- notifications ---------------------------------------------------------------------------------------------

    def _notifications(self, subscription: Subscription) -> Iterator[Json]:
        view = self.node.view()
        limit, is_final = view.limit(subscription.commitment), subscription.commitment == "finalized"
        for block in self.node.cluster.places.arrived(subscription.told, limit, final=is_final):
            yield from _TOLD[subscription.kind](self, subscription, block)
        subscription.told = max(subscription.told, limit)

    def _logs(self, subscription: Subscription, block: ChainBlock) -> Iterator[Json]:
        for transaction in block.transactions:
            if subscription.mentions in transaction.mentions:
                result = {"context": {"slot": block.slot}, "value": _logs_of(transaction)}
                yield _notification("logsNotification", subscription, result)

    def _slot(self, subscription: Subscription, block: ChainBlock) -> Iterator[Json]:
        result = {"parent": block.parent_slot, "root": self.node.view().limit("finalized"), "slot": block.slot}
        yield _notification("slotNotification", subscription, result)

    def _root(self, subscription: Subscription, block: ChainBlock) -> Iterator[Json]:
        yield _notification("rootNotification", subscription, block.slot)


_TOLD: Mapping[str, Callable[[Session, Subscription, ChainBlock], Iterator[Json]]] = {
    "logs": Session._logs,
    "slot": Session._slot,
    "root": Session._root,
}


def _logs_of(transaction: ChainTransaction) -> Json:
    return {
        "signature": transaction.signature,
        "err": transaction.shown["meta"]["err"],
        "logs": list(transaction.logs),
    }


def _mentioned(wanted: Any) -> str:
    """The one key that the logs must mention. Nodes that serve the public offer no `all`."""
    keys = wanted.get("mentions") if isinstance(wanted, Mapping) else None
    if not isinstance(keys, list):
        raise invalid_params("Invalid Request: this node offers logsSubscribe for `mentions` alone")
    if len(keys) != 1:
        raise invalid_params("Invalid Request: Only 1 address supported")
    return address(keys[0])


def _notification(method: str, subscription: Subscription, result: Any) -> Json:
    return {"jsonrpc": "2.0", "method": method, "params": {"result": result, "subscription": subscription.id}}


def _text(answer: Json) -> str:
    return msgspec.json.encode(answer).decode()
