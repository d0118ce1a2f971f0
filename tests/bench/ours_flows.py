"""Our side of whole pipelines: the production sources, loops and store, composed as `backfill` and `run` compose them.

`blocks`: the strategy of that name, from a node that answers from a file; `dense`: the same, and the processes that
read large blocks are running already. `notifications`: subscriptions that a file tells. `portal`: the strategy of that
name, over HTTP from a server on loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

from indexer import app as wiring
from indexer import app_network as composed
from indexer import log
from indexer.config import Settings, load
from indexer.core.coverage import Span
from indexer.core.jsonrpc import NoAnswer
from indexer.core.protocol import Protocol as Stream
from indexer.core.rpc import BlockTask
from indexer.core.transaction import Transaction
from indexer.ingest.garbage import collect_rarely
from indexer.ingest.listening import Listener
from indexer.ingest.precedence import Precedence
from indexer.ingest.settling import fill_all
from indexer.ingest.writing import Writer
from indexer.sources.base import RawPage, Recent, Source, Strategy
from indexer.sources.block_process import Job
from indexer.sources.block_readers import BlockReaders, most_readers, open_block_readers
from indexer.sources.http import open_http
from indexer.sources.portal import Portal
from indexer.sources.portal_http import PortalSettings
from indexer.sources.websocket import LogSubscriptions
from indexer.store.base import Page, Store, Written
from tests.bench.flow_runs import Clock, Question, serve
from tests.bench.recorded import RecordedLink, RecordedNode

ONE_PROTOCOL = ["drift"]


async def run(question: Question, clock: Clock) -> int:
    settings = _settings(question)
    async with wiring.ledger(settings) as store:
        counted = Counted(store)
        await _FLOWS[question["flow"]](question, settings, counted, clock)
        return counted.events


def _settings(question: Question) -> Settings:
    return load(
        environment={
            "DATABASE_URL": question["url"],
            "SOLANA_RPC_URL": "http://recorded.box",
            "SOLANA_WS_URL": "ws://recorded.box",
            "PERPS_CLUSTER__NAME": "recorded",
            "PERPS_CLUSTER__GENESIS_HASH": question["genesis_hash"],
            "PERPS_ENDPOINTS__FIRST_RATE": "100000",
            "PERPS_ENDPOINTS__MAX_RATE": "100000",
            "PERPS_RUN__SETTLE_EVERY_S": "0.2",  # How long one of two waits for the last claims of the other.
        }
    )


class Counted:
    """The store, and how many transactions and events were written to it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.events = 0

    async def write(self, page: Page) -> Written:
        written = await self._store.write(page)
        self.events += len(page.events)
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def _blocks(question: Question, settings: Settings, store: Any, clock: Clock) -> None:
    path = Path(question["folder"]) / f"{question['flow']}.jsonl"
    node = RecordedNode(path, question["genesis_hash"], question["end"] - 1)
    async with open_block_readers() as readers:
        if question["flow"] == "dense":
            await asyncio.gather(*(_started(readers) for _ in range(most_readers())))
        rpc = composed.pool(settings, node, Random(1), readers)
        await _fill(question, settings, store, composed.sources(settings, rpc, None, "backfill"), "blocks", clock)


async def _started(readers: BlockReaders) -> None:
    """One of the processes runs: it has read something, though no block."""
    with suppress(NoAnswer):
        await readers.read(Job(BlockTask(0, frozenset()), 1, is_packed=False, most_bytes=0), b"")


async def _portal(question: Question, settings: Settings, store: Any, clock: Clock) -> None:
    async with open_http() as http:
        shape = PortalSettings(requests=1_000_000, page_transactions=composed.BACKFILL_TRANSACTIONS)
        archive = Portal(question["portal"], http, rng=Random(1), fetch=None, blockhash=None, settings=shape)
        await _fill(question, settings, store, {"portal": archive}, "portal", clock)


async def _fill(
    question: Question,
    settings: Settings,
    store: Any,
    sources: dict[Strategy, Source],
    strategy: Strategy,
    clock: Clock,
) -> None:
    names = ONE_PROTOCOL if strategy == "blocks" else [stream.name for stream in wiring.protocols()]
    rng = Random(1)
    filler = composed.filler(settings, store, Writer(store, rng), sources, "bench")
    tasks = composed.backfill_tasks(settings.model_copy(update=_with_portal(settings)), names, strategy)
    wanted = {name: (Span(question["start"], question["end"]),) for name in names}
    async with clock.running():
        left = await fill_all(filler, tasks, wanted, pause_s=settings.run.settle_every_s, rng=rng)
    assert not left, f"not filled: {left}"


def _with_portal(settings: Settings) -> dict[str, Any]:
    """`backfill_tasks` wants to hear that there is one; which one is composed here."""
    return {"endpoints": settings.endpoints.model_copy(update={"portal": "the one on loopback"})}


async def _notifications(question: Question, settings: Settings, store: Any, clock: Clock) -> None:
    streams = [stream for stream in wiring.protocols() if stream.name in ONE_PROTOCOL]
    link = RecordedLink(Path(question["folder"]) / "notifications.jsonl")
    subscriptions = LogSubscriptions(settings.endpoints.websocket_urls, streams, link.dial, rng=Random(1))
    writer = _Awaited(store, question["notifications"])
    listener = Listener(
        streams, subscriptions, _Nobody(), writer, Precedence(),
        rng=Random(1), queue=settings.run.hint_queue, fetches=settings.run.fetches, poll_every_s=3600,
    )  # fmt: skip
    async with clock.running():
        listening = asyncio.create_task(listener.run())
        await writer.is_done.wait()
    listening.cancel()
    await asyncio.wait([listening])


class _Awaited(Writer):
    """Says when so many transactions were written."""

    def __init__(self, store: Any, transactions: int) -> None:
        super().__init__(store, Random(1))
        self._left = transactions
        self.is_done = asyncio.Event()

    async def provisional(self, raw: RawPage, streams: Sequence[Stream], source: str) -> Written:
        written = await super().provisional(raw, streams, source)
        self._left -= len(raw.transactions)
        if self._left <= 0:
            self.is_done.set()
        return written


class _Nobody:
    """A node that knows nothing more: everything of the recording was notified."""

    async def transaction(self, signature: bytes, slot: int) -> Transaction | None:
        raise AssertionError(f"a transaction of slot {slot} is asked for, its notification should have sufficed")

    async def recent(self, streams: Sequence[Stream]) -> Recent:
        return Recent()


_FLOWS = {"blocks": _blocks, "dense": _blocks, "notifications": _notifications, "portal": _portal}


if __name__ == "__main__":
    log.configure(load(environment={"PERPS_LOG__LEVEL": "warning"}).log)
    collect_rarely()
    serve({name: version(name) for name in ("perps-indexer", "msgspec", "asyncpg")}, run)
