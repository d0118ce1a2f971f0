"""What a WebSocket tells: hints. They wake the tail and may deliver early; none of them settles anything.

Nodes drop notifications without a word, so that what came is never all. A hint is true as far as it goes: a
transaction that was seen at `confirmed` with its log lines, or a slot in which something happened.
"""

from __future__ import annotations

import msgspec

from indexer.core.frames import Programs
from indexer.core.logs import read_logs
from indexer.core.protocol import Protocol as Stream
from indexer.core.transaction import Transaction
from indexer.sources.subscriptions import LinkCounts

_NONE = Programs({})  # Whatever is told, of nobody.


class Hint(msgspec.Struct, frozen=True):
    """Something of the stream happened in this slot."""

    stream: str
    slot: int
    transaction: Transaction | None  # Logs alone, no place in the block. None: the node did not say which one.
    endpoint: str  # Without credentials.


class Subscribed(msgspec.Struct, frozen=True):
    """From now on the endpoint should tell everything of the stream; what was before has to be filled."""

    stream: str
    endpoint: str


class Lost(msgspec.Struct, frozen=True):
    """The endpoint tells no more of the stream until it says Subscribed again."""

    stream: str
    endpoint: str
    reason: str  # Without credentials.


News = Hint | Subscribed | Lost


class StreamHealth(msgspec.Struct, kw_only=True):
    """What one endpoint told of one stream since the start. Times are those of the event loop, in seconds."""

    subscribed_since: float | None = None  # None: it is not.
    losses: int = 0
    lost_reason: str | None = None  # Of the last loss.
    notifications: int = 0  # All of them; those below are among them.
    failed: int = 0  # Of transactions that failed.
    duplicates: int = 0
    placeholders: int = 0
    malformed: int = 0
    last_at: float | None = None  # Of the last notification.
    slot: int | None = None  # Of the newest notification.


class LinkHealth(msgspec.Struct, kw_only=True):
    """How one endpoint does. Times are those of the event loop, in seconds."""

    endpoint: str  # Without credentials.
    connected_since: float | None = None  # None: it is not.
    connects: int = 0
    failures: int = 0  # Links that broke or could not be opened.
    last_frame_at: float | None = None
    counts: LinkCounts
    streams: dict[str, StreamHealth]


def is_log_stream(stream: Stream) -> bool:
    """Whether notifications can hold the stream's payloads: events by self-CPI are in no log line."""
    return all(program.channel == "log" for program in stream.programs.values())


def is_whole(transaction: Transaction, stream: Stream) -> bool:
    """Whether its log lines hold all payloads of the stream, so that its rows may be written before it is fetched.

    False for streams of self-CPI events, for lines that were cut or contradict themselves, and for a success without
    a line: nodes report one for transactions that failed.
    """
    if not transaction.succeeded or not transaction.logs or not is_log_stream(stream):
        return False
    logs = read_logs(transaction.logs, _NONE)
    return logs.is_consistent and not logs.is_truncated


def mentions(stream: Stream) -> tuple[bytes, ...]:
    """The addresses whose transactions are all of the stream's: event authorities, or programs that log.

    Few failed transactions of keepers name an event authority's emission, so it stands for its program.
    """
    return tuple(program.event_authority or program.id for program in stream.programs.values())
