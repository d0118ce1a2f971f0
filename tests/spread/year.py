"""`status`, `gaps` and `verify` of a ledger that holds a year, and of one with a day: what they take may not grow.

Both have the same gaps, and what grows with time grows: partitions, anchors, settlements, failures, records with their
bytes, rollups, stretches of proven chains.
"""

from __future__ import annotations

import statistics
import time
from typing import NamedTuple

from indexer.report.daemons import read_gaps, read_status, read_work
from indexer.store.connection import connected
from indexer.store.migrate import migrate
from tests.chaos.databases import database
from tests.spread.history import FIRST, ROLLUPS, SLOTS_A_DAY, TIME, write_days
from tests.spread.proving import prove_all, verified

MOST_TIMES = 3.0
DAYS = 365
_GAPS = 20
_ROUNDS = 15

_FILL = """
SELECT ledger.ensure_partitions({first}, {behind});
INSERT INTO ledger.slot_times (slot, time)
SELECT slot, to_timestamp({time} + (slot - {first}) * 0.4)::timestamptz(0)
FROM generate_series({first}::bigint, {behind} - 1, 150) AS slot;
INSERT INTO ledger.coverage (stream, slots)
SELECT stream, int8multirange(int8range({first}, {behind})) - (
    SELECT range_agg(int8range(at, at + 5)) FROM generate_series({first}::bigint, {behind} - 1, {apart}) AS at
)
FROM unnest(ARRAY['drift', 'jupiter_perps', 'gmx_solana']) AS stream
ON CONFLICT (stream) DO UPDATE SET slots = excluded.slots;
INSERT INTO ledger.streams (stream, wanted_from, finalized_slot, confirmed_slot, seen_at, holder)
SELECT stream, {first}, {behind} - 1, {behind} + 30, now(), 'host:1'
FROM unnest(ARRAY['drift', 'jupiter_perps', 'gmx_solana']) AS stream;
INSERT INTO ledger.settlements (stream, slots, source, endpoint, at, last_at)
SELECT stream, int8multirange(int8range({first} + hour * 9000, {first} + hour * 9000 + 9000)), 'blocks', 'rpc.example',
    now() - make_interval(hours => {hours} - hour), now() - make_interval(hours => {hours} - hour)
FROM unnest(ARRAY['drift', 'jupiter_perps', 'gmx_solana']) AS stream, generate_series(0, {hours} - 1) AS hour;
INSERT INTO ledger.failures
    (protocol, program_id, slot, signature, channel, index, part, is_text, settled, decoder_version, reason)
SELECT 'drift', '\\x01', {first} + n * 4320, int8send(n), 'log', 0, 0, false, true, 1, 'unknown_event'
FROM generate_series(0, {days} * 50 - 1) AS n;
"""


class Compared(NamedTuple):
    """Medians, in milliseconds. `notes`: what else was counted."""

    name: str
    day_ms: float
    year_ms: float
    notes: str = ""

    @property
    def times(self) -> float:
        return self.year_ms / self.day_ms


async def compare(server: str) -> list[Compared]:
    """`status` and `gaps` as the commands ask them, in turns."""
    async with database(server, "one_day") as day, database(server, "one_year") as year:
        for url, days in ((day, 1), (year, DAYS)):
            await _fill(url, days)
        asked = {"status": _status, "gaps": _gaps}
        found = []
        for name, ask in asked.items():
            took: dict[str, list[float]] = {day: [], year: []}
            for _ in range(_ROUNDS):
                for url, seconds in took.items():
                    began = time.perf_counter()
                    await ask(url)
                    seconds.append(time.perf_counter() - began)
            day_ms, year_ms = (statistics.median(took[url]) * 1000 for url in (day, year))
            found.append(Compared(name, day_ms, year_ms))
        return [*found, await _verify(day, year)]


async def _verify(day: str, year: str) -> Compared:
    of_day, of_year = await verified(day, 1), await verified(year, DAYS)
    read = f"{of_day.rows_read} rows read with a day, {of_year.rows_read} with a year"
    notes = f"{of_year.buckets} buckets of one changed day: {read}"
    return Compared("verify", of_day.ms, of_year.ms, notes)


async def _fill(url: str, days: int) -> None:
    await migrate(url)
    behind = FIRST + days * SLOTS_A_DAY
    values = {
        "time": TIME,
        "first": FIRST,
        "behind": behind,
        "days": days,
        "hours": days * 24,
        "apart": (behind - FIRST) // _GAPS,
    }
    await write_days(url, days)
    await prove_all(url)
    async with connected(url) as connection:
        await connection.execute(_FILL.format(**values))
        await connection.execute(ROLLUPS.format(days=days, time=TIME))
        await connection.execute("VACUUM ANALYZE")


async def _status(url: str) -> None:
    streams, _ = await read_status(url, timeout_s=10)
    assert [row["missing_slots"] for row in streams] == [5 * _GAPS] * 3, streams
    await read_work(url, timeout_s=10)


async def _gaps(url: str) -> None:
    assert len(await read_gaps(url, timeout_s=10)) == 3 * _GAPS
