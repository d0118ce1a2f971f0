"""Commands that turn recorded answers into records: replay, decode, failures, reprocess."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from indexer import app as wiring
from indexer import log
from indexer.config import Settings, load
from indexer.core import base58
from indexer.core.shown import shown
from indexer.core.transaction import Transaction
from indexer.errors import InputError
from indexer.ingest.page import processed
from indexer.ingest.replay import Replay, Summary, check
from indexer.ingest.reprocess import Rebuilt, reprocess_ledger
from indexer.report import records as report
from indexer.report.progress import progress
from indexer.sources.recorded import Answer, Limits, NoTransactions, answers, find_files
from indexer.store.base import FailureSummary

Paths = Annotated[
    list[str],
    typer.Argument(metavar="PATH", help="Files or folders of getTransaction or getBlock JSON; `.zst` too."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def register(app: typer.Typer) -> None:
    for command in (replay, decode, failures, reprocess):
        app.command()(command)


def settings_of(context: typer.Context) -> Settings:
    """The settings of this run, with the logs set up by them. Raises ConfigError."""
    settings = load(context.obj)
    log.configure(settings.log)
    return settings


def replay(
    context: typer.Context,
    paths: Paths,
    settle: Annotated[bool, typer.Option("--settle", help="Whole blocks settle their slots.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write recorded answers into the ledger.

    Twice gives the same ledger. Named files are all checked before anything is written.
    """
    settings = settings_of(context)
    named, found = find_files(paths)
    summary = asyncio.run(_replay(settings, named, found, settle=settle))
    typer.echo(msgspec.json.encode(summary).decode() if as_json else report.summary(summary), nl=as_json)


async def _replay(settings: Settings, named: list[Path], found: list[Path], *, settle: bool) -> Summary:
    bounds = wiring.limits(settings)
    if "-" in map(str, named):
        raise InputError("replay reads its files twice; standard input cannot be", remedy="write it to a file")
    with progress("checking", len(named)) as advance:
        fitting = check(list(dict.fromkeys(named)), bounds, lambda _path: advance())
    async with wiring.ledger(settings) as store:
        run = Replay(
            store,
            wiring.protocols(),
            await store.reference(),
            bounds,
            page_transactions=settings.replay.page_transactions,
            settle=settle,
        )
        others = [path for path in dict.fromkeys(found) if path not in set(named)]
        with progress("replaying", len(fitting) + len(others)) as advance:
            for file in fitting:
                await run.write(file)
                advance()
            for path in others:
                await run.file(path)
                advance()
        run.summary.waiting = sum(map(len, await store.to_reprocess()))
    if not run.summary.files and not run.summary.unavailable:
        raise InputError("no file holds transactions", place=str((named + others)[0].parent))
    return run.summary


def decode(
    context: typer.Context,
    paths: Paths,
    as_json: Annotated[
        bool | None, typer.Option("--json/--text", help="One JSON object a line; the default where no person reads.")
    ] = None,
) -> None:
    """Print the records of recorded answers.

    `-` reads standard input. No database is used.
    """
    settings = settings_of(context)
    as_json = not sys.stdout.isatty() if as_json is None else as_json
    named, found = find_files(paths)
    read = _read_all(named, found, wiring.limits(settings))
    if not read:
        raise InputError("no file holds transactions", place=paths[0])
    reference = wiring.seed()
    for path, file_answers in read:
        result = processed(_transactions(file_answers), wiring.protocols(), reference)
        rows = [shown(record, reference) for record in (*result.records, *result.failures)]
        events = [row.origin.event or "" for row in result.events]
        typer.echo(report.json_lines(rows) if as_json else report.listing(str(path), rows, events), nl=False)


def _read_all(named: list[Path], found: list[Path], bounds: Limits) -> list[tuple[Path, list[Answer]]]:
    """Every file's answers, read before anything is printed. A found file may hold none; a named one may not."""
    read = [(path, _read(path, bounds)) for path in named]
    for path in found:
        try:
            read.append((path, list(answers(path, bounds))))
        except (NoTransactions, InputError) as error:
            typer.echo(f"skipped: {error}", err=True)
    return read


def _read(path: Path, bounds: Limits) -> list[Answer]:
    try:
        return list(answers(path, bounds))
    except NoTransactions as error:
        raise InputError(str(error), remedy="name files of getTransaction or getBlock answers") from None


def _transactions(file_answers: list[Answer]) -> Iterator[Transaction]:
    """Transactions of a file; what cannot be read is told on standard error."""
    for answer in file_answers:
        for line in (answer.unavailable,) if answer.block is None else answer.block.unavailable:
            if line is not None:
                typer.echo(f"unavailable: {answer.place}: {line}", err=True)
        if answer.transaction is not None:
            yield answer.transaction
        elif answer.block is not None:
            yield from answer.block.transactions


def failures(
    context: typer.Context,
    retry: Annotated[bool, typer.Option("--retry", help="Decode again what failed, with the decoders of now.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what could not be read, by reason."""
    settings = settings_of(context)
    rows, rebuilt = asyncio.run(_failures(settings, retry=retry))
    if as_json:
        typer.echo(msgspec.json.encode({"failures": rows, "retried": rebuilt}).decode())
        return
    if rebuilt is not None:
        typer.echo(report.rebuilt(rebuilt), nl=False)
    typer.echo(report.failures(rows), nl=False)


async def _failures(settings: Settings, *, retry: bool) -> tuple[list[report.Row], Rebuilt | None]:
    async with wiring.ledger(settings) as store:
        rebuilt = None
        if retry:
            rebuilt = await reprocess_ledger(store, wiring.protocols(), await store.reference(), only_failures=True)
        return [shown_cause(one) for one in await store.failures()], rebuilt


def shown_cause(cause: FailureSummary) -> report.Row:
    """Keys in base58, discriminators in hex."""
    return {
        **msgspec.structs.asdict(cause),
        "program_id": base58.encode(cause.program_id),
        "discriminator": cause.discriminator and cause.discriminator.hex(),
    }


def reprocess(
    context: typer.Context,
    from_slot: Annotated[
        int | None,
        typer.Option("--from", metavar="SLOT", min=0, help="Only what is stored from this slot on."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make every record again from the stored bytes.

    Needs no endpoint. Goes on where it was stopped.
    """
    rebuilt = asyncio.run(_reprocess(settings_of(context), from_slot))
    typer.echo(msgspec.json.encode(rebuilt).decode() if as_json else report.rebuilt(rebuilt), nl=as_json)


async def _reprocess(settings: Settings, from_slot: int | None) -> Rebuilt:
    async with wiring.ledger(settings) as store:
        with progress("reprocessing", None) as advance:
            return await reprocess_ledger(
                store, wiring.protocols(), await store.reference(), from_slot=from_slot, on_bucket=advance
            )
