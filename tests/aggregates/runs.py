"""Simulated runs: the whole daemon with aggregates beside it, on a real PostgreSQL, through days of a cluster in a box.

Everything is drawn from the seed, as in `simulation.trial`: faults, kills, a database that is away, forks. A slot takes
a quarter of an hour of block time and 0.4 s of the clock, so that a run of a minute has days, ages and gaps in it. The
clock stands still while the database is asked. What a run met is counted, since one that met nothing shows nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random
from typing import Any, TypeVar, cast

import structlog

from indexer import app as wiring
from indexer.config import Settings
from indexer.core.coverage import Span, missing
from indexer.core.reference import Reference
from indexer.ingest.aggregate import Rhythm, keep_aggregates
from indexer.ingest.reprocess import reprocess_ledger
from indexer.simulation import virtual_time
from indexer.simulation.fault_kinds import PROFILES
from indexer.simulation.trial import SLOT_S, Outcome, Plan, trial
from indexer.simulation.virtual_time import VirtualTimeLoop
from indexer.sources.wire import Dial, Http
from indexer.store.base import Page, Store, Written
from indexer.trials import TheProgram
from tests.aggregates.book import EVERYTHING, HOUR, read
from tests.aggregates.days import Numbers, numbers
from tests.aggregates.parity import all_differences, from_zero, made_fresh

SLOT_MS, SLOTS, HISTORY_SLOTS = 900_000, 760, 640
TRANSACTIONS, FORKED = 0.8, 0.06
KEEP_TIME_S = 5.0
# Moments of a key pass each other far away: none may meet another that did not move yet.
OLDER = f"""
UPDATE ledger.claims SET lease_until = lease_until - interval '{KEEP_TIME_S} s';
UPDATE ledger.unavailable SET tried_at = tried_at - interval '100 years';
UPDATE ledger.unavailable SET tried_at = tried_at + interval '100 years' - interval '{KEEP_TIME_S} s'
"""
_Opened = TypeVar("_Opened")
# What a campaign must have met.
PROMISED = (
    "faults", "kills", "forks", "late rows", "dropped rows", "reprocessed rows", "marks beside", "refreshes beside",
    "slots open midway", "full days",
)  # fmt: skip


def ran(seed: int, url: str) -> Run:
    """One run in this migrated database, whose rows are deleted before. Its world is full of errors: none is logged."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    try:
        return virtual_time.run(_lived(seed, url))
    finally:
        structlog.configure(**before)


async def _lived(seed: int, url: str) -> Run:
    async with _outside(numbers(url)) as ledger:
        with _loop().outside():
            await ledger.empty()
        run = Run(seed, ledger)
        await run.run()
    return run


@asynccontextmanager
async def _outside(opened: AbstractAsyncContextManager[_Opened]) -> AsyncIterator[_Opened]:
    """Its opening and closing are outside; what is done in between is not."""
    with _loop().outside():
        there = await opened.__aenter__()
    try:
        yield there
    finally:
        with _loop().outside():
            await opened.__aexit__(None, None, None)


class Run:
    """`met`: what occurred, by name. `found`: where an aggregate was not what plain Python makes of the rows."""

    def __init__(self, seed: int, ledger: Numbers) -> None:
        profiles = tuple(PROFILES)
        self.dice = Random(f"run {seed}")
        self.ledger = ledger
        self.met: Counter[str] = Counter()
        self.found: list[str] = []
        self.plan = Plan(
            seed=seed, profile=profiles[seed % len(profiles)], slots=SLOTS, history_slots=HISTORY_SLOTS,
            transactions=TRANSACTIONS, forked=FORKED, slot_ms=SLOT_MS,
        )  # fmt: skip
        self._newest_hour = 0
        self._asked = 0
        self._is_open, self._is_idle = asyncio.Event(), asyncio.Event()
        self._is_open.set()
        self._is_idle.set()

    async def run(self) -> None:
        """Live, be looked at while slots are open, and at the end be made again from what is stored."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_midway(), name="look")
            clock = tasks.create_task(self._keep_time(), name="time of the database")
            outcome = await trial(self.plan, _WithAggregates(self), cast(Store, _AskedStore(self)))
            clock.cancel()
        self._take(outcome)
        async with self._alone():
            await self._make_again()
            self.found += await from_zero(self.ledger)
            days = await self.ledger.connection.fetch("SELECT FROM perps.coverage_daily WHERE coverage = 'full'")
            self.met["full days"] += len(days)

    def _take(self, outcome: Outcome) -> None:
        """Values of snapshots are not judged: at this pace prices grow old between two accounts."""
        self.met.update(faults=sum(outcome.struck.values()), kills=outcome.kills, forks=outcome.forks)
        if outcome.lost or outcome.doubled or outcome.differing or outcome.unsettled:
            self.found += [f"not the truth: {detail}" for detail in outcome.details]

    async def _look_midway(self) -> None:
        await asyncio.sleep(self.dice.uniform(0.1, 0.9) * (SLOTS - HISTORY_SLOTS) * SLOT_S)
        async with self._alone():
            settled = [await self.ledger.store.coverage(name) for name in wiring.stream_names()]
            if every := [span for spans in settled for span in spans]:
                known = Span(min(span.start for span in every), max(span.end for span in every))
                for spans in settled:
                    self.met["slots open midway"] += sum(map(len, missing([known], spans)))
            await self._compare("midway")

    async def _keep_time(self) -> None:
        """The database has a clock of its own: what it dates becomes older as the loop's clock goes on."""
        while True:
            await asyncio.sleep(KEEP_TIME_S)
            async with self.asking():
                await self.ledger.connection.execute(OLDER)

    async def _make_again(self) -> None:
        """By a program that knows half of the markets and tokens, and then as before."""
        store, before = self.ledger.store, await self.ledger.store.rows(EVERYTHING)
        whole = await store.reference()
        half = Reference(
            self._some(whole.markets.values()), self._some(whole.tokens.values()), version=whole.version
        )  # fmt: skip
        for moment, reference in (("made with less known", half), ("made again", whole)):
            rebuilt = await reprocess_ledger(store, wiring.protocols(), reference)
            self.met["reprocessed rows"] += sum(rebuilt.rows[word] for word in ("inserted", "updated", "deleted"))
            await self._compare(moment)
        if await store.rows(EVERYTHING) != before:
            self.found.append("made again: other rows than before")

    def _some(self, of: Any) -> Sequence[Any]:
        return [one for one in of if self.dice.random() < 0.5]

    async def _compare(self, moment: str) -> None:
        await made_fresh(self.ledger)
        book = await read(self.ledger.store, self.ledger.connection)
        for name, lines in (await all_differences(self.ledger.connection, book)).items():
            self.found += [f"{moment}: {name}: {line}" for line in lines[:6]]

    def wrote(self, page: Page, written: Written) -> None:
        hours = [record.origin.block_time // HOUR for record in page.records if record.origin.block_time]
        self.met["late rows"] += sum(hour < self._newest_hour for hour in hours)
        self.met["dropped rows"] += written.rows.get("deleted", 0)
        self._newest_hour = max([self._newest_hour, *hours])

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Around whatever asks the database."""
        await self._is_open.wait()
        self._asked += 1
        self._is_idle.clear()
        try:
            with _loop().outside():
                yield
        finally:
            self._asked -= 1
            if not self._asked:
                self._is_idle.set()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Nobody else asks it: to the others it is slow."""
        self._is_open.clear()
        with _loop().outside():
            await self._is_idle.wait()
            try:
                yield
            finally:
                self._is_open.set()


class _Asked:
    """The same object; the run knows when one of its calls is on its way."""

    def __init__(self, run: Run, of: Any) -> None:
        self._run, self._of = run, of

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._of, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            async with self._run.asking():
                result = await method(*arguments, **named)
            self._tell(name, arguments, result)
            return result

        return call

    def _tell(self, name: str, arguments: Sequence[Any], result: Any) -> None:
        """What came of it."""


class _AskedStore(_Asked):
    def __init__(self, run: Run) -> None:
        super().__init__(run, run.ledger.store)

    def _tell(self, name: str, arguments: Sequence[Any], result: Any) -> None:
        if name == "write":
            self._run.wrote(*arguments, result)


class _AskedAggregates(_Asked):
    def __init__(self, run: Run) -> None:
        super().__init__(run, run.ledger.aggregates)

    def _tell(self, name: str, arguments: Sequence[Any], result: Any) -> None:
        self._run.met["marks beside"] += result if name.startswith("roll_") else 0
        self._run.met["refreshes beside"] += name == "refresh"


class _WithAggregates(TheProgram):
    """The daemon as the command runs it."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def daemon(self, settings: Settings, store: Store, http: Http, dial: Dial, holder: str, rng: Random) -> None:
        dice = self._run.dice
        rhythm = Rhythm(hours_s=1, days_s=dice.choice((2, 9)), refresh_s=20, marks=dice.choice((20, 200, 2000)))
        aggregates: Any = _AskedAggregates(self._run)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_aggregates(aggregates, rhythm, dice), name="aggregates")
            await super().daemon(settings, store, http, dial, holder, rng)


def _loop() -> VirtualTimeLoop:
    return cast(VirtualTimeLoop, asyncio.get_running_loop())
