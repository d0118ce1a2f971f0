"""Where the chain's heads are, and which slots are wanted because of them.

One loop asks the nodes and tells the ledger, so that a status can be asked in SQL; everybody else reads what it
found. Slots are split by age: what lies a little behind the finalized head is recent, older is deep.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random
from typing import Protocol as Promise

import msgspec
import structlog

from indexer.core.coverage import Span, Spans, common
from indexer.errors import ConfigError, StoreUnavailable
from indexer.ingest.patience import waits
from indexer.sources.base import SourceInterrupted
from indexer.store.base import Store
from indexer.store.coordination import ProviderHealth, wanted_slots, would_skip
from indexer.store.patience import patiently

SLOTS_A_DAY = 216_000  # At 400 ms.
_log = structlog.get_logger()


class Heads(msgspec.Struct, frozen=True):
    """The newest slots that a node saw."""

    finalized: int
    confirmed: int


class Nodes(Promise):
    async def heads(self) -> Heads:
        """The heads. Raises SourceInterrupted."""

    def health(self) -> Sequence[ProviderHealth]:
        """How each endpoint fares, without credentials."""


class Watch:
    """Asks for the heads until it is cancelled. Before the first answer, who wants to know waits."""

    def __init__(
        self, store: Store, nodes: Nodes, streams: Sequence[str], *, holder: str, recent_slots: int, rng: Random
    ) -> None:
        self._store = store
        self._nodes = nodes
        self._streams = streams
        self._holder = holder
        self._recent_slots = recent_slots
        self._rng = rng
        self._heads: Heads | None = None
        self._known = asyncio.Event()
        self._is_store_away = False

    async def run(self, every_s: float) -> None:
        pauses = waits(self._rng)
        while True:
            try:
                self._seen(await self._nodes.heads())
                pauses = waits(self._rng)
                pause = every_s
            except SourceInterrupted as error:
                _log.error("no_endpoint_answers", reason=str(error))
                pause = next(pauses)
            await self._tell()
            await asyncio.sleep(pause)

    def _seen(self, heads: Heads) -> None:
        """A node that is behind the last one says nothing new: heads never go back."""
        old = self._heads or heads
        self._heads = Heads(max(old.finalized, heads.finalized), max(old.confirmed, heads.confirmed))
        self._known.set()

    async def _tell(self) -> None:
        heads = self._heads
        try:
            if heads is not None:
                await self._store.observe_head(
                    self._streams, self._holder, finalized=heads.finalized, confirmed=heads.confirmed
                )
            await self._store.report_health(self._holder, self._nodes.health())
        except StoreUnavailable as error:
            if not self._is_store_away:
                _log.error("store_unavailable", reason=str(error))
            self._is_store_away = True
        else:
            if self._is_store_away:
                _log.info("store_available")
            self._is_store_away = False

    async def heads(self) -> Heads:
        """What was seen last; waits for the first time."""
        await self._known.wait()
        assert self._heads is not None, "known means that there are heads"
        return self._heads

    async def begin(self, *, history_days: float, start_slot: int | None) -> None:
        """Say from where on every slot is wanted, unless an earlier run said so.

        Raises ConfigError where `start_slot` would leave out slots that are wanted or lie behind settled ones.
        """
        head = (await self.heads()).finalized
        first = max(0, head - round(history_days * SLOTS_A_DAY))
        await patiently(lambda: self._begin(start_slot, first), self._rng)

    async def _begin(self, start_slot: int | None, first: int) -> None:
        """`first`: the start of streams that have none."""
        states = await self._store.stream_states()
        if start_slot is None:
            new = [name for name in self._streams if name not in states or states[name].wanted_from is None]
            await self._store.want_from(new, first)
            return
        for name in self._streams:
            if name in states:
                _refuse(name, start_slot, would_skip(start_slot, states[name], await self._store.coverage(name)))
        await self._store.want_from(self._streams, start_slot)

    async def recent(self) -> Mapping[str, Spans]:
        """Wanted slots up to the finalized head and not far behind it, by stream."""
        return await self._wanted(recent=True)

    async def deep(self) -> Mapping[str, Spans]:
        """Wanted slots that are older, by stream."""
        return await self._wanted(recent=False)

    async def _wanted(self, *, recent: bool) -> Mapping[str, Spans]:
        head = (await self.heads()).finalized
        edge = max(0, head + 1 - self._recent_slots)
        span = Span(edge, head + 1) if recent else Span(0, edge) if edge else None
        states = await self._store.stream_states()
        return {name: common(wanted_slots(states[name], head), [span] if span else []) for name in self._streams}


def _refuse(stream: str, start: int, skipped: Spans) -> None:
    if skipped:
        raise ConfigError(
            f"slots {skipped[0].start} to {skipped[-1].end - 1} of {stream} would be left out by a start at {start}",
            place="setting run.start_slot",
            remedy="take the setting out: the ledger knows where it began",
        )
