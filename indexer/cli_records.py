"""Commands that turn recorded answers into records: replay, decode, failures, reprocess."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from indexer import app as wiring
from indexer import log
from indexer.config import Settings, load
from indexer.core import base58
from indexer.core.protocol import Processed, process
from indexer.core.shown import shown
from indexer.errors import InputError
from indexer.ingest.replay import Replay, Summary, check
from indexer.ingest.reprocess import Rebuilt, reprocess_ledger
from indexer.report import records as report
from indexer.report.progress import progress
from indexer.sources.recorded import Answer, NoTransactions, answers, find_files
from indexer.store.base import FailureSummary

Paths = Annotated[list[str], typer.Argument(help="Files or folders of getTransaction or getBlock JSON; `.zst` too.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def register(app: typer.Typer) -> None:
    for command in (replay, decode, failures, reprocess):
        app.command()(command)


def _settings(context: typer.Context) -> Settings:
    settings = load(context.obj)
    log.configure(settings.log)
    return settings


def replay(
    context: typer.Context,
    paths: Paths,
    settle: Annotated[bool, typer.Option(help="Whole blocks settle their slots.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write what recorded answers hold into the ledger."""
    settings = _settings(context)
    named, found = find_files(paths)
    summary = asyncio.run(_replay(settings, named, found, settle=settle))
    typer.echo(msgspec.json.encode(summary).decode() if as_json else report.summary(summary), nl=as_json)


async def _replay(settings: Settings, named: list[Path], found: list[Path], *, settle: bool) -> Summary:
    bounds = wiring.limits(settings)
    if "-" in map(str, named):
        raise InputError("replay reads its files twice; standard input cannot be", remedy="write it to a file")
    with progress("checking", len(named)) as advance:
        check(named, bounds, lambda _path: advance())
    async with wiring.ledger(settings) as store:
        run = Replay(
            store,
            wiring.protocols(),
            await store.reference(),
            bounds,
            page_transactions=settings.replay.page_transactions,
            settle=settle,
        )
        files = list(dict.fromkeys(named + found))
        with progress("replaying", len(files)) as advance:
            for path in files:
                await run.file(path)
                advance()
    if not run.summary.files and not run.summary.unavailable:
        raise InputError("no file holds transactions", place=str(files[0].parent))
    return run.summary


def decode(context: typer.Context, paths: Paths, as_json: AsJson = False) -> None:
    """Print the records that recorded answers hold; `-` reads standard input. No database is used."""
    settings = _settings(context)
    named, found = find_files(paths)
    bounds, reference = wiring.limits(settings), wiring.seed()
    read: list[tuple[Path, list[Answer]]] = []
    for path in named:
        try:
            read.append((path, list(answers(path, bounds))))
        except NoTransactions as error:
            raise InputError(str(error), remedy="name files of getTransaction or getBlock answers") from None
    for path in found:
        try:
            read.append((path, list(answers(path, bounds))))
        except (NoTransactions, InputError) as error:
            typer.echo(f"skipped: {error}", err=True)
    if not read:
        raise InputError("no file holds transactions", place=paths[0])
    for path, file_answers in read:
        result = Processed()
        for answer in file_answers:
            if answer.unavailable:
                typer.echo(f"unavailable: {answer.place}: {answer.unavailable}", err=True)
            transactions = answer.block.transactions if answer.block else [answer.transaction]
            for line in answer.block.unavailable if answer.block else ():
                typer.echo(f"unavailable: {answer.place}: {line}", err=True)
            for transaction in transactions:
                if transaction is not None:
                    result.add(process(transaction, wiring.protocols(), reference))
        rows = [shown(record, reference) for record in (*result.records, *result.failures)]
        sys.stdout.write(report.json_lines(rows) if as_json else report.listing(str(path), rows))


def failures(
    context: typer.Context,
    retry: Annotated[bool, typer.Option(help="Decode again what failed, with the decoders of now.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what could not be read, by reason."""
    settings = _settings(context)
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


def reprocess(context: typer.Context, as_json: AsJson = False) -> None:
    """Make every record again from the stored bytes; needs no endpoint. Goes on where it was stopped."""
    rebuilt = asyncio.run(_reprocess(_settings(context)))
    typer.echo(msgspec.json.encode(rebuilt).decode() if as_json else report.rebuilt(rebuilt), nl=as_json)


async def _reprocess(settings: Settings) -> Rebuilt:
    async with wiring.ledger(settings) as store:
        with progress("reprocessing", None) as advance:
            return await reprocess_ledger(store, wiring.protocols(), await store.reference(), on_bucket=advance)
