"""What the ledger says of itself, asked at most once a second, whoever wants to know.

Status, readiness and metrics are one question on a connection of their own: many who ask share an answer, and no page
or query of the API can keep them waiting. A database that does not answer is a fact too. What is proven complete
changes by the hour and is dearer to ask: it may be a minute old.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from indexer.http.reader import session
from indexer.http.trouble import Trouble
from indexer.redaction import redacted
from indexer.report.daemons import BACKFILL, PROVIDERS, SHARES, STATUS

if TYPE_CHECKING:
    from indexer.http.reader import Pool, Session

KEPT_S = 1.0
PROOFS_KEPT_S = 60.0
TIMEOUT_S = 4.0  # Those who ask for metrics or readiness wait ten.
_FRESHNESS = """
SELECT name, kind, waiting, error, failed_at > coalesce(as_of, '-infinity') AS has_failed,
    extract(epoch FROM now() - as_of) AS age_s, extract(epoch FROM now() - oldest_waiting) AS waiting_s
FROM perps.freshness ORDER BY kind, name
"""
_ESTIMATES = "SELECT protocol, kind, rows FROM perps.row_estimates ORDER BY protocol, kind"

_UNEXPLAINED = """
SELECT protocol, coalesce(cause, 'unknown') AS cause, count(*) AS gaps
FROM perps.completeness_gaps WHERE NOT explained GROUP BY 1, 2 ORDER BY 1, 2
"""
# Days that are settled whole, by whether a gap that nothing explains touches them.
_DAYS = """
WITH touched AS (
    SELECT DISTINCT g.protocol, day::date AS day
    FROM perps.completeness_gaps AS g
    CROSS JOIN LATERAL generate_series(
        date_trunc('day', g.after_time AT TIME ZONE 'UTC'), g.before_time AT TIME ZONE 'UTC', interval '1 day'
    ) AS day
    WHERE NOT g.explained
)
SELECT c.protocol, count(*) FILTER (WHERE t.day IS NULL) AS unbroken, count(t.day) AS broken
FROM perps.coverage_daily AS c LEFT JOIN touched AS t USING (protocol, day)
WHERE c.coverage = 'full' GROUP BY c.protocol ORDER BY c.protocol
"""
_OPINIONS = "SELECT endpoint, protocol, rows, differing FROM perps.second_opinions ORDER BY endpoint, protocol"

Row = Mapping[str, Any]


class Proofs(msgspec.Struct, frozen=True):
    """Unexplained gaps by protocol and cause, days that are settled whole by protocol, second opinions by endpoint."""

    gaps: Sequence[Row] = ()
    days: Sequence[Row] = ()
    opinions: Sequence[Row] = ()


class Facts(msgspec.Struct, frozen=True):
    """Rows of perps.status, perps.providers, perps.freshness (with ages in seconds), perps.row_estimates,
    perps.backfill and perps.endpoint_shares.
    """

    protocols: Sequence[Row]
    providers: Sequence[Row]
    freshness: Sequence[Row]
    estimates: Sequence[Row]
    backfill: Sequence[Row] = ()
    shares: Sequence[Row] = ()
    proofs: Proofs = Proofs()


_ASKED = (STATUS, PROVIDERS, _FRESHNESS, _ESTIMATES, BACKFILL, SHARES)  # In the order of the facts.


class Observatory:
    """`pool`: nobody else's."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._asking = asyncio.Lock()
        self._seen: Facts | Trouble | None = None
        self._until = 0.0
        self._proofs = Proofs()
        self._proofs_until = 0.0

    async def facts(self) -> Facts | Trouble:
        """A second old at most; Trouble where the database does not tell."""
        async with self._asking:
            loop = asyncio.get_running_loop()
            if self._seen is None or loop.time() >= self._until:
                self._seen = await self._looked()
                self._until = loop.time() + KEPT_S
            return self._seen

    async def _looked(self) -> Facts | Trouble:
        try:
            async with asyncio.timeout(TIMEOUT_S), session(self._pool) as connection, connection.transaction():
                asked = [await _rows(connection, query) for query in _ASKED]
                proofs = await self._proven(connection)
        except Trouble as trouble:
            return trouble
        except TimeoutError:
            return Trouble("database_unavailable", f"the database did not answer within {TIMEOUT_S:g} s")
        status, providers, freshness, estimates, backfill, shares = asked
        return Facts(status, providers, freshness, estimates, backfill, shares, proofs)

    async def _proven(self, connection: Session) -> Proofs:
        loop = asyncio.get_running_loop()
        if loop.time() >= self._proofs_until:
            gaps, days, opinions = [await _rows(connection, query) for query in (_UNEXPLAINED, _DAYS, _OPINIONS)]
            self._proofs = Proofs(gaps, days, opinions)
            self._proofs_until = loop.time() + PROOFS_KEPT_S
        return self._proofs


async def _rows(connection: Session, query: str) -> Sequence[Row]:
    return [_plain(dict(row)) for row in await connection.fetch(query)]


def _plain(row: dict[str, Any]) -> Row:
    """Without credentials, should one ever have got there; decimals with all their digits and no exponent."""
    for name, value in row.items():
        if isinstance(value, str):
            row[name] = redacted(value)
        elif isinstance(value, Decimal):
            row[name] = f"{value:f}"
    return row
