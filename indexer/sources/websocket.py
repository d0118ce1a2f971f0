"""Live hints: logsSubscribe at every endpoint at once, for every stream.

An endpoint has one link with all subscriptions. A link that breaks, or is silent, is opened anew, forever, with
growing pauses. What must stay true:
- Whoever reads too slowly slows the sockets down; nothing is dropped without a Lost.
- Lost is said once for each time that a stream ceases to be told, and Subscribed before it is told again.
- A hint is given once, whichever endpoint tells it first; one with whole lines still follows one without.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from copy import deepcopy
from random import Random
from typing import Any, NoReturn

import msgspec

from indexer.core import base58
from indexer.core.protocol import Protocol as Stream
from indexer.core.rpc import MAX_SLOT, Malformed, parse_notification
from indexer.core.transaction import Transaction, Unavailable
from indexer.sources.addresses import Scrubber, shown_of
from indexer.sources.hints import Hint, LinkHealth, Lost, News, StreamHealth, Subscribed, is_log_stream, mentions
from indexer.sources.pump import Put, pumped
from indexer.sources.subscriptions import LinkCounts, Notification, Patience, Silent, State, Subscriptions
from indexer.sources.wire import Dial, Link, WireBroken

_PLACEHOLDER = bytes(64)  # Stands for what a notification does not name; with the slot beside it.


class HintSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds and pauses of the subscriptions. Times in seconds."""

    patience: Patience = Patience()
    unread: int = 1024  # Hints between sockets and reader.
    remembered: int = 65_536  # Signatures that are known to have been told: some minutes of all streams.
    first_pause_s: float = 0.5  # Before a link is opened anew; doubled each time, with jitter.
    longest_pause_s: float = 60.0
    steady_s: float = 60.0  # A link that lived this long was a good one: the next pause is the first one again.


class LogSubscriptions:
    """`endpoints`: WebSocket URLs, which may hold keys."""

    def __init__(
        self,
        endpoints: Sequence[str],
        streams: Sequence[Stream],
        dial: Dial,
        *,
        rng: Random,
        settings: HintSettings | None = None,
    ) -> None:
        self._settings = settings or HintSettings()
        told = _Told(self._settings.remembered)
        urls = list(dict.fromkeys(endpoints))
        names = zip(urls, shown_of(urls), strict=True)
        self._links = [_Endpoint(url, name, streams, dial, told, rng, self._settings) for url, name in names]

    def hints(self) -> AsyncGenerator[News, None]:
        """Hints until it is closed or cancelled, which closes all sockets. It never ends and raises nothing."""
        return pumped(self._listen, self._settings.unread)

    def health(self) -> Sequence[LinkHealth]:
        """How each endpoint does: a snapshot."""
        return [deepcopy(one.health) for one in self._links]

    async def _listen(self, put: Put[News]) -> None:
        async with asyncio.TaskGroup() as links:
            for one in self._links:
                links.create_task(one.listen(put), name=f"websocket {one.health.endpoint}")


class _Told:
    """What was told already. Bounded: the oldest is forgotten first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._told: OrderedDict[tuple[str, bytes], tuple[int, bool]] = OrderedDict()

    def is_new(self, stream: str, signature: bytes, slot: int, has_lines: bool) -> bool:
        """Whether to tell it: unknown, in another slot (a fork), or with lines where there were none."""
        known = self._told.get((stream, signature))
        if known is not None and known[0] == slot and known[1] >= has_lines:
            return False
        self._told[stream, signature] = slot, has_lines
        self._told.move_to_end((stream, signature))
        if len(self._told) > self._most:
            self._told.popitem(last=False)
        return True


class _Endpoint:
    """The link to one endpoint, opened again and again. `name`: what is shown of its address."""

    def __init__(
        self,
        url: str,
        name: str,
        streams: Sequence[Stream],
        dial: Dial,
        told: _Told,
        rng: Random,
        settings: HintSettings,
    ) -> None:
        self._scrubbed = Scrubber(url)
        self._url, self._dial, self._told, self._rng, self._settings = url, dial, told, rng, settings
        self._wanted = {s.name: [base58.encode(address) for address in mentions(s)] for s in streams}
        self._log_streams = frozenset(s.name for s in streams if is_log_stream(s))
        self._is_lost: set[str] = set()  # Streams whose loss was said.
        self._silences: dict[str, float] = {}  # By address.
        health = {s.name: StreamHealth() for s in streams}
        self.health = LinkHealth(endpoint=name, counts=LinkCounts(), streams=health)

    async def listen(self, put: Put[News]) -> None:
        """Forever."""
        clock, pause = asyncio.get_running_loop().time, self._settings.first_pause_s
        while True:
            began = clock()
            reason = await self._until_broken(put)
            if clock() - began >= self._settings.steady_s:
                pause = self._settings.first_pause_s
            for stream in self._wanted:
                await self._changed(State(stream, reason), put)
            await asyncio.sleep(pause * self._rng.uniform(0.5, 1.0))
            pause = min(pause * 2, self._settings.longest_pause_s)

    async def _until_broken(self, put: Put[News]) -> str:
        """Why the link ended."""
        try:
            async with self._dial(self._url) as link:
                self.health.connects += 1
                self.health.connected_since = asyncio.get_running_loop().time()
                await self._talk(link, put)
        except (WireBroken, Silent) as error:
            self.health.failures += 1
            self.health.connected_since = None
            return self._scrubbed(str(error)) or type(error).__name__

    async def _talk(self, link: Link, put: Put[News]) -> NoReturn:
        """Raises WireBroken, Silent."""
        clock = asyncio.get_running_loop().time
        patience, counts = self._settings.patience, self.health.counts
        subscriptions = Subscriptions(self._wanted, patience, clock(), counts, self._silences)
        while True:
            while subscriptions.outgoing:
                await link.send(subscriptions.outgoing.pop(0))
            frame = await _frame(link, subscriptions.deadline)
            now = clock()
            if frame is not None:
                self.health.last_frame_at = now
                await self._heard(subscriptions.received(frame, now), now, put)
                subscriptions.excuse(clock() - now)  # The reader may have made us wait.
            for state in subscriptions.due(clock()):
                await self._changed(state, put)

    async def _heard(self, told: Notification | State | None, now: float, put: Put[News]) -> None:
        if isinstance(told, State):
            await self._changed(told, put)
        elif told is not None and (hint := self._hint(told, now)) is not None:
            await put(hint)

    async def _changed(self, state: State, put: Put[News]) -> None:
        """Say that a stream is told from now on, or not any more: each only where it is news."""
        stream, health = state.stream, self.health.streams[state.stream]
        if state.reason is None:
            self._is_lost.discard(stream)
            health.subscribed_since = asyncio.get_running_loop().time()
            await put(Subscribed(stream, self.health.endpoint))
        elif stream not in self._is_lost:
            self._is_lost.add(stream)
            health.subscribed_since, health.lost_reason = None, state.reason
            health.losses += 1
            await put(Lost(stream, self.health.endpoint, state.reason))

    def _hint(self, note: Notification, now: float) -> Hint | None:
        """What a notification tells that was not told before."""
        health = self.health.streams[note.stream]
        health.notifications += 1
        health.last_at = now
        slot, transaction = _read(note.result, health)
        if slot is None:
            return None  # Without any place to look at.
        health.slot = max(slot, health.slot or 0)
        self.health.counts.saw(slot)
        if transaction is not None and not transaction.succeeded:
            health.failed += 1
            return None
        signature = transaction.signature if transaction else _PLACEHOLDER
        has_lines = transaction is not None and bool(transaction.logs) and note.stream in self._log_streams
        if not self._told.is_new(note.stream, signature, slot, has_lines):
            health.duplicates += 1
            return None
        return Hint(note.stream, slot, transaction, self.health.endpoint)


def _read(result: Any, health: StreamHealth) -> tuple[int | None, Transaction | None]:
    """Slot and transaction of a notification, as far as they can be read."""
    try:
        transaction = parse_notification(result)
    except Unavailable:
        health.placeholders += 1
    except Malformed:
        health.malformed += 1
    else:
        return transaction.slot, transaction
    context = result.get("context") if isinstance(result, dict) else None
    slot = context.get("slot") if isinstance(context, dict) else None
    is_slot = isinstance(slot, int) and not isinstance(slot, bool) and 0 <= slot <= MAX_SLOT
    return (slot if is_slot else None), None


async def _frame(link: Link, deadline: float) -> str | bytes | None:
    """The next frame; None: none came before the deadline."""
    try:
        async with asyncio.timeout_at(deadline):
            return await link.receive()
    except TimeoutError:
        return None
