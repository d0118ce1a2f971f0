"""Simulated scripts as transactions of small worlds: the same calls and payloads, no runtime."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import msgspec

from indexer.core.record import Record
from indexer.core.reference import Reference, parse_seed
from indexer.core.transaction import Transaction
from indexer.resources import resource
from indexer.simulation.script import NOWHERE, Emit, Invoke, Script, Text
from tests import world

Key = tuple[str, int, str, int]  # Channel, place, kind, part.


@cache
def reference() -> Reference:
    """Markets and tokens as every ledger starts with them."""
    return parse_seed((resource("config") / "markets.json").read_bytes())


def emits(script: Script) -> Iterator[Emit]:
    """All emissions, in order of execution."""
    for call in script.calls:
        yield from _emits(call)


def _emits(call: Invoke) -> Iterator[Emit]:
    for part in call.inside:
        if isinstance(part, Emit):
            yield part
        elif isinstance(part, Invoke):
            yield from _emits(part)


def transaction(script: Script, event_authority: bytes) -> Transaction:
    return world.transaction(*(_frame(call, event_authority) for call in script.calls))


def _frame(call: Invoke, authority: bytes) -> world.Frame:
    inside = (_inside(call, part, authority) for part in call.inside)
    return world.frame(call.program_id, *inside, discriminator=call.discriminator, accounts=call.accounts)


def _inside(call: Invoke, part: Emit | Text | Invoke, authority: bytes) -> str | world.Frame:
    if isinstance(part, Invoke):
        return _frame(part, authority)
    if isinstance(part, Text):
        return world.log_line(part.text)
    if part.channel == "cpi":
        return world.event(call.program_id, authority, part.payload)
    return world.log_line(part.payload) if part.is_text else world.data_line(part.payload)


def places(script: Script) -> Iterator[tuple[Emit, int]]:
    """Every self-CPI emission with its place among all instructions of the transaction."""
    place = 0
    for call in script.calls:
        for emit in _walk(call):
            if emit is not None:
                yield emit, place
            place += 1


def _walk(call: Invoke) -> Iterator[Emit | None]:
    """Instructions in order: None for a call, the emission for an event."""
    yield None
    for part in call.inside:
        if isinstance(part, Invoke):
            yield from _walk(part)
        elif isinstance(part, Emit) and part.channel == "cpi":
            yield part


def meant(script: Script) -> dict[Key, tuple[str | None, Record]]:
    """The rows that must come of a script, each with its event, by place."""
    return {
        ("cpi", place, row.kind, row.part): (emit.event, row) for emit, place in places(script) for row in emit.rows
    }


def found(records: list[Record]) -> dict[Key, tuple[str | None, Record]]:
    """What came of it, in the same form: without slot, signature and times, which a script does not know."""
    rows = {
        (r.origin.channel, r.origin.index, r.kind, r.part): (
            r.origin.event,
            msgspec.structs.replace(r, origin=NOWHERE),
        )
        for r in records
    }
    assert len(rows) == len(records), "two rows of one kind have one place"
    return rows
