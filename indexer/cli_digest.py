"""The command `digest`: one number for what a range of slots holds, its manifest, and what two manifests differ in."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from indexer import app as wiring
from indexer import app_network as composed
from indexer.cli_ending import run_to_end
from indexer.cli_records import AsJson, settings_of
from indexer.cli_run import STILL_MISSING, Protocols
from indexer.config import Settings
from indexer.core.coverage import Span, union
from indexer.core.digest import BUCKET_SLOTS
from indexer.errors import InputError
from indexer.report import digest_differences
from indexer.report import digests as report
from indexer.report import manifest as manifests
from indexer.report.manifest_comparison import compare
from indexer.report.progress import progress
from indexer.report.whole_file import whole_file
from indexer.store.base import Store

MOST_SLOTS = 2_000_000_000  # Of a range: 25 years.
_commands = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
Found = tuple[manifests.Manifest, report.Recomputed | None]


def register(app: typer.Typer) -> None:
    app.add_typer(_commands, name="digest")


@_commands.callback()
def digest(
    context: typer.Context,
    slots: Annotated[str | None, typer.Option(metavar="A-B", help="First and last slot. Default: all settled.")] = None,
    protocol: Protocols = None,
    manifest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all buckets there as well, to be compared by others.")
    ] = None,
    transactions: Annotated[
        bool, typer.Option("--transactions", help="With a digest of each transaction in the manifest.")
    ] = False,
    recompute: Annotated[
        bool, typer.Option("--recompute", help="Compare kept digests with the stored payloads, bucket by bucket.")
    ] = False,
    as_json: Annotated[
        bool | None, typer.Option("--json/--text", help="The manifest as JSON; the default where no person reads.")
    ] = None,
) -> None:
    """Print the digest of all settled payloads: equal for equal ledgers, however they were filled.

    Exit code 1: not all of these slots are settled; with --recompute or --transactions: stored payloads are not those
    that were written.
    """
    if context.invoked_subcommand is not None:
        return
    settings = settings_of(context)
    span = None if slots is None else _span(slots)
    names = [stream.name for stream in composed.chosen(protocol or settings.run.protocols)]
    found, checked = run_to_end(_digest(settings, names, span, transactions=transactions, recompute=recompute))
    if manifest is not None:
        with whole_file(manifest) as file:
            file.write(manifests.encoded(found))
    as_json = not sys.stdout.isatty() if as_json is None else as_json
    if checked is not None:
        told = msgspec.json.encode(checked).decode() + "\n"
        typer.echo(told if as_json else report.recomputed(checked), nl=False)
    else:
        typer.echo(manifests.encoded(found).decode() if as_json else report.text(found), nl=False)
    if found.unlike or not (found.is_whole if checked is None else not checked.wrong):
        raise typer.Exit(STILL_MISSING)


@_commands.command("compare")
def compare_manifests(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A manifest.", exists=True, dir_okay=False)],
    other: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Another. Default: the ledger.", exists=True, dir_okay=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Name the buckets in which two ledgers differ, and the transactions where manifests tell them.

    Exit code 1: they differ, or are not settled alike.
    """
    one, names = manifests.read(file), (str(file), str(other) if other else "the ledger")
    against = manifests.read(other) if other else run_to_end(_same_of_ledger(settings_of(context), one))
    found = compare(one, against, " and ".join(names))
    typer.echo(msgspec.json.encode(found).decode() if as_json else digest_differences.text(found, *names), nl=as_json)
    if not found.is_equal:
        raise typer.Exit(STILL_MISSING)


async def _same_of_ledger(settings: Settings, one: manifests.Manifest) -> manifests.Manifest:
    """What the ledger has of the same."""
    names = [stream.protocol for stream in one.streams]
    composed.chosen(names)  # Raises for one that is not known.
    return (await _digest(settings, names, one.span, transactions=one.has_transactions))[0]


async def _digest(
    settings: Settings, names: Sequence[str], span: Span | None, *, transactions: bool, recompute: bool = False
) -> Found:
    async with wiring.ledger(settings) as store:
        span, bytes_from = span or await _settled(store, names), await store.bytes_from()
        report.check_bytes(span, bytes_from, transactions=transactions)
        await _build(store, names, span, bytes_from)
        checked = await report.recompute(store, names, span, bytes_from) if recompute else None
        genesis_hash = settings.cluster.genesis_hash
        return await report.manifest_of(store, genesis_hash, names, span, transactions=transactions), checked


async def _build(store: Store, names: Sequence[str], span: Span, bytes_from: int) -> None:
    """What was settled before digests were kept, once for each bucket; a run that is stopped goes on where it was.

    Raises InputError where its bytes were let go before.
    """
    waiting = [(name, bucket) for name in names for bucket in await store.digests_waiting(name, span)]
    if lost := [bucket * BUCKET_SLOTS for _, bucket in waiting if bucket * BUCKET_SLOTS < bytes_from]:
        raise InputError(
            f"slots {min(lost)} to {max(lost) + BUCKET_SLOTS - 1} were filled before digests were kept, and the"
            f" bytes of slots below {bytes_from} were let go since: nothing tells their digest",
            remedy=f"ask from slot {bytes_from} on",
        )
    with progress("hashing", len(waiting)) as advance:
        for name, bucket in waiting:
            await store.build_digest(name, bucket)
            advance()


async def _settled(store: Store, names: Sequence[str]) -> Span:
    covered = union(*[await store.coverage(name) for name in names])
    if not covered:
        raise InputError("no slot is settled", remedy="perps-indexer run, or a backfill, settles slots")
    return Span(covered[0].start, covered[-1].end)


def _span(text: str) -> Span:
    """Raises InputError."""
    first, dash, last = text.partition("-")
    if not (dash and first.isascii() and last.isascii() and first.isdigit() and last.isdigit()):
        raise InputError(f"{text!r} is no range of slots", remedy="write first and last slot, as 370000000-370009999")
    if not 0 <= int(last) - int(first) < MOST_SLOTS or int(last) >= 2**62:
        raise InputError(f"slots {first} to {last} are no range of 1 to {MOST_SLOTS} slots")
    return Span(int(first), int(last) + 1)
