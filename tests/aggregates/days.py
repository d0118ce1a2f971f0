"""A small ledger of whole days, for rules that a number must keep: 12 seconds a slot, day 0 begins at slot 600."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec

from indexer.core.coverage import Span
from indexer.core.record import Origin, PriceObservation, Record, TvlObservation
from indexer.store.base import Page
from indexer.store.connection import Connection, connected
from indexer.store.postgres import PostgresStore, open_store
from indexer.store.rolling import PostgresAggregates, open_aggregates
from tests.conftest import EMPTY
from tests.store.ledger import key, origin

STREAMS = ("drift", "gmx_solana", "jupiter_perps")
MIDNIGHT = 1_700_006_400  # 2023-11-15T00:00:00Z
FIRST, A_DAY, SLOT_S = 600, 7200, 12
HOUR = 300  # Slots.


def slot(day: float, hours: float = 0) -> int:
    return FIRST + round(day * A_DAY + hours * HOUR)


def time_of(slot: int) -> int:
    return MIDNIGHT + (slot - FIRST) * SLOT_S


def at(day: float, hours: float = 0, *, protocol: str = "drift", index: int = 0, **values: Any) -> Origin:
    """A place at this time of a day."""
    here = slot(day, hours)
    given = {"block_time": time_of(here), "protocol": protocol, "tx": 1 + len(protocol)}
    return origin(here, index, **{**given, **values})


def amount(origin: Origin, component: str, tokens: str, **values: Any) -> TvlObservation:
    given: dict[str, Any] = {"component_key": "spot:1", "mint": key(50), "value_origin": "event"}
    return TvlObservation(origin=origin, component=component, amount=Decimal(tokens), **{**given, **values})


def whole(origin: Origin, component: str, dollars: int, **values: Any) -> TvlObservation:
    """A value told as a whole."""
    given: dict[str, Any] = {"component_key": "pool", "value_origin": "event"}
    return TvlObservation(origin=origin, component=component, value_usd_e6=dollars * 1_000_000, **{**given, **values})


def price(origin: Origin, dollars: str, **values: Any) -> PriceObservation:
    given: dict[str, Any] = {"mint": key(50), "value_origin": "event"}
    return PriceObservation(origin=origin, price_usd=Decimal(dollars), **{**given, **values})


class Numbers:
    """A ledger whose aggregates are asked."""

    def __init__(self, store: PostgresStore, aggregates: PostgresAggregates, connection: Connection) -> None:
        self.store = store
        self.aggregates = aggregates
        self.connection = connection
        self._fresh: set[str] = set()  # Views refreshed since the last run.
        self._parameters: list[Any] = []  # As migrations made them.

    async def empty(self) -> None:
        """No row is left. What a store remembers to be there is there again."""
        self._parameters = self._parameters or await self.connection.fetch("SELECT * FROM ledger.parameters")
        await self.connection.execute("DELETE FROM ledger.parameters")
        await self.connection.executemany("INSERT INTO ledger.parameters VALUES ($1, $2, $3)", self._parameters)
        await self.connection.execute(EMPTY)
        await self.connection.executemany("INSERT INTO ledger.coverage (stream) VALUES ($1)", [(s,) for s in STREAMS])
        self.store._anchors.clear()

    async def settle(self, first: float, behind: float, *records: Record, streams: Iterable[str] = ("drift",)) -> None:
        """These days of these streams are seen whole, with these records; with an anchor each half hour."""
        span = Span(slot(first) - 1, slot(behind) + 1)
        anchors = [span.start, *range(span.start // 150 * 150 + 150, span.end, 150)]
        await self.write(*records, settled={name: [span] for name in streams}, times=anchors)

    async def write(self, *records: Record, settled: Any = msgspec.UNSET, times: Iterable[int] = ()) -> None:
        page = Page(
            records=records,
            settled={} if settled is msgspec.UNSET else settled,
            source="test",
            slot_times={one: time_of(one) for one in times},
        )
        await self.store.write(page)

    async def roll(self) -> None:
        runs = (self.aggregates.roll_hours, self.aggregates.roll_days, self.aggregates.roll_holdings)
        while sum([await run(10_000) for run in runs]):
            pass

    async def refresh(self) -> None:
        """Roll up; what is asked then is refreshed first."""
        await self.roll()
        self._fresh.clear()

    async def day(self, view: str, day: int, columns: str, protocol: str = "drift", where: str = "true") -> Any:
        """Columns of one row of a view, as text; one column alone."""
        await self._freshen(view)
        date = await self.connection.fetchval("SELECT ('2023-11-15'::date + $1::int)::text", day)
        shown = ", ".join(f"{name}::text" for name in columns.split())
        rows = await self.connection.fetch(
            f"SELECT {shown} FROM perps.{view} WHERE day::text = $1 AND protocol = $2 AND {where}", date, protocol
        )
        assert len(rows) == 1, f"{len(rows)} rows"
        return tuple(rows[0]) if len(rows[0]) > 1 else rows[0][0]

    async def _freshen(self, view: str) -> None:
        names = ["volume_daily", "fees_daily", "tvl_daily"] if view == "reconciliation" else [view]
        for name in await self.aggregates.views(names):
            if name not in self._fresh:
                await self.aggregates.refresh(name)
                self._fresh.add(name)


@asynccontextmanager
async def numbers(url: str) -> AsyncIterator[Numbers]:
    async with open_store(url) as store, open_aggregates(url) as aggregates, connected(url) as connection:
        yield Numbers(store, aggregates, connection)
