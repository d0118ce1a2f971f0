"""What a protocol module provides, and the one way from a transaction to records.

`process` is pure: same transaction, same reference, same result in the same order. Payloads are
found first (logs, instructions), decoded second, and a protocol sees all its events of one
transaction together. What cannot be read becomes a Failure beside the records. `reinterpret` makes
the same records from what `process` kept, without the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from indexer.core import base58
from indexer.core.emitted import LogPrograms, Missing, cpi_payloads, is_unrecorded, log_payloads
from indexer.core.layout import Layout, Surplus, Undecodable
from indexer.core.payload import DISCRIMINATOR_BYTES, Enclosing, Event, Payload
from indexer.core.record import EventRow, Failure, FailureReason, Origin, Record
from indexer.core.reference import Reference
from indexer.core.transaction import Transaction, plausible_time

_UNREADABLE = {"log": "no base64 of 8 bytes or more", "cpi": "fewer than 8 bytes behind the tag"}


class Program(msgspec.Struct, frozen=True):
    """One program of a protocol and the channel its stream is read from."""

    id: bytes
    channel: Literal["log", "cpi"]
    layouts: Mapping[bytes, Layout]  # By discriminator.
    event_authority: bytes | None = None  # cpi: the one account of an event instruction.


class Scene(msgspec.Struct, frozen=True):
    """One transaction as one protocol sees it."""

    protocol: str
    slot: int
    signature: bytes
    tx_index: int | None
    block_time: int | None
    events: Sequence[Event]  # In order of position.
    reference: Reference

    def origin(self, event: Event, time: int | None = None) -> Origin:
        """Identity of a row from `event`; `time` (its own, unix seconds) stands in while the row is provisional.

        A settled one, which has its place in a block, has that block's time, or none.
        """
        is_unsettled = self.block_time is None and self.tx_index is None
        block_time = plausible_time(time) if is_unsettled else self.block_time
        return _origin(self, event.payload, event.name, block_time)


class Protocol:
    """A protocol: its programs, and the rule book that turns their events into records.

    `interpret` gets a Scene and yields records. It may not raise: what bytes can hold, it can read;
    an exception in it is a bug, and is not caught.
    """

    def __init__(self, name: str, programs: Sequence[Program], interpret: Callable[[Scene], Iterable[Record]]) -> None:
        self.name = name
        self.programs = {program.id: program for program in programs}
        self.interpret = interpret
        self.logs = LogPrograms({p.id: tuple(p.layouts) for p in programs if p.channel == "log"})
        self.callers = [(p.id, p.event_authority) for p in programs if p.channel == "cpi" and p.event_authority]


class Processed(msgspec.Struct):
    """What one transaction, or many, gave."""

    events: list[EventRow] = []
    records: list[Record] = []
    failures: list[Failure] = []

    def add(self, other: Processed) -> None:
        self.events += other.events
        self.records += other.records
        self.failures += other.failures


def process(tx: Transaction, protocols: Iterable[Protocol], reference: Reference) -> Processed:
    """Turn one transaction into events, records and failures. Pure; never raises on data."""
    result = Processed()
    if not tx.succeeded:
        return result  # The logs of a failed transaction describe effects that were rolled back.
    for protocol in protocols:
        payloads, missing = _payloads(tx, protocol)
        if payloads or missing:
            scene = Scene(protocol.name, tx.slot, tx.signature, tx.tx_index, tx.block_time, (), reference)
            _interpret(scene, protocol, payloads, result)
            if missing:
                result.failures.append(_missing(scene, missing))
    return result


def reinterpret(protocol: Protocol, rows: Iterable[EventRow | Failure], reference: Reference) -> Processed:
    """The same from the rows that one transaction left: its events and its failures, in any order."""
    scene, payloads = _recalled(protocol, rows, reference)
    result = Processed()
    if scene is not None:
        _interpret(scene, protocol, payloads, result)
    return result


def recalled(protocol: Protocol, rows: Iterable[EventRow], reference: Reference) -> Scene | None:
    """What the protocol saw of one transaction, from the events that it left; None: it left none."""
    scene, payloads = _recalled(protocol, rows, reference)
    if scene is None:
        return None
    decoded = (_decoded(scene, protocol, payload)[0] for payload in payloads)
    return msgspec.structs.replace(scene, events=[event for event in decoded if event is not None])


def unrecorded(tx: Transaction, protocols: Iterable[Protocol]) -> set[str]:
    """Streams that the transaction touches on a channel that the source did not record."""
    if not tx.succeeded:
        return set()
    return {p.name for p in protocols if is_unrecorded(tx, p.logs, [program_id for program_id, _ in p.callers])}


def speaks(tx: Transaction, protocol: Protocol) -> bool:
    """Whether the transaction may give anything for the protocol; where it does not, `process` gives nothing."""
    return tx.succeeded and any(_payloads(tx, protocol))


def _payloads(tx: Transaction, protocol: Protocol) -> tuple[list[Payload], Missing | None]:
    payloads: list[Payload] = []
    missing = None
    for program_id, authority in protocol.callers:
        payloads += cpi_payloads(tx, program_id, authority)
    if protocol.logs.ids:
        lines, missing = log_payloads(tx, protocol.logs)
        payloads += lines
    return payloads, missing


def _interpret(scene: Scene, protocol: Protocol, payloads: Sequence[Payload], result: Processed) -> None:
    """Add what these payloads give."""
    events = []
    for payload in payloads:
        event, failure = _decoded(scene, protocol, payload)
        if event is not None:
            events.append(event)
            result.events.append(_event_row(scene, event))
        if failure is not None:
            result.failures.append(failure)
    if events:
        result.records += protocol.interpret(msgspec.structs.replace(scene, events=events))


def _decoded(scene: Scene, protocol: Protocol, payload: Payload) -> tuple[Event | None, Failure | None]:
    if not payload.is_readable:
        return None, _failure(scene, payload, None, "short_payload", _UNREADABLE[payload.channel])
    layout = protocol.programs[payload.program_id].layouts.get(payload.data[:DISCRIMINATOR_BYTES])
    if layout is None:
        if payload.is_text:
            return None, None  # Only a known discriminator makes a payload of a text line.
        return None, _failure(scene, payload, None, "unknown_event", f"{len(payload.data)} bytes")
    try:
        return Event(layout.name, layout.at(scene.slot)(payload.data), payload), None
    except Undecodable as error:
        return None, _failure(scene, payload, layout.name, error.reason, error.detail)
    except Surplus as surplus:
        failure = _failure(scene, payload, layout.name, "unexpected_length", str(surplus))
        return Event(layout.name, surplus.fields, payload), failure


def _origin(scene: Scene, payload: Payload, event: str | None, block_time: int | None) -> Origin:
    return Origin(
        protocol=scene.protocol,
        program_id=payload.program_id,
        slot=scene.slot,
        signature=scene.signature,
        channel=payload.channel,
        index=payload.index,
        tx_index=scene.tx_index,
        block_time=block_time,
        event=event,
    )


def _event_row(scene: Scene, event: Event) -> EventRow:
    payload = event.payload
    return EventRow(
        origin=_origin(scene, payload, event.name, scene.block_time),
        payload=payload.data,
        is_text=payload.is_text,
        enclosing=payload.enclosing,
    )


def _failure(scene: Scene, payload: Payload, event: str | None, reason: FailureReason, detail: str) -> Failure:
    return Failure(
        origin=_origin(scene, payload, event, scene.block_time),
        reason=reason,
        discriminator=payload.data[:DISCRIMINATOR_BYTES] if payload.is_readable else None,
        payload=payload.data,
        is_text=payload.is_text,
        enclosing=payload.enclosing,
        detail=detail,
    )


def _recalled(
    protocol: Protocol, rows: Iterable[EventRow | Failure], reference: Reference
) -> tuple[Scene | None, Sequence[Payload]]:
    kept = {(r.origin.channel, r.origin.index): r for r in sorted(rows, key=lambda r: isinstance(r, EventRow))}
    payloads = sorted(
        (p for row in kept.values() if (p := _kept_payload(row)) is not None), key=lambda p: (p.channel, p.index)
    )
    if not payloads:
        return None, ()
    one = next(iter(kept.values())).origin
    return Scene(protocol.name, one.slot, one.signature, one.tx_index, one.block_time, (), reference), payloads


def _missing(scene: Scene, missing: Missing) -> Failure:
    nowhere = Payload(missing.program_id, "log", -1, b"", Enclosing(missing.program_id))
    return Failure(
        origin=_origin(scene, nowhere, None, scene.block_time),
        reason=missing.reason,
        payload=missing.evidence,
        detail=missing.detail,
    )


def _kept_payload(row: EventRow | Failure) -> Payload | None:
    """The payload a row was made from; None: the row speaks of a whole transaction."""
    origin = row.origin
    if row.payload is None or origin.index < 0 or origin.channel == "account":
        return None
    readable = isinstance(row, EventRow) or row.discriminator is not None
    enclosing = row.enclosing or Enclosing(origin.program_id)
    return Payload(origin.program_id, origin.channel, origin.index, row.payload, enclosing, row.is_text, readable)


def check_distinct(protocols: Iterable[Protocol]) -> None:
    """Two protocols may not claim one program: its payloads would be written twice."""
    claimed: dict[bytes, str] = {}
    for protocol in protocols:
        for program_id in protocol.programs:
            if program_id in claimed:
                raise ValueError(
                    f"program {base58.encode(program_id)} is claimed by {claimed[program_id]} and by {protocol.name}"
                )
            claimed[program_id] = protocol.name
