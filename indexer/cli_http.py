"""The command that serves: pages, the JSON API, metrics and the state of the indexer."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from indexer import log
from indexer.cli_daemon import reading
from indexer.cli_ending import run_to_end
from indexer.cli_records import settings_of
from indexer.config import Settings
from indexer.http import child
from indexer.http.listening import listen
from indexer.http.server import serve as serving_on
from indexer.store.database import serving


def register(app: typer.Typer) -> None:
    app.command()(serve)


def serve(
    context: typer.Context,
    fed: Annotated[int | None, typer.Option(hidden=True, help="A daemon's child: the socket's number.")] = None,
) -> None:
    """Serve pages, the JSON API and metrics, without a daemon; see [http] in the settings.

    `run` does the same by itself. Reads the ledger and never writes. Runs until it is stopped.
    """
    if fed is not None:
        settings = child.settings_from_input()
        log.configure(settings.log)
        run_to_end(_fed(settings, fed))
        return
    settings = settings_of(context)
    with listen(settings.http) as listening:
        run_to_end(_alone(settings, listening))


async def _alone(settings: Settings, listening: socket.socket) -> None:
    async with reading(settings) as url:
        await serving_on(settings, url, listening, None)


async def _fed(settings: Settings, number: int) -> None:
    """The daemon has migrated the ledger."""
    async with serving(settings) as url:
        with socket.socket(fileno=number) as listening:
            await serving_on(settings, url, listening, child.told())
