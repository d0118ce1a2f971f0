"""Claims, what is wanted, heads, anchors and health in memory. The clock is the loop's: virtual in simulations."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from indexer.core.coverage import Span, Spans, union
from indexer.store.coordination import (
    FORGOTTEN_AFTER_S,
    Anchor,
    Bracket,
    Budget,
    ProviderHealth,
    StreamState,
    Work,
    part_to_claim,
    stored_health,
)


class Claim(msgspec.Struct):
    stream: str
    span: Span
    holder: str
    until: float


class MemoryCoordination:
    """See `coordination.Coordination` for what each method promises. `clock` in seconds, from any start."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._claims: list[Claim] = []
        self._states: dict[str, StreamState] = {}
        self._anchors: dict[int, Anchor] = {}  # By number.
        self._shares: dict[tuple[bytes, str], float] = {}  # Until when, by budget and holder.
        self.work: dict[tuple[str, str], tuple[float, Work]] = {}  # Holder, stream.
        self.health: dict[tuple[str, str, str], tuple[float, ProviderHealth]] = {}  # Holder, endpoint, method.

    def _now(self) -> float:
        return self._clock() if self._clock is not None else asyncio.get_running_loop().time()

    async def claim(
        self,
        streams: Sequence[str],
        wanted: Spans,
        holder: str,
        lease_s: float,
        most_slots: int,
        *,
        newest_first: bool,
        least_slots: int | None = None,
    ) -> Span | None:
        self._claims = [claim for claim in self._claims if claim.until > self._now()]
        held = [claim.span for claim in self._claims if claim.stream in streams]
        part = part_to_claim(wanted, held, most_slots, newest_first=newest_first, least_slots=least_slots)
        if part is not None:
            self._claims += [Claim(stream, part, holder, self._now() + lease_s) for stream in streams]
        return part

    async def renew(self, holder: str, lease_s: float) -> int:
        ours = [claim for claim in self._claims if claim.holder == holder]
        for claim in ours:
            claim.until = self._now() + lease_s
        return len(ours)

    async def release(self, streams: Sequence[str], span: Span, holder: str) -> None:
        given_back = {(stream, span, holder) for stream in streams}
        self._claims = [one for one in self._claims if (one.stream, one.span, one.holder) not in given_back]

    async def leave(self, holder: str) -> None:
        self._claims = [claim for claim in self._claims if claim.holder != holder]
        self.health = {key: value for key, value in self.health.items() if key[0] != holder}
        self.work = {key: value for key, value in self.work.items() if key[0] != holder}
        self._shares = {key: until for key, until in self._shares.items() if key[1] != holder}

    async def budget_key(self) -> bytes:
        return bytes(32)  # Nobody else reads this ledger.

    async def share(self, budgets: Sequence[Budget], holder: str, lease_s: float) -> Mapping[bytes, int]:
        now = self._now()
        ours = {(budget.key, holder): now + lease_s for budget in budgets}
        self._shares = {key: until for key, until in self._shares.items() if until > now} | ours
        holders = Counter(key for key, _ in self._shares)
        return {budget.key: holders[budget.key] for budget in budgets}

    async def report_work(self, holder: str, work: Mapping[str, Work]) -> None:
        now = self._now()
        others = {
            key: (seen, one)
            for key, (seen, one) in self.work.items()
            if key[0] != holder and seen >= now - FORGOTTEN_AFTER_S
        }
        self.work = {**others, **{(holder, stream): (now, one) for stream, one in work.items()}}

    async def want_from(self, streams: Sequence[str], slot: int, *, skip: bool = False) -> None:
        for stream in streams:
            known = self._state(stream).wanted_from
            first = slot if skip or known is None else min(known, slot)
            self._set(stream, wanted_from=first)

    async def ask(self, streams: Sequence[str], spans: Sequence[Span]) -> None:
        for stream in streams:
            self._set(stream, asked=union(self._state(stream).asked, spans))

    async def observe_head(
        self, streams: Sequence[str], holder: str, *, finalized: int | None, confirmed: int | None
    ) -> None:
        seen = {"finalized_slot": finalized, "confirmed_slot": confirmed}
        for stream in streams:
            self._set(stream, **{name: slot for name, slot in seen.items() if slot is not None})

    async def stream_states(self) -> Mapping[str, StreamState]:
        return dict(self._states)

    async def slot_at(self, time: int) -> Bracket:
        by_time = sorted(self._anchors.values(), key=lambda one: (one.time, one.slot))
        return _bracket([one for one in by_time if one.time < time], [one for one in by_time if one.time >= time])

    async def time_of(self, slot: int) -> Bracket:
        by_slot = sorted(self._anchors.values(), key=lambda one: one.slot)
        return _bracket([one for one in by_slot if one.slot <= slot], [one for one in by_slot if one.slot >= slot])

    async def report_health(self, holder: str, health: Sequence[ProviderHealth]) -> None:
        now = self._now()
        others = {
            key: (seen, one)
            for key, (seen, one) in self.health.items()
            if key[0] != holder and seen >= now - FORGOTTEN_AFTER_S
        }
        stored = [stored_health(one) for one in health]
        self.health = {**others, **{(holder, one.endpoint, one.method): (now, one) for one in stored}}

    def _state(self, stream: str) -> StreamState:
        return self._states.get(stream, StreamState())

    def _set(self, stream: str, **values: object) -> None:
        self._states[stream] = msgspec.structs.replace(self._state(stream), **values)


def _bracket(before: Sequence[Anchor], after: Sequence[Anchor]) -> Bracket:
    """Both in order."""
    return Bracket(before[-1] if before else None, after[0] if after else None)
