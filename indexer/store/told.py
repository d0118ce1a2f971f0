"""What a changed row told others, so that whatever was computed of it is made again. Pure.

A fill counts in its own hour alone. A price values what lay there hours later, an amount holds until the next is told,
and an action tells the owner of flows in other hours; and once such a row has gone, only who took it away still knows
what it said.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from indexer.core.record import ActionRecord, PriceObservation, TvlObservation
from indexer.store.rows import BY_CLASS, Row, Table

HOUR_S = 3600
ACTIONS, PRICES, AMOUNTS = (BY_CLASS[cls] for cls in (ActionRecord, PriceObservation, TvlObservation))
NO_OWNERS_OF_FLOWS = ("order", "position_request")  # Kinds of actions that no flow refers to.


class Told(msgspec.Struct, frozen=True):
    """Hours are Unix seconds."""

    prices: set[tuple[int, str, bytes]] = msgspec.field(default_factory=set)  # Hour, protocol, mint.
    amounts: set[tuple[int, str, str, str, bytes]] = msgspec.field(default_factory=set)  # Hour, protocol, holding.
    owners: set[tuple[str, bytes]] = msgspec.field(default_factory=set)  # Protocol, action key.

    def add(self, table: Table, row: Row) -> None:
        """A row that comes or goes."""
        if table is ACTIONS:
            protocol, key, kind, owner = _values(table, row, "protocol", "action_key", "action_kind", "owner")
            if owner is not None and kind not in NO_OWNERS_OF_FLOWS:
                self.owners.add((protocol, key))
        elif table is PRICES:
            time, protocol, mint = _values(table, row, "block_time", "protocol", "mint")
            if time is not None and mint is not None:
                self.prices.add((time - time % HOUR_S, protocol, mint))
        elif table is AMOUNTS:
            time, protocol, *component = _values(table, row, "block_time", "protocol", "component", "component_key")
            if time is not None:
                self.amounts.add((time - time % HOUR_S, protocol, *component, holding(row)))

    def update(self, others: Iterable[Told]) -> None:
        for other in others:
            self.prices.update(other.prices)
            self.amounts.update(other.amounts)
            self.owners.update(other.owners)


def holding(row: Row) -> bytes:
    """Which token of its component an amount is of: its mint; where that is unknown, its part, in two bytes."""
    mint, part = _values(AMOUNTS, row, "mint", "part")
    return bytes(mint) if mint is not None else int(part).to_bytes(2, "big")


def _values(table: Table, row: Row, *names: str) -> list[Any]:
    return [row[table.position[name]] for name in names]
