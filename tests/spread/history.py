"""Days of fills as the daemon would have left them: payloads that decode, their records, marks, digests and proofs; and
rollups of as many hours and markets as the real exchanges have.

Fills lie in a few hours of each day, so that a year of them is written in a minute; a day of a year is as large as one
that stands alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from indexer import app as wiring
from indexer.core.coverage import Span
from indexer.core.payload import Enclosing
from indexer.core.protocol import reinterpret
from indexer.core.record import EventRow, Origin
from indexer.protocols.drift import DRIFT
from indexer.store.base import Page, Store
from indexer.store.postgres import open_store
from indexer.store.rolling import open_aggregates
from tests.unit.protocols.drift_world import DRIFT_PROTOCOL, REFERENCE, fill

SLOTS_A_DAY = 216_000
FIRST = 320_000_000
TIME = 1_700_000_000  # Of the first slot; one each 0.4 s.
SPELLS_A_DAY, FILLS = 8, 6  # Fills of each spell, in the markets by turns.
MARKETS = 3
_DAYS_A_PAGE = 4
_HOURS_AT_ONCE = 20_000

# Rollups of other markets than those of the fills, all hours of them: as many as a real ledger has.
ROLLUPS = """
INSERT INTO ledger.hourly_trades (hour, protocol, market_key, market_kind, liquidity_source, execution, is_liquidation,
    excluded, trades, unsized, without_fee, deleveraged, volume_e6, fees_e6)
SELECT to_timestamp({time} + hour * 3600), protocol, 'perp:' || market, 'perp', '', '', false,
    '', 90, 0, 0, 0, 1e12, 1e9
FROM generate_series(0, {days} * 24 - 1) AS hour, generate_series(100, 109) AS market,
    unnest(ARRAY['drift', 'jupiter_perps', 'gmx_solana']) AS protocol;
INSERT INTO ledger.daily_traders (day, protocol, market_key, market_kind, trader, trades, without_pnl, liquidations,
    maker_trades, volume_e6, is_judged, is_wash)
SELECT (to_timestamp({time} + day * 86400) AT TIME ZONE 'UTC')::date, 'drift', 'perp:100', 'perp', int8send(trader),
    9, 0, 0, 0, 1e9, false, false
FROM generate_series(0, {days} - 1) AS day, generate_series(1, 300) AS trader;
INSERT INTO ledger.active_days (day, protocol)
SELECT (to_timestamp({time} + day * 86400) AT TIME ZONE 'UTC')::date, protocol
FROM generate_series(0, {days} - 1) AS day, unnest(ARRAY['drift', 'jupiter_perps', 'gmx_solana']) AS protocol
ON CONFLICT DO NOTHING;
"""


def time_of(slot: int) -> int:
    return TIME + (slot - FIRST) * 2 // 5


async def write_days(url: str, days: int) -> None:
    """Fills of so many days, rolled up; marked to be proven."""
    async with open_store(url) as store, open_aggregates(url) as aggregates:
        await store.seed(wiring.seed())
        for day in range(0, days, _DAYS_A_PAGE):
            await _write(store, day, min(day + _DAYS_A_PAGE, days))
        for roll in (aggregates.roll_hours, aggregates.roll_days, aggregates.roll_holdings):
            while await roll(_HOURS_AT_ONCE):
                pass


async def _write(store: Store, first: int, behind: int) -> None:
    events = [event for day in range(first, behind) for event in _fills(day)]
    records = [record for event in events for record in reinterpret(DRIFT_PROTOCOL, (event,), REFERENCE).records]
    settled = Span(FIRST + first * SLOTS_A_DAY, FIRST + behind * SLOTS_A_DAY)
    await store.write(Page(events=events, records=records, settled={"drift": [settled]}, source="blocks", mends=True))


def _fills(day: int) -> Iterator[EventRow]:
    number = day * SPELLS_A_DAY * FILLS // MARKETS  # Of the last one of each market before it.
    for spell in range(SPELLS_A_DAY):
        for one in range(FILLS):
            slot = FIRST + day * SLOTS_A_DAY + spell * SLOTS_A_DAY // SPELLS_A_DAY + one * 10
            place = spell * FILLS + one
            yield _fill(slot, place % MARKETS, number + place // MARKETS + 1)


def _fill(slot: int, market: int, number: int) -> EventRow:
    origin = Origin(
        protocol="drift",
        program_id=DRIFT,
        slot=slot,
        signature=slot.to_bytes(64, "big"),
        channel="log",
        index=3,
        tx_index=5,
        block_time=time_of(slot),
        event="OrderActionRecord",
    )
    payload = fill(fillRecordId=number, marketIndex=market)
    return EventRow(origin=origin, payload=payload, is_text=False, enclosing=Enclosing(DRIFT, 0, payload[:8], (), 1))
