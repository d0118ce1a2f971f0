"""`make spread`: a backfill on four hosts against an endpoint 200 ms away, and with one cut off and one killed; and how
quick `status` and `gaps` of a year are.

Every worker is the real command in a network of its own, with nothing but the database and the endpoint in reach. The
endpoint allows more than all of them ask for: what is measured is that they do not wait for each other.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import astuple

from indexer.core.coverage import Span, missing
from indexer.store.connection import connected
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate
from indexer.store.postgres import PostgresStore, open_store
from tests.chaos.databases import database
from tests.live.cluster import Shape, Told
from tests.live.processes import cluster, cpu_s
from tests.spread import year
from tests.spread.hosts import Host, hosts, relay

STREAMS = ("drift", "jupiter_perps", "gmx_solana")
LATENCY_S = 0.2  # There and back.
WORKERS = 4
LEAST_TIMES = 3.5
LEASE_S = 10
WITHIN_S = 300.0
_ALIVE_S = 60.0
_ABOVE = 16  # The chain's first slots, below which no block proves them.
_BEHIND = 64  # Slots below the head that are not asked for: they shall be final.


class Place(msgspec.Struct, frozen=True):
    """Where everything is: the server, the simulated cluster, and files."""

    server: str
    told: Told
    folder: Path
    node_pid: int
    loopback: bool  # No namespaces, also where they may be made.

    @property
    def endpoint(self) -> str:
        """The node that has all history."""
        return next(url for url in self.told.rpc if "node-2" in url)

    @property
    def span(self) -> Span:
        return Span(self.told.first_slot + _ABOVE, self.told.start_slot - _BEHIND)


def main() -> int:
    words = argparse.ArgumentParser(prog="make spread SPREAD_ARGS=...")
    words.add_argument("--slots", type=int, default=480, help="of history")
    words.add_argument("--only", choices=("hosts", "year"), action="append")
    words.add_argument("--least-times", type=float, default=LEAST_TIMES)
    words.add_argument("--loopback", action="store_true", help="no network namespaces, also where they may be made")
    given = words.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="perps-indexer-spread-")).resolve()
    folder.chmod(0o755)
    with EmbeddedPostgres(folder / "server") as server:
        assert server.url is not None
        only = given.only or ("hosts", "year")
        failed = asyncio.run(_year(server.url)) if "year" in only else []
        failed += asyncio.run(_all(server.url, folder, given)) if "hosts" in only else []
    for line in failed:
        print(f"FAILED: {line}")
    if not failed:
        shutil.rmtree(folder, ignore_errors=True)  # Else the logs say why.
    return 1 if failed else 0


async def _year(server: str) -> list[str]:
    failed = []
    for one in await year.compare(server):
        print(f"{one.name}: {one.day_ms:.1f} ms with a day, {one.year_ms:.1f} ms with a year: {one.times:.2f} times")
        if one.notes:
            print(f"  {one.notes}")
        failed += [f"{one.name} of a year takes {one.times:.2f} times"] if one.times > year.MOST_TIMES else []
    return failed


async def _all(server: str, folder: Path, given: argparse.Namespace) -> list[str]:
    least_times = given.least_times
    shape = Shape(seed=7, history_slots=_ABOVE + given.slots + _BEHIND, live_slots=64, transactions=3.0)
    async with cluster(shape, folder / "chain.pickle") as one:
        await one.begin()
        place = Place(server, one.told, folder, one.process.pid, given.loopback)
        alone_s, truth, alone = await _timed(place, 1)
        together_s, spread, together = await _timed(place, WORKERS)
        harmed_s, harmed = await _harmed(place)
    times = alone_s / together_s
    print(f"{len(place.span)} slots, {LATENCY_S * 1000:g} ms: one worker {alone_s:.1f} s, {WORKERS} {together_s:.1f} s")
    print(f"CPU of one worker: {alone.said(alone_s)}")
    print(f"CPU of {WORKERS}: {together.said(together_s)}")
    print(f"{times:.2f} times as fast (at least {least_times:g}); one cut off, one killed: {harmed_s:.1f} s")
    print(f"rows {truth['rows']}, events in the truth {_true_events(place)}")
    failed = [f"{times:.2f} times as fast, at least {least_times:g} wanted"] if times < least_times else []
    failed += (
        [] if truth["events"] == _true_events(place) else [f"{truth['events']} events, {_true_events(place)} true"]
    )
    failed += [f"another ledger {how}" for how, got in (("by four", spread), ("after harm", harmed)) if got != truth]
    return failed


def _true_events(place: Place) -> int:
    return sum(count for slot, count in place.told.events.items() if slot in place.span)


class Used(msgspec.Struct, frozen=True):
    """Seconds of CPU: of all workers, of the simulated node, of this process with its relays, and of everybody here."""

    workers: float
    node: float
    relays: float
    busy: float

    def since(self, before: Used) -> Used:
        return Used(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))

    def said(self, seconds: float) -> str:
        cores = os.cpu_count() or 1
        return (
            f"workers {self.workers:.1f} s, node {self.node:.1f} s, relays {self.relays:.1f} s;"
            f" the machine was {self.busy / seconds / cores:.0%} busy"
        )


def _used(place: Place, working: Sequence[asyncio.subprocess.Process]) -> Used:
    user, nice, system, _, _, *others = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    busy = sum((user, nice, system, *others)) / os.sysconf("SC_CLK_TCK")
    return Used(
        sum(cpu_s(pid) for one in working for pid in _with_children(one.pid)),
        cpu_s(place.node_pid),
        time.process_time(),
        busy,
    )


def _with_children(pid: int) -> list[int]:
    """A worker reads blocks in a process of its own."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


async def _timed(place: Place, count: int) -> tuple[float, Mapping[str, object], Used]:
    """Seconds from the question, for which workers wait, until all is there; the ledger; the CPU that it took."""
    async with (
        database(place.server, f"timed{count}") as url,
        hosts(count, loopback=place.loopback) as some,
        _working(place, url, some) as working,
        open_store(url) as store,
    ):
        began, before = time.monotonic(), _used(place, working)
        await store.ask(STREAMS, [place.span])
        await _until_there(store, place.span)
        seconds, used = time.monotonic() - began, _used(place, working).since(before)
        return seconds, await _ledger(url), used


async def _harmed(place: Place) -> tuple[float, Mapping[str, object]]:
    """The same, asked for by the command; when a quarter is there, one host is cut off and one worker killed."""
    async with (
        database(place.server, "harmed") as url,
        hosts(WORKERS, loopback=place.loopback) as some,
        _working(place, url, some) as working,
        open_store(url) as store,
        _asking(place, url) as asked,
    ):
        began = time.monotonic()
        await _until_there(store, place.span, part=0.25)
        await _until_held(url, working[:2])
        some[0].cut()
        working[1].send_signal(signal.SIGKILL)
        async with asyncio.timeout(WITHIN_S):
            out, _ = await asked.communicate()
        assert asked.returncode == 0, out.decode()
        return time.monotonic() - began, await _ledger(url)


@asynccontextmanager
async def _asking(place: Place, url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    words = ["backfill", "--distributed", "--from", str(place.span.start), "--to", str(place.span.end - 1)]
    settings = _settings(place, url, place.endpoint)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "indexer", *words, env=os.environ | settings, stdout=-1, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@asynccontextmanager
async def _working(place: Place, url: str, some: Sequence[Host]) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """A worker on each host, all alive. Killed at the end."""
    await migrate(url)
    async with AsyncExitStack() as made:
        processes = [await _worker(made, place, url, host) for host in some]
        async with asyncio.timeout(_ALIVE_S):
            while await _count(url, "SELECT count(DISTINCT holder) FROM perps.workers") < len(some):  # noqa: ASYNC110 (it is told in SQL alone)
                await asyncio.sleep(0.2)
        await asyncio.sleep(6)  # Each has heard of the others: budgets are divided.
        yield processes


async def _worker(made: AsyncExitStack, place: Place, url: str, host: Host) -> asyncio.subprocess.Process:
    node, server = urlsplit(place.endpoint), urlsplit(url)
    assert node.port is not None
    assert server.port is not None
    node_port = await made.enter_async_context(relay(host, node.port, LATENCY_S / 2))
    server_port = await made.enter_async_context(relay(host, server.port))
    settings = _settings(
        place,
        server._replace(netloc=f"{server.username}:{server.password}@{host.address}:{server_port}").geturl(),
        node._replace(netloc=f"{host.address}:{node_port}").geturl(),
    )
    log = (place.folder / f"{urlsplit(url).path[1:]}-{host.name}.log").open("ab")
    made.callback(log.close)
    process = await asyncio.create_subprocess_exec(
        *host.words, sys.executable, "-m", "indexer", "worker", "--strategy", "blocks",
        env=os.environ | settings, stdout=log, stderr=log,
    )  # fmt: skip
    made.push_async_callback(_end, process)
    return process


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


def _settings(place: Place, url: str, endpoint: str) -> dict[str, str]:
    """One worker waits for its endpoint nearly all the time: four shall be four times as fast."""
    return {
        "DATABASE_URL": url,
        "SOLANA_RPC_URL": endpoint,
        "PERPS_ENDPOINTS__PORTAL": "none",
        "PERPS_ENDPOINTS__FIRST_RATE": "500",
        "PERPS_ENDPOINTS__MAX_RATE": "2000",
        "PERPS_ENDPOINTS__IN_FLIGHT": "2",
        "PERPS_ENDPOINTS__BATCH": "1",
        "PERPS_ENDPOINTS__TIMEOUT_S": "5",
        "PERPS_STRATEGY__SPAN_SLOTS": "5",
        "PERPS_STRATEGY__PREFETCH": "2",
        "PERPS_WORKER__LANES": "1",
        "PERPS_RUN__LEASE_S": str(LEASE_S),
        "PERPS_RUN__SETTLE_EVERY_S": "0.2",
        "PERPS_CLUSTER__NAME": "simulated",
        "PERPS_CLUSTER__GENESIS_HASH": place.told.genesis_hash,
    }


async def _until_there(store: PostgresStore, span: Span, part: float = 1.0) -> None:
    async with asyncio.timeout(WITHIN_S):
        while await _settled(store, span) < part * len(STREAMS) * len(span):  # noqa: ASYNC110 (the same)
            await asyncio.sleep(0.05)


async def _settled(store: PostgresStore, span: Span) -> int:
    left = [missing([span], await store.coverage(stream)) for stream in STREAMS]
    return len(STREAMS) * len(span) - sum(len(one) for spans in left for one in spans)


async def _until_held(url: str, working: Sequence[asyncio.subprocess.Process]) -> None:
    """Until each of these is amid a span."""
    async with asyncio.timeout(_ALIVE_S), connected(url) as connection:
        while True:
            rows = await connection.fetch("SELECT DISTINCT holder FROM ledger.claims WHERE lease_until > now()")
            holders = {row["holder"].rpartition("/")[0].rpartition(":")[2] for row in rows}
            if {str(one.pid) for one in working} <= holders:
                return


async def _count(url: str, query: str) -> int:
    async with connected(url) as connection:
        return int(await connection.fetchval(query))


async def _ledger(url: str) -> Mapping[str, object]:
    """All rows as one hash, and how many: equal ledgers are equal in both."""
    async with connected(url) as connection:
        names = [
            row["relname"]
            for row in await connection.fetch(
                "SELECT relname FROM pg_class WHERE relnamespace = 'ledger'::regnamespace AND relkind = 'p' ORDER BY 1"
            )
        ]
        found: dict[str, object] = {"rows": 0}
        for name in names:
            row = await connection.fetchrow(
                f"SELECT count(*) AS count, md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) AS hash"
                f" FROM ledger.{name} AS t"
            )
            assert row is not None
            found[name] = (row["count"], row["hash"])
            found["rows"] = int(str(found["rows"])) + row["count"]
            if name == "events":
                found["events"] = row["count"]
        found["coverage"] = str(await connection.fetch("SELECT stream, slots::text FROM ledger.coverage ORDER BY 1"))
    return found


if __name__ == "__main__":
    sys.exit(main())
