"""What proves the ledger complete, in PostgreSQL: marked buckets are proven again, and joined to their neighbours.

What must stay true:
- Whoever writes settled rows marks their bucket in the same transaction; settled rows that are deleted mark theirs. A
  mark goes in the transaction that proved its bucket, and only if nobody touched it since it was read.
- Only settled rows bear witness. What was proven of a bucket stays as it is until one of its rows comes or goes, and
  for good when its bytes were let go: a proof of nothing would break every chain.
- When no mark is left, gaps are exactly the breaks of all chains over all rows, and every event has its row.
- Nothing here writes a row of the ledger.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from indexer.core.coverage import Span
from indexer.core.record import Counter, EventRow, TvlObservation
from indexer.store.connection import CONNECT_TIMEOUT_S
from indexer.store.pool import may_pass, never_reused_if_lost, open_pool
from indexer.store.proof_rows import (
    GAP_COLUMNS,
    SEGMENT_COLUMNS,
    chain_of,
    gap_key,
    gap_of,
    gap_row,
    segment_of,
    segment_row,
)
from indexer.store.rollups import PROOFS, arrays
from indexer.store.rows import BY_CLASS, EVENTS, RECORD_TABLES, Table
from indexer.store.statements import query
from indexer.store.told import PROOF_SLOTS
from indexer.store.writing import columns
from indexer.verify.certificate import Counts
from indexer.verify.chain import Break, Chain, Link, Segment, by_day, strung
from indexer.verify.evidence import ROWS
from indexer.verify.gap import Cause, Circumstances, Gap, cause_of, row_missing
from indexer.verify.witness import Witness, links_of

if TYPE_CHECKING:
    from indexer.store.pool import Pool, Session

MOST_JUDGED = 1_000  # Gaps at once.
_COUNTERS, _AMOUNTS = BY_CLASS[Counter], BY_CLASS[TvlObservation]
_BY_KIND = {table.kind: table for table in RECORD_TABLES}
Bucket = tuple[int, str]  # Number, protocol.


class Opinion(msgspec.Struct, frozen=True):
    """Settled slots that were fetched again from one endpoint. `differing`: rows that it told otherwise."""

    endpoint: str
    protocol: str
    slots: int
    rows: int
    differing: int


@asynccontextmanager
async def open_proofs(
    url: str, *, timeout_s: float = CONNECT_TIMEOUT_S, pooled: bool = False
) -> AsyncIterator[PostgresProofs]:
    """The proofs of a migrated database, on connections of their own."""
    async with open_pool(url, size=(1, 2), timeout_s=timeout_s, pooled=pooled) as pool:
        yield PostgresProofs(pool, url)


class PostgresProofs:
    """Every method may raise StoreUnavailable: nothing was changed then, and it may be tried again."""

    def __init__(self, pool: Pool, url: str) -> None:
        self._pool = pool
        self._url = url

    async def mark(self, protocols: Sequence[str], span: Span) -> None:
        """Let all that touches these slots be proven again, whether it changed or not."""
        async with self._transaction() as session:
            statement = query("mark_proofs_again")
            await session.execute(statement, list(protocols), span.start, span.end, PROOF_SLOTS)

    async def marked(self, protocols: Sequence[str], limit: int) -> Sequence[Bucket]:
        """Buckets to prove, the newest first."""
        async with self._transaction() as session:
            return [tuple(row) for row in await session.fetch(query("dirty_proofs"), list(protocols), limit)]

    async def prove(self, bucket: int, witness: Witness) -> None:
        """Read what a bucket's rows tell, keep it, and join it to what lies beside it."""
        async with self._transaction() as session:
            await session.execute(query("lock_proofs"))
            marks = [tuple(row) for row in await session.fetch(query("marks_of_proof"), bucket, witness.name)]
            span = Span(bucket * PROOF_SLOTS, (bucket + 1) * PROOF_SLOTS)
            if span.start >= await _bytes_from(session):
                links = await _links(session, witness, span)
                lost = await _without_row(session, witness.name, span, links)
                await _keep(session, witness.name, bucket, links, lost)
            if marks:
                await session.execute(PROOFS.clear, *arrays(marks, len(PROOFS.key) + 2))

    async def bytes_from(self) -> int:
        """The first slot whose bytes are kept: buckets below it are not proven anew. 0: all."""
        async with self._transaction() as session:
            return await _bytes_from(session)

    async def judge(self, protocols: Sequence[str]) -> int:
        """Find causes of gaps that have none yet, or may have another one now. How many were looked at."""
        async with self._transaction() as session:
            await session.execute(query("lock_proofs"))
            rows = [dict(row) for row in await session.fetch(query("gaps_to_judge"), list(protocols), MOST_JUDGED)]
            judged = [(_cause(row), *_key(row)) for row in rows]
            await session.executemany(query("judge_gap"), judged)
        return sum(not row["judged"] or row["cause"] != one[0] for row, one in zip(rows, judged, strict=True))

    async def span(self, protocol: str) -> Span | None:
        """From the first settled slot to the last; None: there is none."""
        async with self._transaction() as session:
            row = await session.fetchrow(query("proven_span"), protocol)
        return None if row is None else Span(row["first"], row["behind"])

    async def counts(self, protocol: str, span: Span) -> Mapping[str, Counts]:
        """By evidence, of the buckets that the span touches."""
        first, last = span.start // PROOF_SLOTS, (span.end - 1) // PROOF_SLOTS
        async with self._transaction() as session:
            rows = await session.fetch(query("completeness_counts"), protocol, first, last)
        names = Counts.__struct_fields__
        return {row["evidence"]: Counts(**{name: row[name] for name in names}) for row in rows}

    async def gaps(self, protocol: str, span: Span, limit: int) -> Sequence[Gap]:
        """Gaps that touch these slots, the unexplained first, then the shortest."""
        async with self._transaction() as session:
            rows = await session.fetch(query("completeness_gaps"), protocol, span.start, span.end, limit)
        return [gap_of(dict(row)) for row in rows]

    async def refetched(self, protocol: str, span: Span, source: str, chain: Chain | None = None) -> None:
        """All of `span`, or of it all that `chain` may lack, was fetched once more from `source`: by others than those
        that settled it."""
        key = (None, None) if chain is None else (chain.evidence, chain.key)
        async with self._transaction() as session:
            await session.execute(query("gaps_refetched"), protocol, span.start, span.end, source, *key)

    async def who_settled(self, protocol: str, span: Span) -> Sequence[tuple[str, str | None]]:
        """(source, endpoint) of those who settled any of these slots."""
        async with self._transaction() as session:
            return [tuple(row) for row in await session.fetch(query("who_settled"), protocol, span.start, span.end)]

    async def count(self, opinion: Opinion) -> None:
        """Add to what is known of an endpoint."""
        async with self._transaction() as session:
            await session.execute(query("count_opinion"), *msgspec.structs.astuple(opinion))

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Session]:
        with may_pass(self._url):
            async with self._pool.acquire() as session:
                with never_reused_if_lost(session):
                    async with session.transaction(isolation="read_committed"):
                        yield session


# --- what the rows of a bucket tell --------------------------------------------------------------------------------


async def _bytes_from(session: Session) -> int:
    first: int = await session.fetchval(query("bytes_from"))
    return first


async def _links(session: Session, witness: Witness, span: Span) -> list[Link]:
    sieve, names = witness.sieve, list(witness.events)
    statement = query("evidence_events", columns=columns(EVENTS, "t."))
    of = witness.name, span.start, span.end
    rows = await session.fetch(statement, *of, names, sieve.event, sieve.offset, sieve.byte)
    events = (_event(tuple(row)) for row in rows)
    return [*links_of(witness, events), *await _readings(session, witness, span)]


def _event(row: tuple[Any, ...]) -> EventRow:
    event = EVENTS.record(row)
    assert isinstance(event, EventRow), "the table of events holds events"
    return event


async def _readings(session: Session, witness: Witness, span: Span) -> list[Link]:
    found = []
    for table, condition in ((_COUNTERS, ""), (_AMOUNTS, " AND t.component = 'lp_supply'")):
        statement = query("evidence_readings", table=table.name, columns=columns(table, "t."), condition=condition)
        for row in await session.fetch(statement, witness.name, span.start, span.end):
            record = table.record(tuple(row))
            assert isinstance(record, Counter | TvlObservation), "these tables hold nothing else"
            found.append(witness.reading(record))
    return [link for link in found if link is not None]


async def _without_row(session: Session, protocol: str, span: Span, links: Iterable[Link]) -> list[Break]:
    """Links whose event is there, and whose record is not."""
    wanted: dict[str, list[Link]] = {}
    for link in links:
        if link.row is not None:
            wanted.setdefault(link.row, []).append(link)
    found = []
    for kind, some in wanted.items():
        there = await _places(session, protocol, span, _BY_KIND[kind])
        found += [row_missing(link) for link in some if link.identity not in there]
    return found


async def _places(session: Session, protocol: str, span: Span, table: Table) -> set[tuple[int, bytes, int]]:
    rows = await session.fetch(query("evidence_rows", table=table.name), protocol, span.start, span.end)
    return {(row["slot"], row["signature"], row["index"]) for row in rows}


# --- what is kept of it --------------------------------------------------------------------------------------------


class _Neighbours(NamedTuple):
    left: list[Segment]
    right: list[Segment]


async def _keep(session: Session, protocol: str, bucket: int, links: Sequence[Link], lost: Sequence[Break]) -> None:
    segments, inside = by_day(links)
    gone = await session.fetch(query("delete_segments"), protocol, bucket)
    chains = {Chain(protocol, row["evidence"], row["chain"]) for row in gone} | {chain for chain, _ in segments}
    rows = [segment_row(chain, bucket, day, one) for (chain, day), one in segments.items()]
    if rows:
        await session.copy_records_to_table(
            "chain_segments", schema_name="ledger", columns=SEGMENT_COLUMNS, records=rows
        )
    beside = await _neighbours(session, protocol, bucket, chains)
    breaks = [*inside, *lost]
    here: dict[Chain, list[Segment]] = {}
    for (chain, _), segment in segments.items():  # In order of days.
        here.setdefault(chain, []).append(segment)
    for chain in chains:
        near = beside.get(chain, _Neighbours([], []))
        breaks += strung(chain, (*near.left, *here.get(chain, ()), *near.right))[1]
    reach = {chain: _reach(bucket, beside.get(chain)) for chain in chains}
    kinds = {Chain(protocol, ROWS, kind): _reach(bucket, None) for kind in _BY_KIND}
    await _keep_gaps(session, protocol, {**reach, **kinds}, breaks)


async def _neighbours(
    session: Session, protocol: str, bucket: int, chains: Iterable[Chain]
) -> dict[Chain, _Neighbours]:
    listed = sorted(chains)
    rows = await session.fetch(
        query("neighbour_segments"), protocol, [c.evidence for c in listed], [c.key for c in listed], bucket
    )
    found = {}
    for chain, some in groupby(map(dict, rows), key=chain_of):
        sides = _Neighbours([], [])
        for row in some:
            (sides.left if row["bucket"] < bucket else sides.right).append(segment_of(row))
        found[chain] = sides
    return found


def _reach(bucket: int, beside: _Neighbours | None) -> tuple[int, int]:
    """First and last slot in front of which the chain's gaps may be others now."""
    first, last = bucket * PROOF_SLOTS, (bucket + 1) * PROOF_SLOTS - 1
    behind = next((one.first for one in beside.right if one.first), None) if beside else None
    return first, last if behind is None else behind.place.slot


async def _keep_gaps(
    session: Session, protocol: str, reach: Mapping[Chain, tuple[int, int]], breaks: Sequence[Break]
) -> None:
    places = [(chain.evidence, chain.key, *slots) for chain, slots in reach.items()]
    still = list({gap_key(broken): None for broken in breaks})
    await session.execute(query("delete_gaps"), protocol, *arrays(places, 4), *arrays(still, 6))
    if breaks:
        rows = {gap_key(broken): gap_row(broken) for broken in breaks}
        await session.executemany(_keep_gap(), list(rows.values()))


def _keep_gap() -> str:
    return query(
        "keep_gap",
        columns=", ".join(GAP_COLUMNS),
        parameters=", ".join(f"${place}" for place in range(1, len(GAP_COLUMNS) + 1)),
        excluded=", ".join(f"excluded.{name}" for name in GAP_COLUMNS),
    )


# --- why -----------------------------------------------------------------------------------------------------------


def _cause(row: Mapping[str, Any]) -> Cause | None:
    known = Circumstances(
        is_settled=row["is_settled"],
        truncated=row["truncated"],
        unreadable=row["unreadable"],
        is_refetched=row["refetched_at"] is not None,
    )
    return cause_of(gap_of(row).broken, known)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("protocol", "evidence", "chain", "before_slot", "before_signature", "before_tx_index", "before_index")
    return tuple(row[name] for name in names)
