"""Verify: prove what changed, say what is missing, and ask others how they tell it.

Proving asks no endpoint and costs what has changed. A second opinion changes nothing: what it tells otherwise is
counted and shown. Stopping is cancelling: marks go only with proofs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from random import Random

import msgspec
import structlog

from indexer.core.coverage import Span, Spans, common, missing, union
from indexer.core.protocol import Protocol
from indexer.ingest.writing import Writer
from indexer.sources.base import Source
from indexer.store.base import Store
from indexer.store.patience import patiently
from indexer.store.proofs import Opinion, PostgresProofs
from indexer.verify.certificate import Certificate, certificate
from indexer.verify.witness import Witness

MOST_BUCKETS = 1_000  # Listed at once.
MOST_GAPS = 10_000  # Of one protocol, in one certificate.
SAMPLE_SLOTS = 10  # Of one piece of a second opinion.
_log = structlog.get_logger()

Witnesses = Mapping[str, Witness]


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
