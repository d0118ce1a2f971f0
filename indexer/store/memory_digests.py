"""Digests in memory: nothing waits, since no row is older than they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from indexer.core.coverage import Span, Spans, common
from indexer.core.digest import BUCKET_SLOTS, Digest
from indexer.store.digesting import DIGESTED, DigestChange, Place, by_transaction, counted_rows
from indexer.store.digests import Digested
from indexer.store.memory_coordination import MemoryCoordination
from indexer.store.rows import EVENTS, TABLES, Table
from indexer.store.shelf import Shelf

_PROTOCOL = EVENTS.position["protocol"]


class MemoryDigests(MemoryCoordination):
    """See `digests.Digests` for what each method promises."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        super().__init__(clock)
        self._tables: dict[Table, Shelf] = {table: Shelf(table) for table in TABLES}
        self._coverage: dict[str, Spans] = {}
        self._digests: dict[Place, Digest] = {}

    async def digests(self, stream: str, span: Span) -> Mapping[int, Digest]:
        first, last = span.start // BUCKET_SLOTS, (span.end - 1) // BUCKET_SLOTS
        found = {bucket: digest for (name, bucket), digest in self._digests.items() if name == stream}
        return {bucket: found[bucket] for bucket in sorted(found) if first <= bucket <= last}

    async def payload_digests(self, stream: str, span: Span) -> Mapping[tuple[int, bytes], Digest]:
        rows = {table: [row for _, row in self._tables[table].within([span])] for table in DIGESTED}
        ours = {table: [row for row in some if row[_PROTOCOL] == stream] for table, some in rows.items()}
        return by_transaction(one for table, some in ours.items() for one in counted_rows(table, some))

    async def digested(self, stream: str, span: Span, *, payloads: bool) -> Digested:
        covered = common(self._coverage.get(stream, ()), [span])
        stored = await self.payload_digests(stream, span) if payloads else None
        return Digested(covered, await self.digests(stream, span), stored)

    async def digests_waiting(self, stream: str, span: Span) -> Sequence[int]:
        return ()

    async def build_digest(self, stream: str, bucket: int) -> None:
        """Nothing waits."""

    def _move_digests(self, change: DigestChange) -> None:
        for place, digest in change.by_place.items():
            moved = self._digests.pop(place, Digest()) + digest
            if moved != Digest():
                self._digests[place] = moved
