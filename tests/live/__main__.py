"""`make live`: how long rows take from a slot's confirmation to a reader, at the true speed of the chain.

The figures depend on the machine, so it is printed beside them; limits have slack for one that does other things too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate
from tests.chaos.databases import database
from tests.live import scenarios
from tests.live.scenarios import Measured, pooled

Run: TypeAlias = Callable[[str, Path], Awaitable[Sequence[Measured]]]

MOST_CALM_S = 0.5
MOST_RECOVERED_S = 2.0
MOST_TIMES = 2.0  # What a backfill may make of the lag without it.
MOST_MB = 400.0
SLACK = 1.5


def main() -> int:
    words = argparse.ArgumentParser(prog="make live LIVE_ARGS=...")
    words.add_argument("--history-slots", type=int, default=5600, help="of about 10 transactions each")
    words.add_argument("--only", choices=("calm", "faults", "backfill", "history"), action="append")
    words.add_argument("--rounds", type=int, default=3, help="of the backfill, whose slots are taken together")
    words.add_argument("--slack", type=float, default=SLACK, help="how many times a limit may be exceeded")
    given = words.parse_args()
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="perps-indexer-live-")).resolve()
    folder.chmod(0o755)
    with EmbeddedPostgres(folder / "server") as server:
        assert server.url is not None
        limits = asyncio.run(_measure(server.url, folder, given))
    print(f"{time.monotonic() - began:.0f} s; {machine()}")
    for limit in limits:
        print(limit.line(given.slack))
    is_wrong = any(limit.times > given.slack for limit in limits)
    if not is_wrong:
        shutil.rmtree(folder, ignore_errors=True)  # Else the logs say why.
    return 1 if is_wrong else 0


def machine() -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load}"


class Limit(NamedTuple):
    what: str
    measured: float
    most: float
    unit: str

    @property
    def times(self) -> float:
        return self.measured / self.most

    def line(self, slack: float) -> str:
        verdict = "held" if self.times <= 1 else "EXCEEDED" if self.times > slack else f"within slack {slack:g}"
        return f"{self.what:<52} {self.measured:>8.3f} {self.unit:<5} limit {self.most:>5g}  {verdict}"


async def _measure(server: str, folder: Path, given: argparse.Namespace) -> list[Limit]:
    """What was measured against its limits."""
    limits: list[Limit] = []

    async def measured(name: str, run: Run, rounds: int = 1) -> Sequence[Measured]:
        found = [await _once(server, folder / f"{name}_{number}", run) for number in range(rounds)]
        together = [pooled(some) for some in zip(*found, strict=True)]
        for one in together:
            print(line(one), flush=True)
            limits.append(Limit(f"{one.what}: memory of the daemon", one.daemon_mb[1], MOST_MB, "MB"))
        return together

    def limit(one: Measured, most_s: float) -> None:
        limits.append(Limit(f"{one.what}: 95th percentile", one.p95, most_s, "s"))

    chosen = given.only or ("calm", "faults", "backfill", "history")
    print(head(), flush=True)
    if "calm" in chosen:
        for transactions in (5, 20):
            for one in await measured(f"calm_{transactions}", _calm(transactions)):
                limit(one, MOST_CALM_S)
    if "faults" in chosen:
        for profile in ("network", "nodes", "forks"):
            for one in await measured(profile, _faults(profile)):
                limit(one, MOST_RECOVERED_S)
    if "backfill" in chosen:
        before, during = await measured("backfill", _backfill(given.history_slots), given.rounds)
        times = during.p95 / before.p95
        limits.append(Limit("beside a backfill: times the lag before it", times, MOST_TIMES, "times"))
    if "history" in chosen:
        for one in await measured("history", _history(given.history_slots)):
            limit(one, MOST_CALM_S)
    return limits


async def _once(server: str, logs: Path, run: Run) -> Sequence[Measured]:
    async with database(server, f"live_{logs.name}") as url:
        await migrate(url)
        await asyncio.to_thread(logs.mkdir)
        return await run(url, logs)


def head() -> str:
    return f"{'what':<32} {'slots':>5} {'median':>7} {'p95':>7} {'worst':>7}  {'daemon MB':<10} CPU, shares of one core"


def line(one: Measured) -> str:
    memory = f"{one.daemon_mb[0]:.0f}-{one.daemon_mb[1]:.0f}"
    cpu = ", ".join(f"{name} {share:.2f}" for name, share in one.cpu.items())
    return (
        f"{one.what:<32} {len(one.lags):>5} {one.median:>7.3f} {one.p95:>7.3f} {one.worst:>7.3f}  {memory:<10} {cpu}"
        + (f"; {one.note}" if one.note else "")
    )


def _calm(transactions: float) -> Run:
    async def run(url: str, logs: Path) -> Sequence[Measured]:
        return [await scenarios.calm(url, logs, seconds=45, transactions=transactions)]

    return run


def _faults(profile: str) -> Run:
    async def run(url: str, logs: Path) -> Sequence[Measured]:
        return [await scenarios.behind_faults(url, logs, profile=profile, faults_s=40, rest_s=25)]

    return run


def _backfill(slots: int) -> Run:
    async def run(url: str, logs: Path) -> Sequence[Measured]:
        return await scenarios.beside_a_backfill(url, logs, history_slots=slots, quiet_s=30)

    return run


def _history(slots: int) -> Run:
    async def run(url: str, logs: Path) -> Sequence[Measured]:
        return [await scenarios.beside_its_own_history(url, logs, history_slots=slots)]

    return run


if __name__ == "__main__":
    sys.exit(main())
