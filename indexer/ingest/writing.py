"""The one way from what a source brought to the ledger.

A raw page is processed and written in one database transaction. Two things are never believed: that a
transaction which was seen at `confirmed` is absent only because a list of signatures lacks it, and that
reference rows are still what they were; the first leaves its slot missing, the second is written and reprocessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from random import Random

import msgspec
import structlog

from indexer.core import base58
from indexer.core.coverage import Spans, covers, union
from indexer.core.protocol import Protocol
from indexer.core.record import Failure
from indexer.core.reference import Reference
from indexer.ingest.page import processed
from indexer.ingest.tally import Tally
from indexer.sources.base import RawPage, Strategy
from indexer.store.base import Mends, Page, Store, Written
from indexer.store.patience import patiently

_log = structlog.get_logger()

# What shows every transaction of a slot needs no witness.
_SEES_ALL: frozenset[Strategy] = frozenset({"blocks"})


class Writer:
    """Writes raw pages, one after the other or at once. While the database is away it waits, and so does its caller."""

    def __init__(self, store: Store, rng: Random, tally: Tally | None = None) -> None:
        self._store = store
        self._rng = rng
        self._tally = tally or Tally()
        self._reference: Reference | None = None

    async def provisional(self, raw: RawPage, streams: Sequence[Protocol], source: str) -> Written:
        """Write what was seen at `confirmed`. Settles nothing."""
        return await self._write(raw, streams, source, {}, None)

    async def settling(
        self, raw: RawPage, streams: Sequence[Protocol], strategy: Strategy, *, mends: bool = False
    ) -> Written:
        """Write a page with what it settles, but for slots in which it lacks a transaction that was seen before.

        `mends`: what slots lack that are settled already comes in.
        """
        settled = {name: spans for name, spans in raw.settled.items() if spans}
        seen = None if strategy in _SEES_ALL else {(tx.slot, tx.signature) for tx in raw.transactions}
        return await self._write(raw, streams, strategy, settled, seen, mends="slots" if mends else None)

    async def adding(self, raw: RawPage, streams: Sequence[Protocol], strategy: Strategy) -> Written:
        """Write what settled slots lack of a page that shows them in part. Settles nothing.

        Transactions of slots that the page does not call settled are left out: their places may be unknown.
        """
        told = union(span for spans in raw.settled.values() for span in spans)
        transactions = [one for one in raw.transactions if covers(told, one.slot)]
        part = msgspec.structs.replace(raw, transactions=transactions, unavailable={}, slot_times={})
        return await self._write(part, streams, strategy, {}, None, mends="rows")

    async def _write(
        self,
        raw: RawPage,
        streams: Sequence[Protocol],
        source: str,
        settled: Mapping[str, Spans],
        seen: Set[tuple[int, bytes]] | None,
        *,
        mends: Mends | None = None,
    ) -> Written:
        reference = self._reference
        if reference is None:
            reference = await patiently(self._store.reference, self._rng)
        found = processed(raw.transactions, streams, reference)
        page = Page(
            events=found.events,
            records=found.records,
            failures=found.failures,
            settled=settled,
            seen=seen,
            unavailable=raw.unavailable,
            mends=mends,
            source=source,
            endpoint=raw.endpoint,
            slot_times=raw.slot_times,
            reference_version=reference.version,
        )
        written = await patiently(lambda: self._store.write(page), self._rng)
        self._reference = None if written.outdated else reference
        self._tally.settled(page, written.settled)
        for failure in self._tally.unread(found.failures):
            _tell(failure)
        return written


def _tell(failure: Failure) -> None:
    origin, key = failure.origin, failure.discriminator
    _log.error(
        "layout_unknown",
        protocol=origin.protocol,
        program=base58.encode(origin.program_id),
        discriminator=None if key is None else key.hex(),
        event_name=origin.event,
        reason=failure.reason,
        detail=failure.detail,
        slot=origin.slot,
        signature=base58.encode(origin.signature),
        remedy="perps-indexer idl check says what the program publishes; the bytes are kept",
    )
