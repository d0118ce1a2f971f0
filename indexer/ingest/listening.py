"""Listen: what subscriptions tell becomes provisional rows at once.

A notification is a hint and settles nothing. Where its logs hold the whole stream its rows are written as
they are; otherwise the transaction is fetched. What is not told (a subscription that was lost, silence, a
transaction that nobody has yet) is asked for at `confirmed` when a subscription stands again, and every few
seconds while none does. Every queue is bounded: when the database is slow, the sockets wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from random import Random
from typing import Protocol as Promise

import structlog

from indexer.core.protocol import Protocol
from indexer.core.transaction import Transaction
from indexer.ingest.patience import waits
from indexer.ingest.precedence import Precedence
from indexer.ingest.writing import Writer
from indexer.sources.base import RawPage, Recent, SourceInterrupted
from indexer.sources.hints import Hint, Lost, News, Subscribed, is_whole

MOST_AT_ONCE = 200  # Transactions written in one database transaction.
_log = structlog.get_logger()


class Subscriptions(Promise):
    def hints(self) -> AsyncGenerator[News, None]:
        """What is told, until it is closed."""


class Confirmed(Promise):
    """What may be asked about the newest slots."""

    async def transaction(self, signature: bytes, slot: int) -> Transaction | None:
        """A transaction at `confirmed` that was told of a slot; None: nobody has it. Raises SourceInterrupted."""

    async def recent(self, streams: Sequence[Protocol]) -> Recent:
        """Transactions of the streams that are confirmed and not finalized, and not asked for before.

        Raises SourceInterrupted.
        """


class Listener:
    """Runs until it is cancelled."""

    def __init__(
        self,
        streams: Sequence[Protocol],
        subscriptions: Subscriptions,
        confirmed: Confirmed,
        writer: Writer,
        precedence: Precedence,
        *,
        rng: Random,
        queue: int,
        fetches: int,
        poll_every_s: float,
    ) -> None:
        self._streams = {stream.name: stream for stream in streams}
        self._subscriptions = subscriptions
        self._confirmed = confirmed
        self._writer = writer
        self._precedence = precedence
        self._rng = rng
        self._fetches = fetches
        self._poll_every_s = poll_every_s
        self._to_fetch: asyncio.Queue[Hint] = asyncio.Queue(queue)
        self._to_write: asyncio.Queue[Transaction] = asyncio.Queue(queue)
        self._standing: set[tuple[str, str]] = set()  # Who tells of what: stream, endpoint.
        self._behind = set(self._streams)  # Streams of which something may not have been told.
        self._wake = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(), name="read hints")
            for number in range(self._fetches):
                tasks.create_task(self._fetch(), name=f"fetch hints {number}")
            tasks.create_task(self._write(), name="write hints")
            tasks.create_task(self._catch_up(), name="catch up")

    @property
    def untold(self) -> list[str]:
        """Streams that no endpoint tells of at present."""
        return [name for name in self._streams if not any(stream == name for stream, _ in self._standing)]

    async def _read(self) -> None:
        async with aclosing(self._subscriptions.hints()) as told:
            async for one in told:
                match one:
                    case Hint():
                        await self._hint(one)
                    case Subscribed():
                        _log.info("subscribed", stream=one.stream, endpoint=one.endpoint)
                        self._standing.add((one.stream, one.endpoint))
                        self._fall_behind(one.stream)
                    case Lost():
                        _log.warning("subscription_lost", stream=one.stream, endpoint=one.endpoint, reason=one.reason)
                        self._standing.discard((one.stream, one.endpoint))
                        self._fall_behind(one.stream)

    async def _hint(self, hint: Hint) -> None:
        if hint.transaction is None:
            self._fall_behind(hint.stream)
            return
        self._precedence.begin()
        if is_whole(hint.transaction, self._streams[hint.stream]):
            await self._to_write.put(hint.transaction)
        else:
            await self._to_fetch.put(hint)

    def _fall_behind(self, stream: str) -> None:
        self._behind.add(stream)
        self._wake.set()

    async def _fetch(self) -> None:
        while True:
            hint = await self._to_fetch.get()
            assert hint.transaction is not None, "only hints with a signature are fetched"
            try:
                found = await self._confirmed.transaction(hint.transaction.signature, hint.slot)
            except SourceInterrupted as error:
                _log.info("hint_not_fetched", stream=hint.stream, slot=hint.transaction.slot, reason=str(error))
                found = None
            if found is None:
                self._precedence.end()
                self._fall_behind(hint.stream)
            else:
                await self._to_write.put(found)

    async def _write(self) -> None:
        while True:
            some = [await self._to_write.get()]
            while len(some) < MOST_AT_ONCE and not self._to_write.empty():
                some.append(self._to_write.get_nowait())
            await self._writer.provisional(RawPage(transactions=some), list(self._streams.values()), "websocket")
            self._precedence.end(len(some))

    async def _catch_up(self) -> None:
        pauses = waits(self._rng)
        while True:
            self._wake.clear()
            wanted = self._behind | set(self.untold)
            if not wanted:
                await self._wake.wait()
                continue
            self._behind -= wanted  # Before asking: what falls behind meanwhile is asked for again.
            try:
                found = await self._confirmed.recent([self._streams[name] for name in sorted(wanted)])
            except SourceInterrupted as error:
                self._behind |= wanted
                _log.warning("not_caught_up", streams=sorted(wanted), reason=str(error))
                await asyncio.sleep(next(pauses))
                continue
            pauses = waits(self._rng)
            self._behind |= set(found.lacking)
            if found.transactions:
                page = RawPage(transactions=found.transactions)
                await self._writer.provisional(page, list(self._streams.values()), "confirmed")
            await asyncio.sleep(self._poll_every_s)
