"""Commands that ask a Solana node. Nothing of it enters the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from indexer import app as wiring
from indexer import app_network as composed
from indexer.cli_records import settings_of
from indexer.cli_run import Protocols
from indexer.core import base58
from indexer.core.idl import UnsupportedIdl
from indexer.core.misreading import findings
from indexer.core.published import read_published
from indexer.report import misread as report
from indexer.report.misread import Checked

if TYPE_CHECKING:
    from indexer.sources.accounts import PublishedIdl

MISREAD = 1  # Exit code: a program publishes what would be misread here, or an IDL that cannot be read.


class Format(StrEnum):
    table = "table"
    json = "json"


_commands = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="The IDLs that programs publish on chain.")


def register(app: typer.Typer) -> None:
    app.add_typer(_commands, name="idl")


@_commands.command()
def check(
    context: typer.Context,
    endpoint: Annotated[
        str | None,
        typer.Argument(
            metavar="ENDPOINT",
            envvar="PERPS_ENDPOINT",
            help="URL of a node's JSON-RPC. Default: the first one of the settings.",
        ),
    ] = None,
    protocol: Protocols = None,
    format: Annotated[Format, typer.Option(help="How it is printed.")] = Format.table,  # noqa: A002 (its name)
) -> None:
    """Compare our IDL files with the IDLs on chain, and say what would be misread.

    Exit code 1: something would, or an IDL cannot be read. A program without one is no trouble. An endpoint of another
    cluster is refused. PERPS_ENDPOINT keeps a key in the URL out of the process list.
    """
    settings = settings_of(context)
    names = [one.name for one in composed.chosen(protocol or [])]
    checked = asyncio.run(_checked(endpoint or settings.endpoints.rpc_urls[0], settings.cluster.genesis_hash, names))
    typer.echo(
        msgspec.json.encode(checked).decode() + "\n" if format is Format.json else report.text(checked), nl=False
    )
    if any(one.wants_a_person for one in checked):
        raise typer.Exit(MISREAD)


async def _checked(endpoint: str, genesis_hash: str, names: Sequence[str]) -> list[Checked]:
    from indexer.sources.accounts import published_idls, require_cluster  # Loads Solana's client: half a second.

    await require_cluster(endpoint, genesis_hash)
    known = [one for one in wiring.known_programs() if one.protocol in names]
    found = await published_idls(endpoint, [one.program_id for one in known])
    return [each for one in known for each in compared(one, [idl for idl in found if idl.program_id == one.program_id])]


def compared(ours: wiring.KnownProgram, published: Sequence[PublishedIdl]) -> Iterator[Checked]:
    """One for each IDL of the program; one alone where it publishes none."""
    blank = Checked(ours.protocol, ours.file, base58.encode(ours.program_id), "not_published")
    if not published:
        yield blank
    for one in published:
        yield _compared(msgspec.structs.replace(blank, account=one.account, key=one.key), ours, one.text)


def _compared(blank: Checked, ours: wiring.KnownProgram, text: str | UnsupportedIdl) -> Checked:
    try:
        if isinstance(text, UnsupportedIdl):
            raise text
        theirs = read_published(text)
    except UnsupportedIdl as error:
        return msgspec.structs.replace(blank, outcome="unreadable", reason=str(error))
    found = findings(ours.ours, theirs)
    return msgspec.structs.replace(
        blank,
        outcome=report.outcome_of(found),
        dialect=theirs.dialect,
        version=theirs.version,
        reason="says nothing of events: they are not compared" if theirs.events is None and ours.ours.layouts else None,
        findings=tuple(found),
    )
