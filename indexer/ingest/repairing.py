"""Repair: fetch once more what gaps must hold, from others than those who settled their slots.

What another endpoint, by another strategy, brings of a settled slot comes in where it was lacking, the way of every
page; nothing is made up, and nothing is taken away. What nobody brings stays a gap, with the note that it was asked
for.
A position may rest for weeks, and the slots between its events hold millions of others: in a bracket as wide as that
only transactions that name the position are asked for, and then the whole slots in which one of them was lacking.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Protocol as Interface

import msgspec
import structlog

from indexer.core.coverage import Span, Spans, common, missing, of_slots, union
from indexer.core.protocol import Protocol
from indexer.ingest.reprocess import reprocess_ledger
from indexer.ingest.verifying import MOST_GAPS, Witnesses, prove_marked
from indexer.ingest.writing import Writer
from indexer.sources.base import RawPage, Source, SourceInterrupted, Strategy
from indexer.store.base import Store, Written
from indexer.store.proofs import PostgresProofs
from indexer.verify.chain import Chain
from indexer.verify.gap import Gap

MOST_ROUNDS = 5  # What a round brings may narrow other gaps.
MOST_WHOLE_SLOTS = 9_000  # Of a bracket that is fetched whole although an account's list would tell what it may lack.
Settled = Sequence[tuple[str, str | None]]  # Who settled something: strategy, and endpoints with commas between them.
_Write = Callable[[RawPage, Sequence[Protocol], Strategy], Awaitable[Written]]
_log = structlog.get_logger()


class Others(Interface):
    """Who is asked again: others than those who settled, as far as there are any."""

    def sources(self, settled: Settled) -> Sequence[Source]:
        """Of whole slots, the best first."""

    def account(self, settled: Settled, key: bytes) -> Source:
        """Of the transactions that name an account: what its pages call settled is whole for these alone."""


class Repaired(msgspec.Struct):
    """What a repair did."""

    brackets: int = 0
    slots: int = 0
    accounts: int = 0  # Lists of an account's transactions that were read whole.
    rows: int = 0  # That were lacking.
    reprocessed: int = 0  # Slots.
    left: int = 0  # Brackets that nobody gave whole.


class Repair:
    """Fetches once more what gaps must hold. `streams`: by name."""

    def __init__(
        self,
        proofs: PostgresProofs,
        store: Store,
        writer: Writer,
        streams: Sequence[Protocol],
        witnesses: Witnesses,
        others: Others,
        most_whole_slots: int = MOST_WHOLE_SLOTS,
    ) -> None:
        self._proofs = proofs
        self._store = store
        self._writer = writer
        self._streams = {stream.name: stream for stream in streams}
        self._witnesses = witnesses
        self._others = others
        self._most_whole_slots = most_whole_slots
        self._fetched: dict[str, dict[Span, str]] = {}  # By protocol, what was fetched whole, and by which strategies.
        self.done = Repaired()

    async def run(self, protocol: str, span: Span) -> None:
        """Every gap of these slots: the narrowest first, since what they bring may close the wide ones too."""
        tried: Spans = ()
        listed: set[tuple[Chain, Span]] = set()
        for _ in range(MOST_ROUNDS):
            bytes_from = await self._proofs.bytes_from()
            found = await self._proofs.gaps(protocol, span, MOST_GAPS)
            gaps = [gap for gap in found if gap.bracket.end > bytes_from]  # No proof below could ever close one.
            await self._remake(gap for gap in gaps if gap.cause == "row_missing")
            curable = [gap for gap in gaps if gap.may_be_cured]
            todo = narrowest(gap for gap in curable if not self._is_for_list(gap) and missing([gap.bracket], tried))
            for bracket in todo:
                await self._refetch(protocol, bracket)
            await self._tell(protocol, curable)
            lists = {(gap.chain, gap.bracket): gap for gap in curable if self._is_for_list(gap)}
            for key in sorted(lists.keys() - listed):
                await self._list(lists[key])
            await prove_marked(self._proofs, self._witnesses)
            if not todo and lists.keys() <= listed:
                return
            tried, listed = union(tried, todo), listed | lists.keys()

    def _is_for_list(self, gap: Gap) -> bool:
        return gap.account is not None and len(gap.bracket) > self._most_whole_slots

    async def _remake(self, gaps: Iterable[Gap]) -> None:
        """The bytes are there: no endpoint is needed."""
        slots = union(gap.bracket for gap in gaps)
        if not slots:
            return
        self.done.reprocessed += sum(map(len, slots))
        await self._store.want_reprocess(slots)
        await reprocess_ledger(self._store, list(self._streams.values()), await self._store.reference())

    async def _list(self, gap: Gap) -> None:
        """What its account was named in. What is there is fetched too: it may be there in part."""
        assert gap.account is not None, "asked for gaps of accounts"
        protocol, bracket, slots = gap.chain.protocol, gap.bracket, set[int]()

        async def add(raw: RawPage, streams: Sequence[Protocol], strategy: Strategy) -> Written:
            written = await self._writer.adding(raw, streams, strategy)
            slots.update(one.slot for one in raw.transactions if written.rows.get("inserted"))
            return written

        source = self._others.account(await self._proofs.who_settled(protocol, bracket), gap.account)
        left = await self._by(source, (self._streams[protocol],), protocol, (bracket,), add)
        for span in of_slots(slots):
            await self._refetch(protocol, span)  # Whoever hid one transaction of it may have hidden others.
        if left:
            self.done.left += 1
            return
        self.done.accounts += 1
        await self._proofs.refetched(protocol, bracket, f"{source.strategy} of the account", gap.chain)

    async def _refetch(self, protocol: str, bracket: Span) -> None:
        """A block shows all streams: what they lack of it comes in too."""
        self.done.brackets += 1
        self.done.slots += len(bracket)
        left: Spans = (bracket,)
        asked = []
        write = partial(self._writer.settling, mends=True)
        for source in self._others.sources(await self._proofs.who_settled(protocol, bracket)):
            asked.append(source.strategy)
            shown = tuple(self._streams.values()) if source.strategy == "blocks" else (self._streams[protocol],)
            left = await self._by(source, shown, protocol, left, write)
            if not left:
                self._fetched.setdefault(protocol, {})[bracket] = ", ".join(asked)
                await self._proofs.refetched(protocol, bracket, ", ".join(asked))
                return
        self.done.left += 1

    async def _tell(self, protocol: str, gaps: Iterable[Gap]) -> None:
        """Of gaps whose slots were fetched piece by piece, in brackets that overlap."""
        fetched = self._fetched.get(protocol, {})
        for bracket in {gap.bracket for gap in gaps if gap.refetched_from is None} - fetched.keys():
            if not missing([bracket], union(fetched)):
                asked = {strategies for span, strategies in fetched.items() if common([span], [bracket])}
                await self._proofs.refetched(protocol, bracket, ", ".join(sorted(asked)))

    async def _by(
        self, source: Source, streams: Sequence[Protocol], protocol: str, left: Spans, write: _Write
    ) -> Spans:
        """What this source leaves of these slots."""
        for span in left:
            try:
                async with aclosing(source.pages(streams, span)) as pages:  # type: ignore[type-var]  # Generators.
                    async for raw in pages:
                        written = await write(raw, streams, source.strategy)
                        self.done.rows += written.rows.get("inserted", 0)
                        left = missing(left, raw.settled.get(protocol, ()))
            except SourceInterrupted as error:
                _log.warning("not_refetched", protocol=protocol, strategy=source.strategy, reason=str(error))
        return left


def narrowest(gaps: Iterable[Gap]) -> Sequence[Span]:
    """Brackets that hold no other one: a lost event often breaks several chains, some of them widely."""
    found: list[Span] = []
    for bracket in sorted({gap.bracket for gap in gaps}, key=lambda span: (len(span), span)):
        if not any(bracket.start <= other.start and other.end <= bracket.end for other in found):
            found.append(bracket)
    return found
