"""Commands that ask a Solana node. Nothing of it enters the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
import typer

from indexer import app as wiring
from indexer.cli_records import AsJson, settings_of
from indexer.core import base58
from indexer.core.protocol import Program
from indexer.report import records as report

UNKNOWN_EVENTS = 1  # Exit code: a program publishes events that would become failures here.


def register(app: typer.Typer) -> None:
    app.command()(idl)


def idl(
    context: typer.Context,
    endpoint: Annotated[
        str, typer.Argument(metavar="ENDPOINT", envvar="PERPS_ENDPOINT", help="URL of a node's JSON-RPC.")
    ],
    as_json: AsJson = False,
) -> None:
    """Compare our events with the IDLs on chain.

    Exit code 1: a program publishes an event that this version does not know. An endpoint of another cluster is
    refused. PERPS_ENDPOINT keeps a key in the URL out of the process list.
    """
    settings = settings_of(context)
    rows = asyncio.run(_compared(endpoint, settings.cluster.genesis_hash))
    typer.echo(msgspec.json.encode(rows).decode() if as_json else report.table(rows), nl=as_json)
    if any(row["unknown_here"] for row in rows):
        raise typer.Exit(UNKNOWN_EVENTS)


async def _compared(endpoint: str, genesis_hash: str) -> list[report.Row]:
    from indexer.sources.accounts import published_events, require_cluster  # Loads Anchor's client: half a second.

    await require_cluster(endpoint, genesis_hash)
    return [
        compared(protocol.name, program, await published_events(endpoint, program.id))
        for protocol in wiring.protocols()
        for program in protocol.programs.values()
    ]


def compared(protocol: str, program: Program, published: Iterable[str] | None) -> dict[str, Any]:
    """One program's events here and on chain. `published` None: it publishes no IDL, so nothing can be told."""
    ours, theirs = {layout.name for layout in program.layouts.values()}, set(published or ())
    return {
        "protocol": protocol,
        "program_id": base58.encode(program.id),
        "is_published": published is not None,
        "unknown_here": sorted(theirs - ours),
        "not_published": sorted(ours - theirs) if published is not None else [],
    }
