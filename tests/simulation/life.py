"""The life of daemons against a small cluster with exactly the faults that a test names, in virtual time.

The daemon is the real composition; only the wire is in memory. The ledger is judged at every write: what is settled is
the truth, row for row, and behind the finalized head; what was settled stays settled; what never was on any chain is
never in it. So a test that ends well has seen no moment at which the ledger said too much.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from math import inf
from random import Random
from typing import Any

import msgspec

from indexer.config import Settings, load
from indexer.core.coverage import Span, Spans, common, covers, missing
from indexer.simulation.chain import Truth
from indexer.simulation.cluster import Cluster
from indexer.simulation.faults import Fault, Faults
from indexer.simulation.memory_wire import MemoryDial, MemoryHttp
from indexer.simulation.node import Node
from indexer.simulation.portal import Portal
from indexer.simulation.rpc_server import RpcServer
from indexer.simulation.verdict import verdict
from indexer.store.base import Page, Store, Written
from indexer.store.changes import bounds, page_rows
from indexer.store.memory import MemoryStore
from indexer.store.rows import BY_CLASS, EVENTS, Key
from indexer.trials import TheProgram
from tests.simulation.hand_chain import HandChain

PROGRAM = TheProgram()
STREAMS = tuple(PROGRAM.streams)
EVERYTHING = Span(0, 1 << 50)
FINALIZED_AFTER = 32  # Slots.
MOST_S = 200.0  # In which everything is settled once nothing is wrong any more: a vain try is repeated after 65 s.
_SLOT, _PROTOCOL = EVENTS.position["slot"], EVENTS.position["protocol"]


class JudgedStore(MemoryStore):
    """`wrong`: what it said at some moment that was not true. `seen`: when a transaction of a stream came in first."""

    def __init__(self, made: HandChain, finalized: Callable[[], int]) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.seen: dict[tuple[str, bytes], float] = {}
        self._made, self._finalized = made, finalized
        self._truths = {name: _of_stream(made.chain.truth, name) for name in STREAMS}
        self._real = _keys(made.chain.truth) | _keys(made.forked)
        self._was: dict[str, Spans] = {}

    async def write(self, page: Page) -> Written:
        written = await super().write(page)
        for row in page.events:
            self.seen.setdefault((row.origin.protocol, row.origin.signature), asyncio.get_running_loop().time())
        if (touched := bounds(page, page_rows(page))) is not None:
            for name in STREAMS:
                await self._judge(name, touched)
            await self._judge_rows(touched)
        return written

    async def _judge(self, name: str, touched: Span) -> None:
        coverage = await self.coverage(name)
        self._hold(not missing(self._was.get(name, ()), coverage), f"{name} is settled no more: {self._was} {coverage}")
        head = min(self._made.span.end - 1, self._finalized())
        provable = common([self._made.span], [Span(0, head + 1)])
        self._hold(not missing(coverage, provable), f"{name} is settled beyond {provable}: {coverage}")
        self._was[name] = coverage
        for span in common(coverage, [touched]):
            rows = await self.rows(span)
            ours = {kind: [row for row in some if row[_PROTOCOL] == name] for kind, some in rows.items()}
            found = verdict(self._truths[name], ours, {}, span)
            self._hold(found.is_true, f"{name} is settled in {span}, and that is not true: {found}")

    async def _judge_rows(self, touched: Span) -> None:
        rows = await self.rows(touched)
        by_kind = {table.kind: table for table in BY_CLASS.values()}
        keys = {(kind, by_kind[kind].key(row)) for kind, some in rows.items() for row in some}
        self._hold(keys <= self._real, f"rows of what never was: {keys - self._real}")

    def _hold(self, is_true: bool, otherwise: str) -> None:
        if not is_true:
            self.wrong.append(f"{asyncio.get_running_loop().time():.1f} s: {otherwise}")


class Life:
    """Nodes `a`, `b`, ... over one chain, a portal, and a ledger. Make it inside a running VirtualTimeLoop."""

    def __init__(
        self,
        made: HandChain,
        *faults: Fault,
        nodes: Sequence[Mapping[str, Any]] = ({},),
        head: int | None = None,
        portal: Mapping[str, Any] | None = None,
    ) -> None:
        """`head`: the finalized slot at second 0 (default: the chain's last). `nodes`: how each is made."""
        clock = asyncio.get_running_loop().time
        start = (made.span.end - 1 if head is None else head) + FINALIZED_AFTER
        self.made = made
        self.cluster = Cluster(made.chain, clock, start_slot=start)
        self.faults = Faults(faults, 1, clock)
        listed = [Node(self.cluster, chr(97 + n), faults=self.faults, **one) for n, one in enumerate(nodes)]
        self._servers: dict[str, Any] = {f"{node.name}.box": RpcServer(node) for node in listed}
        self._servers["portal.box"] = Portal(self.cluster, faults=self.faults, **{"behind": 0, **(portal or {})})
        self.store = JudgedStore(made, lambda: self.cluster.view().limit("finalized"))
        self._daemon: asyncio.Task[None] | None = None

    def settings(
        self,
        *,
        ask: str = "",
        hear: str | None = None,
        recent: Sequence[str] = ("signatures", "blocks"),
        deep: Sequence[str] | None = None,
        **more: object,
    ) -> Settings:
        """`ask`, `hear`: the nodes that are asked and that are listened to, as letters; default: all.

        `more`: any other setting, as section__key.
        """
        ask = ask or "".join(host[0] for host in self._servers if host != "portal.box")
        hear = ask if hear is None else hear
        told: dict[str, object] = {
            "cluster__name": "by hand",
            "cluster__genesis_hash": self.made.chain.genesis_hash,
            "endpoints__rpc": [f"http://{name}.box" for name in ask],
            "endpoints__websocket": [f"ws://{name}.box" for name in hear or "-"],
            "endpoints__portal": "http://portal.box/datasets/solana-mainnet",
            "endpoints__first_rate": 20,
            "strategy__recent": list(recent),
            "strategy__deep": list(deep or recent),
            "strategy__seam_slots": 8,
            "run__start_slot": self.made.span.start,
            "run__retry_unavailable_s": 5,
            "run__lease_s": 10,
            "run__snapshot_every_s": 0,
        }
        texts = {name: one if isinstance(one, str) else msgspec.json.encode(one).decode()
                 for name, one in {**told, **more}.items() if one is not None}  # fmt: skip
        return load(environment={f"PERPS_{name}".upper(): text for name, text in texts.items()})

    def http(self) -> MemoryHttp:
        return MemoryHttp(self._servers, Random(2))

    @asynccontextmanager
    async def daemon(self, settings: Settings | None = None, holder: str = "daemon") -> AsyncIterator[None]:
        """A daemon that runs meanwhile; then it is killed. If it dies by itself, that is raised."""
        settings = settings or self.settings()
        dial = MemoryDial(self._servers, Random(3))
        await PROGRAM.prepare(self.store, settings)
        main = PROGRAM.daemon(settings, self.store, self.http(), dial, holder, Random(4))
        self._daemon = asyncio.create_task(main, name=holder)
        try:
            yield
        finally:
            self._daemon.cancel()
            with suppress(asyncio.CancelledError):
                await self._daemon

    async def backfill(self, span: Span, *ways: str, store: Store | None = None) -> None:
        """Settle a span as the command does, by these ways; until it has what can be had."""
        settings, store = self.settings(recent=ways), store or self.store
        await PROGRAM.prepare(store, settings)
        await PROGRAM.backfill(settings, store, self.http(), span, "backfill", Random(5))

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str, within_s: float = MOST_S) -> None:
        """Let time pass until it holds. Fails when it does not, and as soon as the ledger says what is not true."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while not await condition():
            assert loop.time() < deadline, f"not within {within_s} s: {what}; {await self.lacking()}"
            await self.passes(0.2)

    async def passes(self, seconds: float) -> None:
        """Let so much time pass."""
        end = asyncio.get_running_loop().time() + seconds
        while (rest := end - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(rest, 0.2))
            assert not self.store.wrong, self.store.wrong[0]
            if self._daemon is not None and self._daemon.done() and not self._daemon.cancelled():
                await self._daemon
                raise AssertionError("the daemon ended by itself")

    async def until_settled(self, within_s: float = MOST_S) -> None:
        """Until the ledger is the whole truth."""
        await self.until(self._is_settled, "everything is settled", within_s)
        coverage = {name: common(await self.store.coverage(name), [self.made.span]) for name in STREAMS}
        found = verdict(self.made.chain.truth, await self.store.rows(EVERYTHING), coverage, self.made.span)
        assert found.is_true, found
        assert sum((await self.store.counts()).values()) == len(_rows(self.made.chain.truth))
        assert await self.store.differences() == []

    async def _is_settled(self) -> bool:
        return not any((await self.lacking()).values())

    async def lacking(self) -> dict[str, Spans]:
        """What is not settled of the chain, by stream."""
        return {name: missing([self.made.span], await self.store.coverage(name)) for name in STREAMS}

    async def covered(self, stream: str, slot: int) -> bool:
        return covers(await self.store.coverage(stream), slot)

    async def covered_up_to(self, slot: int) -> bool:
        """Whether everything up to and including the slot is settled, for every stream."""
        wanted = [Span(self.made.span.start, slot + 1)]
        return not any([missing(wanted, await self.store.coverage(name)) for name in STREAMS])

    def late(self, slots: Iterable[int], most_s: float, stream: str = "drift") -> list[int]:
        """Of the slots in which the stream has something, those whose rows came too late after their confirmation."""
        return [
            row.origin.slot
            for row in self.made.chain.truth.events
            if row.origin.protocol == stream and row.origin.slot in slots
            if self.store.seen.get((stream, row.origin.signature), inf)
            > self.cluster.time_of(row.origin.slot, "confirmed") + most_s
        ]


def fault(kind: str, *, server: str = "a", **made: Any) -> Fault:
    """A fault of node `a`, for as long as it is not said otherwise."""
    return Fault(kind, server, **made)


def _rows(truth: Truth) -> list[Any]:
    return [*truth.records, *truth.events, *truth.failures]


def _keys(truth: Truth) -> set[tuple[str, Key]]:
    tables = ((BY_CLASS[type(record)], record) for record in _rows(truth))
    return {(table.kind, table.key(table.row(record, settled=True))) for table, record in tables}


def _of_stream(truth: Truth, name: str) -> Truth:
    return Truth(
        *(
            [one for one in some if one.origin.protocol == name]
            for some in (truth.records, truth.events, truth.failures)
        )
    )
