"""`make verify`: by seed, losses of each kind for each protocol, and chains without; then whole ledgers, repaired.

A miss, a false alarm, a loss that goes unseen without the certificate saying so, and one that is not repaired fail.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections import Counter as Count
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import structlog

from indexer.report.records import table
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate
from indexer.verify.evidence import EVIDENCE
from tests.chaos.databases import database, execute
from tests.conftest import EMPTY
from tests.verify.campaign import WITNESSES, false_alarms, tried
from tests.verify.losses import small_chain
from tests.verify.mending import Mended, mended

EVERY = 25  # Seeds between two lines.
WHYS = ("beginning", "end", "unmoved", "unnumbered")
ENOUGH = 100  # Seeds in which everything shows that can.
Kind = tuple[str, str]  # Protocol, kind of loss; of rows the event and its evidence.


class Outcome(NamedTuple):
    seed: int
    wrong: list[str]
    fates: Count[tuple[Kind, str]]  # "shown", or why it is unseen.


def main() -> int:
    words = argparse.ArgumentParser(prog="make verify VERIFY_ARGS=...")
    words.add_argument("--seeds", type=int, default=300)
    words.add_argument("--first", type=int, default=1)
    words.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    words.add_argument("--ledgers", type=int, default=30, help="of the seeds, those that are repaired in PostgreSQL")
    given = words.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))  # Their world is full of errors.
    began, seeds = time.monotonic(), range(given.first, given.first + given.seeds)
    fates, failed = losses(seeds, given.processes)
    print(table(list(lines(fates))))
    never = sorted(promised() - {kind for kind, fate in fates if fate == "shown"}) if given.seeds >= ENOUGH else []
    for protocol, kind in never:
        print(f"never shown: {kind} of {protocol}")
    chosen = seeds[: given.ledgers]
    wrong = ledgers(chosen) if chosen else 0
    print(f"{given.seeds} seeds, {failed} with misses or false alarms")
    print(f"{len(chosen)} ledgers, {wrong} with wrong gaps or repairs; {time.monotonic() - began:.0f} s")
    return 1 if failed or wrong or never else 0


def losses(seeds: Sequence[int], processes: int) -> tuple[Count[tuple[Kind, str]], int]:
    """What became of them, and in how many seeds anything was wrong."""
    fates, failed = Count[tuple[Kind, str]](), 0
    with ProcessPoolExecutor(processes) as pool:
        for done, one in enumerate(pool.map(outcome, seeds, chunksize=4), start=1):
            fates.update(one.fates)
            failed += bool(one.wrong)
            for line in one.wrong:
                print(f"seed {one.seed}: {line}", flush=True)
            if done % EVERY == 0:
                print(f"{done} seeds, {fates.total()} losses", flush=True)
    return fates, failed


def outcome(seed: int) -> Outcome:
    some = tried(seed)
    fates = Count(
        ((one.loss.protocol, one.loss.of or one.loss.kind), "shown" if one.is_found else ", ".join(sorted(one.unseen)))
        for one in some
    )
    wrong = [f"{one.loss.kind} {one.loss.of} of {one.loss.protocol}: {line}" for one in some for line in one.wrong]
    result = Outcome(seed, [*false_alarms(small_chain(seed)), *wrong], fates)
    small_chain.cache_clear()
    tried.cache_clear()
    return result


def lines(fates: Mapping[tuple[Kind, str], int]) -> Iterator[Mapping[str, object]]:
    """One for each kind of loss: how many, how many show, and why others do not. One for all rows without a number."""
    summed: dict[Kind, Count[str]] = {}
    for ((protocol, kind), fate), count in fates.items():
        name = "rows without a number" if kind.endswith("(-)") else kind
        summed.setdefault((protocol, name), Count())[fate] += count
    for (protocol, kind), counts in sorted(summed.items()):
        unseen = {why: sum(n for fate, n in counts.items() if why in fate.split(", ")) for why in WHYS}
        yield {"protocol": protocol, "lost": kind, "planted": counts.total(), "shown": counts["shown"], **unseen}


def promised() -> set[Kind]:
    """What must have shown: every event that bears witness, by its evidence; what nodes hide, and what programs cut."""
    whole = {(name, kind) for name in EVIDENCE for kind in ("transaction", "slot")} | {("drift", "truncated")}
    return whole | {(name, subject) for name, subjects in WITNESSES.items() for subject in subjects}


def ledgers(seeds: Iterable[int]) -> int:
    """Repair ledgers of these seeds. How many were wrong."""
    shown, repaired, failed = Count[Kind](), Count[Kind](), 0
    with tempfile.TemporaryDirectory(prefix="perps-indexer-verify-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)  # The server may run as another user.
        with EmbeddedPostgres(folder / "server") as server:
            assert server.url is not None, "it was just started"
            some = asyncio.run(mended_all(server.url, seeds))
    for seed, one in some.items():
        shown.update(one.shown)
        repaired.update(one.repaired)
        failed += bool(one.wrong)
        for line in one.wrong:
            print(f"ledger {seed}: {line}")
    told = [{"protocol": p, "lost": k, "shown": n, "repaired": repaired[p, k]} for (p, k), n in sorted(shown.items())]
    print(table(told))
    return failed


async def mended_all(server_url: str, seeds: Iterable[int]) -> Mapping[int, Mended]:
    found = {}
    async with database(server_url, "verify") as url:
        await migrate(url)
        for seed in seeds:
            found[seed] = await mended(url, seed)
            await execute(url, EMPTY)
    return found


if __name__ == "__main__":
    sys.exit(main())
