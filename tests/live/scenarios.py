"""What is measured: live lag in calm, behind faults, and while history is filled. Everything real but the cluster."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from indexer.app import stream_names
from indexer.core.coverage import Span, common, missing
from indexer.store.postgres import open_store
from tests.live.cluster import Shape
from tests.live.lag import NEVER, Watched, percentile
from tests.live.processes import Cluster, cluster, command, cpu_s, rss_mb

CONNECTED_S = 6.0  # For a daemon to subscribe and to settle what is there, before the chain moves.
WARM_S = 5.0
READABLE_S = 3.0  # What was confirmed so shortly before the end may still come.
RECOVERED_S = 10.0  # Behind the last fault.
BEHIND_SLOTS = 150  # What a daemon wants that is not to fill history.
FILLED_WITHIN_S = 200.0


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Lags in seconds, one for each slot; CPU as shares of one core."""

    what: str
    lags: Sequence[float]
    daemon_mb: tuple[float, float] = (0.0, 0.0)  # At the begin and at most.
    cpu: dict[str, float] = {}
    note: str = ""

    @property
    def median(self) -> float:
        return percentile(self.lags, 0.5)

    @property
    def p95(self) -> float:
        return percentile(self.lags, 0.95)

    @property
    def worst(self) -> float:
        return max(self.lags, default=NEVER)


def pooled(rounds: Sequence[Measured]) -> Measured:
    """The slots of all rounds as those of one; the worst memory, the mean CPU."""
    return Measured(
        what=rounds[0].what,
        lags=[lag for one in rounds for lag in one.lags],
        daemon_mb=(min(one.daemon_mb[0] for one in rounds), max(one.daemon_mb[1] for one in rounds)),
        cpu={name: sum(one.cpu[name] for one in rounds) / len(rounds) for name in rounds[0].cpu},
        note="; ".join(one.note for one in rounds if one.note),
    )


class Run:
    """A daemon that watches a cluster, and somebody who looks for its rows."""

    def __init__(
        self, url: str, served: Cluster, daemon: asyncio.subprocess.Process, watched: Watched, settings: dict[str, str]
    ) -> None:
        self.url, self.served, self.daemon, self.watched, self.settings = url, served, daemon, watched, settings
        self.memory: list[float] = []

    async def until(self, at_s: float) -> None:
        """By the cluster's clock; the daemon's memory is looked at meanwhile."""
        while self.watched.now() < at_s:
            assert self.daemon.returncode is None, "the daemon ended by itself"
            self.memory.append(rss_mb(self.daemon.pid))
            await asyncio.sleep(0.5)

    def measured(self, what: str, from_s: float, to_s: float, cpu: dict[str, float], note: str = "") -> Measured:
        return Measured(
            what=what,
            lags=self.watched.lags(from_s, to_s),
            daemon_mb=(self.memory[0], max(self.memory)),
            cpu=cpu,
            note=note,
        )


class Usage:
    """CPU of processes since it was made."""

    def __init__(self, **pids: int) -> None:
        self._began = time.monotonic()
        self._pids = pids
        self._used = {name: cpu_s(pid) for name, pid in pids.items()}

    def shares(self) -> dict[str, float]:
        took = time.monotonic() - self._began
        return {name: (cpu_s(pid) - self._used[name]) / took for name, pid in self._pids.items()}


@asynccontextmanager
async def running(url: str, shape: Shape, logs: Path, *, history: bool = False) -> AsyncIterator[Run]:
    """`history`: the daemon wants all of the chain, not its newest slots alone."""
    async with _clusters(shape, _kept(logs, shape), 2 if shape.history_slots > BEHIND_SLOTS * 2 else 1) as (
        served,
        *archives,
    ):
        first = served.told.first_slot if history else served.told.start_slot - BEHIND_SLOTS
        settings = settings_for(served, url, *archives) | {"PERPS_RUN__START_SLOT": str(first)}
        async with command("run", settings=settings, log=logs / "daemon") as daemon:
            if not history:
                await asyncio.sleep(CONNECTED_S)
            for archive in archives:
                await archive.begin()
            run = Run(url, served, daemon, Watched(served.told, await served.begin()), settings)
            watching = asyncio.create_task(run.watched.watch(url))
            try:
                yield run
            finally:
                watching.cancel()
                await asyncio.wait([watching])


def _kept(logs: Path, shape: Shape) -> Path:
    """Where the chain of clusters of this shape lies: beside the logs of all runs."""
    return logs.parent / f"chain-{sha256(msgspec.json.encode(shape)).hexdigest()[:16]}"


@asynccontextmanager
async def _clusters(shape: Shape, kept: Path, count: int) -> AsyncIterator[list[Cluster]]:
    """The same cluster in several processes, so that its archive does not keep its nodes waiting."""
    async with AsyncExitStack() as resources:
        made = [await resources.enter_async_context(cluster(shape, kept)) for _ in range(count)]
        for archive in made[1:]:  # It stands for a machine elsewhere, and must not take this one from who is measured.
            os.setpriority(os.PRIO_PROCESS, archive.process.pid, 15)
        yield made


def settings_for(served: Cluster, url: str, archive: Cluster | None = None) -> dict[str, str]:
    """As shipped, but for addresses and the cluster's name, and a seam that is as short as the box's history."""
    told = served.told
    return {
        "DATABASE_URL": url,
        "SOLANA_RPC_URL": ",".join(told.rpc),
        "SOLANA_WS_URL": ",".join(told.websocket),
        "PERPS_ENDPOINTS__PORTAL": (archive or served).told.portal,
        "PERPS_CLUSTER__NAME": "simulated",
        "PERPS_HTTP__PORT": "0",
        "PERPS_CLUSTER__GENESIS_HASH": told.genesis_hash,
        "PERPS_STRATEGY__SEAM_SLOTS": "20",
        "PERPS_STRATEGY__RECENT_SLOTS": str(2 * BEHIND_SLOTS),
    }


async def calm(url: str, logs: Path, *, seconds: float, transactions: float) -> Measured:
    """Nothing goes wrong."""
    shape = Shape(seed=1, history_slots=200, live_slots=_slots(seconds), transactions=transactions)
    async with running(url, shape, logs) as run:
        usage = Usage(daemon=run.daemon.pid, cluster=run.served.process.pid)
        await run.until(seconds)
        return run.measured(
            f"calm, {transactions:.0f} transactions a slot", WARM_S, seconds - READABLE_S, usage.shares()
        )


async def behind_faults(url: str, logs: Path, *, profile: str, faults_s: float, rest_s: float) -> Measured:
    """From 10 s behind the last fault on."""
    shape = Shape(seed=1, history_slots=200, live_slots=_slots(faults_s + rest_s), faults=profile, faults_s=faults_s)
    async with running(url, shape, logs) as run:
        usage = Usage(daemon=run.daemon.pid, cluster=run.served.process.pid)
        await run.until(faults_s + rest_s)
        shares, ended = usage.shares(), await run.served.end()
        assert ended.struck, f"nothing of {profile} struck"
        note = f"{sum(ended.struck.values())} faults of {len(ended.struck)} kinds, until {ended.last_fault_s:.0f} s"
        begin = ended.last_fault_s + RECOVERED_S
        return run.measured(f"behind faults, {profile}", begin, faults_s + rest_s - READABLE_S, shares, note)


async def beside_a_backfill(url: str, logs: Path, *, history_slots: int, quiet_s: float) -> Sequence[Measured]:
    """The live lag before, and while another process fills all of the history."""
    shape = Shape(seed=2, history_slots=history_slots, live_slots=_slots(quiet_s + FILLED_WITHIN_S))
    async with running(url, shape, logs) as run:
        alone = Usage(daemon=run.daemon.pid, cluster=run.served.process.pid)
        await run.until(quiet_s)
        before = run.measured("before the backfill", WARM_S, quiet_s - READABLE_S, alone.shares())
        told, began = run.served.told, run.watched.now()
        words = ("backfill", "--from", str(told.first_slot), "--to", str(told.start_slot - BEHIND_SLOTS))
        async with command(*words, settings=run.settings, log=logs / "backfill") as filling:
            usage = Usage(daemon=run.daemon.pid, cluster=run.served.process.pid, backfill=filling.pid)
            shares = usage.shares()
            while filling.returncode is None and run.watched.now() < began + FILLED_WITHIN_S:
                await run.until(run.watched.now() + 0.5)
                shares = usage.shares() if filling.returncode is None else shares
            is_whole = filling.returncode is not None
        took = run.watched.now() - began
        await run.until(run.watched.now() + READABLE_S)
        during = run.measured("beside a backfill", began, began + took, shares, _rate(told.transactions, took))
        assert is_whole, f"not filled within {FILLED_WITHIN_S:.0f} s; live meanwhile: p95 {during.p95:.3f} s"
        return before, during


async def beside_its_own_history(url: str, logs: Path, *, history_slots: int) -> Measured:
    """The daemon fills all of the history by itself."""
    shape = Shape(seed=2, history_slots=history_slots, live_slots=_slots(FILLED_WITHIN_S))
    async with running(url, shape, logs, history=True) as run:
        usage, told = Usage(daemon=run.daemon.pid, cluster=run.served.process.pid), run.served.told
        history = Span(told.first_slot, told.start_slot - BEHIND_SLOTS)
        async with open_store(url) as store:
            while any([missing([history], common(await store.coverage(n), [history])) for n in stream_names()]):
                assert run.watched.now() < FILLED_WITHIN_S, f"not filled within {FILLED_WITHIN_S:.0f} s"
                await run.until(run.watched.now() + 0.5)
        took, shares = run.watched.now(), usage.shares()
        await run.until(took + READABLE_S)
        return run.measured("beside its own history", WARM_S, took, shares, _rate(told.transactions, took))


def _slots(seconds: float) -> int:
    return round(seconds / 0.4) + 20


def _rate(transactions: int, seconds: float) -> str:
    return f"{transactions} transactions in {seconds:.0f} s, {transactions / seconds:.0f}/s"
