"""A ledger of synthetic fills, made inside the server, 12,500 a day; and how long things take in it."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path

from indexer.store.connection import Connection
from indexer.store.postgres import PARTITION_SLOTS
from indexer.store.rolling import PostgresAggregates
from indexer.store.statements import query

BEGIN, FIRST_SLOT, DAYS, SLOTS_A_DAY = 1_704_067_200, 250_000_000, 400, 216_000
SECONDS_EACH = 6.912  # Between two fills.
PROTOCOLS = ("drift", "gmx_solana", "jupiter_perps")
MARKETS = [(protocol, f"market:{number}") for protocol in PROTOCOLS for number in range(20)]
FILL = (Path(__file__).parent / "trades.sql").read_text(encoding="utf-8")

SETTLE = """
INSERT INTO ledger.coverage (stream, slots)
SELECT stream, int8multirange(int8range($1, $2)) FROM unnest($3::text[]) AS stream
ON CONFLICT (stream) DO UPDATE SET slots = excluded.slots
"""
ANCHORS = """
INSERT INTO ledger.slot_times (slot, time)
SELECT $1 + n * 150, to_timestamp($2 + n * 60) FROM generate_series(0, $3::bigint * 1440) AS n
"""
MARK_HOURS = """
INSERT INTO ledger.dirty_hours (hour, protocol, market_key)
SELECT DISTINCT date_trunc('hour', block_time, 'UTC'), protocol, market_key FROM ledger.trades
ON CONFLICT DO NOTHING
"""
MARK_DAYS = """
INSERT INTO ledger.dirty_days (day, protocol)
SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date, protocol FROM ledger.hourly_trades
ON CONFLICT DO NOTHING
"""
MARK = """
INSERT INTO ledger.dirty_hours (hour, protocol, market_key)
SELECT to_timestamp(hour), protocol, market_key
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS mark (hour, protocol, market_key)
"""
KEY = "hour, protocol, market_key, market_kind, liquidity_source, execution, is_liquidation, excluded"
DIFFERENCES = "SELECT count(*) FROM (SELECT * FROM public.hourly EXCEPT SELECT * FROM ledger.hourly_trades) AS other"
EVERY_HOUR = "(SELECT date_trunc('hour', t.block_time, 'UTC') AS hour, t.* FROM ledger.split_trades AS t) AS t"
OF_DAYS = """
SELECT protocol, count(*) AS days, sum(volume_usd) AS volume, sum(trades) AS trades, max(volume_usd) AS best,
    sum(liquidation_volume_usd) AS liquidated, avg(traders) AS traders
FROM perps.volume_daily GROUP BY protocol ORDER BY protocol
"""
OF_ROWS = """
SELECT protocol, count(*) AS days, sum(volume) AS volume, sum(trades) AS trades, max(volume) AS best,
    sum(liquidated) AS liquidated, avg(traders) AS traders
FROM (
    SELECT protocol, (block_time AT TIME ZONE 'UTC')::date AS day, sum(size_usd_e6) * 0.000001 AS volume,
        count(*) AS trades, sum(size_usd_e6) FILTER (WHERE is_liquidation) * 0.000001 AS liquidated,
        count(DISTINCT trader) AS traders
    FROM ledger.trades
    WHERE market_kind = 'perp' AND excluded IS NULL
    GROUP BY 1, 2
) AS day
GROUP BY protocol ORDER BY protocol
"""


class History:
    """Fills of all days so far, and their aggregates."""

    def __init__(self, connection: Connection, aggregates: PostgresAggregates) -> None:
        self._connection = connection
        self.aggregates = aggregates
        self._dice = random.Random(1)
        self._fills = 0

    async def begin(self) -> None:
        behind = FIRST_SLOT + DAYS * SLOTS_A_DAY
        await self._connection.execute(
            "SELECT ledger.ensure_partitions($1, $2)", FIRST_SLOT, behind + 2 * PARTITION_SLOTS
        )
        await self._connection.execute(ANCHORS, FIRST_SLOT, BEGIN, DAYS)

    async def grow(self, fills: int) -> None:
        """As many as these, all of them rolled up by hour; every slot of their days is settled."""
        with said(f"{fills - self._fills:,} fills"):
            for start in range(self._fills, fills, 250_000):
                await self._connection.execute(FILL, start, min(start + 250_000, fills), timeout=600)
            await self._connection.execute("VACUUM ANALYZE ledger.trades", timeout=600)
        self._fills = fills
        days = ceil(fills * SECONDS_EACH / 86_400)
        await self._connection.execute(SETTLE, FIRST_SLOT, FIRST_SLOT + days * SLOTS_A_DAY + 1, list(PROTOCOLS))
        with said("rolled up by hour"):
            await self._connection.execute(MARK_HOURS, timeout=600)
            while await self.aggregates.roll_hours(5000):
                pass
        await self._connection.execute("VACUUM ANALYZE ledger.hourly_trades, ledger.dirty_hours")

    async def tick(self, hours: int, markets: int) -> float:
        """Seconds of a run over as many marked hours, anywhere in history, of as many markets each."""
        dice, seconds = self._dice, int(self._fills * SECONDS_EACH)
        drawn = [(BEGIN + dice.randrange(seconds)) // 3600 * 3600 for _ in range(hours)]
        marks = sorted({(hour, *market) for hour in drawn for market in dice.sample(MARKETS, markets)})
        await self._connection.execute(MARK, *(list(column) for column in zip(*marks, strict=True)))
        began = time.perf_counter()
        taken = await self.aggregates.roll_hours(len(marks))
        assert taken == len(marks), f"{taken} marks of {len(marks)}"
        return time.perf_counter() - began

    async def view_of_rows(self) -> None:
        """Make what the rollup has as a materialized view over all rows, and see that it is the same."""
        made = query("rollup_hourly_trades")
        made = made[made.index("made AS (") : made.index("    FROM marked AS m")].replace("m.hour", "t.hour")
        view = f"WITH {made} FROM {EVERY_HOUR} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8) SELECT * FROM made"
        with said("view over all rows"):
            await self._connection.execute(f"CREATE MATERIALIZED VIEW public.hourly AS {view}", timeout=3600)
        await self._connection.execute(f"CREATE UNIQUE INDEX hourly_key ON public.hourly ({KEY})")
        other = await self._connection.fetchval(DIFFERENCES)
        assert other == 0, f"{other} rows of the rollup are not what the view over all rows has"

    async def refresh_of_rows(self) -> float:
        """Seconds of its REFRESH MATERIALIZED VIEW CONCURRENTLY."""
        with said("refresh over all rows") as took:
            await self._connection.execute("REFRESH MATERIALIZED VIEW CONCURRENTLY public.hourly", timeout=3600)
        return took[0]

    async def roll_days(self) -> None:
        """All days, and what a report reads of them."""
        await self._connection.execute(MARK_DAYS)
        with said("rolled up by day"):
            while await self.aggregates.roll_days(50):
                pass
        with said("covered days"):
            await self.aggregates.roll_holdings(1)
        await self.aggregates.refresh("volume_daily")

    async def report(self) -> float:
        """Seconds of a report over all days, from the view."""
        return await self._asked(OF_DAYS)

    async def report_of_rows(self) -> float:
        """The same from all rows."""
        return await self._asked(OF_ROWS)

    async def _asked(self, statement: str) -> float:
        began = time.perf_counter()
        await self._connection.fetch(statement, timeout=600)
        return time.perf_counter() - began

    async def agrees(self) -> bool:
        """Whether both reports say the same."""
        ours, of_rows = [await self._connection.fetch(statement, timeout=600) for statement in (OF_DAYS, OF_ROWS)]
        return [tuple(row) for row in ours] == [tuple(row) for row in of_rows]


@contextmanager
def said(what: str) -> Iterator[list[float]]:
    """Say on standard error how many seconds it took; they are in the list then."""
    began, took = time.perf_counter(), [0.0]
    yield took
    took[0] = time.perf_counter() - began
    print(f"{what}: {took[0]:.1f} s", file=sys.stderr, flush=True)
