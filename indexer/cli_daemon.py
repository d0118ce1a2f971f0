"""Commands about what daemons and backfills do: status, gaps. Both read `perps.*` alone."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import msgspec
import typer

from indexer import app as wiring
from indexer.cli_records import AsJson, settings_of
from indexer.config import Settings
from indexer.errors import InputError
from indexer.report import daemons as report
from indexer.store.database import open_database, serving

OfProtocol = Annotated[
    str | None, typer.Option("--protocol", metavar="P", help="Only drift, jupiter_perps or gmx_solana.")
]


def register(app: typer.Typer) -> None:
    for command in (status, gaps):
        app.command()(command)


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Say how far the ledger is, what it lacks, and how the endpoints fare."""
    streams, providers, asked, workers = asyncio.run(_status(settings_of(context)))
    told = {"protocols": streams, "providers": providers, "backfill": asked, "workers": workers}
    text = _json(told) if as_json else report.status(streams, providers, asked, workers)
    typer.echo(text, nl=False)


def gaps(context: typer.Context, protocol: OfProtocol = None, as_json: AsJson = False) -> None:
    """List the slots that are wanted and not settled.

    Missing ones are still to be fetched, unavailable ones are tried again slowly. JSON: one list.
    """
    settings = settings_of(context)
    names = _names(protocol)
    rows, streams = asyncio.run(_gaps(settings))
    rows, streams = ([row for row in some if row["protocol"] in names] for some in (rows, streams))
    typer.echo(_json(rows) if as_json else report.gaps(rows, streams), nl=False)


async def _status(settings: Settings) -> tuple[list[report.Row], ...]:
    async with reading(settings) as url:
        timeout_s = settings.database.connect_timeout_s
        return *await report.read_status(url, timeout_s=timeout_s), *await report.read_work(url, timeout_s=timeout_s)


async def _gaps(settings: Settings) -> tuple[list[report.Row], list[report.Row]]:
    async with reading(settings) as url:
        timeout_s = settings.database.connect_timeout_s
        return await report.read_gaps(url, timeout_s=timeout_s), (await report.read_status(url, timeout_s=timeout_s))[0]


def reading(settings: Settings) -> AbstractAsyncContextManager[str]:
    """A database of the user's is read as it is: a question must not change its schema."""
    return serving(settings) if settings.database.url else open_database(settings)


def _names(protocol: str | None) -> tuple[str, ...]:
    known = tuple(wiring.stream_names())
    if protocol is not None and protocol not in known:
        raise InputError(f"no protocol {protocol!r}", remedy=f"name one of {', '.join(known)}")
    return known if protocol is None else (protocol,)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode() + "\n"
