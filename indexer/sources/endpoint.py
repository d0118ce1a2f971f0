"""One endpoint as we know it: what it may be asked now, how it did so far, and how far its ledger reaches.

Nothing of it is believed before its genesis hash was seen; until then, and after a quarantine, it gets one
request at a time. Its name is its host: the rest of an address may be a key. Times are seconds of the event loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec

from indexer.sources.addresses import Scrubber
from indexer.sources.base import Lane
from indexer.sources.health import EndpointHealth, MethodHealth, State
from indexer.sources.rate import Rate
from indexer.sources.reasons import Reason

_UNOFFERED_S = 600.0  # After this a method is tried again: a balancer may have asked the wrong machine.
_SMOOTHING = 0.2  # Weight of the latest latency.
_SHARE_OF_BACKFILL = 0.75  # Of the requests in flight: the rest is kept free for live ones.


class EndpointSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`most_batch` 1: batches are not tried."""

    url: str
    start_per_s: float = 5.0  # Requests a second of each method, before anything is known.
    most_per_s: float = 50.0  # Of all methods together; a method's own rate stays below as well.
    most_in_flight: int = 16
    most_batch: int = 20


class Quarantine(msgspec.Struct, frozen=True):
    """Whoever failed `failures` times in a row is left alone for `first_s`, then twice as long, `most_s` at most.

    `away_s`: whoever failed for so long has no say in what is not to be had.
    """

    failures: int = 3
    first_s: float = 0.5
    most_s: float = 60.0
    away_s: float = 120.0


class _Tally:
    """One method at this endpoint."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.latency_s: float | None = None
        self.counts = {"succeeded": 0, "refused": 0, "overloaded": 0, "failed": 0, "again": 0}
        self.unoffered_until = 0.0

    def took(self, seconds: float) -> None:
        """Of the latest answer, or of what came instead of one."""
        before = seconds if self.latency_s is None else self.latency_s
        self.latency_s = before + _SMOOTHING * (seconds - before)

    def health(self) -> MethodHealth:
        counts = self.counts
        return MethodHealth(
            per_s=self.rate.per_s,
            latency_s=self.latency_s,
            successes=counts["succeeded"],
            refusals=counts["refused"],
            overloads=counts["overloaded"],
            errors=counts["failed"],
        )


class Endpoint:
    """The state of one endpoint; whoever sends requests tells it what became of them."""

    def __init__(self, settings: EndpointSettings, name: str, quarantine: Quarantine, rng: Random, now: float) -> None:
        self.url = settings.url
        self.name = name
        self.is_introduced = False  # Its cluster was seen to be ours.
        self.is_foreign = False
        self.reason: str | None = None
        self.observed_slot: int | None = None
        self.finalized_slot: int | None = None
        self.first_block: int | None = None
        self.in_flight = 0
        self.batch = settings.most_batch
        self._settings = settings
        self._quarantine = quarantine
        self._rng = rng
        self._most_per_s = settings.most_per_s  # Our part of it.
        self._all = Rate(settings.most_per_s, settings.most_per_s, now)
        self._tallies: dict[str, _Tally] = {}
        self._failures = 0  # In a row, since the last quarantine began.
        self._quarantines = 0  # In a row.
        self._quarantined_at = self._quarantined_until = self._failing_since = now
        self.scrubbed = Scrubber(settings.url)

    def share(self, among: int, now: float) -> None:
        """So many processes ask it, we too: each has an equal part of its budget."""
        self._most_per_s = self._settings.most_per_s / among
        self._all.limit(self._most_per_s, now)
        self._all.per_s = self._most_per_s
        for tally in self._tallies.values():
            tally.rate.limit(self._most_per_s, now)

    @property
    def state(self) -> State:
        if self.is_foreign:
            return "foreign"
        if self._quarantines:
            return "quarantined"
        return "up" if self.is_introduced else "new"

    # --- may it be asked? ---------------------------------------------------------------------------------------

    def offers(self, method: str, now: float) -> bool:
        return method not in self._tallies or now >= self._tallies[method].unoffered_until

    def room(self, method: str, lane: Lane, now: float) -> int:
        """How many requests of a method it may get now, in one go."""
        if now < self._quarantined_until or self.in_flight >= self._most_in_flight(lane):
            return 0
        tokens = min(self._all.tokens(lane, now), self._tally(method, now).rate.tokens(lane, now))
        return min(int(tokens), self.batch if self.state == "up" else 1)

    def ready_at(self, method: str, lane: Lane, now: float) -> float:
        """When time alone will have made room, if no more are in flight than allowed."""
        rate = self._tally(method, now).rate
        return max(self._quarantined_until, self._all.ready_at(lane, now), rate.ready_at(lane, now))

    def blocked_until(self, method: str, now: float) -> float:
        """When it may be asked at all: the end of its quarantine, or of the pause it wanted."""
        return max(now, self._quarantined_until, self._tally(method, now).rate.paused_until)

    def is_away(self, now: float) -> bool:
        """Whether it has not answered for long."""
        return now < self._quarantined_until and now - self._failing_since >= self._quarantine.away_s

    def expected_s(self, method: str, now: float) -> float:
        """What an answer takes, about, with what is in flight before it. 0: never asked."""
        return (self._tally(method, now).latency_s or 0.0) * (1 + self.in_flight)

    def _most_in_flight(self, lane: Lane) -> int:
        if self.state != "up":
            return 1
        most = self._settings.most_in_flight
        return most if lane == "live" else max(1, int(most * _SHARE_OF_BACKFILL))

    # --- what became of requests --------------------------------------------------------------------------------

    def asked(self, method: str, count: int, now: float) -> None:
        self._all.take(count, now)
        self._tally(method, now).rate.take(count, now)

    def answered(self, method: str, outcomes: Sequence[Reason | None], sent_at: float, now: float) -> None:
        """What became of the requests of one body; None: the value came."""
        tally = self._tally(method, now)
        for outcome in outcomes:
            tally.counts["succeeded" if outcome is None else outcome.kind] += 1
        reasons = [outcome for outcome in outcomes if outcome is not None]
        if any(reason.is_unoffered for reason in reasons):
            tally.unoffered_until = now + _UNOFFERED_S
        kinds = {reason.kind: reason for reason in reasons}
        if "again" in kinds:
            return
        if "overloaded" in kinds:
            tally.rate.overloaded(sent_at, now, kinds["overloaded"].wait_s)
            return
        tally.took(now - sent_at)
        if all(outcome is not None and outcome.kind == "failed" for outcome in outcomes):
            self._failed(kinds["failed"], sent_at, now)
            return
        for _ in outcomes:
            tally.rate.succeeded(now)
        self._recovered()

    def introduced(self, genesis_hash: str, expected: str) -> None:
        """It told its cluster: from now on it is believed, or refused for good."""
        self.is_introduced, self.is_foreign = genesis_hash == expected, genesis_hash != expected
        if self.is_foreign:
            self.reason = f"it is of the cluster with genesis hash {self.scrubbed(genesis_hash)}, not {expected}"

    def batch_went(self, well: bool, size: int) -> None:
        """Batches shrink to half where one does not get through, and grow by one where it does."""
        self.batch = min(self._settings.most_batch, max(self.batch, size + 1)) if well else max(1, size // 2)

    def takes_no_batches(self) -> None:
        self.batch = 1
        self._settings = msgspec.structs.replace(self._settings, most_batch=1)

    def saw(self, slot: int | None, finalized_slot: int | None, first_block: int | None) -> None:
        """Slots it was seen to have, and where its history begins now."""
        known = [s for s in (self.observed_slot, slot, finalized_slot) if s is not None]
        self.observed_slot = max(known, default=None)
        known = [s for s in (self.finalized_slot, finalized_slot) if s is not None]
        self.finalized_slot = max(known, default=None)
        self.first_block = first_block if first_block is not None else self.first_block

    def _failed(self, reason: Reason, sent_at: float, now: float) -> None:
        self.reason = reason.text
        if sent_at < self._quarantined_at:
            return  # It was on its way when the quarantine began, and tells nothing new.
        if not self._failures and not self._quarantines:
            self._failing_since = now
        self._failures += 1
        if self._quarantines or reason.is_final or self._failures >= self._quarantine.failures:
            rest_s = self._quarantine.first_s * 2.0 ** min(self._quarantines, 30)
            self._quarantines += 1
            self._failures = 0
            self._quarantined_at = now
            self._quarantined_until = now + min(rest_s, self._quarantine.most_s) * self._rng.uniform(0.5, 1.0)

    def _recovered(self) -> None:
        self._failures = self._quarantines = 0
        self.reason = None

    # --- what may be told -----------------------------------------------------------------------------------------

    def health(self) -> EndpointHealth:
        return EndpointHealth(
            name=self.name,
            state=self.state,
            reason=self.reason,
            observed_slot=self.observed_slot,
            finalized_slot=self.finalized_slot,
            first_block=self.first_block,
            in_flight=self.in_flight,
            batch=self.batch,
            methods={method: tally.health() for method, tally in self._tallies.items()},
        )

    def _tally(self, method: str, now: float) -> _Tally:
        if method not in self._tallies:
            self._tallies[method] = _Tally(Rate(self._settings.start_per_s, self._most_per_s, now))
        return self._tallies[method]
