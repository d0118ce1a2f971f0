"""The endpoints of one run: what they are in each profile, and that a profile's faults do strike who asks much."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from indexer.core import base58
from indexer.simulation.box import Box
from indexer.simulation.fault_kinds import KINDS, PROFILES
from indexer.simulation.node import Node
from indexer.simulation.virtual_time import run
from indexer.sources.wire import WireBroken
from tests.adversarial.answers import text
from tests.simulation.clients import Clock, ask, request
from tests.simulation.small_chain import FIRST, LOGGER, blocks, chain, plain, shown

START, SLOTS = FIRST + 400, 700
SPAN_S = 60.0


@pytest.fixture(scope="module")
def busy() -> Any:
    """Seven hundred slots with a fork every hundred."""
    main = blocks({FIRST + n: [shown(3 * n), shown(3 * n + 2, failed=True)] for n in range(SLOTS) if n % 100 != 52})
    parents = {block.slot: block for block in main}
    forks = [
        blocks({FIRST + n + 51: [shown(3 * n + 1)], FIRST + n + 52: [shown(3 * n + 156)]}, parents[FIRST + n + 50], 1)
        for n in range(0, SLOTS, 100)
    ]
    return chain(main, forks)


class Greedy:
    """A client that asks everything of everybody, all the time, and believes nothing."""

    def __init__(self, box: Box) -> None:
        self.box, self.http, self.dial = box, box.http(), box.dial()
        self.addresses = box.addresses()
        self.random = Random(1)

    async def everything(self, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            listening = [tasks.create_task(self.listen(url)) for url in self.addresses.websocket]
            while loop.time() < until_s:
                for url, body in self.requests():
                    tasks.create_task(self.post(url, body))
                await asyncio.sleep(1.0)
            for task in listening:
                task.cancel()

    def requests(self) -> Iterator[tuple[str, bytes]]:
        now = self.box.cluster.slot()
        slots = [self.random.randrange(FIRST, now) for _ in range(2)] + [now - 3]
        config = {"maxSupportedTransactionVersion": 0, "commitment": "confirmed"}
        signatures = [one.signature for slot in slots for one in self.transactions(slot)]
        for url in self.addresses.rpc:
            yield url, request("getSlot", {"commitment": "processed"})
            yield url, request("getBlocks", now - 200, now, {"commitment": "confirmed"})
            history = {"limit": 20, "commitment": "confirmed", "minContextSlot": now - 40}
            yield url, request("getSignaturesForAddress", text(LOGGER), history)
            older = {"limit": 100, "before": self.random.choice(signatures)}
            yield url, request("getSignaturesForAddress", text(LOGGER), older)
            yield from ((url, request("getBlock", slot, config)) for slot in slots)
            yield from ((url, request("getTransaction", signature, config)) for signature in signatures)
        query = {"type": "solana", "fromBlock": now - 250, "fields": {"block": {"number": True}}}
        yield f"{self.addresses.portal}/finalized-stream", json.dumps(query).encode()

    def transactions(self, slot: int) -> Any:
        block = self.box.cluster.chain.blocks.get(slot)
        return () if block is None else block.transactions

    async def post(self, url: str, body: bytes) -> None:
        try:
            await self.http.post(url, body, timeout_s=5.0, most_bytes=10_000_000)
        except WireBroken:
            return

    async def listen(self, url: str) -> None:
        about = request("logsSubscribe", {"mentions": [text(LOGGER)]}, {"commitment": "confirmed"}).decode()
        while True:
            try:
                async with self.dial(url) as link:
                    await link.send(about)
                    for _ in range(50):  # Then it subscribes anew, to be struck as a newcomer too.
                        await asyncio.wait_for(link.receive(), 3.0)
            except (WireBroken, TimeoutError):
                await asyncio.sleep(0.5)


def struck(made: Any, profile: str, seed: int) -> Counter[str]:
    async def main() -> Counter[str]:
        clock = asyncio.get_running_loop().time
        box = Box(made, clock, seed=seed, profile=profile, start_slot=START, span_s=SPAN_S)
        assert box.faults.last_end_s <= 0.8 * SPAN_S
        await Greedy(box).everything(SPAN_S)
        return box.faults.struck

    return run(main())


@pytest.mark.parametrize("profile", [name for name in PROFILES if name not in ("calm", "everything")])
def test_every_kind_of_a_profile_strikes_who_asks_much(busy: Any, profile: str):
    planned = {name for name, kind in KINDS.items() if kind.part in PROFILES[profile]}
    told: Counter[str] = Counter()
    for seed in range(5):
        told += struck(busy, profile, seed)
        if planned <= set(told):
            return
    assert planned - set(told) == set()


def test_in_the_calm_profile_only_the_chain_itself_is_seen(busy: Any):
    told = struck(busy, "calm", 1)
    assert {"block_purged", "fork_notified"} <= set(told)
    assert set(told) <= {"block_purged", "fork_notified", "fork_served", "page_of_failures"}


def test_the_same_seed_strikes_the_same(busy: Any):
    assert struck(busy, "nodes", 5) == struck(busy, "nodes", 5)


@pytest.mark.parametrize("seed", range(10))
def test_after_its_last_fault_the_honest_node_tells_the_whole_truth(busy: Any, seed: int):
    clock = Clock(SPAN_S)
    box = Box(busy, clock, seed=seed, profile="everything", start_slot=START, span_s=SPAN_S)
    assert box.faults.last_end_s < SPAN_S
    slots = [slot for slot in range(FIRST, box.cluster.slot() - 32, 7) if slot in busy.blocks]
    assert everything_of(honest(box), slots) == everything_of(Node(box.cluster, "node-1"), slots)


def everything_of(one: Node, slots: list[int]) -> list[Any]:
    v0 = {"maxSupportedTransactionVersion": 0}
    rows = ask(one, "getSignaturesForAddress", text(LOGGER))
    found = [ask(one, "getTransaction", row["signature"], v0) for row in rows[::11]]
    return [rows, ask(one, "getBlocks", FIRST), found, *(ask(one, "getBlock", slot, v0) for slot in slots)]


def honest(box: Box) -> Any:
    return next(node for node in box.nodes if node.name == "node-1")


def test_the_honest_node_has_everything_and_another_has_not(busy: Any):
    box = Box(busy, lambda: 0.0, seed=3, start_slot=START)
    assert honest(box).view().first_slot == FIRST
    assert sorted(node.view().first_slot for node in box.nodes) == [FIRST, FIRST, START - 150]
    assert {node.tells_index() for node in box.nodes} == {True, False}


def test_a_stranger_has_the_same_slots_and_nothing_in_them(busy: Any):
    box = Box(busy, lambda: 0.0, seed=3, profile="nodes", start_slot=START)
    stranger = box.servers["stranger"].node  # type: ignore[attr-defined]
    theirs, ours = stranger.cluster.chain, box.cluster.chain
    assert theirs.genesis_hash != ours.genesis_hash
    assert set(theirs.blocks) == set(ours.blocks)
    assert not any(block.transactions for block in theirs.blocks.values())
    assert stranger.cluster.slot() == box.cluster.slot()
    assert len(box.addresses().rpc) == 4


def test_addresses_hold_keys_and_the_order_of_nodes_tells_nothing():
    boxes = [Box(plain(5), lambda: 0.0, seed=seed) for seed in range(12)]
    assert all("SECRET" in url for url in (*boxes[0].addresses().rpc, *boxes[0].addresses().websocket))
    assert len({tuple(node.name for node in box.nodes) for box in boxes}) == 6


async def test_on_real_sockets_the_addresses_are_others_and_the_servers_the_same():
    loop = asyncio.get_running_loop()
    born = loop.time()
    box = Box(plain(60), lambda: loop.time() - born, start_slot=FIRST + 50)
    import aiohttp

    async with box.served() as addresses, aiohttp.ClientSession() as session:
        for url in addresses.rpc:
            async with session.post(url, data=request("getGenesisHash")) as reply:
                assert (await reply.json())["result"] == box.cluster.chain.genesis_hash
        async with session.get(f"{addresses.portal}/metadata") as reply:
            assert (await reply.json())["start_block"] == FIRST
    assert base58.key(box.cluster.chain.genesis_hash)
