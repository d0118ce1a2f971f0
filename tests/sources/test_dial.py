"""The real Dial, over real sockets on this machine: frames, closes, pings, bounds, and no key in any message."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from random import Random
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.utils import accept_key

from indexer.sources.dial import DialSettings, WebSocketDial
from indexer.sources.hints import Hint, Subscribed
from indexer.sources.websocket import LogSubscriptions
from indexer.sources.wire import WireBroken
from tests.adversarial.answers import as_notification
from tests.adversarial.cases import FILL_TX
from tests.programs import protocols

SECRET = "0123456789abcdef0123456789abcdef"
Serve = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def node(script: Serve, **options: Any) -> AsyncIterator[str]:
    """A server on this machine; its URL has a key."""
    async with serve(script, "127.0.0.1", 0, **options) as server:
        (socket,) = server.sockets
        yield f"ws://127.0.0.1:{socket.getsockname()[1]}/{SECRET}"


async def echo(connection: ServerConnection) -> None:
    async for frame in connection:
        await connection.send(frame)


async def broken(url: str, dial: WebSocketDial) -> str:
    """Why the link broke."""
    with pytest.raises(WireBroken) as caught:
        await listened(url, dial)
    assert SECRET not in str(caught.value)
    return str(caught.value)


async def listened(url: str, dial: WebSocketDial) -> None:
    async with dial(url) as link:
        while True:
            await link.receive()


async def test_frames_go_out_and_come_in() -> None:
    async with node(echo) as url, WebSocketDial()(url) as link:
        await link.send('{"é": 1}')
        assert await link.receive() == '{"é": 1}'


async def test_a_receive_that_is_given_up_loses_no_frame() -> None:
    """The watchdog gives up waiting again and again."""

    async def late(connection: ServerConnection) -> None:
        await asyncio.sleep(0.05)
        await connection.send("x")
        await connection.wait_closed()

    async with node(late) as url, WebSocketDial()(url) as link:
        for _ in range(200):
            try:
                async with asyncio.timeout(0.001):
                    assert await link.receive() == "x"
                    return
            except TimeoutError:
                continue
        pytest.fail("the frame was lost")


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1013, 4000])
async def test_a_close_is_a_broken_wire_with_its_code(code: int) -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(code, f"no more for {SECRET}"[:20])

    async with node(leave) as url:
        assert str(code) in await broken(url, WebSocketDial())


async def test_a_connection_that_vanishes_is_a_broken_wire() -> None:
    async def vanish(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with node(vanish) as url:
        assert "closed" in await broken(url, WebSocketDial())


async def test_a_frame_beyond_the_bound_is_a_broken_wire() -> None:
    async def shout(connection: ServerConnection) -> None:
        await connection.send("x" * 2_000)
        await connection.wait_closed()

    async with node(shout) as url:
        assert "1009" in await broken(url, WebSocketDial(DialSettings(max_bytes=1_000)))


@asynccontextmanager
async def bare(answer: Callable[[bytes], bytes]) -> AsyncIterator[str]:
    """A socket that answers the handshake like this, and then nothing at all."""
    writers: list[asyncio.StreamWriter] = []

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(answer(await reader.readuntil(b"\r\n\r\n")))

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/{SECRET}"
    finally:
        server.close()
        for writer in writers:
            writer.close()
            await writer.wait_closed()


def switched(request: bytes) -> bytes:
    """A handshake that is accepted."""
    (key,) = (line.split(b": ")[1] for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{head}Sec-WebSocket-Accept: {accept_key(key.decode())}\r\n\r\n".encode()


async def test_a_peer_that_answers_no_ping_is_a_broken_wire() -> None:
    dial = WebSocketDial(DialSettings(ping_interval_s=0.05, ping_timeout_s=0.05, close_timeout_s=0.05))
    async with bare(switched) as url:
        assert "1011" in await broken(url, dial)


async def test_nobody_there_is_a_broken_wire() -> None:
    assert "127.0.0.1:9" in await broken(f"ws://127.0.0.1:9/{SECRET}", WebSocketDial())


async def test_a_refused_handshake_is_a_broken_wire() -> None:
    def refuse(connection: ServerConnection, _: Any) -> Any:
        return connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "slow down")

    async with node(echo, process_request=refuse) as url:
        assert "429" in await broken(url, WebSocketDial())


async def test_a_handshake_without_end_is_a_broken_wire() -> None:
    async with bare(lambda _: b"") as url:
        await broken(url, WebSocketDial(DialSettings(open_timeout_s=0.1)))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "ws://", f"ws://{'a' * 70}.example"])
async def test_an_address_of_another_kind_is_a_broken_wire(url: str) -> None:
    await broken(url, WebSocketDial())


async def test_a_proxy_that_cannot_be_used_is_a_broken_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    await broken(f"ws://node.example/{SECRET}", WebSocketDial())


async def test_no_log_line_holds_the_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with node(echo, logger=logging.Logger("server")) as url, WebSocketDial()(url) as link:
        await link.send("x")
        await link.receive()
    assert SECRET not in caplog.text


async def test_sending_over_a_closed_link_is_a_broken_wire() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close()

    async with node(leave) as url, WebSocketDial()(url) as link:
        with pytest.raises(WireBroken):
            await link.receive()
        with pytest.raises(WireBroken):
            await link.send("x")


async def test_hints_come_over_real_sockets_and_leave_none_open() -> None:
    closed = asyncio.Event()

    async def serving(connection: ServerConnection) -> None:
        try:
            for number in range(5):
                request = json.loads(await connection.recv())
                await connection.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": number}))
            notification = as_notification(FILL_TX)
            notification["params"]["subscription"] = 1
            await connection.send(json.dumps(notification))
            await connection.recv()
        except ConnectionClosed:
            closed.set()

    async with node(serving) as url:
        listening = LogSubscriptions([url], protocols(), WebSocketDial(), rng=Random(1)).hints()
        news = [await anext(listening) for _ in range(4)]
        assert [type(one) for one in news] == [Subscribed, Subscribed, Subscribed, Hint]
        assert SECRET not in repr([one.endpoint for one in news])
        await listening.aclose()
        async with asyncio.timeout(5):
            await closed.wait()
