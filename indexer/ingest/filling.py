"""Fill: find what is missing, claim a part of it, settle it by the first strategy that can.

Live tail, the gap after a disconnect, and history are the same work on other spans. Coverage alone says
what is done; a claim only keeps two workers off the same span. A strategy that leaves slots missing, or says
that it does not have them, hands them to the next one; what all of them leave is still missing afterwards, and
asked for again when everything else had its turn, so that no slot keeps others waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from itertools import pairwise

import msgspec
import structlog

from indexer.core.coverage import Span, Spans, common, missing, union
from indexer.core.protocol import Protocol
from indexer.ingest.claims import Claims
from indexer.ingest.precedence import Precedence
from indexer.ingest.turns import Turns
from indexer.ingest.writing import Writer
from indexer.sources.base import RawPage, Source, SourceInterrupted, Strategy
from indexer.store.base import Store

# What a span costs whatever its length, questions to find its edges, must stay little beside its slots.
LEAST_PART = 16
_log = structlog.get_logger()


class Task(msgspec.Struct, frozen=True):
    """Streams that are settled together, and how: strategies in order of preference."""

    streams: tuple[Protocol, ...]
    strategies: tuple[Strategy, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(stream.name for stream in self.streams)


class Filled(msgspec.Struct, frozen=True):
    """What was done for one claimed span."""

    span: Span
    settled: Mapping[str, int]  # Slots by stream.
    left: Mapping[str, Spans]  # Still missing, by stream.
    transactions: int = 0
    is_again: bool = False  # Every other slot has had its turn since the last progress.

    @property
    def progress(self) -> bool:
        return any(self.settled.values())


def tasks(streams: Sequence[Protocol], ways: Callable[[str], Sequence[Strategy]]) -> list[Task]:
    """One task for each stream, but one for all that begin with blocks: a block shows every stream."""
    together: dict[tuple[Strategy, ...], list[Protocol]] = {}
    alone: list[Task] = []
    for stream in streams:
        order = tuple(ways(stream.name))
        if order[0] == "blocks":
            together.setdefault(order, []).append(stream)
        else:
            alone.append(Task((stream,), order))
    return [*(Task(tuple(some), order) for order, some in together.items()), *alone]


class Filler:
    """Fills spans. `holder` names this process in claims; `wanted` of each call says, by stream, what to have.

    With `precedence`, what is live goes before every page. What was shown to be nowhere is asked for again after
    `retry_unavailable_s`; with `once_more` at once, one time. With `most_stalled_s`, a claim of which no page came so
    long is not renewed any more. With `divides`, the last spans are divided among all who fill the same.
    """

    def __init__(
        self,
        store: Store,
        writer: Writer,
        sources: Mapping[Strategy, Source],
        *,
        holder: str,
        lease_s: float,
        span_slots: int,
        retry_unavailable_s: float,
        once_more: bool = False,
        precedence: Precedence | None = None,
        most_stalled_s: float | None = None,
        divides: bool = False,
    ) -> None:
        self._store = store
        self._writer = writer
        self._sources = sources
        self._claims = Claims(store, holder, lease_s, most_stalled_s)
        self._span_slots = span_slots
        self._retry_unavailable_s = retry_unavailable_s
        self._turns: dict[Task, Turns] = {}
        self._once_more = once_more
        self._precedence = precedence
        self._divides = divides
        self._tried: dict[str, Spans] = {}  # Claims that were worked on, by stream.

    async def missing(self, task: Task, wanted: Mapping[str, Spans]) -> dict[str, Spans]:
        """What is not settled of what each stream of the task is wanted to have."""
        return {name: missing(wanted[name], await self._store.coverage(name)) for name in task.names}

    async def lacking(self, task: Task, wanted: Mapping[str, Spans]) -> dict[str, Spans]:
        """The same, but for what was shown to be nowhere: that is left alone for a while."""
        return {name: missing(wanted[name], await self._settled_or_nowhere(name)) for name in task.names}

    async def _settled_or_nowhere(self, stream: str) -> Spans:
        nowhere = await self._store.unavailable(stream)
        if self._once_more:
            return union(await self._store.coverage(stream), common(nowhere, self._tried.get(stream, ())))
        due = await self._store.unavailable(stream, older_than_s=self._retry_unavailable_s)
        return union(await self._store.coverage(stream), missing(nowhere, due))

    async def step(
        self,
        task: Task,
        wanted: Mapping[str, Spans],
        *,
        newest_first: bool,
        on_page: Callable[[int, int], None] = lambda *_: None,
    ) -> Filled | None:
        """Fill one span of what is missing. None: nothing is, or others work on all of it.

        `on_page` hears of slots settled and transactions seen. Raises SourceInterrupted where no strategy got
        anywhere, and StoreUnavailable; what was settled before stays settled.
        """
        lacking, turns = await self.lacking(task, wanted), self._turns.setdefault(task, Turns())
        if not (wanting := turns.next(union(*lacking.values()))):
            return None
        # The smaller the longer nothing was settled: a slot that breaks every answer stays alone.
        most = max(1, self._span_slots >> turns.rounds)
        least = max(1, most // LEAST_PART) if self._divides else None
        async with self._claims.claimed(
            task.names, wanting, most, newest_first=newest_first, least_slots=least
        ) as claim:
            if claim is None:
                return None
            try:
                filled = await self._fill(task, claim, lacking, on_page)
            except SourceInterrupted:
                turns.tried((claim,), progress=False)
                raise
        turns.tried(union(*filled.left.values()), progress=filled.progress)
        return msgspec.structs.replace(filled, is_again=turns.rounds > 0)

    async def _fill(
        self, task: Task, claim: Span, lacking: Mapping[str, Spans], on_page: Callable[[int, int], None]
    ) -> Filled:
        # Of what others settled before we claimed it nothing is asked again.
        begin = await self.missing(task, {name: common(spans, [claim]) for name, spans in lacking.items()})
        self._tried |= {name: union(self._tried.get(name, ()), [claim]) for name in task.names if self._once_more}
        left, seen = dict(begin), 0
        floors: list[int] = []
        interrupted: SourceInterrupted | None = None
        for strategy in task.strategies:
            source = self._sources.get(strategy)
            if source is None or not any(left.values()):
                continue
            try:
                reach = await _reach_of(source)
                floors.append(reach.start)
                seen += await self._by(source, reach, task, left, on_page)
            except SourceInterrupted as error:
                interrupted = error
                _log.warning("source_interrupted", strategy=strategy, reason=str(error), streams=task.names)
            left = await self.missing(task, begin)
        settled = {name: _size(begin[name]) - _size(left[name]) for name in task.names}
        if interrupted is None and floors:
            await self._say_nowhere(task, left, min(floors))
        if interrupted is not None and not any(settled.values()):
            raise interrupted
        return Filled(claim, settled, left, seen)

    async def _say_nowhere(self, task: Task, left: Mapping[str, Spans], floor: int) -> None:
        """Below where every source begins there is nothing to ask for: say so, and go on to what can be had."""
        below = {name: common(spans, [Span(0, floor)] if floor else []) for name, spans in left.items()}
        unavailable = {name: spans for name, spans in below.items() if spans}
        if unavailable:
            await self._writer.provisional(RawPage(unavailable=unavailable), task.streams, "reach")

    async def _by(
        self,
        source: Source,
        reach: Span,
        task: Task,
        left: Mapping[str, Spans],
        on_page: Callable[[int, int], None],
    ) -> int:
        """Ask one source for everything that is left and that it can reach; how many transactions it brought."""
        seen = 0
        for streams, span in together(task.streams, {name: common(spans, [reach]) for name, spans in left.items()}):
            async with aclosing(source.pages(streams, span)) as pages:  # type: ignore[type-var]  # They are generators.
                async for raw in pages:
                    if self._precedence is not None:
                        await self._precedence.give_way()
                    written = await self._writer.settling(raw, streams, source.strategy)
                    seen += len(raw.transactions)
                    self._claims.moved()
                    on_page(sum(map(_size, written.settled.values())), len(raw.transactions))
        return seen


async def _reach_of(source: Source) -> Span:
    """Raises SourceInterrupted where nobody says."""
    reach = await source.reach()
    if reach is None:
        raise SourceInterrupted(f"{source.strategy}: no endpoint says how far it reaches")
    return reach


def together(streams: Sequence[Protocol], left: Mapping[str, Spans]) -> Iterator[tuple[tuple[Protocol, ...], Span]]:
    """Spans with the streams that lack them, each slot once: edges lie where a stream begins or ends to lack."""
    edges = sorted({edge for spans in left.values() for span in spans for edge in (span.start, span.end)})
    for start, end in pairwise(edges):
        span = Span(start, end)
        if wanting := tuple(stream for stream in streams if common(left[stream.name], [span])):
            yield wanting, span


def _size(spans: Spans) -> int:
    return sum(map(len, spans))
