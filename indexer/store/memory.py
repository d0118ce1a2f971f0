"""The ledger in memory: the twin of the one in PostgreSQL, for tests and simulations.

It decides by the same functions and passes the same tests. A write has no await inside, so that it is
whole or not at all; nothing is kept when the process ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from indexer.core.coverage import Span, Spans, missing, union
from indexer.core.protocol import Processed
from indexer.core.record import Failure
from indexer.core.reference import Reference
from indexer.store import changes
from indexer.store.base import Difference, FailureSummary, Page, StoredTransaction, Written
from indexer.store.changes import Rows, Scope
from indexer.store.cluster import check_cluster
from indexer.store.coordination import TRY_BUCKET_S, new_anchors
from indexer.store.digesting import DigestChange
from indexer.store.memory_digests import MemoryDigests
from indexer.store.rows import EVENTS, FAILURES, TABLES, Key, Row, Table
from indexer.store.seeding import BUCKET_SLOTS, SEEDED_TABLES, bucket_spans, is_altered, seeding
from indexer.store.shelf import Shelf
from indexer.store.table_change import Bucket, TableChange

_PROTOCOL, _SLOT, _CHANNEL = (EVENTS.position[name] for name in ("protocol", "slot", "channel"))


class MemoryStore(MemoryDigests):
    """See `base.Store` for what each method promises. `clock` in seconds; None: the running loop's."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        super().__init__(clock)
        self._unavailable: dict[str, dict[float, Spans]] = {}  # By stream and time of the last try.
        self._wanted: Spans = ()
        self._differences: set[Difference] = set()
        self._dirty: set[Bucket] = set()
        self._reference = Reference()
        self._cluster: tuple[str, str] | None = None
        self.settlements: dict[tuple[str, str, str | None], Spans] = {}  # By stream, source and endpoint.

    async def write(self, page: Page) -> Written:
        found = changes.page_rows(page)
        scopes = changes.scopes(page, found, self._coverage)
        existing = self._existing(scopes)
        scopes = changes.uncontested(page, existing, scopes)
        made = changes.write_changes(found, existing, scopes)
        newly = {name: scope.newly for name, scope in scopes.items()}
        settled = [span for spans in page.settled.values() for span in spans]
        self._anchors.update(new_anchors(page.slot_times, settled, self._anchors))
        self._apply(made)
        self._settle(page, newly)
        outdated = self._is_outdated(page.reference_version)
        if outdated:
            self._wanted = union(self._wanted, changes.payload_slots(found))
        return changes.written(made, newly, outdated=outdated)

    async def coverage(self, stream: str) -> Spans:
        return self._coverage.get(stream, ())

    async def unavailable(self, stream: str, older_than_s: float | None = None) -> Spans:
        tries = self._unavailable.get(stream, {})
        return union(
            *(spans for at, spans in tries.items() if older_than_s is None or at <= self._now() - older_than_s)
        )

    async def to_reprocess(self) -> Spans:
        return self._wanted

    async def bytes_from(self) -> int:
        return 0  # Nothing is ever let go.

    async def want_reprocess(self, spans: Sequence[Span]) -> None:
        self._wanted = union(self._wanted, spans)

    async def seed(self, reference: Reference) -> None:
        old = self._reference
        seeded = seeding(old, reference)
        self._reference = Reference(
            {**old.markets, **{(m.protocol, m.market_key): m for m in seeded.markets}}.values(),
            {**old.tokens, **{token.mint: token for token in seeded.tokens}}.values(),
            version=old.version + seeded.alters_records,
        )
        buckets = {
            row[_SLOT] // BUCKET_SLOTS
            for table in SEEDED_TABLES
            for row in self._tables[table]
            if is_altered(table, row, seeded)
        }
        self._wanted = union(self._wanted, bucket_spans(buckets))

    async def reference(self) -> Reference:
        return self._reference

    async def claim_cluster(self, genesis_hash: str, name: str) -> None:
        self._cluster = self._cluster or (genesis_hash, name)
        check_cluster(self._cluster, (genesis_hash, name))

    async def counts(self) -> Mapping[str, int]:
        return {table.kind: len(rows) for table, rows in self._tables.items()}

    async def failures(self, limit: int = 100) -> Sequence[FailureSummary]:
        causes: dict[Key, list[Failure]] = {}
        for row in sorted(self._tables[FAILURES], key=FAILURES.key):
            failure = FAILURES.record(row)
            assert isinstance(failure, Failure)
            origin = failure.origin
            cause = (origin.protocol, origin.program_id, failure.reason, origin.event, failure.discriminator)
            causes.setdefault(cause, []).append(failure)
        summaries = [_summary(cause, found) for cause, found in causes.items()]
        return sorted(summaries, key=_most_frequent_first)[:limit]

    async def differences(self) -> Sequence[Difference]:
        return sorted(self._differences)

    async def dirty_hours(self) -> Sequence[tuple[int, str, str]]:
        return sorted(self._dirty)

    async def rows(self, span: Span) -> Mapping[str, Sequence[Row]]:
        return {table.kind: self._rows(table, span) for table in TABLES}

    async def stored(self, span: Span) -> Sequence[StoredTransaction]:
        return changes.grouped(self._rows(EVENTS, span), self._rows(FAILURES, span))

    async def stored_span(self) -> Span | None:
        slots = self._stored_slots()
        return Span(min(slots), max(slots) + 1) if slots else None

    async def next_stored(self, slot: int) -> int | None:
        return min((other for other in self._stored_slots() if other >= slot), default=None)

    async def replace(
        self,
        span: Span,
        stored: Sequence[StoredTransaction],
        processed: Processed,
        reference_version: int | None = None,
    ) -> Written:
        if stored and self._is_outdated(reference_version):
            return Written({}, stale=len(stored))
        existing = {table: {table.key(row): row for row in self._rows(table, span)} for table in TABLES}
        fresh = changes.unchanged_since(stored, await self.stored(span))
        made = changes.replace_changes(processed, fresh, existing, self._coverage)
        self._apply(made)
        stale = len(stored) - len(fresh)
        if not stale:
            self._wanted = missing(self._wanted, [span])
        return changes.written(made, {}, stale)

    def _is_outdated(self, version: int | None) -> bool:
        return version is not None and version != self._reference.version

    def _stored_slots(self) -> set[int]:
        rows = (row for table in (EVENTS, FAILURES) for row in self._tables[table])
        return {row[_SLOT] for row in rows if row[_CHANNEL] != "account"}

    def _rows(self, table: Table, span: Span) -> list[Row]:
        return sorted((row for _, row in self._tables[table].within([span])), key=table.key)

    def _existing(self, scopes: Mapping[str, Scope]) -> dict[Table, Rows]:
        """The rows that a page may touch."""
        spans = {name: union(scope.newly, scope.reread, scope.touched) for name, scope in scopes.items()}
        return {table: dict(_of_streams(shelf, spans)) for table, shelf in self._tables.items()}

    def _apply(self, made: Iterable[TableChange]) -> None:
        digests = DigestChange()
        for change in made:
            shelf = self._tables[change.table]
            for key in change.gone:
                shelf.remove(key)
            for row in change.new:
                shelf.add(row)
            self._dirty |= change.dirty
            self._differences |= set(change.differences)
            change.digest(digests)
        self._move_digests(digests)

    def _settle(self, page: Page, newly: Mapping[str, Spans]) -> None:
        for stream, spans in newly.items():
            if spans:
                self._coverage[stream] = union(self._coverage.get(stream, ()), spans)
                self._take_from_unavailable(stream, spans)
                who = stream, page.source, page.endpoint
                self.settlements[who] = union(self.settlements.get(who, ()), spans)
        for stream, tried in page.unavailable.items():
            self._take_from_unavailable(stream, tried)
            now = self._now() // TRY_BUCKET_S * TRY_BUCKET_S + TRY_BUCKET_S
            self._unavailable[stream][now] = union(
                self._unavailable[stream].get(now, ()), missing(tried, self._coverage.get(stream, ()))
            )

    def _take_from_unavailable(self, stream: str, spans: Sequence[Span]) -> None:
        left = {at: missing(tried, spans) for at, tried in self._unavailable.get(stream, {}).items()}
        self._unavailable[stream] = {at: tried for at, tried in left.items() if tried}


def _of_streams(shelf: Shelf, spans: Mapping[str, Spans]) -> Iterator[tuple[Key, Row]]:
    for stream, some in spans.items():
        yield from ((key, row) for key, row in shelf.within(some) if row[_PROTOCOL] == stream)


def _summary(cause: Key, found: Sequence[Failure]) -> FailureSummary:
    protocol, program_id, reason, event, discriminator = cause
    slots = [failure.origin.slot for failure in found]
    return FailureSummary(
        protocol=protocol,
        program_id=program_id,
        reason=reason,
        event=event,
        discriminator=discriminator,
        count=len(found),
        first_slot=min(slots),
        last_slot=max(slots),
        detail=found[-1].detail,
    )


def _most_frequent_first(one: FailureSummary) -> Key:
    return (-one.count, one.protocol, one.program_id, one.reason, one.event or "", one.discriminator or b"")
