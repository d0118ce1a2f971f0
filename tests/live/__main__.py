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

from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate
from tests.chaos.databases import database
from tests.live import scenarios
from tests.live.scenarios import Measured

MOST_CALM_S = 0.5
MOST_RECOVERED_S = 2.0
MOST_TIMES = 2.0  # What a backfill may make of the lag without it,
LEAST_S = 0.25  # which counts as so much at least: twice nothing is nothing.
MOST_MB = 400.0
SLACK = 2.0


def main() -> int:
    words = argparse.ArgumentParser(prog="make live LIVE_ARGS=...")
    words.add_argument("--history-slots", type=int, default=5100, help="of about 10 transactions each")
    words.add_argument("--only", choices=("calm", "faults", "backfill", "history"), action="append")
    words.add_argument("--slack", type=float, default=SLACK, help="how many times a limit may be exceeded")
    given = words.parse_args()
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="perps-indexer-live-")).resolve()
    folder.chmod(0o755)
    with EmbeddedPostgres(folder / "server") as server:
        assert server.url is not None
        wrong = asyncio.run(_measure(server.url, folder, given))
    print(f"{time.monotonic() - began:.0f} s; {machine()}")
    for line in wrong:
        print(f"too slow or too large: {line}")
    if not wrong:
        shutil.rmtree(folder, ignore_errors=True)  # Else the logs say why.
    return 1 if wrong else 0


def machine() -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load}"


async def _measure(server: str, folder: Path, given: argparse.Namespace) -> list[str]:
    """What exceeds its limit."""
    wrong: list[str] = []

    async def measured(name: str, run: Callable[[str, Path], Awaitable[Sequence[Measured]]]) -> Sequence[Measured]:
        async with database(server, f"live_{name}") as url:
            await migrate(url)
            (folder / name).mkdir()
            found = await run(url, folder / name)
        for one in found:
            print(line(one), flush=True)
            wrong.extend(_too_large(one))
        return found

    def limit(one: Measured, most_s: float) -> None:
        if one.p95 > most_s * given.slack:
            wrong.append(f"{one.what}: 95th percentile {one.p95:.3f} s, the limit is {most_s:.3f} s")

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
    alone = MOST_CALM_S / MOST_TIMES
    if "backfill" in chosen:
        before, during = await measured("backfill", _backfill(given.history_slots))
        alone = max(before.p95, LEAST_S)
        limit(during, alone * MOST_TIMES)
    if "history" in chosen:
        for one in await measured("history", _history(given.history_slots)):
            limit(one, alone * MOST_TIMES)
    return wrong


def _too_large(one: Measured) -> list[str]:
    return [f"{one.what}: {one.daemon_mb[1]:.0f} MB, the limit is {MOST_MB:.0f}"] if one.daemon_mb[1] > MOST_MB else []


def head() -> str:
    return f"{'what':<32} {'slots':>5} {'median':>7} {'p95':>7} {'worst':>7}  {'daemon MB':<10} CPU, shares of one core"


def line(one: Measured) -> str:
    memory = f"{one.daemon_mb[0]:.0f}-{one.daemon_mb[1]:.0f}"
    cpu = ", ".join(f"{name} {share:.2f}" for name, share in one.cpu.items())
    return f"{one.what:<32} {one.slots:>5} {one.median:>7.3f} {one.p95:>7.3f} {one.worst:>7.3f}  {memory:<10} {cpu}" + (
        f"; {one.note}" if one.note else ""
    )


def _calm(transactions: float) -> Callable[[str, Path], Awaitable[Sequence[Measured]]]:
    async def run(url: str, logs: Path) -> Sequence[Measured]:
        return [await scenarios.calm(url, logs, seconds=45, transactions=transactions)]

    return run


def _faults(profile: str) -> Callable[[str, Path], Awaitable[Sequence[Measured]]]:
    async def run(url: str, logs: Path) -> Sequence[Measured]:
        return [await scenarios.behind_faults(url, logs, profile=profile, faults_s=40, rest_s=25)]

    return run


def _backfill(slots: int) -> Callable[[str, Path], Awaitable[Sequence[Measured]]]:
    async def run(url: str, logs: Path) -> Sequence[Measured]:
        return await scenarios.beside_a_backfill(url, logs, history_slots=slots, quiet_s=30)

    return run


def _history(slots: int) -> Callable[[str, Path], Awaitable[Sequence[Measured]]]:
    async def run(url: str, logs: Path) -> Sequence[Measured]:
        return [await scenarios.beside_its_own_history(url, logs, history_slots=slots)]

    return run


if __name__ == "__main__":
    sys.exit(main())
