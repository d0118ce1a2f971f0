"""What the ledger must hold of a transaction: the rows that its script meant, with their places.

Nothing is decoded here. A transaction that failed means nothing. Where the real logs were cut, lines before the cut
count and the rest is one failure; self-CPI events lose nothing. What programs emit that are not ours, or what ours
emit on another channel than their stream's, is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

import msgspec

from indexer.core import base58
from indexer.core.record import Channel, EventRow, Failure, FailureReason, Origin, Record
from indexer.simulation.chain import ChainBlock, Truth
from indexer.simulation.positions import Place, Walk
from indexer.simulation.sender import Ran
from indexer.simulation.streams import DRIFT, STREAMS, VAULTS

_TRUNCATED = "Log truncated"
_LOG_PROGRAMS = (DRIFT, VAULTS)


class Found(msgspec.Struct, frozen=True):
    """A transaction's place in the chain, and where in it everything must be found."""

    slot: int
    signature: bytes
    tx_index: int
    block_time: int | None
    places: Sequence[Place]
    logs: Sequence[str]


def truth_of(block: ChainBlock, tx_index: int, ran: Ran) -> Truth:
    """The settled rows of a transaction of `block` that succeeded."""
    records: list[Record] = []
    events: list[EventRow] = []
    failures: list[Failure] = []
    found = Found(
        slot=block.slot,
        signature=base58.signature(ran.transaction.signature),
        tx_index=tx_index,
        block_time=block.block_time or None,
        places=_places(ran),
        logs=ran.transaction.logs,
    )
    for place in _believed(found):
        origin = _origin(found, place.program_id, place.emit.channel, place.index, place.emit.event)
        if place.emit.known:
            events.append(_event(origin, place))
            records += [msgspec.structs.replace(row, origin=origin) for row in place.emit.rows]
        failures += _unread(origin, place)
    return Truth(records, events, [*failures, *_truncated(found, ran.script.programs)])


def _places(ran: Ran) -> list[Place]:
    """Of all emissions. Asserts that the runtime told as many lines and calls as the script makes."""
    walk = Walk(ran.before)
    places = list(walk.places(ran.script.frames))
    body, meta = ran.transaction.shown["transaction"], ran.transaction.shown["meta"]
    calls = len(body["message"]["instructions"]) + sum(len(one["instructions"]) for one in meta["innerInstructions"])
    logs = ran.transaction.logs
    assert walk.flat == calls, f"{calls} calls ran, the script makes {walk.flat}"
    assert walk.line == len(logs) or _TRUNCATED in logs, f"{len(logs)} lines, the script makes {walk.line}"
    return places


def _believed(found: Found) -> Iterator[Place]:
    cut = found.logs.index(_TRUNCATED) if _TRUNCATED in found.logs else len(found.logs)
    for place in found.places:
        stream = STREAMS.get(place.program_id)
        if stream is None or stream.channel != place.emit.channel:
            continue
        if stream.channel == "cpi" or place.index < cut:
            yield place


def _origin(found: Found, program: bytes, channel: Channel, index: int, event: str | None) -> Origin:
    return Origin(
        protocol=STREAMS[program].protocol,
        program_id=program,
        slot=found.slot,
        signature=found.signature,
        channel=channel,
        index=index,
        tx_index=found.tx_index,
        block_time=found.block_time,
        event=event,
    )


def _event(origin: Origin, place: Place) -> EventRow:
    emit = place.emit
    return EventRow(origin=origin, payload=emit.payload, is_text=emit.is_text, enclosing=place.enclosing)


def _unread(origin: Origin, place: Place) -> Iterator[Failure]:
    """What of a payload our IDLs do not tell. A text line of no known event is text."""
    emit = place.emit
    if not emit.known and not emit.is_text:
        nameless = msgspec.structs.replace(origin, event=None)
        yield _failure(nameless, place, "unknown_event", f"{len(emit.payload)} bytes")
    elif emit.surplus:
        yield _failure(origin, place, "unexpected_length", f"{emit.surplus} bytes more than the newest layout")


def _failure(origin: Origin, place: Place, reason: FailureReason, detail: str) -> Failure:
    return Failure(
        origin=origin,
        reason=reason,
        discriminator=place.emit.payload[:8],
        payload=place.emit.payload,
        is_text=place.emit.is_text,
        enclosing=place.enclosing,
        detail=detail,
    )


def _truncated(found: Found, runs: Set[bytes]) -> Iterator[Failure]:
    """One for the stream that is read from lines, where one of its programs runs in the transaction."""
    involved = next((program for program in _LOG_PROGRAMS if program in runs), None)
    if involved is not None and _TRUNCATED in found.logs:
        origin = _origin(found, involved, "log", -1, None)
        yield Failure(origin=origin, reason="truncated_logs", detail=f"{len(found.logs)} lines are left")


def joined(truths: Iterable[Truth]) -> Truth:
    records: list[Record] = []
    events: list[EventRow] = []
    failures: list[Failure] = []
    for truth in truths:
        records += truth.records
        events += truth.events
        failures += truth.failures
    return Truth(records, events, failures)
