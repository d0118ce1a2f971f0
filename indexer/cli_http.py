"""The command that serves without a daemon: pages, the JSON API, metrics and the state of the ledger."""

from __future__ import annotations

import socket

import typer

from indexer.cli_daemon import reading
from indexer.cli_ending import run_to_end
from indexer.cli_records import settings_of
from indexer.config import Settings
from indexer.http.listening import listen
from indexer.http.server import serve as serve_on


def register(app: typer.Typer) -> None:
    app.command()(serve)


def serve(context: typer.Context) -> None:
    """Serve pages, the JSON API, metrics and the state of the ledger, without a daemon; see [http] in the settings.

    `run` does the same by itself. Reads the ledger and never writes. Runs until it is stopped.
    """
    settings = settings_of(context)
    with listen(settings.http) as listening:
        run_to_end(_serve(settings, listening))


async def _serve(settings: Settings, listening: socket.socket) -> None:
    async with reading(settings) as url:
        await serve_on(settings, url, listening, None)
