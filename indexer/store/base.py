"""What a store promises: pages go in whole, coverage tells the truth, the ledger can be made again.

What must stay true, in every store:
- `write` is all or nothing: rows, dirty marks and coverage move together.
- A row is settled if and only if its slot is in the coverage of its stream; rows read from accounts stand outside.
- A list settles no slot in which it lacks a transaction of the stream that is there provisionally: one of the two is
  wrong, and whole blocks tell which.
- Settling drops the stream's provisional rows that the page lacks. After that, no page changes or deletes a row:
  what it says otherwise is a difference, counted and shown. Only `replace` changes settled rows, and a page that
  `mends` adds what settled slots lack.
- Provisional over provisional: the later one counts, but a place or time that it does not know is kept.
- The same page twice leaves the same ledger.
- The digest of a bucket moves with its settled payloads, in the same transaction.
- Below the borders of retention nothing comes (borders.py): a page that was fetched before them is cut there.
- What was made with reference rows that have changed since is in `to_reprocess` until it was made again.
A stream is called like its protocol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Literal, Protocol

import msgspec

from indexer.core.coverage import Span, Spans
from indexer.core.protocol import Processed
from indexer.core.record import EventRow, Failure, Record
from indexer.core.reference import Reference
from indexer.store.coordination import Coordination
from indexer.store.digests import Digests
from indexer.store.rows import Row

Change = Literal["inserted", "updated", "unchanged", "deleted", "differing"]
Mends = Literal["slots", "rows"]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Whole slots as one source saw them, processed. `settled`: nothing of the stream in these slots is absent.

    `seen`: (slot, signature) of all its transactions, from a source that lists them; None: whole blocks were shown.
    """

    events: Sequence[EventRow] = ()
    records: Sequence[Record] = ()
    failures: Sequence[Failure] = ()
    settled: Mapping[str, Sequence[Span]] = {}  # By stream.
    seen: Set[tuple[int, bytes]] | None = None
    unavailable: Mapping[str, Sequence[Span]] = {}  # By stream: the source does not have these slots.
    # Rows that a slot lacks which was settled before come in, instead of being told as differences. slots: of slots
    # that the page shows whole; rows: of any, and nothing is told of what the page itself lacks.
    mends: Mends | None = None
    source: str
    endpoint: str | None = None  # Without credentials.
    slot_times: Mapping[int, int] = {}  # Slot -> Unix seconds; of settled slots some are kept as anchors.
    reference_version: int | None = None  # Of the reference rows that made the records; None: made without any.


class Written(msgspec.Struct, frozen=True):
    """What a write or replace did."""

    kinds: Mapping[str, Mapping[Change, int]]  # Rows by kind (record.kind) and change; without zeros.
    settled: Mapping[str, Spans] = {}  # Slots by stream that were not settled before.
    stale: int = 0  # Transactions that `replace` left alone, since they or the reference changed after they were read.
    outdated: bool = False  # `write`: the reference rows have changed; the page's slots are in `to_reprocess`.

    @property
    def rows(self) -> dict[Change, int]:
        """Rows of all kinds by change."""
        sums: dict[Change, int] = {}
        for counts in self.kinds.values():
            for change, count in counts.items():
                sums[change] = sums.get(change, 0) + count
        return sums


class Difference(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """A later read of a settled slot that does not say the same."""

    record: str  # record.kind
    protocol: str
    slot: int
    signature: bytes
    channel: str
    index: int
    part: int
    reason: str = ""  # Of a failure.
    difference: Literal["differing", "additional", "missing"]
    columns: tuple[str, ...] = ()  # Those that differ.


class FailureSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Failures of one cause."""

    protocol: str
    program_id: bytes
    reason: str
    event: str | None
    discriminator: bytes | None
    count: int
    first_slot: int
    last_slot: int
    detail: str | None  # Of the last one.


class StoredTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction left of one protocol: everything that `reinterpret` reads."""

    protocol: str
    slot: int
    signature: bytes
    events: tuple[EventRow, ...]
    failures: tuple[Failure, ...]


class Store(Coordination, Digests, Protocol):
    """Every method may raise StoreUnavailable: nothing was written then, and it may be tried again."""

    async def write(self, page: Page) -> Written:
        """Write a page in one transaction. Where it is `outdated`, the next one wants a new `reference()`."""

    async def coverage(self, stream: str) -> Spans:
        """The settled slots of a stream."""

    async def unavailable(self, stream: str, older_than_s: float | None = None) -> Spans:
        """Slots of a stream that no source could give; they count as missing.

        `older_than_s`: only those that were last asked for so long ago, or up to a minute longer.
        """

    async def seed(self, reference: Reference) -> None:
        """Insert and update reference rows. None never erases what is known.

        Where a change alters what `process` makes of payloads, the version goes up and their slots go to
        `to_reprocess`; pages that were made before and come later go there by their version.
        """

    async def reference(self) -> Reference:
        """The reference rows."""

    async def claim_cluster(self, genesis_hash: str, name: str) -> None:
        """Bind the ledger to a cluster at first use. Raises ClusterMismatch if it is bound to another."""

    async def counts(self) -> Mapping[str, int]:
        """Rows by kind; every kind is there."""

    async def failures(self, limit: int = 100) -> Sequence[FailureSummary]:
        """Failures by cause, the most frequent first."""

    async def differences(self) -> Sequence[Difference]:
        """Differences that later reads found, in order."""

    async def dirty_hours(self) -> Sequence[tuple[int, str, str]]:
        """(hour in Unix seconds, protocol, market_key or "") whose rows changed since their rollup, in order."""

    async def rows(self, span: Span) -> Mapping[str, Sequence[Row]]:
        """All rows of these slots by kind, in order of their key: to compare ledgers."""

    async def stored(self, span: Span) -> Sequence[StoredTransaction]:
        """What `reinterpret` needs of these slots, in order of slot, signature and protocol; no account rows."""

    async def stored_span(self) -> Span | None:
        """The smallest span with all slots that `stored` would give anything of."""

    async def next_stored(self, slot: int) -> int | None:
        """The first slot from `slot` on that `stored` would give anything of."""

    async def replace(
        self,
        span: Span,
        stored: Sequence[StoredTransaction],
        processed: Processed,
        reference_version: int | None = None,
    ) -> Written:
        """Put in place of the rows of `stored` what was made of them; one transaction, ingest may go on meanwhile.

        A transaction that is no longer as it was read is left alone and counted in `stale`; all are, if the reference
        rows have changed since `reference_version`. Failures with index -1 are kept, since no payload tells of them.
        Unless something was stale, `span` leaves `to_reprocess`.
        """

    async def want_reprocess(self, spans: Sequence[Span]) -> None:
        """Add slots to `to_reprocess`."""

    async def to_reprocess(self) -> Spans:
        """Slots whose rows are to be made again; a reprocess that was stopped goes on here."""

    async def bytes_from(self) -> int:
        """The first slot whose bytes are kept: those below it were let go, their rows are not made again. 0: all."""
