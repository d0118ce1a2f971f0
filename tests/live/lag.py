"""How long after its confirmation a slot's rows can be read by somebody else, slot by slot.

Somebody else asks a cheap question again and again: how many payloads each of the newest slots has. A slot is readable
when it has as many as the truth says; its records come with its payloads, in one database transaction.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

import asyncpg

from tests.live.cluster import Told

ASKED_EVERY_S = 0.01
NEWEST = 60  # Slots that are looked at: 24 s. What comes later counts as never.
NEVER = float("inf")
_QUERY = "SELECT slot, count(*) FROM ledger.events WHERE slot BETWEEN $1 AND $2 GROUP BY slot"


class Watched:
    """`began`: when the cluster's clock did, by the monotonic one."""

    def __init__(self, told: Told, began: float) -> None:
        self.told, self.began = told, began
        self.readable: dict[int, float] = {}  # When, by slot, since the clock began.

    def now(self) -> float:
        return time.monotonic() - self.began

    async def watch(self, url: str) -> None:
        """Until it is cancelled."""
        connection = await asyncpg.connect(url)
        try:
            while True:
                await self._look(connection)
                await asyncio.sleep(ASKED_EVERY_S)
        finally:
            await connection.close(timeout=5)

    async def _look(self, connection: asyncpg.Connection) -> None:
        newest = self.told.start_slot + int(self.now() / self.told.slot_s)
        waited_for = [slot for slot in range(newest - NEWEST, newest + 1) if self._is_waited_for(slot)]
        if not waited_for:
            return
        found = await connection.fetch(_QUERY, waited_for[0], waited_for[-1])
        now = self.now()
        for slot, count in found:
            if slot not in self.readable and count >= self.told.events.get(slot, NEVER):
                self.readable[slot] = now

    def _is_waited_for(self, slot: int) -> bool:
        return slot in self.told.events and slot not in self.readable

    def lags(self, from_s: float, to_s: float) -> list[float]:
        """Of slots that were confirmed between these moments; NEVER where the rows never came."""
        at = {slot: self.told.confirmed_at(slot) for slot in self.told.events if slot >= self.told.start_slot}
        return [self.readable.get(slot, NEVER) - then for slot, then in at.items() if from_s <= then < to_s]

    def slowest(self, from_s: float, to_s: float) -> Mapping[int, float]:
        """The worst slots, for people."""
        at = {slot: self.told.confirmed_at(slot) for slot in self.told.events}
        lags = {slot: self.readable.get(slot, NEVER) - then for slot, then in at.items() if from_s <= then < to_s}
        return dict(sorted(lags.items(), key=lambda pair: -pair[1])[:5])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of the values does not exceed; NEVER of none."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)] if ordered else NEVER
