"""HTTP over real sockets: whatever a server does is a reply or a WireBroken, within bounds, and tells no address."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from indexer.sources.http import SMALL_BYTES, AiohttpHttp, open_http
from indexer.sources.wire import Reply, WireBroken

KEY = "SECRETKEY123"
Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def raw(*pieces: bytes, pause_s: float = 0.0, hang: bool = False) -> Answering:
    """Answers by these bytes, then closes, or never."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)
        if hang:
            await reader.read()
        writer.close()

    return answer


def whole(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


@asynccontextmanager
async def serving(answer: Answering) -> AsyncIterator[tuple[AiohttpHttp, str]]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_http() as http:
        yield http, f"http://user:{KEY}@127.0.0.1:{port}/{KEY}/?api-key={KEY}"


async def post(answer: Answering, *, timeout_s: float = 5.0, most_bytes: int = 1000) -> Reply:
    async with serving(answer) as (http, url):
        return await http.post(url, b"{}", timeout_s=timeout_s, most_bytes=most_bytes)


async def test_a_reply_comes_whole_with_lower_case_headers() -> None:
    reply = await post(raw(whole(b"hello", headers="Retry-After: 7\r\n")))
    assert (reply.status, reply.body, reply.headers["retry-after"]) == (200, b"hello", "7")


async def test_what_is_packed_is_unpacked() -> None:
    assert (await post(raw(whole(gzip.compress(b"hello"), headers="Content-Encoding: gzip\r\n")))).body == b"hello"


async def test_only_a_large_packed_body_is_left_packed_and_only_to_who_posts() -> None:
    large = gzip.compress(Random(1).randbytes(2 * SMALL_BYTES))
    packed = raw(whole(large, headers="Content-Encoding: GZIP\r\n"))
    reply = await post(packed, most_bytes=10**6)
    assert reply.is_packed
    assert reply.body == large
    async with serving(packed) as (http, url):
        got = await http.get(url, timeout_s=5, most_bytes=10**6)
    assert not got.is_packed
    assert len(got.body) == 2 * SMALL_BYTES


async def test_an_empty_body_is_empty_whatever_its_packing() -> None:
    reply = await post(raw(whole(b"", "429 Too Many Requests", "Content-Encoding: gzip\r\n")))
    assert (reply.status, reply.body, reply.is_packed) == (429, b"", False)


async def test_a_status_is_a_reply_and_a_redirect_is_not_followed() -> None:
    assert (await post(raw(whole(b"no", "429 Too Many Requests")))).status == 429
    assert (await post(raw(whole(b"", "301 Moved", "Location: http://127.0.0.1:1/\r\n")))).status == 301


BROKEN: dict[str, tuple[Answering, dict[str, Any]]] = {
    "closed": (raw(), {}),
    "cut short": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhel"), {}),
    "cut in a chunk": (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"), {}),
    "no HTTP": (raw(b"\x16\x03\x01 what?\r\n\r\n"), {}),
    "silence": (raw(hang=True), {"timeout_s": 0.2}),
    "silence in the body": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", hang=True), {"timeout_s": 0.2}),
    "trickle": (raw(*[whole(b"x" * 50)[n : n + 1] for n in range(80)], pause_s=0.05), {"timeout_s": 0.3}),
    "too large": (raw(whole(b"x" * 1001)), {}),
    "a bomb": (raw(whole(gzip.compress(bytes(10**7)), headers="Content-Encoding: gzip\r\n")), {}),
    "broken packing": (raw(whole(b"no gzip", headers="Content-Encoding: gzip\r\n")), {}),
    "packing without its end": (raw(whole(gzip.compress(b"hello")[:-1], headers="Content-Encoding: gzip\r\n")), {}),
    "more behind the packing": (raw(whole(gzip.compress(b"hello") + b"x", headers="Content-Encoding: gzip\r\n")), {}),
    "a packing not asked for": (raw(whole(b"hello", headers="Content-Encoding: br\r\n")), {}),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_what_is_no_whole_reply_is_a_broken_wire_that_does_not_tell_the_address(kind: str) -> None:
    answer, terms = BROKEN[kind]
    with pytest.raises(WireBroken) as caught:
        await post(answer, **terms)
    assert KEY not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    "url",
    [f"http://127.0.0.1:1/{KEY}", f"http://nowhere.invalid/?api-key={KEY}", f"http:///{KEY}", f"ftp://127.0.0.1/{KEY}"],
)
async def test_an_address_that_leads_nowhere_is_a_broken_wire_that_does_not_tell_it(url: str) -> None:
    async with open_http() as http:
        with pytest.raises(WireBroken) as caught:
            await http.post(url, b"", timeout_s=5, most_bytes=10)
        assert KEY not in repr(caught.value)
        with pytest.raises(WireBroken):
            await http.get(url, timeout_s=5, most_bytes=10)


async def test_a_stream_comes_in_pieces_and_breaks_where_it_is_cut() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with (
        serving(raw(head, b"5\r\nhello\r\n", b"5\r\nworld\r\n", pause_s=0.05)) as (http, url),
        http.stream(url, b"{}", idle_timeout_s=5) as streamed,
    ):
        assert streamed.status == 200
        chunks = streamed.chunks()
        assert b"".join([await anext(chunks), await anext(chunks)]) == b"helloworld"
        with pytest.raises(WireBroken):
            await anext(chunks)


async def test_a_stream_may_last_longer_than_its_silence_may() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"
    slow, silent = raw(head, *[b"x"] * 50, pause_s=0.02), raw(head, b"x", hang=True)
    async with serving(slow) as (http, url), http.stream(url, b"{}", idle_timeout_s=0.5) as streamed:
        assert b"".join([chunk async for chunk in streamed.chunks()]) == b"x" * 50
    async with serving(silent) as (http, url), http.stream(url, b"{}", idle_timeout_s=0.2) as streamed:
        with pytest.raises(WireBroken):
            _ = [chunk async for chunk in streamed.chunks()]


async def test_connections_are_bounded_and_kept() -> None:
    opened, most, now = 0, 0, 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened, most, now
        opened += 1
        now += 1
        most = max(most, now)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(0.01)
                writer.write(whole(b"hello"))
        except asyncio.IncompleteReadError:
            writer.close()
        now -= 1

    server = await asyncio.start_server(count, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, open_http(most_per_host=3) as http:
        await asyncio.gather(*(http.post(url, b"", timeout_s=5, most_bytes=10) for _ in range(30)))
    assert (most, opened) == (3, 3)
