"""A trial with everything real but the cluster: the daemon's process, sockets, PostgreSQL, and SIGKILL for both.

The chain runs faster than the true one, so that a trial takes half a minute. Nothing of the daemon is known to the
trial but what its users see: exit codes, and the ledger.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

from indexer.app import stream_names
from indexer.core.coverage import Span, common, missing
from indexer.errors import EXIT_CODE, StoreUnavailable
from indexer.simulation.box import Box
from indexer.simulation.build import build_chain
from indexer.simulation.digests import wrong_digests
from indexer.simulation.profile import Profile
from indexer.simulation.snapshots import judged
from indexer.simulation.trial import EVERYTHING, Outcome, Plan, details, environment_for, portal_behind
from indexer.simulation.verdict import verdict
from indexer.store.postgres import open_store

SPEED = 4.0  # Chain seconds in one second.
START_LIMIT_S = 120.0  # Within which the first daemon has to have seen the head.
TIME_LIMIT_S = 180.0  # Behind the last fault: minutes of a machine that does other things as well.
STOP_S = 5.0  # Within which SIGTERM ends a daemon.
_QUICK = {
    "PERPS_RUN__SETTLE_EVERY_S": "0.3",
    "PERPS_RUN__POLL_EVERY_S": "0.3",
    "PERPS_RUN__OBSERVE_EVERY_S": "0.3",
    "PERPS_RUN__LEASE_S": "5",
    "PERPS_LOG__LEVEL": "warning",
    "PERPS_HTTP__ENABLED": "false",  # Or every daemon would want the one port.
}


class WrongEnd(Exception):
    """A process did not end as it should."""


async def trial_on_postgres(plan: Plan, url: str, kill_server: Callable[[], None], logs: Path) -> Outcome:
    """One trial on a migrated, empty database. `kill_server` ends PostgreSQL as kill -9 does; it must come back."""
    return await _Trial(plan, url, kill_server, logs).run()


class _Trial:
    def __init__(self, plan: Plan, url: str, kill_server: Callable[[], None], logs: Path) -> None:
        self.plan, self.url, self.kill_server, self.logs = plan, url, kill_server, logs
        self.rng = Random(f"chaos {plan.seed} {plan.profile}")
        self.chain = build_chain(plan.seed, Profile(slots=plan.slots, transactions=plan.transactions))
        self.span = Span(min(self.chain.blocks), max(self.chain.blocks) + 1)
        self.lives_s = (plan.slots - plan.history_slots) * self.chain.slot_ms / 1000 / SPEED
        self.began: float | None = None
        self.struck: Counter[str] = Counter()
        self.kills = 0

    def clock(self) -> float:
        """Seconds since a daemon has been there: the chain and its weather wait for one to watch them."""
        return 0.0 if self.began is None else asyncio.get_running_loop().time() - self.began

    async def run(self) -> Outcome:
        start_slot = self.chain.first_slot + self.plan.history_slots
        box = Box(
            self.chain, self.clock, seed=self.plan.seed, profile=self.plan.profile, start_slot=start_slot,
            speed=SPEED, span_s=self.lives_s, portal_behind=portal_behind(self.plan),
        )  # fmt: skip
        async with box.served() as addresses:
            environment = environment_for(self.chain, addresses, self.rng, self.plan) | _QUICK
            self.environment = os.environ | environment | {"DATABASE_URL": self.url}
            settled_s = await self._struggle()
        self.struck += Counter(box.faults.struck)
        end_s = max(self.lives_s, box.faults.last_end_s)
        ways = f"{environment['PERPS_STRATEGY__RECENT']} | {environment['PERPS_STRATEGY__DEEP']}"
        return await self._outcome(settled_s, end_s, ways)

    async def _struggle(self) -> float | None:
        """Daemons and backfills while everything goes wrong, until every slot is settled: when that was."""
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._daemons(f"daemon {n}")) for n in range(1 + self.plan.seed % 2)]
            await self._until_watched()
            running += [tasks.create_task(self._backfill(n)) for n in range(self.plan.backfills)]
            running += [tasks.create_task(self._kill_servers())]
            settled_s = await self._until_settled()
            for task in running:
                task.cancel()
        return settled_s

    async def _daemons(self, name: str) -> None:
        """One after the other; all but the last are killed, and the last is told to end."""
        for until_s in sorted(self.rng.uniform(0.1, 0.9) * self.lives_s for _ in range(self.plan.kills)):
            daemon = asyncio.create_task(self._daemon(name, how_it_ends=signal.SIGKILL))
            await asyncio.wait([daemon, asyncio.create_task(self._until(until_s))], return_when="FIRST_COMPLETED")
            daemon.cancel()
            with suppress(asyncio.CancelledError):
                await daemon
            self.kills += 1
            await asyncio.sleep(self.rng.uniform(0.0, 1.0))
        await self._daemon(name, how_it_ends=signal.SIGTERM)

    async def _daemon(self, name: str, how_it_ends: signal.Signals) -> None:
        """Run until it is cancelled. One that finds no database at its start is started again, as services are."""
        while True:
            async with self._process("run", log=name) as process:
                try:
                    code = await process.wait()
                finally:
                    if how_it_ends == signal.SIGTERM:
                        await self._end(process, name)
            if code != EXIT_CODE or not self.struck["database_killed"]:
                raise WrongEnd(f"{name} ended by itself with {code}, see {self.logs / name}")
            await asyncio.sleep(0.5)

    async def _end(self, process: asyncio.subprocess.Process, name: str) -> None:
        if process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_S):
            code = await process.wait()
        if code:
            raise WrongEnd(f"{name} ended by SIGTERM with {code}, see {self.logs / name}")

    async def _backfill(self, number: int) -> None:
        await self._until(self.rng.uniform(0, self.lives_s / 2))
        first = self.rng.randrange(self.span.start, self.span.start + self.plan.history_slots - 20)
        last = self.rng.randrange(first + 10, self.span.start + self.plan.history_slots)
        words = ("backfill", "--from", str(first), "--to", str(last))
        async with self._process(*words, log=f"backfill {number}") as process:
            await process.wait()

    async def _kill_servers(self) -> None:
        for at_s in sorted(self.rng.uniform(0.1, 0.9) * self.lives_s for _ in range(self.plan.outages)):
            await self._until(at_s)
            await asyncio.to_thread(self.kill_server)
            self.struck["database_killed"] += 1

    async def _until_watched(self) -> None:
        """Until a daemon has seen the head; the clock begins then."""
        async with asyncio.timeout(START_LIMIT_S), open_store(self.url) as store:
            while not await store.stream_states():  # noqa: ASYNC110 (it is another process that writes)
                await asyncio.sleep(0.1)
        self.began = asyncio.get_running_loop().time()

    async def _until(self, at_s: float) -> None:
        while self.clock() < at_s:  # noqa: ASYNC110 (the clock begins when somebody watches)
            await asyncio.sleep(0.05)

    @asynccontextmanager
    async def _process(self, *words: str, log: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A command of ours; killed at the end if it still runs."""
        with (self.logs / log).open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "indexer", *words, env=self.environment, stdout=file, stderr=file
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _until_settled(self) -> float | None:
        deadline = self.clock() + self.lives_s + TIME_LIMIT_S
        while self.clock() < deadline:
            await asyncio.sleep(0.5)
            with suppress(StoreUnavailable):  # The server may just have been killed.
                async with open_store(self.url, timeout_s=5) as store:
                    coverage = [await store.coverage(name) for name in stream_names()]
                if not any(missing([self.span], spans) for spans in coverage):
                    return self.clock()
        return None

    async def _outcome(self, settled_s: float | None, end_s: float, ways: str) -> Outcome:
        async with open_store(self.url) as store:
            coverage = {name: common(await store.coverage(name), [self.span]) for name in stream_names()}
            rows = await store.rows(EVERYTHING)
            differences = len(await store.differences())
            digests = await wrong_digests(store, self.chain.truth, stream_names())
        found = verdict(self.chain.truth, rows, coverage, self.span)
        snapshots = judged(self.chain, rows)
        return Outcome(
            seed=self.plan.seed,
            profile=self.plan.profile,
            strategies=ways,
            struck=self.struck,
            kills=self.kills,
            lost=len(found.lost),
            doubled=len(found.doubled),
            differing=len(found.differing),
            unsettled=sum(len(span) for spans in found.uncovered.values() for span in spans),
            truncated=sum(failure.reason == "truncated_logs" for failure in self.chain.truth.failures),
            differences=differences,
            rows=sum(map(len, rows.values())),
            recovered_s=None if settled_s is None else max(0.0, settled_s - end_s),
            snapshots=snapshots.count,
            wrong_snapshots=len(snapshots.wrong),
            wrong_digests=len(digests),
            details=[*details(found), *snapshots.wrong[:3], *digests[:3]],
        )
