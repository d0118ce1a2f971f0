"""What passes between clients and servers, whatever carries it: in memory or over real sockets.

A server answers at once and says how its answer is to travel: how late, how slowly, and whether it arrives whole.
Whoever carries it keeps to that, so that a fault is the same on every wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, Protocol

import msgspec

Ending = Literal["whole", "reset", "silence"]


class Request(msgspec.Struct, frozen=True):
    method: str  # GET or POST.
    path: str  # Without the query, which may hold a key.
    body: bytes = b""


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer and its journey. A body that is short and ends `whole` is cut off with a clean end.

    A long body may be made while it travels, so that the server can answer others in between: what it says is fixed.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    more_headers: Mapping[str, str] = {}  # Lower case.
    wait_s: float = 0.0  # Before the first byte.
    pause_s: float = 0.0  # After every piece.
    piece_bytes: int = 65_536
    ending: Ending = "whole"  # After the body: its end, a reset, or nothing more for ever.
    parts: Callable[[], Iterable[bytes]] | None = None  # Makes the body, in place of `body`; a part may be empty.

    @property
    def headers(self) -> Mapping[str, str]:
        return {"content-type": self.content_type, **self.more_headers}

    def made(self) -> Answer:
        """With its body made."""
        if self.parts is None:
            return self
        return msgspec.structs.replace(self, body=b"".join(self.parts()), parts=None)


class Connection(Protocol):
    """The server's side of a WebSocket. See subscriptions.Session, which is one."""

    def take(self, text: str | bytes) -> None: ...

    def due(self) -> list[str]: ...

    def next_in_s(self) -> float: ...


class Server(Protocol):
    def respond(self, request: Request) -> Answer: ...

    def connect(self) -> Connection:
        """A WebSocket is opened. Raises Closed where it is refused."""
