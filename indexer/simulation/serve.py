"""The wire of real sockets: simulated servers on ports of 127.0.0.1, HTTP and WebSocket beside each other.

Every server gets two ports that follow each other, since clients derive the address of the WebSocket from that of
HTTP by adding one; both ports serve both. An answer travels as its server said, down to the reset.

All servers share one loop, and a notification that waits for somebody's history would look like a lag of who is
notified: a body that can be made in parts is made for a moment at a time, and nobody waits for a collection of garbage
that looks through a whole chain.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from gzip import compress

from aiohttp import WSMsgType, web

from indexer.simulation.exchange import Answer, Connection, Request, Server
from indexer.simulation.subscriptions import Closed

_HOST = "127.0.0.1"
_TRIES = 50  # For two free ports in a row.
_MOST_REQUEST_BYTES = 16 * 2**20
_GONE = 1006  # No frame says this: the connection breaks.
_TURN_S = 0.0005  # How long parts of a body are made before others have their turn.
_GZIP = 16 + zlib.MAX_WBITS  # What zlib takes for "with a header of gzip".


@asynccontextmanager
async def serve(servers: Mapping[str, Server]) -> AsyncIterator[Mapping[str, int]]:
    """Serve while the context is open. The ports by name: HTTP there, and WebSocket there and one above."""
    async with AsyncExitStack() as resources:
        resources.enter_context(_without_looking_at_old_objects())
        turn = asyncio.Lock()
        yield {name: await _started(resources, server, turn) for name, server in servers.items()}


@contextmanager
def _without_looking_at_old_objects() -> Iterator[None]:
    """A chain is millions of objects and no garbage; a collection that looks through them takes a second."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _started(resources: AsyncExitStack, server: Server, turn: asyncio.Lock) -> int:
    app = web.Application(client_max_size=_MOST_REQUEST_BYTES)
    app.router.add_route("*", "/{path:.*}", partial(_answer, server, turn))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    resources.push_async_callback(runner.cleanup)
    sockets = _two_sockets()
    for one in sockets:
        await web.SockSite(runner, one).start()
    return int(sockets[0].getsockname()[1])


def _two_sockets() -> tuple[socket.socket, socket.socket]:
    for _ in range(_TRIES):
        first = socket.create_server((_HOST, 0))
        try:
            return first, socket.create_server((_HOST, first.getsockname()[1] + 1))
        except (OSError, OverflowError):
            first.close()
    raise OSError(f"no two free ports in a row on {_HOST} in {_TRIES} tries")


async def _answer(server: Server, turn: asyncio.Lock, request: web.Request) -> web.StreamResponse:
    try:
        return await _answered(server, turn, request)
    except ConnectionResetError:
        return web.Response()  # The client has left: nobody will see it.


async def _answered(server: Server, turn: asyncio.Lock, request: web.Request) -> web.StreamResponse:
    if request.headers.get("upgrade", "").lower() == "websocket":
        return await _websocket(server, request)
    answer = server.respond(Request(request.method, request.path, await request.read()))
    await asyncio.sleep(answer.wait_s)
    if answer.status == 0:
        _abort(request)
        return web.Response()  # Nobody will see it.
    return await _travelled(request, answer, turn)


# --- HTTP ----------------------------------------------------------------------------------------------------------


async def _travelled(request: web.Request, answer: Answer, turn: asyncio.Lock) -> web.StreamResponse:
    body, headers = answer.body, dict(answer.headers)
    is_packed = answer.content_type == "application/jsonl" and "gzip" in request.headers.get("accept-encoding", "")
    if is_packed:
        headers["content-encoding"] = "gzip"
    if answer.parts is not None:
        response = web.StreamResponse(status=answer.status, headers=headers)
        return await _sent_in_turns(request, response, _turns(answer.parts(), is_packed=is_packed), turn)
    if is_packed:
        body = _packed(answer)
    if answer.ending == "whole" and not answer.pause_s:
        return web.Response(status=answer.status, body=body, headers=headers)
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    for start in range(0, len(body), answer.piece_bytes):
        await response.write(body[start : start + answer.piece_bytes])
        await asyncio.sleep(answer.pause_s)
    if answer.ending == "reset":
        _abort(request)
    if answer.ending == "silence":
        await asyncio.Event().wait()
    return response


async def _sent_in_turns(
    request: web.Request, response: web.StreamResponse, turns: Iterator[bytes], turn: asyncio.Lock
) -> web.StreamResponse:
    """Of all bodies that are being made, one is gone on with each time that the loop goes round."""
    await response.prepare(request)
    while True:
        async with turn:
            made = next(turns, None)
            await asyncio.sleep(0)
        if made is None:
            return response
        await response.write(made)


def _turns(parts: Iterable[bytes], *, is_packed: bool) -> Iterator[bytes]:
    """What was made of the body within each turn; it may be nothing."""
    packer, clock = zlib.compressobj(1, wbits=_GZIP), asyncio.get_running_loop().time
    made, end_s = [], clock() + _TURN_S
    for part in parts:
        made.append(packer.compress(part) if is_packed else part)
        if clock() >= end_s:
            yield b"".join(made)
            made, end_s = [], clock() + _TURN_S
    yield b"".join((*made, packer.flush() if is_packed else b""))


def _packed(answer: Answer) -> bytes:
    """What comes whole is packed whole; what breaks off does so in the middle of what is packed."""
    return compress(answer.body) if answer.ending == "whole" else compress(answer.body)[:-8]


def _abort(request: web.Request) -> None:
    """Break the connection; what was not sent yet never will be."""
    if request.transport is not None:
        request.transport.abort()


# --- WebSocket -----------------------------------------------------------------------------------------------------


async def _websocket(server: Server, request: web.Request) -> web.StreamResponse:
    try:
        connection = server.connect()
    except Closed:
        return web.Response(status=503, text="no WebSocket here now")
    link = web.WebSocketResponse()
    await link.prepare(request)
    try:
        await _talk(link, connection)
    except Closed as closed:
        if closed.code == _GONE:
            _abort(request)
        else:
            await link.close(code=closed.code)
    return link


async def _talk(link: web.WebSocketResponse, connection: Connection) -> None:
    """Send what is due and take what comes, until the client goes. Raises Closed where the server wants to."""
    while not link.closed:
        for frame in connection.due():
            await link.send_str(frame)
        try:
            message = await link.receive(timeout=connection.next_in_s())
        except TimeoutError:
            continue
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            connection.take(message.data)
