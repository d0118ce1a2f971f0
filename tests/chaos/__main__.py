"""`make chaos`: trials by seed, in memory, and on PostgreSQL with sockets and kills. Any loss fails."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from indexer import log
from indexer.config import LogSettings
from indexer.simulation import campaign
from indexer.simulation.trial import Outcome, Plan
from indexer.store.connection import connected
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate
from indexer.trials import run as run_in_memory
from tests.chaos.on_postgres import trial_on_postgres
from tests.conftest import in_database


def main() -> int:
    words = argparse.ArgumentParser(prog="make chaos CHAOS_ARGS=...")
    words.add_argument("--seeds", type=int, default=300, help="trials in memory")
    words.add_argument("--postgres-seeds", type=int, default=30, help="trials on PostgreSQL")
    words.add_argument("--first", type=int, default=1, help="the first seed")
    words.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="trials in memory at once")
    given = words.parse_args()
    log.configure(LogSettings(level="error"))
    began = time.monotonic()
    found = _table("in memory", _in_memory(given.first, given.seeds, given.processes))
    found += _table("on PostgreSQL", _on_postgres(given.first, given.postgres_seeds))
    idle = campaign.unstruck(found)
    for profile, kinds in idle.items():
        print(f"never struck in {profile}: {', '.join(kinds)}")
    print(f"{time.monotonic() - began:.0f} s on {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print(campaign.summary(found))
    return 0 if found and not idle and all(one.is_true for one in found) else 1


def _table(title: str, outcomes: Iterator[Outcome]) -> list[Outcome]:
    print(f"\n{title}\n{campaign.head()}", flush=True)
    found = []
    for outcome in outcomes:
        found.append(outcome)
        print(campaign.line(outcome), flush=True)
        for detail in outcome.details:
            print(f"    {detail}", flush=True)
    return found


def _in_memory(first: int, seeds: int, processes: int) -> Iterator[Outcome]:
    yield from campaign.outcomes(campaign.plans(range(first, first + seeds)), run_in_memory, processes)


def _on_postgres(first: int, seeds: int) -> Iterator[Outcome]:
    if not seeds:
        return
    folder = Path(tempfile.mkdtemp(prefix="perps-indexer-chaos-")).resolve()
    folder.chmod(0o755)
    with EmbeddedPostgres(folder / "server") as server:
        assert server.url is not None
        for plan in campaign.plans(range(first, first + seeds)):
            yield asyncio.run(_one(plan, server.url, folder))
    shutil.rmtree(folder, ignore_errors=True)  # Not after an error: the logs say why.


async def _one(plan: Plan, server_url: str, folder: Path) -> Outcome:
    """In a database of its own, which is dropped afterwards."""
    name = f"chaos_{plan.seed}"
    await _execute(server_url, f"CREATE DATABASE {name} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")
    url, logs = in_database(server_url, name), folder / f"logs {plan.seed}"
    logs.mkdir()
    await migrate(url)
    outcome = await trial_on_postgres(plan, url, lambda: kill_server(folder / "server"), logs)
    await _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")
    return outcome


def kill_server(folder: Path) -> None:
    """SIGKILL to PostgreSQL's first process: the supervisor starts it again."""
    try:
        lines = (folder / "cluster" / "postmaster.pid").read_text().splitlines()
        os.kill(int(lines[0]), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return  # It is down already.


async def _execute(url: str, statement: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            async with connected(url) as connection:
                await connection.execute(statement)
                return
        except Exception:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
