"""What is on trial in a simulation: the daemon and the backfill exactly as they run over real sockets."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import structlog

from indexer import app as wiring
from indexer import app_network as composed
from indexer.config import Settings
from indexer.core.coverage import Span
from indexer.ingest.settling import fill_all
from indexer.ingest.writing import Writer
from indexer.simulation import campaign, virtual_time
from indexer.simulation.fault_kinds import PROFILES
from indexer.simulation.trial import Outcome, Plan, trial
from indexer.sources.wire import Dial, Http
from indexer.store.base import Store

__all__ = ["PROFILES", "Plan", "TheProgram", "campaign", "run"]


def run(plan: Plan) -> Outcome:
    """One trial, in virtual time or at the plan's speed. Its world is full of errors: none of them is logged."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    try:
        return virtual_time.run(trial(plan, TheProgram()), speed=plan.speed)
    finally:
        structlog.configure(**before)


class TheProgram:
    """See `simulation.trial.Program`."""

    @property
    def streams(self) -> Sequence[str]:
        return wiring.stream_names()

    async def prepare(self, store: Store, settings: Settings) -> None:
        await store.claim_cluster(settings.cluster.genesis_hash, settings.cluster.name)
        await store.seed(wiring.seed())

    async def daemon(self, settings: Settings, store: Store, http: Http, dial: Dial, holder: str, rng: Random) -> None:
        await composed.daemon(settings, store, composed.Network(http, dial), holder=holder, rng=rng).run()

    async def backfill(
        self, settings: Settings, store: Store, http: Http, span: Span, holder: str, rng: Random
    ) -> None:
        rpc = composed.pool(settings, http, rng)
        ways = composed.sources(settings, rpc, composed.portal(settings, rpc, http, rng), "backfill")
        filler = composed.filler(settings, store, Writer(store, rng), ways, holder)
        tasks = composed.backfill_tasks(settings, (), None)
        wanted = dict.fromkeys(self.streams, (span,))
        await fill_all(filler, tasks, wanted, pause_s=settings.run.settle_every_s, rng=rng)
