"""The command that tries the daemon against a cluster in a box."""

from __future__ import annotations

import os
from typing import Annotated

import msgspec
import typer

from indexer.cli_records import AsJson, settings_of
from indexer.errors import InputError

WRONG = 1  # Exit code: a ledger was not the truth.


def register(app: typer.Typer) -> None:
    app.command()(simulate)


def simulate(
    context: typer.Context,
    seed: Annotated[int, typer.Option(help="Seed of the first trial.")] = 1,
    seeds: Annotated[int, typer.Option(min=1, max=100_000, help="How many trials, seed by seed.")] = 1,
    faults: Annotated[
        str, typer.Option(metavar="PROFILE", help="calm, network, nodes, history, portal, forks or everything.")
    ] = "everything",
    slots: Annotated[int, typer.Option(min=120, max=1_000_000, help="Length of the chain.")] = 260,
    speed: Annotated[
        float, typer.Option(min=0.0, max=1000.0, help="Chain seconds in a second; 0: as fast as it can.")
    ] = 0.0,
    processes: Annotated[int, typer.Option(min=1, max=256, help="Trials at the same time.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Try the daemon on a simulated cluster with faults, in memory.

    The ledger is compared with the truth of the chain, row for row. Exit code 1: it differs.
    """
    from indexer import trials  # Loads the runtime and the encoder: a second.

    settings_of(context)
    if faults not in trials.PROFILES:
        raise InputError(f"no faults are called {faults!r}", remedy=f"name one of {', '.join(trials.PROFILES)}")
    wanted = [trials.Plan(seed=seed + n, profile=faults, slots=slots, speed=speed) for n in range(seeds)]
    found = []
    if not as_json:
        typer.echo(trials.campaign.head())
    for outcome in trials.campaign.outcomes(wanted, trials.run, min(processes, os.cpu_count() or 1)):
        found.append(outcome)
        typer.echo(msgspec.json.encode(outcome).decode() if as_json else trials.campaign.line(outcome))
        for detail in () if as_json else outcome.details:
            typer.echo(f"    {detail}")
    if not as_json:
        typer.echo(trials.campaign.summary(found))
    if not all(outcome.is_true for outcome in found):
        raise typer.Exit(WRONG)
