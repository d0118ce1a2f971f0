"""The wire: the few things that sources ask of a network, so that a simulation can stand in for it.

Nothing here knows what is sent. Addresses may hold keys: whoever puts one into a message redacts it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec


class WireBroken(Exception):
    """No connection, a reset, a time-out, a body cut short, a close. May pass."""


class Reply(msgspec.Struct, frozen=True):
    """A whole HTTP answer. Header names are lower case. `is_packed`: its body is gzip (packing.py)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_packed: bool = False


class Streamed(Protocol):
    """An HTTP answer whose body is still coming. Header names are lower case."""

    status: int
    headers: Mapping[str, str]

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, unpacked. Raises WireBroken where it is cut short."""


class Http(Protocol):
    """HTTP requests. Every method raises WireBroken."""

    async def post(self, url: str, body: bytes, *, timeout_s: float, most_bytes: int) -> Reply:
        """POST of JSON; a body of more than `most_bytes` is WireBroken. A large one may be left packed."""

    async def get(self, url: str, *, timeout_s: float, most_bytes: int) -> Reply:
        """GET."""

    def stream(self, url: str, body: bytes, *, idle_timeout_s: float) -> AbstractAsyncContextManager[Streamed]:
        """POST of JSON whose answer is read piece by piece."""


class Link(Protocol):
    """An open WebSocket. Both methods raise WireBroken when it closes."""

    async def send(self, text: str) -> None:
        """Send a text frame."""

    async def receive(self) -> str | bytes:
        """The next frame."""


class Dial(Protocol):
    """Opens WebSockets; the link answers and sends pings by itself."""

    def __call__(self, url: str) -> AbstractAsyncContextManager[Link]:
        """Connect; raises WireBroken on entry."""
