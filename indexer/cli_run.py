"""Commands that fetch: run, backfill, repair, record, doctor."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Annotated

import msgspec
import structlog
import typer

from indexer import app as wiring
from indexer import app_network as composed
from indexer.cli_ending import run_to_end
from indexer.cli_records import AsJson, settings_of
from indexer.config import Settings
from indexer.core.coverage import Span, Spans, missing
from indexer.errors import ConfigError, InputError, PerpsIndexerError
from indexer.http.child import keep_served
from indexer.ingest import doctor as checks
from indexer.ingest import recording
from indexer.ingest.aggregate import Rhythm, keep_aggregates
from indexer.ingest.inside import Connections, Known
from indexer.ingest.moments import Moments
from indexer.ingest.patience import briefly
from indexer.ingest.settling import fill_all
from indexer.ingest.verifying import keep_proven
from indexer.ingest.working import followed
from indexer.ingest.writing import Writer
from indexer.report import records as report
from indexer.report.progress import progress, span_progress
from indexer.sources.addresses import names_of
from indexer.sources.base import Strategy
from indexer.sources.portal import Portal
from indexer.sources.rpc import Rpc
from indexer.store.base import Store
from indexer.store.connection import address_of, connected
from indexer.store.database import keep_serving, serving
from indexer.store.retention import Retention, keep_partitions

GIVES_WAY = 10  # Added to the niceness of what fills history: a daemon on the same machine goes first.
STILL_MISSING = 1  # Exit code: something that was asked for could not be had.
_log = structlog.get_logger()

Protocols = Annotated[
    list[str] | None,
    typer.Option("--protocol", metavar="P", help="Only this one; may be given several times. Default: all."),
]
By = Annotated[Strategy | None, typer.Option("--strategy", help="Only this way, instead of the configured ones.")]


def register(app: typer.Typer) -> None:
    for command in (run, backfill, repair, record, doctor):
        app.command()(command)


def run(context: typer.Context, protocol: Protocols = None) -> None:
    """Index: the live tail, and the history that the settings want.

    Runs until it is stopped. SIGTERM and Ctrl-C end it at once; nothing is lost, and the next run goes on.
    """
    settings = settings_of(context)
    run_to_end(_daemon(settings, tuple(protocol) if protocol else settings.run.protocols))


async def _daemon(settings: Settings, names: Sequence[str]) -> None:
    if settings.database.pooled:
        _check_pooled(settings)
    settings = settings.model_copy(update={"run": settings.run.model_copy(update={"protocols": tuple(names)})})
    async with (
        wiring.ledger(settings) as store,
        wiring.aggregates(settings) as aggregates,
        wiring.proofs(settings) as proofs,
        composed.network(settings) as wire,
    ):
        holder = holder_name()
        daemon = composed.daemon(settings, store, wire, holder=holder, rng=Random())  # noqa: S311 (jitter)
        _log.info(
            "daemon_started", holder=holder, endpoints=names_of(settings.endpoints.rpc_urls), protocols=names or "all"
        )

        def knows() -> Known:
            return daemon.inside.told(asyncio.get_running_loop().time(), Connections(*store.connections()))

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(keep_aggregates(aggregates, _rhythm(settings), Random()), name="aggregates")  # noqa: S311 (jitter)
                tasks.create_task(daemon.run(), name="daemon")
                witnesses = {name: one for name, one in wiring.witnesses().items() if not names or name in names}
                proving = keep_proven(proofs, witnesses, settings.run.verify_every_s, Random())  # noqa: S311 (jitter)
                tasks.create_task(proving, name="proofs")
                tasks.create_task(keep_serving(settings), name="embedded server")
                tasks.create_task(_kept_partitions(settings, store.url), name="partitions")
                if settings.http.enabled:
                    tasks.create_task(keep_served(settings, knows, Random()), name="serve")  # noqa: S311 (jitter)
        finally:
            _log.info("daemon_stopped", holder=holder)


def _check_pooled(settings: Settings) -> None:
    """Raises ConfigError where more is asked for than sessions of a pooler can do."""
    if settings.http.enabled:
        raise ConfigError(
            "pages and API need sessions of their own, which a pooler does not give",
            place="setting http.enabled",
            remedy="switch it off here, and run `perps-indexer serve` with the server's own address",
        )
    if settings.retention.raw_days or settings.retention.all_days:
        raise ConfigError(
            "letting go of partitions needs a session of its own, which a pooler does not give",
            place="setting retention.raw_days or retention.all_days",
            remedy="set it for a daemon with the server's own address, or run config/postgres/retention.sql there",
        )


def _kept_partitions(settings: Settings, url: str) -> Coroutine[None, None, None]:
    one = settings.retention
    kept = Retention(raw_days=one.raw_days, all_days=one.all_days, ahead=one.ahead)
    return keep_partitions(url, kept, every_s=one.every_s, rng=Random())  # noqa: S311 (jitter)


def _rhythm(settings: Settings) -> Rhythm:
    pace = settings.aggregates
    return Rhythm(hours_s=pace.hours_s, days_s=pace.days_s, refresh_s=pace.refresh_s, marks=pace.marks)


def backfill(
    context: typer.Context,
    start: Annotated[str | None, typer.Option("--from", metavar="SLOT|TIME", help="First slot, or a UTC time.")] = None,
    end: Annotated[
        str, typer.Option("--to", metavar="SLOT|TIME|head", help="Last slot, a UTC time, or the finalized head.")
    ] = "head",
    since: Annotated[str | None, typer.Option(metavar="7d", help="Instead of --from: 90m, 12h, 7d before now.")] = None,
    protocol: Protocols = None,
    strategy: By = None,
    distributed: Annotated[
        bool, typer.Option("--distributed", help="Let workers on any hosts fill it, and wait for them; see `worker`.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Fill history. Fetches only what is missing; goes on where it was stopped.

    Exit code 1: some slots could not be had; they stay missing and are listed by `gaps`.
    """
    if (start is None) == (since is None):
        raise InputError("where to begin?", remedy="give --from SLOT or TIME, or --since 7d")
    settings = settings_of(context)
    os.nice(GIVES_WAY)
    if distributed and strategy is not None:
        raise InputError(
            "--strategy is for who fills", remedy="give it to the workers: perps-indexer worker --strategy"
        )
    work = _follow if distributed else partial(_backfill, strategy=strategy)
    outcome = run_to_end(work(settings, start, end, since, protocol or settings.run.protocols))
    typer.echo(msgspec.json.encode(outcome).decode() if as_json else report.backfilled(outcome), nl=as_json)
    if any(outcome.missing.values()):
        raise typer.Exit(STILL_MISSING)


async def _backfill(
    settings: Settings, start: str | None, end: str, since: str | None, names: Sequence[str], strategy: Strategy | None
) -> report.Backfilled:
    async with open_fetching(settings) as fetching:
        span, wanted = await _asked(fetching, start, end, since, names)
        return await _filled(settings, fetching, wanted, strategy, f"slots {span.start} to {span.end - 1}")


async def _follow(
    settings: Settings, start: str | None, end: str, since: str | None, names: Sequence[str]
) -> report.Backfilled:
    """Ask for the span, and wait until workers have filled it. A Ctrl-C ends the waiting, not the work."""
    async with open_fetching(settings) as fetching:
        span, wanted = await _asked(fetching, start, end, since, names)
        lacked = {name: missing(spans, await fetching.store.coverage(name)) for name, spans in wanted.items()}
        counted = report.Backfilled(wanted={name: _size(spans) for name, spans in lacked.items()})
        what = f"slots {span.start} to {span.end - 1}, by workers"
        with span_progress(what, sum(counted.wanted.values())) as moved:
            left = await followed(
                fetching.store, wanted, pause_s=settings.run.settle_every_s, on_progress=lambda slots: moved(slots, 0)
            )
        counted.missing = {name: _size(spans) for name, spans in left.items()}
        return counted


async def _asked(
    fetching: Fetching, start: str | None, end: str, since: str | None, names: Sequence[str]
) -> tuple[Span, Mapping[str, Spans]]:
    """The span, and what is wanted by it, which the ledger knows from now on."""
    span = await fetching.moments.span(start, end, since)
    wanted = {stream.name: (span,) for stream in composed.chosen(names)}
    await fetching.store.ask(list(wanted), [span])
    return span, wanted


def repair(context: typer.Context, protocol: Protocols = None, strategy: By = None, as_json: AsJson = False) -> None:
    """Fill the gaps that `gaps` lists, also those that no source had before.

    Exit code 1: some stay.
    """
    settings = settings_of(context)
    os.nice(GIVES_WAY)
    outcome = run_to_end(_repair(settings, protocol or settings.run.protocols, strategy))
    typer.echo(msgspec.json.encode(outcome).decode() if as_json else report.backfilled(outcome), nl=as_json)
    if any(outcome.missing.values()):
        raise typer.Exit(STILL_MISSING)


async def _repair(settings: Settings, names: Sequence[str], strategy: Strategy | None) -> report.Backfilled:
    async with open_fetching(settings) as fetching:
        streams = [stream.name for stream in composed.chosen(names)]
        wanted = await fetching.moments.wanted(streams)
        return await _filled(settings, fetching, wanted, strategy, "gaps", once_more=True)


async def _filled(
    settings: Settings,
    fetching: Fetching,
    wanted: Mapping[str, Spans],
    strategy: Strategy | None,
    what: str,
    *,
    once_more: bool = False,  # Also what was shown to be nowhere lately.
) -> report.Backfilled:
    rng = Random()  # noqa: S311 (jitter)
    tasks = composed.backfill_tasks(settings, list(wanted), strategy)
    filler = composed.filler(
        settings,
        fetching.store,
        Writer(fetching.store, rng),
        composed.sources(settings, fetching.rpc, fetching.archive, "backfill"),
        holder_name(),
        once_more=once_more,
    )
    lacked = {name: missing(spans, await fetching.store.coverage(name)) for name, spans in wanted.items()}
    counted = report.Backfilled(wanted={name: _size(spans) for name, spans in lacked.items()})
    with span_progress(what, sum(counted.wanted.values())) as moved:

        def on_page(settled: int, transactions: int) -> None:
            counted.transactions += transactions
            moved(settled, transactions)

        async with fetching.sharing():
            left = await fill_all(filler, tasks, wanted, pause_s=settings.run.settle_every_s, rng=rng, on_page=on_page)
    counted.missing = {name: _size(spans) for name, spans in left.items()}
    await briefly(fetching.store.leave(holder_name()))  # Leases run out by themselves.
    return counted


def record(
    context: typer.Context,
    signature: Annotated[str | None, typer.Argument(help="Signature of a transaction, base58.")] = None,
    slots: Annotated[str | None, typer.Option(metavar="A-B", help="Whole blocks of these slots instead.")] = None,
    to: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the files go.")] = Path(),
) -> None:
    """Save raw JSON answers, to `replay` later: one file a transaction or block."""
    if (signature is None) == (slots is None):
        raise InputError("what to record?", remedy="name a signature, or --slots A-B")
    settings = settings_of(context)
    written = run_to_end(_record(settings, signature, slots, to))
    typer.echo("".join(f"{path}\n" for path in written), nl=False)


async def _record(settings: Settings, signature: str | None, slots: str | None, to: Path) -> list[Path]:
    async with composed.network(settings) as wire:
        rpc = composed.pool(settings, wire.http, Random())  # noqa: S311 (jitter)
        if signature is not None:
            return [await recording.transaction(rpc, signature, to)]
        assert slots is not None, "one of the two was given"
        span = recording.span_of(slots)
        with progress("recording", len(span)) as advance:
            return [path async for path in recording.blocks(rpc, span, to, advance)]


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check endpoints, subscriptions, the portal, the database and the clock.

    Exit code 1: something is wrong.
    """
    settings = settings_of(context)
    findings = run_to_end(_doctor(settings))
    rows = [msgspec.structs.asdict(finding) for finding in findings]
    typer.echo(msgspec.json.encode(rows).decode() if as_json else report.table(rows), nl=as_json)
    if any(finding.state == "wrong" for finding in findings):
        raise typer.Exit(STILL_MISSING)


async def _doctor(settings: Settings) -> list[checks.Finding]:
    rng = Random()  # noqa: S311 (jitter)
    async with composed.network(settings) as wire:
        rpc = composed.pool(settings, wire.http, rng)
        streams = composed.chosen(settings.run.protocols)
        async with asyncio.TaskGroup() as checking:
            looked = [
                checking.create_task(checks.endpoints(rpc)),
                checking.create_task(checks.subscriptions(settings.endpoints.websocket_urls, streams, wire.dial, rng)),
                checking.create_task(_each(checks.portal(composed.portal(settings, rpc, wire.http, rng)))),
                checking.create_task(_each(checks.clock(rpc))),
                checking.create_task(_each(_database(settings))),
            ]
        return [finding for one in looked for finding in one.result()]


async def _each(check: Awaitable[checks.Finding]) -> list[checks.Finding]:
    return [await check]


async def _database(settings: Settings) -> checks.Finding:
    url = settings.database.url
    place = address_of(url.get_secret_value()) if url else f"embedded, {settings.data.folder}"
    try:
        async with serving(settings) as at, connected(at) as connection:
            version = await connection.fetchval("SHOW server_version")
    except PerpsIndexerError as error:
        return checks.Finding("database", place, "wrong", str(error))
    return checks.Finding("database", place, "fine", f"PostgreSQL {version}")


class Fetching(msgspec.Struct, frozen=True):
    """What commands need that fetch into the ledger."""

    store: Store
    rpc: Rpc
    archive: Portal | None
    moments: Moments

    @asynccontextmanager
    async def sharing(self) -> AsyncIterator[None]:
        """Meanwhile the endpoints' budgets are shared with whoever else asks them."""
        keeping = composed.shares(self.store, self.rpc, self.archive, holder_name(), Random()).keep()  # noqa: S311 (jitter)
        task = asyncio.create_task(keeping, name="share budgets")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                task.result()  # It ends by an error alone.


@asynccontextmanager
async def open_fetching(settings: Settings) -> AsyncIterator[Fetching]:
    async with wiring.ledger(settings) as store, composed.network(settings) as wire:
        rng = Random()  # noqa: S311 (jitter)
        rpc = composed.pool(settings, wire.http, rng, wire.readers)
        archive = composed.portal(settings, rpc, wire.http, rng, page_transactions=composed.BACKFILL_TRANSACTIONS)
        yield Fetching(store, rpc, archive, Moments(rpc, archive, store))


def holder_name() -> str:
    """Who this process is, in claims and in `status`."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _size(spans: Spans) -> int:
    return sum(map(len, spans))
