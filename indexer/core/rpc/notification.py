"""logsNotification as a Transaction: its logs alone, without accounts or instructions."""

from __future__ import annotations

from typing import Any

import msgspec

from indexer.core.rpc.shapes import converted, slot_in_range
from indexer.core.rpc.transaction import signature_bytes
from indexer.core.transaction import Transaction, Unavailable


class _Value(msgspec.Struct):
    signature: str
    logs: list[str] | None
    err: Any = None


class _Context(msgspec.Struct):
    slot: int


class _Notification(msgspec.Struct):
    context: _Context
    value: _Value


def parse_notification(message: Any) -> Transaction:
    """A logsNotification, whole or only its `params.result`, as a Transaction. Raises Malformed, Unavailable."""
    inner = message.get("params", message) if isinstance(message, dict) else message
    inner = inner.get("result", inner) if isinstance(inner, dict) else inner
    note = converted(inner, _Notification, "params.result")
    signature = signature_bytes(note.value.signature)
    if signature == bytes(64):
        raise Unavailable("the notification carries the placeholder signature")
    logs = None if note.value.logs is None else tuple(note.value.logs)
    return Transaction(
        slot=slot_in_range(note.context.slot),
        signature=signature,
        succeeded=note.value.err is None,
        keys=None,
        instructions=None,
        logs=logs,
    )
