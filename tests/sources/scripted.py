"""Nodes by script, in memory and in virtual time: what they answer, how long they take, and what they were asked.

A node is a function of method and parameters. It gives a result, or raises Error, or returns a Reply of its own
(any status, any bytes), or Broken; `Null` is the result null.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Any

import msgspec

from indexer.core import base58
from indexer.simulation.virtual_time import run
from indexer.sources.endpoint import EndpointSettings, Quarantine
from indexer.sources.providers import PoolSettings, Providers
from indexer.sources.wire import Reply, Streamed, WireBroken
from tests.world import key

GENESIS = base58.encode(key(1000))


class _Null:
    """The answer null; it has one name in all processes."""

    def __str__(self) -> str:
        return "null"


Null = _Null()

__all__ = ["GENESIS", "Asked", "Error", "Node", "Null", "Wire", "pool", "run"]


class Error(Exception):
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str = "said the node") -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


class Asked(msgspec.Struct, frozen=True):
    """One request as a node got it."""

    at: float
    method: str
    params: list[Any]
    in_batch: int  # Requests in its body; 1: alone.


Answering = Callable[[str, list[Any]], Any]


class Node:
    """`methods` wins over what every node knows: genesis hash, slot (finalized), first block."""

    def __init__(
        self,
        answers: Answering | Mapping[str, Any] | None = None,
        *,
        latency_s: float = 0.01,
        genesis: str = GENESIS,
        slot: int = 10_000,
        first_block: int = 0,
        takes_batches: bool = True,
    ) -> None:
        self.answers = answers or {}
        self.latency_s = latency_s
        self.known: dict[str, Any] = {
            "getGenesisHash": genesis, "getSlot": slot, "getFirstAvailableBlock": first_block, "minimumLedgerSlot": 0,
        }  # fmt: skip
        self.takes_batches = takes_batches
        self.batch_refusal: Reply | None = None
        self.most_in_batch = 1_000
        self.shuffles_batches = False
        self.drops_from_batches = 0  # So many of the first one.
        self.asked: list[Asked] = []
        self.most_in_flight = 0
        self.in_flight = 0

    def calls(self, method: str) -> list[Asked]:
        return [one for one in self.asked if one.method == method]

    def reply(self, body: bytes) -> Reply:
        requests = json.loads(body)
        if isinstance(requests, dict):
            answer = self._one(requests, 1)
            return answer if isinstance(answer, Reply) else ok(answer)
        if len(requests) > self.most_in_batch:
            return Reply(413, {}, b"")
        if not self.takes_batches:
            return self.batch_refusal or ok(
                {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}
            )
        answers = [self._one(request, len(requests)) for request in requests]
        whole = [answer for answer in answers if isinstance(answer, Reply)]
        answers = answers[self.drops_from_batches :]
        self.drops_from_batches = 0
        return whole[0] if whole else ok(answers[::-1] if self.shuffles_batches else answers)

    def _one(self, request: dict[str, Any], size: int) -> Any:
        now = asyncio.get_running_loop().time()
        method, params = request["method"], request["params"]
        self.asked.append(Asked(now, method, params, size))
        head = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            result = self._result(method, params)
        except Error as error:
            return {**head, "error": {"code": error.code, "message": error.message}}
        return result if isinstance(result, Reply) else {**head, "result": None if result is Null else result}

    def _result(self, method: str, params: list[Any]) -> Any:
        found = self.answers(method, params) if callable(self.answers) else self.answers.get(method)
        found = self.known.get(method) if found is None else found
        found = found(params) if callable(found) else found
        if found is None:
            raise Error(-32601, "Method not found")
        if isinstance(found, Exception):
            raise found
        return found


def ok(answer: Any) -> Reply:
    return Reply(200, {"content-type": "application/json"}, json.dumps(answer).encode())


class Wire:
    """`wire.Http` over nodes by URL."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self.nodes = nodes

    async def post(self, url: str, body: bytes, *, timeout_s: float, most_bytes: int) -> Reply:
        node = self.nodes[url]
        node.in_flight += 1
        node.most_in_flight = max(node.most_in_flight, node.in_flight)
        try:
            reply = node.reply(body)  # What it knows is what it knew when it was asked.
            await asyncio.sleep(min(node.latency_s, timeout_s))
        finally:
            node.in_flight -= 1
        if node.latency_s > timeout_s:
            raise WireBroken(f"no answer in {timeout_s} s")
        if len(reply.body) > most_bytes:
            raise WireBroken(f"more than {most_bytes} bytes")
        return reply

    async def get(self, url: str, *, timeout_s: float, most_bytes: int) -> Reply:
        raise AssertionError("nodes are asked by POST")

    def stream(self, url: str, body: bytes, *, idle_timeout_s: float) -> AbstractAsyncContextManager[Streamed]:
        raise AssertionError("nodes do not stream")


def pool(
    nodes: Mapping[str, Node] | Sequence[Node],
    endpoints: Mapping[str, Any] | None = None,
    seed: int = 0,
    **settings: Any,
) -> Providers:
    """Providers over nodes by URL (a, b, c, ... where they are a list); `endpoints`: settings of all of them."""
    if not isinstance(nodes, Mapping):
        nodes = {f"http://{chr(97 + place)}": node for place, node in enumerate(nodes)}
    told = [EndpointSettings(url=url, **(endpoints or {})) for url in nodes]
    settings.setdefault("quarantine", Quarantine())
    return Providers(Wire(nodes), told, PoolSettings(genesis_hash=GENESIS, **settings), Random(seed))
