"""Simulated scripts as transactions of small worlds: the same calls and payloads, no runtime; and what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Protocol, TypeVar

import msgspec

from indexer.core import protocol as protocols
from indexer.core.record import Record
from indexer.core.reference import Reference, parse_seed
from indexer.core.transaction import Transaction
from indexer.resources import resource
from indexer.simulation.script import NOWHERE, Emit, Invoke, Script, Text
from tests import world
from tests.programs import layouts

SLOT, TIME = 300_000_000, 1_735_689_600  # 2025-01-01.
Key = tuple[str, int, str, int]  # Channel, place, kind, part.
Row = TypeVar("Row", bound=Record)


@cache
def reference() -> Reference:
    """Markets and tokens as every ledger starts with them."""
    return parse_seed((resource("config") / "markets.json").read_bytes())


class Activity(Protocol):
    def scripts(self, slot: int, block_time: int, count: int) -> list[Script]: ...


def played(activity: Activity, slots: int = 40, count: int = 5) -> list[Script]:
    """What happens in so many slots."""
    return [script for n in range(slots) for script in activity.scripts(SLOT + n, TIME + n // 2, count)]


def rows(scripts: Iterable[Script], kind: type[Row]) -> list[Row]:
    """The rows of one kind that were meant, in order."""
    return [row for script in scripts for emit in emits(script) for row in emit.rows if isinstance(row, kind)]


def told(scripts: Iterable[Script], idl_file: str, event: str) -> list[Any]:
    """The fields of all events of one name, as the indexer's decoders read them."""
    wanted = [emit for script in scripts for emit in emits(script) if emit.event == event]
    return [decoded(idl_file, emit) for emit in wanted]


def decoded(idl_file: str, emit: Emit) -> Any:
    return layouts(idl_file)[emit.payload[:8]].decode(emit.payload)


def differing(scripts: Iterable[Script], protocol: protocols.Protocol, event_authority: bytes) -> list[Script]:
    """Those of which `process` does not make exactly the rows that were meant."""
    return [script for script in scripts if not _is_as_meant(script, protocol, event_authority)]


def _is_as_meant(script: Script, protocol: protocols.Protocol, event_authority: bytes) -> bool:
    result = protocols.process(transaction(script, event_authority), [protocol], reference())
    return not result.failures and found(result.records) == meant(script)


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


def found(records: Iterable[Record]) -> dict[Key, tuple[str | None, Record]]:
    """What came of it, in the same form: without slot, signature and times, which a script does not know."""
    placed: dict[Key, tuple[str | None, Record]] = {}
    for row in records:
        key = (row.origin.channel, row.origin.index, row.kind, row.part)
        assert key not in placed, f"two rows at {key}"
        placed[key] = (row.origin.event, msgspec.structs.replace(row, origin=NOWHERE))
    return placed
