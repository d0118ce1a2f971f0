"""Commands that answer: report, export. Both read `perps.*` alone."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from indexer.cli_daemon import reading
from indexer.cli_records import settings_of
from indexer.config import Settings
from indexer.errors import InputError
from indexer.report import export as exporting
from indexer.report import laid_out, page, programs
from indexer.report.comparison import PROTOCOLS, Report, read_report
from indexer.report.progress import counting
from indexer.report.whole_file import whole_file

MOST_DAYS = 3660


class Format(StrEnum):
    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    html = "html"


_WRITERS = {
    Format.table: laid_out.text,
    Format.json: programs.json,
    Format.csv: programs.csv_text,
    Format.markdown: laid_out.markdown,
    Format.html: page.html,
}


def register(app: typer.Typer) -> None:
    for command in (report, export):
        app.command()(command)


def report(
    context: typer.Context,
    at: Annotated[
        str | None, typer.Option(metavar="DATE", help="End with the last full UTC day up to this one; else the newest.")
    ] = None,
    window: Annotated[str, typer.Option(metavar="DAYS", help="How long: 1d, 7d, 30d ...")] = "7d",
    protocol: Annotated[
        list[str] | None, typer.Option("--protocol", metavar="P", help="Only this one; may be given several times.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How it is written.")] = Format.table,  # noqa: A002 (its name)
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Write to a file instead of standard output.")] = None,
) -> None:
    """Compare the protocols: volume, TVL, fees, efficiency, yields, activity.

    Over a window of whole UTC days. What is unknown is said to be unknown; each table says which days were not fully
    covered, and how old its numbers are.
    """
    days, day, names = _days(window), _day("--at", at), _names(protocol)
    found = asyncio.run(_report(settings_of(context), day, days, names, with_course=format is Format.html))
    _write(_WRITERS[format](found), to)


async def _report(settings: Settings, at: date | None, days: int, names: list[str], *, with_course: bool) -> Report:
    async with reading(settings) as url:
        timeout_s = settings.database.connect_timeout_s
        return await read_report(url, at, days, names, with_course=with_course, timeout_s=timeout_s)


def export(
    context: typer.Context,
    view: Annotated[
        str, typer.Argument(metavar="VIEW", help="A view of schema perps, such as trades or volume_daily.")
    ],
    to: Annotated[Path, typer.Option(metavar="FILE", help="Where to: FILE.parquet or FILE.csv.")],
    since: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First UTC day, by day, hour or block_time.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DATE", help="The UTC day behind the last one.")] = None,
) -> None:
    """Write a view's rows to a Parquet or CSV file, every digit.

    The file is there whole or not at all. In CSV NULL is an empty field, and an empty text is "".
    """
    days = exporting.Days(_day("--from", since), _day("--until", until))
    asyncio.run(_export(settings_of(context), view, to, days))


async def _export(settings: Settings, view: str, to: Path, days: exporting.Days) -> None:
    unit = "bytes" if to.suffix.lower() == ".csv" else "rows"
    async with reading(settings) as url:
        with counting(f"exporting {view}", unit) as moved:
            rows = await exporting.export(url, view, to, days, moved, timeout_s=settings.database.connect_timeout_s)
    typer.echo(f"{to}: {rows:,} rows of {view}")


def _write(text: str, to: Path | None) -> None:
    if to is None:
        sys.stdout.write(text)
        return
    with whole_file(to) as file:
        file.write(text.encode())


def _days(window: str) -> int:
    found = re.fullmatch(r"([0-9]{1,5})d", window)
    if found is None or not 1 <= int(found[1]) <= MOST_DAYS:
        raise InputError(f"no window: {window!r}", remedy=f"give days, 1d to {MOST_DAYS}d, such as --window 7d")
    return int(found[1])


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(f"no day: {text!r}", remedy=f"give {option} a UTC day such as 2026-03-01") from None


def _names(protocols: list[str] | None) -> list[str]:
    for name in protocols or ():
        if name not in PROTOCOLS:
            raise InputError(f"no protocol {name!r}", remedy=f"name one of {', '.join(sorted(PROTOCOLS))}")
    return [name for name in PROTOCOLS if protocols is None or name in protocols]
