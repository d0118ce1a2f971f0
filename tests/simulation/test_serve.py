"""The same servers on real sockets: what travels there is what travels in memory, down to how it breaks."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from indexer.simulation.cluster import Cluster
from indexer.simulation.exchange import Answer, Request
from indexer.simulation.faults import Fault, Faults
from indexer.simulation.node import Node
from indexer.simulation.portal import Portal
from indexer.simulation.rpc_server import RpcServer
from indexer.simulation.serve import serve
from indexer.simulation.subscriptions import Closed
from tests.adversarial.answers import text
from tests.simulation.clients import request, result_of
from tests.simulation.small_chain import FIRST, LOGGER, plain
from tests.simulation.test_memory_wire import Scripted

NOTHING = {"type": "solana", "fromBlock": FIRST, "fields": {"block": {"number": True}}, "includeAllBlocks": True}


@asynccontextmanager
async def at(server: Any) -> AsyncIterator[tuple[aiohttp.ClientSession, int]]:
    async with serve({"one": server}) as ports, aiohttp.ClientSession() as session:
        yield session, ports["one"]


def started(*faults: Fault) -> Node:
    """A node whose slot FIRST is now, ten slots a second."""
    loop, born = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    cluster = Cluster(plain(100), lambda: loop.time() - born, speed=4.0)
    return Node(cluster, faults=Faults(faults, 7, cluster.clock))


async def posted(server: Any, body: bytes = b"{}", **headers: str) -> tuple[int, Any, bytes]:
    async with (
        at(server) as (session, port),
        session.post(f"http://127.0.0.1:{port}/x?api-key=y", data=body, headers=headers) as reply,
    ):
        return reply.status, reply.headers, await reply.read()


async def test_an_answer_travels_with_its_status_and_headers():
    status, headers, body = await posted(Scripted(Answer(429, b"slow down", more_headers={"retry-after": "3"})))
    assert (status, headers["retry-after"], body) == (429, "3", b"slow down")


async def test_both_ports_serve_both():
    node = started()
    async with at(RpcServer(node)) as (session, port):
        for one in (port, port + 1):
            async with session.post(f"http://127.0.0.1:{one}", data=request("getGenesisHash")) as reply:
                assert result_of(await reply.read()) == node.cluster.chain.genesis_hash
            async with session.ws_connect(f"ws://127.0.0.1:{one}") as link:
                await link.send_str(request("slotSubscribe").decode())
                assert (await link.receive_json())["result"] == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=0, ending="reset"),
        Answer(200, b"half", ending="reset"),
        Answer(200, b"h" * 100_000, ending="reset"),
    ],
)
async def test_a_reset_is_a_reset(answer: Answer):
    with pytest.raises(aiohttp.ClientError):
        await posted(Scripted(answer))


async def test_a_body_cut_with_a_clean_end_is_whole_to_the_wire():
    assert (await posted(Scripted(Answer(200, b'{"res'))))[2] == b'{"res'


async def test_a_silent_answer_never_ends():
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(posted(Scripted(Answer(200, b"half", ending="silence"))), 0.3)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(posted(Scripted(Answer(wait_s=1e9))), 0.3)


async def test_a_slow_body_arrives_whole():
    started_s = asyncio.get_running_loop().time()
    _, _, body = await posted(Scripted(Answer(200, b"x" * 10, pause_s=0.05, piece_bytes=3)))
    assert body == b"x" * 10
    assert asyncio.get_running_loop().time() - started_s >= 0.2


async def portal_of(*faults: Fault) -> Portal:
    cluster = Cluster(plain(100), lambda: 1_000.0)
    return Portal(cluster, faults=Faults(faults, 7, cluster.clock))


async def streamed(portal: Portal, **headers: str) -> tuple[Any, bytes]:
    async with (
        serve({"portal": portal}) as ports,
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.post(
            f"http://127.0.0.1:{ports['portal']}/datasets/solana-mainnet/finalized-stream",
            json=NOTHING,
            headers=headers,
        ) as reply,
    ):
        return reply.headers, await reply.read()


async def test_a_portal_packs_its_lines():
    headers, body = await streamed(await portal_of(), **{"Accept-Encoding": "gzip"})
    assert headers["content-encoding"] == "gzip"
    lines = [json.loads(line) for line in gzip.decompress(body).splitlines()]
    assert [line["header"]["number"] for line in lines] == list(range(FIRST, FIRST + 100))
    plain_headers, plain_body = await streamed(await portal_of(), **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain_headers
    assert plain_body == gzip.decompress(body)


class LongAndShort:
    """A server with an answer of parts that take a while each: so many as are made until the other one is asked for."""

    def __init__(self, most_parts: int) -> None:
        self.is_asked, self.parts, self.most_parts = False, 0, most_parts
        self.began = asyncio.Event()

    def respond(self, asked: Request) -> Answer:
        if asked.path == "/long":
            return Answer(content_type="application/jsonl", parts=self._parts)
        self.is_asked = True
        return Answer(200, b"short")

    def _parts(self) -> Iterator[bytes]:
        while not self.is_asked and self.parts < self.most_parts:
            self.began.set()
            self.parts += 1
            time.sleep(0.003)
            yield b"a line\n"

    def connect(self) -> Any:
        raise Closed(1006)


@pytest.mark.parametrize("packing", ["gzip", "identity"])
async def test_who_asks_while_a_long_body_is_made_does_not_wait_for_all_of_it(packing: str):
    server = LongAndShort(most_parts=200)
    async with at(server) as (session, port), asyncio.TaskGroup() as tasks:
        address, headers = f"http://127.0.0.1:{port}", {"Accept-Encoding": packing}
        long = tasks.create_task(_read(session.get(f"{address}/long", headers=headers)))
        await server.began.wait()
        assert await _read(session.get(address)) == b"short"
        assert 0 < server.parts < server.most_parts
        assert await long == b"a line\n" * server.parts


async def _read(asking: Any) -> bytes:
    async with asking as reply:
        return bytes(await reply.read())


async def test_no_collection_of_garbage_looks_through_the_chain_while_it_is_served():
    async with at(Scripted(Answer())):
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0


async def test_a_websocket_tells_what_becomes_due():
    async with at(RpcServer(started())) as (session, port), session.ws_connect(f"ws://127.0.0.1:{port}") as link:
        config = {"commitment": "processed"}
        await link.send_str(request("logsSubscribe", {"mentions": [text(LOGGER)]}, config).decode())
        assert (await link.receive_json())["result"] == 1
        told = [(await link.receive_json())["params"]["result"] for _ in range(10)]
    slots = [one["context"]["slot"] for one in told]
    assert slots == sorted(slots)
    assert len(set(slots)) == 5


@pytest.mark.parametrize(("kind", "code"), [("closed_1006", 1006), ("closed_1009", 1009), ("closed_1000", 1000)])
async def test_a_websocket_closes_with_its_code(kind: str, code: int):
    node = started(Fault(kind, "node", start_s=0.3, end_s=0.4))
    async with at(RpcServer(node)) as (session, port), session.ws_connect(f"ws://127.0.0.1:{port}") as link:
        message = await asyncio.wait_for(link.receive(), 5)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert link.close_code == code


async def test_a_refused_websocket_is_no_websocket():
    async with at(RpcServer(started(Fault("websocket_refused", "node")))) as (session, port):
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"ws://127.0.0.1:{port}")


async def test_clients_that_go_leave_nothing_behind():
    before = asyncio.all_tasks()
    async with at(RpcServer(started())) as (session, port):
        link = await session.ws_connect(f"ws://127.0.0.1:{port}")
        await link.send_str(request("slotSubscribe").decode())
        await link.receive_json()
        link._response.close()  # Without a closing handshake.
        await asyncio.sleep(0.3)
    assert asyncio.all_tasks() == before
