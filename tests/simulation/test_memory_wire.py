"""The wire in memory: virtual time, latency, and every way in which a connection breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from indexer.simulation.cluster import Cluster
from indexer.simulation.exchange import Answer, Request
from indexer.simulation.faults import Fault, Faults
from indexer.simulation.memory_wire import Latency, MemoryDial, MemoryHttp
from indexer.simulation.node import Node
from indexer.simulation.rpc_server import RpcServer
from indexer.simulation.subscriptions import Closed
from indexer.simulation.virtual_time import run
from indexer.sources.wire import WireBroken
from tests.adversarial.answers import text
from tests.simulation.clients import request, result_of
from tests.simulation.small_chain import FIRST, LOGGER, plain

TENTH = Latency(0.1, 0.0)


class Scripted:
    """A server that gives this answer to everything."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.asked = answer, list[Request]()

    def respond(self, request: Request) -> Answer:
        self.asked.append(request)
        return self.answer

    def connect(self) -> Any:
        raise Closed(1006)


def within(main: Callable[[MemoryHttp], Coroutine[Any, Any, Any]], answer: Answer) -> tuple[Any, float]:
    """What `main` gives with a server of this answer at host `a`, and the virtual seconds that it took."""

    async def timed() -> tuple[Any, float]:
        http = MemoryHttp({"a": Scripted(answer)}, Random(1), TENTH)
        return await main(http), asyncio.get_running_loop().time()

    return run(timed())


async def get(http: MemoryHttp) -> Any:
    return await http.get("http://a/path?api-key=SECRET", timeout_s=5, most_bytes=100)


async def streamed(http: MemoryHttp) -> bytes:
    async with http.stream("http://a/", b"{}", idle_timeout_s=5) as stream:
        return b"".join([chunk async for chunk in stream.chunks()])


def test_an_answer_takes_its_latency_both_ways():
    reply, seconds = within(get, Answer(200, b"x", more_headers={"retry-after": "3"}))
    assert (reply.status, reply.body, reply.headers["retry-after"]) == (200, b"x", "3")
    assert seconds == pytest.approx(0.2)


def test_a_server_sees_the_path_and_no_key():
    server = Scripted(Answer())

    async def main() -> None:
        await get(MemoryHttp({"a": server}, Random(1)))

    run(main())
    assert server.asked == [Request("GET", "/path", b"")]


def test_a_slow_answer_is_as_slow_as_it_says():
    answer = Answer(200, b"x" * 10, wait_s=1.0, pause_s=0.5, piece_bytes=3)
    assert within(get, answer)[1] == pytest.approx(0.2 + 1.0 + 4 * 0.5)
    assert within(streamed, answer) == (b"x" * 10, pytest.approx(3.2))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(200, b"x" * 101), "101 bytes, at most 100"),
        (Answer(status=0, ending="reset"), "reset"),
        (Answer(200, b"half", ending="reset"), "reset after 4 bytes"),
        (Answer(200, b"half", ending="silence"), "within 5 s"),
        (Answer(200, b"x", wait_s=1e9), "within 5 s"),
        (Answer(200, b"xxxxxxxx", pause_s=1.0, piece_bytes=1), "within 5 s"),
    ],
)
def test_a_whole_answer_or_none(answer: Answer, why: str):
    with pytest.raises(WireBroken, match=why):
        within(get, answer)


def test_a_stream_gives_what_came_before_it_broke():
    async def main(http: MemoryHttp) -> Any:
        seen = []
        async with http.stream("http://a/", b"{}", idle_timeout_s=5) as stream:
            try:
                async for chunk in stream.chunks():
                    seen.append(chunk)
            except WireBroken as broken:
                return seen, str(broken)

    for ending, why in (("reset", "connection reset after 4 bytes"), ("silence", "no answer within 5 s")):
        assert within(main, Answer(200, b"half", ending=ending))[0] == ([b"half"], why)  # type: ignore[arg-type]
    with pytest.raises(WireBroken, match="reset"):
        within(streamed, Answer(status=0, ending="reset"))


def test_a_slow_stream_is_no_silent_one():
    answer = Answer(200, b"x" * 20, pause_s=4.0, piece_bytes=1)
    assert within(streamed, answer) == (b"x" * 20, pytest.approx(80.2))


def test_there_is_nobody_at_an_unknown_host():
    async def main(http: MemoryHttp) -> Any:
        return await http.get("http://nobody/?api-key=SECRET", timeout_s=5, most_bytes=100)

    with pytest.raises(WireBroken) as caught:
        within(main, Answer())
    assert "SECRET" not in str(caught.value)


# --- WebSocket -----------------------------------------------------------------------------------------------------


def linked(main: Callable[[Any], Coroutine[Any, Any, Any]], *faults: Fault) -> Any:
    """What `main` gives with a link to a node that begins at slot FIRST."""

    async def opened() -> Any:
        clock = asyncio.get_running_loop().time
        cluster = Cluster(plain(100), clock)
        node = Node(cluster, faults=Faults(faults, 7, clock))
        async with MemoryDial({"a": RpcServer(node)}, Random(1), TENTH)("ws://a/?api-key=SECRET") as link:
            return await main(link)

    return run(opened())


SUBSCRIBE = request("logsSubscribe", {"mentions": [text(LOGGER)]}, {"commitment": "processed"}).decode()


def test_notifications_arrive_one_latency_after_their_slot():
    async def main(link: Any) -> Any:
        await link.send(SUBSCRIBE)
        told = [(json.loads(await link.receive()), asyncio.get_running_loop().time()) for _ in range(4)]
        assert told[0][0]["result"] == 1
        return [(one["params"]["result"]["context"]["slot"] - FIRST, at) for one, at in told[1:]]

    told = linked(main)
    # It subscribed at 0.4 s, when slot 1 had just come.
    assert told == [(2, pytest.approx(0.9)), (2, pytest.approx(0.9)), (3, pytest.approx(1.3))]


def test_one_may_wait_while_another_sends():
    async def main(link: Any) -> Any:
        waiting = asyncio.create_task(link.receive())
        await asyncio.sleep(3)
        await link.send(SUBSCRIBE)
        return json.loads(await waiting)["result"], asyncio.get_running_loop().time()

    assert linked(main) == (1, pytest.approx(0.3 + 3 + 0.2))


def test_who_stops_waiting_loses_nothing():
    async def main(link: Any) -> Any:
        await link.send(SUBSCRIBE)
        seen = []
        while len(seen) < 41:
            try:
                async with asyncio.timeout(0.05):
                    seen.append(json.loads(await link.receive()))
            except TimeoutError:
                continue
        return [one["params"]["result"]["value"]["signature"] for one in seen[1:]]

    signatures = linked(main)
    expected = [t.signature for n in range(2, 22) for t in plain(100).blocks[FIRST + n].transactions]
    assert signatures == expected


async def forever(link: Any) -> None:
    while True:
        await link.receive()


@pytest.mark.parametrize(("kind", "code"), [("closed_1006", 1006), ("closed_1009", 1009), ("restart", 1006)])
def test_a_close_ends_sending_and_receiving(kind: str, code: int):
    async def main(link: Any) -> None:
        await link.send(SUBSCRIBE)
        with pytest.raises(WireBroken, match=str(code)):
            await forever(link)
        with pytest.raises(WireBroken, match=str(code)):
            await link.send(SUBSCRIBE)

    linked(main, Fault(kind, "node", start_s=3.0, end_s=4.0))


def test_a_refused_connection_is_a_broken_one():
    async def main(_: Any) -> None:
        raise AssertionError("it was opened")

    with pytest.raises(WireBroken) as caught:
        linked(main, Fault("websocket_refused", "node"))
    assert "SECRET" not in str(caught.value)


def test_a_node_answers_over_the_wire():
    async def main() -> Any:
        node = Node(Cluster(plain(100), asyncio.get_running_loop().time))
        http = MemoryHttp({"node-1.box": RpcServer(node)}, Random(1))
        body = request("getSlot", {"commitment": "processed"})
        await asyncio.sleep(4)
        reply = await http.post("http://node-1.box/?api-key=x", body, timeout_s=5, most_bytes=10_000)
        return result_of(reply.body)

    assert run(main()) == FIRST + 10
