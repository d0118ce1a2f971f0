"""HTTP over real sockets: `wire.Http` by aiohttp, with a bound on time, bytes and connections.

Whole bodies are asked for packed. A small one is unpacked here, a large one by whoever reads it, so that nobody else
waits for it; either way it is damaged unless its checksum holds. Streams are unpacked as they come.

Whatever goes wrong is WireBroken, in words that hold nothing of the address: addresses hold keys, and the
errors of libraries quote addresses.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import aiohttp
from isal import isal_zlib

from indexer.sources.packing import GZIP, Damaged, unpacked
from indexer.sources.wire import Reply, WireBroken

_HEADERS = {"content-type": "application/json", "user-agent": "perps-indexer"}
_PACKED = {"accept-encoding": GZIP}
_CONNECT_S = 10.0
SMALL_BYTES = 131_072  # Packed; it unpacks in a millisecond.


@asynccontextmanager
async def open_http(*, most_connections: int = 64, most_per_host: int = 32) -> AsyncIterator[AiohttpHttp]:
    """A client that keeps connections open; they are closed at the end."""
    aiohttp.set_zlib_backend(isal_zlib)  # Streams of history unpack twice as fast.
    connector = aiohttp.TCPConnector(limit=most_connections, limit_per_host=most_per_host)
    async with aiohttp.ClientSession(connector=connector, headers=_HEADERS) as session:
        yield AiohttpHttp(session)


class AiohttpHttp:
    """`wire.Http`; redirects are not followed, since a POST would arrive as a GET."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def post(self, url: str, body: bytes, *, timeout_s: float, most_bytes: int) -> Reply:
        return await self._whole("POST", url, body, timeout_s, most_bytes)

    async def get(self, url: str, *, timeout_s: float, most_bytes: int) -> Reply:
        return await self._whole("GET", url, None, timeout_s, most_bytes)

    @asynccontextmanager
    async def stream(self, url: str, body: bytes, *, idle_timeout_s: float) -> AsyncIterator[_Streamed]:
        times = aiohttp.ClientTimeout(total=None, connect=_CONNECT_S, sock_read=idle_timeout_s)
        async with self._opened("POST", url, body, times, unpacks=True) as response:
            yield _Streamed(response)

    async def _whole(self, method: str, url: str, body: bytes | None, timeout_s: float, most_bytes: int) -> Reply:
        times = aiohttp.ClientTimeout(total=timeout_s)
        async with self._opened(method, url, body, times, unpacks=False) as response:
            headers, came = _lowered(response.headers), await _bounded(response, most_bytes)
        match headers.get("content-encoding", "identity").lower() if came else "identity":
            case "identity":
                return Reply(response.status, headers, came)
            case "gzip" if len(came) > SMALL_BYTES and method == "POST":
                return Reply(response.status, headers, came, is_packed=True)
            case "gzip":
                return Reply(response.status, headers, _unpacked(came, most_bytes))
            case other:
                raise WireBroken(f"a body packed by {other[:20]!r}, which was not asked for")

    @asynccontextmanager
    async def _opened(
        self, method: str, url: str, body: bytes | None, times: aiohttp.ClientTimeout, *, unpacks: bool
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = None if unpacks else _PACKED
        with _told():
            response = await self._session.request(
                method, url, data=body, headers=headers, timeout=times, allow_redirects=False, auto_decompress=unpacks
            )
        async with response:
            yield response


class _Streamed:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = _lowered(response.headers)
        self._response = response

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            with _told():
                chunk = await self._response.content.readany()
            if not chunk:
                return
            yield chunk


async def _bounded(response: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """The body as it comes."""
    found = bytearray()
    while True:
        with _told():
            chunk = await response.content.readany()
        if not chunk:
            return bytes(found)
        found += chunk
        if len(found) > most_bytes:
            response.close()
            raise WireBroken(f"a body of more than {most_bytes} bytes")


def _unpacked(came: bytes, most_bytes: int) -> bytes:
    try:
        return unpacked(came, most_bytes).text
    except Damaged as damaged:
        raise WireBroken(str(damaged)) from None


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise WireBroken("no answer in time") from None
    except (aiohttp.ClientError, OSError) as error:
        raise WireBroken(_words(error)) from None


def _words(error: Exception) -> str:
    """The system's reason, or the kind of the error where it has none; its own text may quote the address."""
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or type(error).__name__
