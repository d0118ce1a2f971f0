"""The command that fills what others asked for: worker."""

from __future__ import annotations

import os
from collections.abc import Sequence
from random import Random

import structlog
import typer

from indexer import app_network as composed
from indexer.cli_ending import run_to_end
from indexer.cli_records import settings_of
from indexer.cli_run import GIVES_WAY, By, Protocols, holder_name, open_fetching
from indexer.config import Settings
from indexer.sources.base import Strategy

_log = structlog.get_logger()


def register(app: typer.Typer) -> None:
    app.command()(worker)


def worker(context: typer.Context, protocol: Protocols = None, strategy: By = None) -> None:
    """Fill what `backfill --distributed` asked for, beside any number of other workers.

    Runs on any host with DATABASE_URL and endpoints, until it is stopped. Ctrl-C ends it at once; nothing is lost by
    it, nor by `kill -9`: what it worked on goes to another worker.
    """
    settings = settings_of(context)
    os.nice(GIVES_WAY)
    run_to_end(_worker(settings, protocol or settings.run.protocols, strategy))


async def _worker(settings: Settings, names: Sequence[str], strategy: Strategy | None) -> None:
    rng, holder = Random(), holder_name()  # noqa: S311 (jitter)
    async with open_fetching(settings) as fetching:
        streams = [stream.name for stream in composed.chosen(names)]
        tasks = composed.backfill_tasks(settings, streams, strategy)
        ways = composed.sources(settings, fetching.rpc, fetching.archive, "backfill")
        one = composed.worker(settings, fetching.store, ways, tasks, holder=holder, rng=rng)
        _log.info("worker_started", holder=holder, endpoints=list(fetching.rpc.providers.names), protocols=streams)
        try:
            async with fetching.sharing():
                await one.run()
        finally:
            _log.info("worker_stopped", holder=holder)
