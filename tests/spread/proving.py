"""`verify` of a ledger that holds a year, and of one with a day, when one day changed: it may cost what a day costs.

Everything was proven before. Then all buckets of one day are marked, as a change of its rows marks them, and what
`verify` does is done: these are proven again, and the certificate of the whole ledger is made.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from indexer import app as wiring
from indexer.core.coverage import Span
from indexer.ingest.verifying import certified, prove_marked
from indexer.store.connection import connected
from indexer.store.postgres import open_store
from indexer.store.proofs import open_proofs
from tests.spread.history import FIRST, SLOTS_A_DAY

_ROUNDS = 5
# Rows that the server read of what grows with time, whoever asked.
_READ = """
SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_user_tables
WHERE schemaname = 'ledger' AND (relname ~ '_p[0-9]+$' OR relname IN ('chain_segments', 'completeness_gaps'))
"""


class Proven(NamedTuple):
    """Of one ledger: the median of `verify` in milliseconds, buckets proven again, and rows that one of them read."""

    ms: float
    buckets: int
    rows_read: int


async def prove_all(url: str) -> int:
    async with open_proofs(url) as proofs:
        return await prove_marked(proofs, wiring.witnesses())


async def verified(url: str, days: int) -> Proven:
    """With the day in the middle changed."""
    day = Span(FIRST + days // 2 * SLOTS_A_DAY, FIRST + (days // 2 + 1) * SLOTS_A_DAY)
    took, buckets, before = [], 0, await _read(url)
    for _ in range(_ROUNDS):
        seconds, buckets = await _once(url, day)
        took.append(seconds)
    return Proven(sorted(took)[_ROUNDS // 2] * 1000, buckets, (await _read(url) - before) // _ROUNDS)


async def _once(url: str, day: Span) -> tuple[float, int]:
    witnesses = wiring.witnesses()
    async with open_store(url) as store, open_proofs(url) as proofs:
        await proofs.mark(["drift"], day)
        began = time.perf_counter()
        buckets = await prove_marked(proofs, witnesses)
        told = await certified(proofs, store, "drift")
        seconds = time.perf_counter() - began
    assert told is not None
    assert not told.gaps, told.gaps
    return seconds, buckets


async def _read(url: str) -> int:
    """Sessions that ended told what they read."""
    await asyncio.sleep(1.5)
    async with connected(url) as connection:
        return int(await connection.fetchval(_READ))
