"""The command `verify`: the certificate of completeness, its repair, and second opinions."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from random import Random
from typing import Annotated

import msgspec
import typer

from indexer import app as wiring
from indexer import app_network as composed
from indexer.cli_ending import run_to_end
from indexer.cli_records import settings_of
from indexer.cli_run import STILL_MISSING, Protocols
from indexer.config import Settings
from indexer.core.coverage import Span, common
from indexer.errors import InputError
from indexer.ingest import verifying
from indexer.ingest.moments import time_of
from indexer.ingest.repairing import Repair, Repaired
from indexer.ingest.writing import Writer
from indexer.report import completeness as report
from indexer.store.base import Store
from indexer.store.proofs import Opinion, PostgresProofs
from indexer.verify.certificate import Certificate

_END = 2**62  # Behind every slot.


class Format(StrEnum):
    table = "table"
    json = "json"


class Wish(msgspec.Struct, frozen=True):
    """What was asked for, besides the protocols."""

    start: str | None
    end: str | None
    repair: bool
    second: str | None
    sample: float


class Found(msgspec.Struct, frozen=True):
    """`without`: protocols of which none of these slots is settled, so that there is nothing to prove. `let_go_below`:
    the bytes of earlier slots were let go; 0: of none.
    """

    certificates: Sequence[Certificate]
    without: Sequence[str]
    repaired: Repaired | None
    opinions: Sequence[Opinion]
    let_go_below: int = 0


def register(app: typer.Typer) -> None:
    app.command()(verify)


def verify(
    context: typer.Context,
    protocol: Protocols = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="SLOT|TIME", help="First slot, or a UTC time. Default: all.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="SLOT|TIME", help="Last slot, or a UTC time.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Fetch what gaps must hold once more, from others than before.")
    ] = False,
    second: Annotated[
        str | None, typer.Option(metavar="URL", help="Compare settled slots with what this endpoint tells of them.")
    ] = None,
    sample: Annotated[str, typer.Option(metavar="1%", help="How much of them, with --second.")] = "1%",
    format: Annotated[Format, typer.Option(help="How it is printed.")] = Format.table,  # noqa: A002 (its name)
) -> None:
    """Prove the ledger complete, by what the protocols themselves count and sum.

    What changed since it was proven is proven again; with --from or --to all of these slots. Exit code 1: something is
    missing, or not settled.
    """
    settings = settings_of(context)
    wish = Wish(start, end, repair, second, _part(sample))
    found = run_to_end(_verified(settings, protocol or settings.run.protocols, wish))
    typer.echo(_printed(found, format), nl=False)
    if not all(one.is_whole for one in found.certificates):
        raise typer.Exit(STILL_MISSING)


def _printed(found: Found, form: Format) -> str:
    if form is Format.json:
        told = {
            "protocols": report.rows(found.certificates),
            "nothing_settled": found.without,
            "repaired": found.repaired,
            "second_opinions": found.opinions,
            "let_go_below": found.let_go_below,
        }
        return msgspec.json.encode(told).decode() + "\n"
    notes = report.notes(found.without, found.repaired, found.opinions, found.let_go_below)
    return report.text(found.certificates) + notes


async def _verified(settings: Settings, names: Sequence[str], wish: Wish) -> Found:
    streams = [stream.name for stream in composed.chosen(names)]
    witnesses = {name: one for name, one in wiring.witnesses().items() if name in streams}
    async with wiring.ledger(settings) as store, wiring.proofs(settings) as proofs:
        start, behind = await _bounds(store, wish)
        span = Span(start or 0, _END if behind is None else behind)
        if (start, behind) != (None, None):
            await proofs.mark(streams, span)
        await verifying.prove_marked(proofs, witnesses)
        repaired, opinions = None, []
        if wish.repair:
            repaired = await _repaired(settings, store, proofs, witnesses, span)
        if wish.second is not None:
            opinions = await _opinions(settings, store, proofs, streams, span, wish)
        told = {name: await verifying.certified(proofs, store, name, start, behind) for name in streams}
        if not any(told.values()):
            raise InputError("nothing to prove: no such slot is settled", remedy="`run` and `backfill` settle slots")
        without = [name for name, one in told.items() if one is None]
        certificates = [one for one in told.values() if one is not None]
        bytes_from = await proofs.bytes_from()
        let_go = bytes_from if any(one.span.start < bytes_from for one in certificates) else 0
        return Found(certificates, without, repaired, opinions, let_go)


async def _repaired(
    settings: Settings, store: Store, proofs: PostgresProofs, witnesses: verifying.Witnesses, span: Span
) -> Repaired:
    rng = Random()  # noqa: S311 (jitter)
    async with composed.network(settings) as wire:
        others = composed.Others(settings, wire.http, rng)
        streams = composed.chosen(list(witnesses))
        repair = Repair(proofs, store, Writer(store, rng), streams, witnesses, others)
        for name in witnesses:
            await repair.run(name, span)
        return repair.done


async def _opinions(
    settings: Settings, store: Store, proofs: PostgresProofs, streams: Sequence[str], span: Span, wish: Wish
) -> list[Opinion]:
    assert wish.second is not None, "asked for"
    rng, found = Random(), []  # noqa: S311 (a sample)
    async with composed.network(settings) as wire:
        source, endpoint = composed.second(settings, wire.http, wish.second, rng)
        for stream in composed.chosen(streams):
            spans = verifying.sampled(common([span], await store.coverage(stream.name)), wish.sample, rng)
            opinion = await verifying.second_opinion(store, Writer(store, rng), source, stream, spans, endpoint)
            await proofs.count(opinion)
            found.append(opinion)
    return found


async def _bounds(store: Store, wish: Wish) -> tuple[int | None, int | None]:
    """First slot, and the one behind the last; None: not asked for. A time stands for the nearest anchor beyond it."""
    first = None if wish.start is None else await _slot(store, wish.start, is_end=False)
    last = None if wish.end is None else await _slot(store, wish.end, is_end=True)
    if first is not None and last is not None and last < first:
        raise InputError(f"the last slot {last} lies before the first one {first}")
    return first, None if last is None else last + 1


async def _slot(store: Store, text: str, *, is_end: bool) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    bracket = await store.slot_at(time_of(text))
    anchor = bracket.after if is_end else bracket.before
    return anchor.slot if anchor is not None else _END - 1 if is_end else 0


def _part(text: str) -> float:
    """1 for 100%. Raises InputError."""
    number = text.removesuffix("%")
    try:
        part = float(number) / (100 if number != text else 1)
    except ValueError:
        part = 0.0
    if not 0 < part <= 1:
        raise InputError(f"{text!r} is no part of a whole", remedy="write 1% or 0.01")
    return part
