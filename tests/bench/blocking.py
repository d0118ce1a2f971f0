"""Whether a refresh of all views makes readers or writers wait: whoever waits too long for a lock is told so."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Any, NamedTuple, Protocol

import asyncpg

from indexer.core.record import Origin, Trade
from indexer.errors import StoreUnavailable
from indexer.store.base import Page
from indexer.store.connection import connected
from indexer.store.postgres import open_store
from tests.bench.history import BEGIN, DAYS, FIRST_SLOT, OF_DAYS, SLOTS_A_DAY

PATIENCE_MS, ALONE_S, PAUSE_S = 50, 5, 0.01


class Blocking(NamedTuple):
    """`blocked`: calls that gave up waiting for a lock. Milliseconds of a read and of a page: alone, and beside it."""

    refresh_s: float
    calls: int
    blocked: int
    read_ms: tuple[float, float]
    page_ms: tuple[float, float]


class Refreshing(Protocol):
    async def views(self) -> Sequence[str]: ...
    async def refresh(self, view: str) -> None: ...


async def blocking(url: str, aggregates: Refreshing) -> Blocking:
    patient = f"{url}{'&' if '?' in url else '?'}lock_timeout={PATIENCE_MS}"
    dice = random.Random(2)
    async with connected(patient) as reader, open_store(patient) as store:
        reads = _Client(lambda: reader.fetch(OF_DAYS))
        writes = _Client(lambda: store.write(_page(dice.getrandbits(64))))
        _, read_alone, page_alone = await _beside(asyncio.sleep(ALONE_S), reads, writes)
        took, read, page = await _beside(_refresh_all(aggregates), reads, writes)
    calls, blocked = reads.calls + writes.calls, reads.blocked + writes.blocked
    return Blocking(took, calls, blocked, (read_alone, read), (page_alone, page))


async def _refresh_all(aggregates: Refreshing) -> None:
    for view in await aggregates.views():
        await aggregates.refresh(view)


def _page(number: int) -> Page:
    """A new fill of the day behind all others."""
    origin = Origin(
        protocol="drift", program_id=bytes(32), slot=FIRST_SLOT + DAYS * SLOTS_A_DAY + 1000 + number % 100_000,
        signature=number.to_bytes(64, "big"), channel="log", index=0, tx_index=1, block_time=BEGIN + DAYS * 86_400,
    )  # fmt: skip
    return Page(
        records=[Trade(origin=origin, market_kind="perp", market_key="market:1", size_usd_e6=1)], source="bench"
    )


class _Client:
    """Somebody who asks again and again."""

    def __init__(self, call: Callable[[], Awaitable[Any]]) -> None:
        self._call = call
        self.calls = self.blocked = 0
        self.taken: list[float] = []

    async def run(self) -> None:
        while True:
            began = time.perf_counter()
            try:
                await self._call()
            except (asyncpg.LockNotAvailableError, StoreUnavailable):
                self.blocked += 1
            self.calls += 1
            self.taken.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE_S)


async def _beside(work: Awaitable[None], *clients: _Client) -> Sequence[float]:
    """Seconds that `work` took, and the median milliseconds of each client meanwhile."""
    for client in clients:
        client.taken.clear()
    tasks = [asyncio.create_task(client.run()) for client in clients]
    began = time.perf_counter()
    await work
    took = time.perf_counter() - began
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        assert task.cancelled(), task.exception()
    return [took, *(1e3 * median(client.taken) for client in clients)]
