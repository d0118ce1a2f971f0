"""A trial: the whole daemon against a cluster in a box, in virtual time, judged by the truth of the chain.

Everything is drawn from the seed: the chain, the weather, which ways of settling are configured, when the daemon is
killed and when the database is away. A kill is a cancellation: what was not written is gone, and the next daemon
finds only the ledger. The trial is over when every slot is settled, or when there was time enough for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any, Protocol

import msgspec

from indexer.config import Settings, Strategy, load
from indexer.core.coverage import Span, Spans, common, missing
from indexer.simulation.box import Addresses, Box
from indexer.simulation.build import build_chain
from indexer.simulation.chain import Chain
from indexer.simulation.digests import wrong_digests
from indexer.simulation.fault_kinds import PROFILES
from indexer.simulation.outages import Outages, outages
from indexer.simulation.profile import Profile
from indexer.simulation.snapshots import judged
from indexer.simulation.verdict import Verdict, verdict
from indexer.sources.wire import Dial, Http
from indexer.store.base import Store
from indexer.store.memory import MemoryStore

SLOT_S = 0.4  # Of the clock.
PATIENCE_S = 900.0  # Virtual seconds behind the last fault within which everything has to be settled.
EVERYTHING = Span(0, 2**62)
_NODES = 3  # Of the box, without the stranger: one of them has every row.
_RECENT: Sequence[Sequence[Strategy]] = (("signatures", "blocks"), ("blocks",))
_DEEP: Sequence[Sequence[Strategy]] = (
    ("portal", "signatures", "blocks"),
    ("portal", "blocks"),
    ("signatures", "blocks"),
    ("blocks",),
)


class Program(Protocol):
    """What is on trial, composed by whoever knows all parts."""

    def daemon(
        self, settings: Settings, store: Store, http: Http, dial: Dial, holder: str, rng: Random
    ) -> Coroutine[Any, Any, None]:
        """The daemon; it runs until it is cancelled."""

    def backfill(
        self, settings: Settings, store: Store, http: Http, span: Span, holder: str, rng: Random
    ) -> Coroutine[Any, Any, None]:
        """A backfill of one span, until it has what can be had."""

    async def prepare(self, store: Store, settings: Settings) -> None:
        """Bind the ledger to its cluster and seed it."""

    @property
    def streams(self) -> Sequence[str]: ...


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial is like. `profile`: of faults."""

    seed: int
    profile: str = "everything"
    slots: int = 260
    history_slots: int = 100  # Of the slots: behind the start.
    kills: int = 2
    backfills: int = 1
    outages: int = 1
    transactions: float = 2.0
    forked: float = Profile().forked  # Share of blocks after which others are dropped.
    slot_ms: int = 400  # Between the times of two blocks; the clock goes on by SLOT_S whatever they say.
    speed: float = 0.0  # Virtual seconds in a real one, for somebody who watches; 0: as fast as it can.


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a trial ended."""

    seed: int
    profile: str
    strategies: str
    struck: Mapping[str, int]  # Faults, by kind.
    kills: int
    lost: int
    doubled: int
    differing: int
    unsettled: int  # Slots, over all streams.
    truncated: int  # Transactions whose truncation is a failure row.
    differences: int  # Later reads of settled slots that said otherwise.
    rows: int
    recovered_s: float | None  # From the last fault's end to the last slot's settling; None: never.
    snapshots: int = 0  # Of one protocol's accounts at one slot.
    forks: int = 0  # Of the chain, behind the start.
    wrong_snapshots: int = 0  # Their rows that are not what the books had.
    wrong_digests: int = 0  # Of buckets, beside the truth and beside the stored payloads.
    details: Sequence[str] = ()

    @property
    def is_true(self) -> bool:
        wrong = self.lost, self.doubled, self.differing, self.unsettled, self.wrong_snapshots, self.wrong_digests
        return not any(wrong)


async def trial(plan: Plan, program: Program, ledger: Store | None = None) -> Outcome:
    """Run one trial. Inside a VirtualTimeLoop. `ledger`: empty; None: one in memory."""
    return await _Trial(plan, program, ledger or MemoryStore()).run()


def chain_of(plan: Plan) -> Chain:
    """The chain of a trial: the same every time."""
    shape = Profile(slots=plan.slots, transactions=plan.transactions, forked=plan.forked, slot_ms=plan.slot_ms)
    return build_chain(plan.seed, shape)


class _Trial:
    def __init__(self, plan: Plan, program: Program, ledger: Store) -> None:
        self.plan, self.program, self.ledger = plan, program, ledger
        self.rng = Random(f"trial {plan.seed} {plan.profile}")
        self.chain = chain_of(plan)
        self.first, self.last = min(self.chain.blocks), max(self.chain.blocks)
        self.start_slot = self.chain.first_slot + plan.history_slots
        self.lives_s = (plan.slots - plan.history_slots) * SLOT_S
        self.box = Box(
            self.chain,
            asyncio.get_running_loop().time,
            seed=plan.seed,
            profile=plan.profile,
            start_slot=self.start_slot,
            speed=plan.slot_ms / 1000 / SLOT_S,
            span_s=self.lives_s,
            portal_behind=portal_behind(plan),
        )
        self.settings = load(environment=environment_for(self.chain, self.box.addresses(), self.rng, plan))
        self.weather = Outages(asyncio.get_running_loop().time, _moments(self.rng, plan.outages, self.lives_s))
        self.store = outages(self.ledger, self.weather)
        self.kills = 0

    @property
    def span(self) -> Span:
        """From the first block to the last one: no block proves what lies outside."""
        return Span(self.first, self.last + 1)

    async def run(self) -> Outcome:
        await self.program.prepare(self.ledger, self.settings)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._daemons(), name="daemons")]
            running += [tasks.create_task(self._backfill(n), name=f"backfill {n}") for n in range(self.plan.backfills)]
            settled_s = await self._until_settled()
            for task in running:
                task.cancel()
        return await self._outcome(settled_s)

    async def _daemons(self) -> None:
        """Daemons, one after the other; all but the last are killed."""
        for number, until_s in enumerate(sorted(_moments(self.rng, self.plan.kills, self.lives_s))):
            await self._until_killed(number, until_s)
            await asyncio.sleep(self.rng.uniform(0.1, 5.0))
        await self._daemon(self.plan.kills)

    async def _until_killed(self, number: int, until_s: float) -> None:
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.1, until_s - loop.time())):
                await self._daemon(number)
        self.kills += 1

    async def _daemon(self, number: int) -> None:
        http, dial = self.box.http(), self.box.dial()
        await self.program.daemon(self.settings, self.store, http, dial, f"daemon {number}", self.rng)

    async def _backfill(self, number: int) -> None:
        await asyncio.sleep(self.rng.uniform(0, self.lives_s / 2))
        first = self.rng.randrange(self.chain.first_slot, self.start_slot - 20)
        span = Span(first, self.rng.randrange(first + 10, self.start_slot))
        holder = f"backfill {number}"
        await self.program.backfill(self.settings, self.store, self.box.http(), span, holder, self.rng)

    async def _until_settled(self) -> float | None:
        loop = asyncio.get_running_loop()
        deadline = max(self.lives_s, self.box.faults.last_end_s) + PATIENCE_S
        while loop.time() < deadline:
            await asyncio.sleep(1.0)
            if not any((await self._unsettled()).values()):
                return loop.time()
        return None

    async def _unsettled(self) -> Mapping[str, Spans]:
        return {name: missing([self.span], await self.ledger.coverage(name)) for name in self.program.streams}

    async def _outcome(self, settled_s: float | None) -> Outcome:
        coverage = {name: common(await self.ledger.coverage(name), [self.span]) for name in self.program.streams}
        rows = await self.ledger.rows(EVERYTHING)
        found = verdict(self.chain.truth, rows, coverage, self.span)
        snapshots = judged(self.chain, rows)
        digests = await wrong_digests(self.ledger, self.chain.truth, self.program.streams)
        end_s = max(self.lives_s, self.box.faults.last_end_s)
        return Outcome(
            seed=self.plan.seed,
            profile=self.plan.profile,
            strategies=_told(self.settings),
            struck=Counter(self.box.faults.struck) + Counter(self.weather.struck),
            kills=self.kills,
            lost=len(found.lost),
            doubled=len(found.doubled),
            differing=len(found.differing),
            unsettled=sum(len(span) for spans in found.uncovered.values() for span in spans),
            truncated=sum(failure.reason == "truncated_logs" for failure in self.chain.truth.failures),
            differences=len(await self.ledger.differences()),
            rows=sum(map(len, rows.values())),
            recovered_s=None if settled_s is None else max(0.0, settled_s - end_s),
            snapshots=snapshots.count,
            forks=sum(fork.blocks[0].slot >= self.start_slot for fork in self.chain.forks),
            wrong_snapshots=len(snapshots.wrong),
            wrong_digests=len(digests),
            details=[*details(found), *snapshots.wrong[:3], *digests[:3]],
        )


def portal_behind(plan: Plan) -> int:
    """How many slots the archive's head lies behind; where it is asked for everything, hardly any."""
    return 2 if _asks_archive(plan) else 50


def _asks_archive(plan: Plan) -> bool:
    """Whether the archive is asked for everything: where its faults are the subject, and in every other trial of all.

    Else it would be asked in the first seconds alone.
    """
    return plan.profile == "portal" or (plan.profile == "everything" and plan.seed % 2 == 1)


def environment_for(chain: Chain, addresses: Addresses, rng: Random, plan: Plan) -> dict[str, str]:
    """Settings of a trial, as environment variables: everything drawn that may be otherwise."""
    every_list = "history" in PROFILES[plan.profile]  # Rows that one node misses, another has.
    recent, deep = rng.choice(_RECENT), rng.choice(_DEEP)
    if _asks_archive(plan):
        recent, deep = ("portal", "blocks"), ("portal", "blocks")
    return {
        "PERPS_CLUSTER__NAME": "simulated",
        "PERPS_CLUSTER__GENESIS_HASH": chain.genesis_hash,
        "PERPS_ENDPOINTS__RPC": _json(addresses.rpc),
        "PERPS_ENDPOINTS__WEBSOCKET": _json(addresses.websocket),
        "PERPS_ENDPOINTS__PORTAL": addresses.portal,
        "PERPS_ENDPOINTS__FIRST_RATE": "20",
        "PERPS_ENDPOINTS__TIMEOUT_S": "10",
        "PERPS_STRATEGY__RECENT": _json(recent),
        "PERPS_STRATEGY__DEEP": _json(deep),
        "PERPS_STRATEGY__RECENT_SLOTS": str(rng.choice((40, 100, 400))),
        "PERPS_STRATEGY__SPAN_SLOTS": str(rng.choice((7, 60, 1000))),
        "PERPS_STRATEGY__SEAM_SLOTS": "60",
        "PERPS_STRATEGY__LISTS": str(_NODES) if every_list else "1",
        "PERPS_RUN__START_SLOT": str(min(chain.blocks)),
        "PERPS_RUN__RETRY_UNAVAILABLE_S": "5",
        "PERPS_RUN__LEASE_S": "10",
        "PERPS_RUN__SNAPSHOT_EVERY_S": "7",
    }


def _json(values: Sequence[str]) -> str:
    return msgspec.json.encode(values).decode()


def _told(settings: Settings) -> str:
    strategy = settings.strategy
    return f"{'+'.join(strategy.recent)} | {'+'.join(strategy.deep)}"


def _moments(rng: Random, count: int, lives_s: float) -> list[float]:
    return [rng.uniform(0.05, 0.9) * lives_s for _ in range(count)]


def details(found: Verdict) -> list[str]:
    """The first of everything that is wrong, for people."""
    wrong = [f"{what} {kind} {key[0]} {key[2:]}" for what, some in (("lost", found.lost), ("doubled", found.doubled))
             for kind, key in sorted(some, key=repr)[:3]]  # fmt: skip
    wrong += [f"differing {kind} {key[0]} {key[2:]} {columns}" for kind, key, columns in found.differing[:3]]
    return wrong + [f"unsettled {name} {spans[:3]}" for name, spans in found.uncovered.items() if spans]
