"""The command line: each command reads its arguments, calls one thing, prints what came out.

An error a person can fix is one line on standard error and exit code 2; a traceback means a bug.
Results go to standard output, logs and errors to standard error.
"""

import asyncio
import io
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from indexer import (
    __version__,
    cli_aggregates,
    cli_daemon,
    cli_demo,
    cli_digest,
    cli_http,
    cli_nodes,
    cli_records,
    cli_report,
    cli_run,
    cli_simulate,
    cli_verify,
    cli_worker,
)
from indexer.cli_records import settings_of
from indexer.config import Settings
from indexer.errors import EXIT_CODE, InputError, PerpsIndexerError, StoreUnavailable
from indexer.redaction import redacted
from indexer.report import examples
from indexer.report.printers import PRINTERS
from indexer.report.psql import run_psql
from indexer.report.query import run_query
from indexer.store import migrate as migrations
from indexer.store.connection import address_of, connected
from indexer.store.database import embedded, open_database, serving

INTERRUPTED, OUTPUT_CLOSED = 130, 141  # As shells count them: 128 + SIGINT, 128 + SIGPIPE.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # Its parent; typer exports it by no name of its own.

app = typer.Typer(
    name="perps-indexer",
    help="Index GMX-Solana, Jupiter Perps and Drift into PostgreSQL.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
db = typer.Typer(help="The embedded PostgreSQL server.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(db, name="db")
cli_records.register(app)
cli_nodes.register(app)
cli_run.register(app)
cli_worker.register(app)
cli_verify.register(app)
cli_digest.register(app)
cli_simulate.register(app)
cli_demo.register(app)
cli_daemon.register(app)
cli_http.register(app)
cli_aggregates.register(app)
cli_report.register(app)


def main() -> None:
    """The command `perps-indexer`."""
    _open_streams()
    sys.exit(_code())


def _code() -> int:
    """Run the command that the arguments name: its exit code."""
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()  # Or a full disk would show after the last chance to say so.
    except PerpsIndexerError as error:
        _complain(error)
    except UsageError as error:
        _complain_of_usage(error)
    except OSError as error:
        return _complain_of_system(error)
    except SystemExit as ended:
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        return OUTPUT_CLOSED  # The reader has seen enough (`| head`); typer makes a plain 1 of it.
    except KeyboardInterrupt:
        return INTERRUPTED
    else:
        return int(code or 0)
    return EXIT_CODE


def _open_streams() -> None:
    """All three exist, a closed one as /dev/null: a socket must not take its number. Text is UTF-8 in any locale."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (open until the end)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _complain(error: PerpsIndexerError) -> None:
    remedy = f" ({error.remedy})" if error.remedy else ""
    typer.echo(f"error: {redacted(' '.join(f'{error}{remedy}'.split()))}", err=True)


def _complain_of_usage(error: Exception) -> None:
    """An option or argument that does not exist or fit; without any argument, the help."""
    text = error.format_message().replace("Value error, ", "")  # type: ignore[attr-defined]  # What UsageError has, see there.
    if text.startswith("Usage:"):
        typer.echo(text, err=True)
        return
    context = getattr(error, "ctx", None)
    remedy = f"see {context.command_path} --help" if context else None
    _complain(InputError(text[:1].lower() + text[1:].rstrip("."), remedy=remedy))


def _complain_of_system(error: OSError) -> int:
    """What the system refused and nobody expected; of what has no file it is our output that failed."""
    if isinstance(error, BrokenPipeError):
        code = OUTPUT_CLOSED
    else:
        code = EXIT_CODE
        _complain(InputError(error.strerror or str(error), place=str(error.filename or "standard output")))
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would complain again at exit.
    return code


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"perps-indexer {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings; see config/default.toml.")] = None,
    _show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    context.obj = config


@db.command()
def start(context: typer.Context) -> None:
    """Start the embedded server, to stay until `db stop`."""
    settings = settings_of(context)
    _refuse_with_url(settings)
    server = embedded(settings)
    server.keep()
    server.release()
    status = server.status()
    typer.echo(f"running on 127.0.0.1:{status.port}, data in {status.folder}")


@db.command()
def stop(context: typer.Context) -> None:
    """Stop the embedded server, for everybody who uses it."""
    settings = settings_of(context)
    _refuse_with_url(settings)
    typer.echo("stopped" if embedded(settings).stop() else "was not running")


@db.command()
def url(context: typer.Context) -> None:
    """Print the URL of the current database, with its password."""
    settings = settings_of(context)
    found = settings.database.url.get_secret_value() if settings.database.url else embedded(settings).url
    if found is None:
        raise StoreUnavailable("the embedded server does not run", remedy="perps-indexer db start")
    typer.echo(found)


@db.command()
def status(context: typer.Context) -> None:
    """Say which database is used and whether it runs."""
    settings = settings_of(context)
    if settings.database.url:
        typer.echo(asyncio.run(_describe(settings.database.url.get_secret_value(), settings)))
        return
    found = embedded(settings).status()
    how = "until `db stop`" if found.stays else "while it is used"
    running = f"running on 127.0.0.1:{found.port} {how}, process {found.pid}" if found.port else "not running"
    typer.echo(f"embedded server, data in {found.folder}: {running}")


async def _describe(url: str, settings: Settings) -> str:
    async with connected(url, timeout_s=settings.database.connect_timeout_s) as connection:
        version = connection.get_settings().server_version
        return f"{address_of(url)} (from DATABASE_URL or the settings): PostgreSQL {version}"


def _refuse_with_url(settings: Settings) -> None:
    if settings.database.url:
        place = address_of(settings.database.url.get_secret_value())
        raise InputError("this database is used, not the embedded server", place=place, remedy="unset DATABASE_URL")


@app.command()
def migrate(context: typer.Context) -> None:
    """Bring the database to the newest schema."""
    applied = asyncio.run(_migrate(settings_of(context)))
    typer.echo("\n".join(applied) if applied else "up to date")


async def _migrate(settings: Settings) -> list[str]:
    async with serving(settings) as url:
        return await migrations.migrate(url, timeout_s=settings.database.connect_timeout_s)


class Format(StrEnum):
    table = "table"
    csv = "csv"
    json = "json"


@app.command()
def sql(
    context: typer.Context,
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="One statement; `-` reads it from standard input.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How rows are printed.")] = Format.table,  # noqa: A002 (its name)
    example: Annotated[str | None, typer.Option(metavar="NAME", help="Run an example; see --examples.")] = None,
    show_examples: Annotated[bool, typer.Option("--examples", help="List the examples, and end.")] = False,
) -> None:
    """Run a read-only query; without one, psql.

    Works on DATABASE_URL if set, else on the embedded server. NULL is an empty cell or field, in json null.
    """
    if show_examples:
        typer.echo(examples.listing(), nl=False)
        return
    if example is not None:
        query = _example(example, query)
    settings = settings_of(context)
    if query == "-" or (query is None and not sys.stdin.isatty()):
        query = sys.stdin.read()
    code = asyncio.run(_sql(settings, query, format))
    if code:
        raise typer.Exit(code)


def _example(name: str, query: str | None) -> str:
    if query is not None:
        raise InputError("a query and an example were given", remedy="give one of them")
    return examples.example(name)


async def _sql(settings: Settings, query: str | None, form: Format) -> int:
    # A database of the user's is read as it is: a question must not change its schema.
    async with serving(settings) if settings.database.url else open_database(settings) as url:
        if query is None:
            return run_psql(url)  # Nothing else runs meanwhile, and signals want the main thread.
        printer = PRINTERS[form](sys.stdout)
        await run_query(url, query, printer, timeout_s=settings.database.connect_timeout_s)
        sys.stdout.flush()
        return 0
