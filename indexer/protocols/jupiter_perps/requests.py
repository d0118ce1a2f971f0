"""Position requests: made by the trader, completed or cancelled by a keeper."""

from __future__ import annotations

from collections.abc import Iterator

from indexer.core import base58
from indexer.core.payload import Event
from indexer.core.protocol import Scene
from indexer.core.record import ActionRecord, Record

CHANGES = {1: "increase", 2: "decrease"}
TYPES = {0: "market", 1: "trigger"}
STATES = {True: "completed", False: "cancelled", None: "closed"}  # The oldest layout does not say which.


def request_created(scene: Scene, event: Event) -> Iterator[Record]:
    fields = event.fields
    yield ActionRecord(
        origin=scene.origin(event, fields.openTime),
        action_key=fields.positionRequestKey,
        action_kind="position_request",
        owner=fields.owner,
        state="pending",
        order_kind=CHANGES.get(fields.requestChange),  # Whether market or trigger is told when it closes.
        market_key=base58.encode(fields.positionCustody),
    )


def request_closed(scene: Scene, event: Event) -> Iterator[Record]:
    fields = event.fields
    kind, change = TYPES.get(fields.requestType), CHANGES.get(fields.requestChange)
    yield ActionRecord(
        origin=scene.origin(event),  # Its openTime is the request's, not the event's.
        action_key=fields.positionRequestKey,
        action_kind="position_request",
        owner=fields.owner,
        state=STATES[fields.executed],
        order_kind=f"{kind}_{change}" if kind and change else change,
    )
