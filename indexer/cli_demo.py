"""The command that shows the whole system without an endpoint: a simulated cluster, and the real daemon on it."""

from __future__ import annotations

from typing import Annotated

import typer

from indexer.cli_ending import run_to_end
from indexer.cli_records import settings_of


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="End after the comparison is printed.")] = False,
    days: Annotated[int, typer.Option(min=2, max=90, help="Days of simulated history.")] = 45,
    hours: Annotated[float, typer.Option(min=0.1, max=48.0, help="How long the simulated chain goes on.")] = 8.0,
    seed: Annotated[int, typer.Option(help="Seed of the simulated chain.")] = 1,
) -> None:
    """Show it all on a simulated cluster: history, live tail, aggregates, the comparison.

    Nothing of it is real, and it is kept apart: in the folder `demo` of the data folder, which every demo empties.
    Ctrl-C ends it.
    """
    from indexer.demo.session import run  # Loads the runtime and the encoder: a second.
    from indexer.demo.shape import Shape

    settings = settings_of(context)
    run_to_end(
        run(settings, Shape(seed=seed, days=days, hours=hours), once=once, show=lambda text: typer.echo(text, nl=False))
    )
