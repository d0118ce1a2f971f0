"""What a changed row told others, so that whatever was computed of it is made again. Pure.

A fill counts in its own hour alone. A price values what lay there hours later, an amount holds until the next is told,
and an action tells the owner of flows in other hours; and once such a row has gone, only who took it away still knows
what it said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

import msgspec

from indexer.core.record import ActionRecord, PriceObservation, TvlObservation
from indexer.store.rows import BY_CLASS, Row, Table

HOUR_S = 3600
PROOF_SLOTS = 9_000  # About an hour: what is proven complete at once. migrations/0012_completeness.sql has it too.
ACTIONS, PRICES, AMOUNTS = (BY_CLASS[cls] for cls in (ActionRecord, PriceObservation, TvlObservation))
NO_OWNERS_OF_FLOWS = ("order", "position_request")  # Kinds of actions that no flow refers to.


class Told(msgspec.Struct, frozen=True):
    """Hours are Unix seconds."""

    prices: set[tuple[int, str, bytes]] = msgspec.field(default_factory=set)  # Hour, protocol, mint.
    amounts: set[tuple[int, str, str, str, bytes]] = msgspec.field(default_factory=set)  # Hour, protocol, holding.
    owners: set[tuple[str, bytes]] = msgspec.field(default_factory=set)  # Protocol, action key.
    proofs: set[tuple[int, str]] = msgspec.field(default_factory=set)  # Bucket of slots, protocol.

    def add(self, table: Table, rows: Iterable[Row]) -> None:
        """Rows that come or go."""
        self._prove(rows)
        if table is ACTIONS:
            found = set(map(_of_action, rows))
            self.owners.update(
                (p, key) for p, key, kind, owner in found if owner is not None and kind not in NO_OWNERS_OF_FLOWS
            )
        elif table is PRICES:
            found = set(map(_of_price, rows))
            self.prices.update((hour_of(t), p, mint) for t, p, mint in found if t is not None and mint is not None)
        elif table is AMOUNTS:
            for row in rows:
                time, protocol, component, key = _of_amount(row)
                if time is not None:
                    self.amounts.add((hour_of(time), protocol, component, key, holding(row)))

    def _prove(self, rows: Iterable[Row]) -> None:
        """What is settled is evidence of completeness."""
        places = {(slot, protocol) for slot, protocol, is_settled in set(map(_of_proof, rows)) if is_settled}
        self.proofs.update((slot // PROOF_SLOTS, protocol) for slot, protocol in places)


def hour_of(time: int) -> int:
    return time - time % HOUR_S


def holding(row: Row) -> bytes:
    """Which token of its component an amount is of: its mint; where that is unknown, its part, in two bytes."""
    mint, part = _of_holding(row)
    return bytes(mint) if mint is not None else int(part).to_bytes(2, "big")


def _getter(table: Table, *names: str) -> Callable[[Row], tuple[Any, ...]]:
    return itemgetter(*(table.position[name] for name in names))


_of_proof = _getter(PRICES, "slot", "protocol", "settled")  # At the same places in every table.
_of_action = _getter(ACTIONS, "protocol", "action_key", "action_kind", "owner")
_of_price = _getter(PRICES, "block_time", "protocol", "mint")
_of_amount = _getter(AMOUNTS, "block_time", "protocol", "component", "component_key")
_of_holding = _getter(AMOUNTS, "mint", "part")
