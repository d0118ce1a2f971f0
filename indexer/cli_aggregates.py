"""Commands about aggregates: what is marked is rolled up, views are refreshed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Annotated

import msgspec
import typer

from indexer import app as wiring
from indexer.cli_records import AsJson, settings_of
from indexer.config import Settings
from indexer.errors import InputError
from indexer.ingest import aggregate
from indexer.report import records as report
from indexer.store.aggregates import Aggregates


def register(app: typer.Typer) -> None:
    app.command()(refresh)


def refresh(
    context: typer.Context,
    views: Annotated[
        list[str] | None, typer.Argument(metavar="[VIEW]...", help="Materialized views, without perps.; else all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the numbers by hour and day up to date.

    What is marked is rolled up first. A view that is named is refreshed after those that it reads. A daemon does all of
    this by itself.
    """
    rows = asyncio.run(_refreshed(settings_of(context), [name.removeprefix("perps.") for name in views or ()]))
    typer.echo(msgspec.json.encode(rows).decode() if as_json else report.table(rows), nl=as_json)


async def _refreshed(settings: Settings, names: Sequence[str]) -> list[report.Row]:
    async with wiring.aggregates(settings) as aggregates:
        views = await _known(aggregates, names)
        rows: list[report.Row] = []
        began = monotonic()
        for name, marks in (await aggregate.roll_up(aggregates, settings.aggregates.marks)).items():
            rows.append({"name": name, "marks": marks, "took_ms": round(1000 * (monotonic() - began))})
            began = monotonic()
        for view in views:
            began = monotonic()
            await aggregates.refresh(view)
            rows.append({"name": f"perps.{view}", "marks": None, "took_ms": round(1000 * (monotonic() - began))})
        return rows


async def _known(aggregates: Aggregates, names: Sequence[str]) -> Sequence[str]:
    """These views and what they read. Raises InputError for a name that is none."""
    there = await aggregates.views()
    for name in names:
        if name not in there:
            raise InputError(f"no materialized view: {name}", remedy=f"one of {', '.join(there)}")
    return await aggregates.views(names)
