"""What people say of when: slots, UTC times, `head`, `7d` ago; and the slots that these are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from indexer.core.coverage import Span, Spans
from indexer.errors import InputError
from indexer.sources.base import SourceInterrupted
from indexer.sources.portal import Portal
from indexer.sources.rpc import Rpc
from indexer.sources.slot_times import slot_near
from indexer.store.base import Store
from indexer.store.coordination import Bracket, wanted_slots

HEAD = "head"
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Time(NamedTuple):
    unix_s: int


class Moments:
    """Answers from what the ledger knows, then the nodes, then the archive."""

    def __init__(self, rpc: Rpc, archive: Portal | None, store: Store) -> None:
        self._rpc = rpc
        self._archive = archive
        self._store = store

    async def span(self, start: str | None, end: str, since: str | None) -> Span:
        """The slots from `start`, or from so long before now, up to and including `end`. Raises InputError."""
        began, ended = _read(start) if start is not None else Time(_ago(since or "")), _read(end)
        head = await self._head()  # Behind what is read: a slip of the pen is told at once, whatever the network does.
        first, last = await self._slot(began, head), await self._slot(ended, head)
        if last > head:
            raise InputError(f"slot {last} is not finalized yet, the head is {head}", remedy="leave --to out")
        if last < first:
            raise InputError(f"the last slot {last} lies before the first one {first}")
        return Span(first, last + 1)

    async def wanted(self, streams: Sequence[str]) -> Mapping[str, Spans]:
        """All that daemons and backfills were asked to have, up to the finalized head."""
        head = await self._head()
        states = await self._store.stream_states()
        return {name: wanted_slots(states[name], head) if name in states else () for name in streams}

    async def _head(self) -> int:
        """The newest slot that anybody has finalized: who is asked first may lag. Raises SourceInterrupted."""
        reach = await self._rpc.reach(lane="backfill")
        return (await self._rpc.finalized(lane="backfill")).value if reach is None else reach.end - 1

    async def _slot(self, said: int | Time | None, head: int) -> int:
        if isinstance(said, Time):
            return await self._at(said.unix_s, head)
        return head if said is None else said

    async def _at(self, time: int, head: int) -> int:
        """The first slot at this Unix time or later."""
        anchors = _anchors(await self._store.slot_at(time))
        try:
            found = await slot_near(self._rpc, time, anchors=anchors, lane="backfill")
        except SourceInterrupted:
            if self._archive is None:
                raise
            return await self._archive.slot_at(time) or head
        first = await self._rpc.first_block(lane="backfill")
        if found <= first and self._archive is not None:  # Older than the nodes' history.
            return await self._archive.slot_at(time) or found
        return found


def _read(text: str) -> int | Time | None:
    """A slot, or a time; None: the head. Raises InputError."""
    if text == HEAD:
        return None
    return int(text) if text.isascii() and text.isdigit() else Time(time_of(text))


def time_of(text: str) -> int:
    """Unix seconds of an ISO date or time; without an offset it is UTC. Raises InputError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{text!r} is neither a slot nor a time", remedy="write 365000000, 2026-03-01, 2026-03-01T12:00Z or head"
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _ago(text: str) -> int:
    """Unix seconds of so long before now. Raises InputError."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if found is None:
        raise InputError(f"{text!r} is no length of time", remedy="write 90m, 12h or 7d")
    length = timedelta(**{_UNITS[found[2]]: int(found[1])})
    return int((datetime.now(UTC) - length).timestamp())


def _anchors(bracket: Bracket) -> dict[int, int]:
    return {anchor.slot: anchor.time for anchor in (bracket.before, bracket.after) if anchor is not None}
