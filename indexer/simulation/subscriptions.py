"""The WebSocket side of a node: logsSubscribe, slotSubscribe, rootSubscribe, and the notifications that follow.

A session is one connection. It has no clock of its own and sends nothing: it is told what the client sent, and
asked what has become due. Every block is notified once for each subscription, when the node has first come to it
at the commitment asked for: blocks of a fork as well, and those beside it when it was overtaken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, Literal

import msgspec

from indexer.simulation.chain import ChainBlock, ChainTransaction
from indexer.simulation.cluster import Commitment
from indexer.simulation.encodings import Json
from indexer.simulation.json_rpc import answered
from indexer.simulation.node import Node
from indexer.simulation.node_errors import invalid_params, method_not_found
from indexer.simulation.node_params import Config, Params, address, config_at, required

_MOST_UNREAD = 10_000  # Replies; a client that reads slower is cut off.
_PLACEHOLDER = "1" * 64
_DROPPING = ("websocket_silent", "notifications_dropped", "notification_dropped")
_CLOSING = {"restart": 1006, "closed_1006": 1006, "closed_1009": 1009, "closed_1000": 1000}


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
    is_mute: bool = False  # It was acknowledged, and will never yield anything.


class Session:
    """One connection to one node."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.subscriptions: dict[int, Subscription] = {}
        self._replies: list[str] = []
        self._ids = count(1)
        self._opened_s = node.cluster.clock()
        self._was_stalled = False

    def take(self, text: str | bytes) -> None:
        """A frame from the client. Raises Closed where it reads nothing of what it asks for."""
        if answer := answered(text, self._call):
            self._replies.append(answer.decode())
        if len(self._replies) > _MOST_UNREAD:
            raise Closed(1009)

    def due(self) -> list[str]:
        """The frames that are to be sent now, in order. Raises Closed."""
        self._close_where_due()
        frames = [_text(told) for one in self.subscriptions.values() for told in self._notifications(one)]
        self._was_stalled = self.node.lies.slots_stalled() > 0
        if self._is_on("websocket_silent"):
            return []  # Replies wait until it speaks again; what it would have notified is gone.
        frames = self._replies + frames
        self._replies = []
        return frames

    def next_in_s(self) -> float:
        """Seconds until something may become due that is not due now."""
        cluster = self.node.cluster
        return max(0.0, cluster.time_of(cluster.slot() + 1) - cluster.clock())

    # --- requests --------------------------------------------------------------------------------------------------

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
        limit, is_mute = self.node.view().limit(commitment), self._strikes("subscription_mute")
        made = Subscription(next(self._ids), kind, commitment, limit, mentions, is_mute)
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
            if not subscription.is_mute:
                yield from _TOLD[subscription.kind](self, subscription, block)
        subscription.told = max(subscription.told, limit)

    def _logs(self, subscription: Subscription, block: ChainBlock) -> Iterator[Json]:
        for transaction in block.transactions:
            if subscription.mentions in transaction.mentions and not self._drops():
                result = {"context": {"slot": block.slot}, "value": self._value(transaction)}
                told = _notification("logsNotification", subscription, result)
                yield from (told, told) if self._strikes("notification_doubled") else (told,)
                if self.node.view().is_dropped(block):
                    self.node.faults.saw("fork_notified")

    def _slot(self, subscription: Subscription, block: ChainBlock) -> Iterator[Json]:
        result = {"parent": block.parent_slot, "root": self.node.view().limit("finalized"), "slot": block.slot}
        yield _notification("slotNotification", subscription, result)

    def _value(self, transaction: ChainTransaction) -> Json:
        told = {"signature": transaction.signature, "err": transaction.shown["meta"]["err"], "logs": transaction.logs}
        if transaction.failed and self._strikes("false_success"):
            told |= {"err": None, "logs": []}
        if self._strikes("placeholder_signature"):
            told["signature"] = _PLACEHOLDER
        return self.node.lies.error(told)

    def _root(self, subscription: Subscription, block: ChainBlock) -> Iterator[Json]:
        yield _notification("rootNotification", subscription, block.slot)

    # --- faults ----------------------------------------------------------------------------------------------------

    def _is_on(self, kind: str) -> bool:
        return self.node.faults.active(kind, self.node.name) is not None

    def _strikes(self, kind: str) -> bool:
        return self.node.faults.strikes(kind, self.node.name) is not None

    def _drops(self) -> bool:
        """Whether a notification is lost: one by one, in a burst, in silence, or since the node is catching up."""
        if self._was_stalled:
            self.node.faults.saw("dropped_catching_up")
            return True
        return any(self._strikes(kind) for kind in _DROPPING)

    def _close_where_due(self) -> None:
        for kind, code in _CLOSING.items():
            if self.node.faults.began(kind, self.node.name, self._opened_s):
                raise Closed(code)


_TOLD: Mapping[str, Callable[[Session, Subscription, ChainBlock], Iterator[Json]]] = {
    "logs": Session._logs,
    "slot": Session._slot,
    "root": Session._root,
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
