"""Verify: prove what changed, say what is missing, and fetch once more what a gap must hold.

Proving asks no endpoint and costs what has changed. A repair goes the way of every page: what another endpoint, by
another strategy, brings of a settled slot comes in where it was lacking; nothing is made up, and nothing is taken away.
What nobody brings stays a gap, with the note that it was asked for. Stopping is cancelling: marks go only with proofs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from random import Random

import msgspec
import structlog

from indexer.core.coverage import Span, Spans, common, missing, union
from indexer.core.protocol import Protocol
from indexer.ingest.reprocess import reprocess_ledger
from indexer.ingest.writing import Writer
from indexer.sources.base import Source, SourceInterrupted
from indexer.store.base import Store
from indexer.store.patience import patiently
from indexer.store.proofs import Opinion, PostgresProofs
from indexer.verify.certificate import Certificate, certificate
from indexer.verify.gap import Gap
from indexer.verify.witness import Witness

MOST_BUCKETS = 1_000  # Listed at once.
MOST_GAPS = 10_000  # Of one protocol, in one certificate.
MOST_ROUNDS = 5  # Of repairs: what a round brings may narrow other gaps.
SAMPLE_SLOTS = 10  # Of one piece of a second opinion.
_log = structlog.get_logger()

Witnesses = Mapping[str, Witness]
# Sources that are others than those who settled (source, endpoint), each by its endpoints' names; the best first.
Others = Callable[[Sequence[tuple[str, str | None]]], Sequence[Source]]


class Repaired(msgspec.Struct):
    """What a repair did."""

    brackets: int = 0
    slots: int = 0
    rows: int = 0  # That were lacking.
    reprocessed: int = 0  # Slots.
    left: int = 0  # Brackets that nobody gave whole.


async def keep_proven(proofs: PostgresProofs, witnesses: Witnesses, every_s: float, dice: Random) -> None:
    """Until cancelled."""
    while True:
        proven = await patiently(partial(prove_marked, proofs, witnesses), dice)
        if proven:
            _log.info("proven", buckets=proven)
        await asyncio.sleep(every_s)


async def prove_marked(proofs: PostgresProofs, witnesses: Witnesses) -> int:
    """Prove every bucket that is marked now, once, and find causes of gaps. How many buckets.

    Raises StoreUnavailable.
    """
    done: set[tuple[int, str]] = set()
    names = list(witnesses)
    while marked := [one for one in await proofs.marked(names, MOST_BUCKETS) if one not in done]:
        for bucket, protocol in marked:
            await proofs.prove(bucket, witnesses[protocol])
        done.update(marked)
    while await proofs.judge(names):
        pass
    return len(done)


async def certified(
    proofs: PostgresProofs, store: Store, protocol: str, start: int | None = None, behind: int | None = None
) -> Certificate | None:
    """Of what is proven now, from slot `start` up to `behind`; by default from the first settled slot, to the last.

    None: there are no such slots.
    """
    settled = await proofs.span(protocol)
    if settled is None:
        return None
    first, end = settled.start if start is None else start, settled.end if behind is None else behind
    if first >= end:
        return None
    span = Span(first, end)
    return certificate(
        protocol,
        span,
        missing([span], await store.coverage(protocol)),
        await proofs.counts(protocol, span),
        await proofs.gaps(protocol, span, MOST_GAPS),
    )


# --- repair --------------------------------------------------------------------------------------------------------


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
    ) -> None:
        self._proofs = proofs
        self._store = store
        self._writer = writer
        self._streams = {stream.name: stream for stream in streams}
        self._witnesses = witnesses
        self._others = others
        self.done = Repaired()

    async def run(self, protocol: str, span: Span) -> None:
        """Every gap of these slots, the narrowest first: what they bring may close the wide ones too."""
        tried: Spans = ()
        for _ in range(MOST_ROUNDS):
            bytes_from = await self._proofs.bytes_from()
            found = await self._proofs.gaps(protocol, span, MOST_GAPS)
            gaps = [gap for gap in found if gap.bracket.end > bytes_from]  # No proof below could ever close one.
            await self._remake(gap for gap in gaps if gap.cause == "row_missing")
            brackets = narrowest(gap for gap in gaps if gap.may_be_cured)
            todo = [bracket for bracket in brackets if missing([bracket], tried)]
            for bracket in todo:
                await self._refetch(protocol, bracket)
            tried = union(tried, todo)
            await prove_marked(self._proofs, self._witnesses)
            if not todo:
                return

    async def _remake(self, gaps: Iterable[Gap]) -> None:
        """The bytes are there: no endpoint is needed."""
        slots = union(gap.bracket for gap in gaps)
        if not slots:
            return
        self.done.reprocessed += sum(map(len, slots))
        await self._store.want_reprocess(slots)
        await reprocess_ledger(self._store, list(self._streams.values()), await self._store.reference())

    async def _refetch(self, protocol: str, bracket: Span) -> None:
        self.done.brackets += 1
        self.done.slots += len(bracket)
        left: Spans = (bracket,)
        asked = []
        for source in self._others(await self._proofs.who_settled(protocol, bracket)):
            asked.append(source.strategy)
            left = await self._by(source, protocol, left)
            if not left:
                await self._proofs.refetched(protocol, bracket, ", ".join(asked))
                return
        self.done.left += 1

    async def _by(self, source: Source, protocol: str, left: Spans) -> Spans:
        """What this source leaves of these slots. A block shows all streams: what they lack of it comes in too."""
        streams = tuple(self._streams.values()) if source.strategy == "blocks" else (self._streams[protocol],)
        for span in left:
            try:
                async with aclosing(source.pages(streams, span)) as pages:  # type: ignore[type-var]  # Generators.
                    async for raw in pages:
                        written = await self._writer.settling(raw, streams, source.strategy, mends=True)
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


# --- a second opinion ----------------------------------------------------------------------------------------------


async def second_opinion(
    store: Store, writer: Writer, source: Source, stream: Protocol, spans: Sequence[Span], endpoint: str
) -> Opinion:
    """Fetch settled slots again from one endpoint and compare: what it tells otherwise is kept as a difference."""
    slots = rows = differing = 0
    for span in spans:
        async with aclosing(source.pages((stream,), span)) as pages:  # type: ignore[type-var]  # As above.
            async for raw in pages:
                covered = common(raw.settled.get(stream.name, ()), await store.coverage(stream.name))
                raw = msgspec.structs.replace(raw, settled={stream.name: covered}, endpoint=endpoint)
                written = await writer.settling(raw, (stream,), source.strategy)
                slots += sum(map(len, covered))
                rows += sum(written.rows.values())
                differing += written.rows.get("differing", 0)
    return Opinion(endpoint, stream.name, slots, rows, differing)


def sampled(spans: Spans, part: float, dice: Random) -> Sequence[Span]:
    """About `part` of these slots, in small pieces, drawn evenly."""
    pieces = [Span(start, min(start + SAMPLE_SLOTS, span.end)) for span in spans for start in _starts(span, part, dice)]
    return union(pieces)


def _starts(span: Span, part: float, dice: Random) -> Iterable[int]:
    """Drawn by the distance to the next one, so that years cost what is drawn of them."""
    pieces = -(-len(span) // SAMPLE_SLOTS)
    at = dice.expovariate(part) if part < 1 else 0.0
    while at < pieces:
        yield span.start + int(at) * SAMPLE_SLOTS
        at += max(1.0, dice.expovariate(part)) if part < 1 else 1.0
