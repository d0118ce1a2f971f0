"""`make parity`: every aggregate against plain Python, over random worlds and simulated runs. Any difference fails.

A campaign whose runs met nothing has shown nothing: what none of them met fails as well.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate
from tests.aggregates.days import numbers
from tests.aggregates.parity import parity
from tests.aggregates.runs import PROMISED, ran
from tests.chaos.databases import execute
from tests.conftest import in_database


class Seed(NamedTuple):
    kind: str  # world or run.
    number: int


class Compared(NamedTuple):
    seed: Seed
    found: Sequence[str]  # Differences.
    met: Counter[str]


def main() -> int:
    words = argparse.ArgumentParser(prog="make parity PARITY_ARGS=...")
    words.add_argument("--worlds", type=int, default=240, help="random ledgers")
    words.add_argument("--runs", type=int, default=60, help="simulated runs of the daemon")
    words.add_argument("--first", type=int, default=0, help="the first seed")
    words.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at once")
    given = words.parse_args()
    began, found, met = time.monotonic(), 0, Counter[str]()
    seeds = _mixed({"run": given.runs, "world": given.worlds}, given.first)
    for number, one in enumerate(_compared(seeds, given.processes), start=1):
        if number % 20 == 0:
            print(f"{number} of {len(seeds)} seeds", file=sys.stderr, flush=True)
        found += bool(one.found)
        met += one.met
        for line in one.found[:20]:
            print(f"{one.seed.kind} {one.seed.number}: {line}", flush=True)
    unmet = [name for name in PROMISED if given.runs and not met[name]]
    print(f"met in {given.runs} runs: {', '.join(f'{met[name]:,} {name}' for name in PROMISED)}")
    print(*(f"never met: {name}\n" for name in unmet), sep="", end="")
    print(f"{time.monotonic() - began:.0f} s on {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print(f"{found} of {len(seeds)} seeds differ")
    return 1 if found or unmet or not seeds else 0


def _mixed(counts: dict[str, int], first: int) -> list[Seed]:
    """Each kind spread over the whole, so that a part of a campaign is one in small."""
    places = [(number / count, kind, first + number) for kind, count in counts.items() for number in range(count)]
    return [Seed(kind, number) for _, kind, number in sorted(places)]


def _compared(seeds: Sequence[Seed], processes: int) -> Iterator[Compared]:
    with tempfile.TemporaryDirectory(prefix="perps-indexer-parity-") as folder:
        Path(folder).chmod(0o755)  # The server may run as another user.
        with EmbeddedPostgres(Path(folder).resolve() / "server") as server, ProcessPoolExecutor(processes) as pool:
            assert server.url is not None
            yield from pool.map(partial(_one, server.url), seeds)


def _one(server_url: str, seed: Seed) -> Compared:
    url = _database(server_url)
    if seed.kind == "run":
        run = ran(seed.number, url)
        return Compared(seed, run.found, run.met)
    return Compared(seed, asyncio.run(_world(seed.number, url)), Counter())


async def _world(seed: int, url: str) -> list[str]:
    async with numbers(url) as ledger:
        await ledger.empty()
        return [f"{name}: {line}" for name, lines in (await parity(seed, ledger)).items() for line in lines]


@cache
def _database(server_url: str) -> str:
    """One for each process."""
    name = f"parity_{os.getpid()}"
    asyncio.run(execute(server_url, f"CREATE DATABASE {name} ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0"))
    url = in_database(server_url, name)
    asyncio.run(migrate(url))
    return url


if __name__ == "__main__":
    sys.exit(main())
