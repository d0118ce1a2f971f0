"""What daemons and backfills tell each other through the ledger: claims, wants, heads, anchors, health, shares.

What must stay true, in every store:
- A claim avoids double work and proves nothing: coverage alone says what is done. Of one stream no two live claims
  overlap. Leases run by the ledger's clock; one that has run out is free.
- What is wanted only grows, unless somebody says that slots shall be skipped.
- Anchors are block times of settled slots, one in `ANCHOR_SLOTS`: enough to bracket a time, few enough for years.
- No credential of an endpoint is stored: who shares a budget is known by a keyed hash of its address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from indexer.core.coverage import Span, Spans, covers, missing, union
from indexer.redaction import redacted

ANCHOR_SLOTS = 150  # About a minute: migrations/0005_daemons.sql has the same number in an index.
TRY_BUCKET_S = 60  # Vain tries are dated to it, rounded up: one row a minute at most.
FORGOTTEN_AFTER_S = 600  # Health that nobody renewed is of a dead daemon.
MOST_ERROR_CHARS = 300


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a stream, and the heads that a daemon saw last. None: nobody said so yet."""

    wanted_from: int | None = None  # Every slot from here up to the finalized head.
    asked: Spans = ()  # What backfills were asked for, done or not.
    finalized_slot: int | None = None
    confirmed_slot: int | None = None


class Anchor(msgspec.Struct, frozen=True):
    """`time` in Unix seconds."""

    slot: int
    time: int


class Bracket(msgspec.Struct, frozen=True):
    """The nearest anchors around a slot or a time. None: there is none on that side."""

    before: Anchor | None
    after: Anchor | None


class ProviderHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one method of one endpoint fares. Counts are since the daemon's start. None: not known."""

    endpoint: str
    method: str
    requests: int
    errors: int
    rate_limited: int
    latency_ms: int | None = None  # The typical one.
    rate_per_s: float | None = None  # What is asked at most.
    observed_slot: int | None = None
    first_slot: int | None = None  # First available block.
    quarantine_s: float | None = None  # Seconds from now until it is asked again.
    last_error: str | None = None


class Budget(msgspec.Struct, frozen=True):
    """What an endpoint allows, to be shared by all who ask it. `key`: a keyed hash of its address."""

    key: bytes
    name: str  # Its host, without credentials.


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What one process did of a stream since it started; the rate over the last minute."""

    settled_slots: int = 0
    transactions: int = 0
    slots_per_s: float = 0.0


class Coordination(Protocol):
    """Every method may raise StoreUnavailable: nothing was written then, and it may be tried again."""

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
        """Claim for all `streams` the newest or oldest part of `wanted` that no live claim on any of them holds.

        At most `most_slots` long; with `least_slots` no longer than an equal share of what is free among all who hold a
        part and the caller, or than `least_slots` where that is more: so all of them end at about the same time. None:
        nothing is free. `wanted` is what the caller found missing. A holder's own
        claims count like everybody's, so that several workers of one daemon may share its name.
        """

    async def renew(self, holder: str, lease_s: float) -> int:
        """Let all claims of `holder` run `lease_s` from now. How many streams' claims there are; lost ones are gone."""

    async def release(self, streams: Sequence[str], span: Span, holder: str) -> None:
        """Give a claim back. One that is not there any more is no error."""

    async def leave(self, holder: str) -> None:
        """A process ends: its claims, health, shares and work are gone, and it is no longer alive."""

    async def budget_key(self) -> bytes:
        """32 bytes with which this ledger's processes hash addresses; the same for all of them."""

    async def share(self, budgets: Sequence[Budget], holder: str, lease_s: float) -> Mapping[bytes, int]:
        """Have a part of each budget for `lease_s` from now. By key: how many live holders have one, this one too."""

    async def report_work(self, holder: str, work: Mapping[str, Work]) -> None:
        """Put this, by stream, in place of what the holder said before; drop what long silent ones said."""

    async def want_from(self, streams: Sequence[str], slot: int, *, skip: bool = False) -> None:
        """Every slot from `slot` on is wanted. A later start than the known one counts only with `skip`.

        `would_skip` says what that would leave out for ever.
        """

    async def ask(self, streams: Sequence[str], spans: Sequence[Span]) -> None:
        """A backfill was asked for these slots: until they are settled they are gaps."""

    async def observe_head(
        self, streams: Sequence[str], holder: str, *, finalized: int | None, confirmed: int | None
    ) -> None:
        """A living daemon saw these heads; about once a second. None leaves what is known."""

    async def stream_states(self) -> Mapping[str, StreamState]:
        """By stream; one of which nobody said anything is not there."""

    async def slot_at(self, time: int) -> Bracket:
        """The last anchor before `time` (Unix seconds), and the first one at or after it.

        The first slot of that time on lies behind `before` and not behind `after`.
        """

    async def time_of(self, slot: int) -> Bracket:
        """The last anchor up to `slot`, and the first one from `slot` on; the same twice where `slot` is one."""

    async def report_health(self, holder: str, health: Sequence[ProviderHealth]) -> None:
        """Put these in place of the holder's earlier ones, and drop those of daemons that are long silent."""


def part_to_claim(
    wanted: Spans, held: Collection[Span], most_slots: int, *, newest_first: bool, least_slots: int | None = None
) -> Span | None:
    """The newest or oldest part of `wanted` that is not `held`; how long, see `Coordination.claim`."""
    assert most_slots > 0, f"a claim of {most_slots} slots"
    free = missing(wanted, held)
    if not free:
        return None
    if least_slots is not None:
        share = -(-sum(map(len, free)) // (len(set(held)) + 1))
        most_slots = min(most_slots, max(least_slots, share))
    if newest_first:
        return Span(max(free[-1].start, free[-1].end - most_slots), free[-1].end)
    return Span(free[0].start, min(free[0].end, free[0].start + most_slots))


def wanted_slots(state: StreamState, head: int | None) -> Spans:
    """All that is wanted of a stream up to and including `head`."""
    if head is None or state.wanted_from is None or state.wanted_from > head:
        return state.asked
    return union(state.asked, [Span(state.wanted_from, head + 1)])


def would_skip(start: int, state: StreamState, covered: Spans) -> Spans:
    """What a start at slot `start` would leave out for good: of what was wanted, and behind what is settled."""
    settled_up_to = [min(span.end, start) for span in covered if span.start < start]
    firsts = [slot for slot in (state.wanted_from, max(settled_up_to, default=None)) if slot is not None]
    return missing([Span(slot, start) for slot in firsts if slot < start], covered)


def new_anchors(times: Mapping[int, int], settled: Iterable[Span], known: Iterable[int]) -> dict[int, Anchor]:
    """Of a page's block times those to keep, by number of the anchor: of each the first settled slot."""
    spans, there = union(settled), set(known)
    found: dict[int, Anchor] = {}
    for slot, time in sorted(times.items()):
        number = slot // ANCHOR_SLOTS
        if number not in there and number not in found and covers(spans, slot):
            found[number] = Anchor(slot, time)
    return found


def stored_health(one: ProviderHealth) -> ProviderHealth:
    """As it may be stored: without credentials, and of a bounded length."""
    error = one.last_error
    return msgspec.structs.replace(
        one,
        endpoint=redacted(one.endpoint),
        last_error=None if error is None else redacted(error)[:MOST_ERROR_CHARS],
    )
