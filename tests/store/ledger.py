"""Small records and pages for the tests of the store."""

from decimal import Decimal
from typing import Any

from indexer.core.coverage import Span
from indexer.core.payload import Enclosing
from indexer.core.record import (
    ActionRecord,
    EventRow,
    Failure,
    LpFlow,
    Origin,
    PriceObservation,
    Swap,
    Trade,
)
from indexer.store.base import Page

NOON = 1_700_049_600  # 2023-11-15T12:00:00Z


def key(n: int) -> bytes:
    return n.to_bytes(32, "big")


def origin(slot: int = 100, index: int = 0, *, tx: int = 1, protocol: str = "drift", **values: Any) -> Origin:
    """Of the transaction number `tx`, in the first minutes after NOON."""
    given: dict[str, Any] = {
        "protocol": protocol,
        "program_id": key(7),
        "slot": slot,
        "signature": tx.to_bytes(64, "big"),
        "channel": "log",
        "index": index,
        "tx_index": 3,
        "block_time": NOON,
        "event": "OrderActionRecord",
    }
    return Origin(**{**given, **values})


def trade(origin: Origin, **values: Any) -> Trade:
    return Trade(
        origin=origin,
        **{"market_kind": "perp", "market_key": "perp:0", "trader": key(1), "size_usd_e6": 5_000_000, **values},
    )


def event(origin: Origin, payload: bytes = b"12345678body") -> EventRow:
    enclosing = Enclosing(key(7), 2, b"discrimi", (key(1), key(2)), 1)
    return EventRow(origin=origin, payload=payload, is_text=False, enclosing=enclosing)


def failure(origin: Origin, **values: Any) -> Failure:
    return Failure(origin=origin, **{"reason": "unknown_event", "discriminator": b"12345678", **values})


def flow(origin: Origin, **values: Any) -> LpFlow:
    given = {"venue": "gm", "venue_key": "market", "flow": "deposit", "internal": False}
    return LpFlow(origin=origin, **{**given, **values})


def swap(origin: Origin, **values: Any) -> Swap:
    return Swap(origin=origin, **{"venue": "jlp", **values})


def action(origin: Origin, **values: Any) -> ActionRecord:
    return ActionRecord(origin=origin, **{"action_key": key(5), "action_kind": "deposit", **values})


def price(origin: Origin, dollars: str, **values: Any) -> PriceObservation:
    return PriceObservation(origin=origin, price_usd=Decimal(dollars), value_origin="test", **values)


def page(*records: Any, settled: tuple[int, int] | None = None, stream: str = "drift", **values: Any) -> Page:
    """A page with these records, sorted into their places; `settled`: first slot and the one behind the last."""
    return Page(
        events=[record for record in records if isinstance(record, EventRow)],
        failures=[record for record in records if isinstance(record, Failure)],
        records=[record for record in records if not isinstance(record, (EventRow, Failure))],
        settled={stream: [Span(*settled)]} if settled else {},
        source="test",
        **values,
    )
