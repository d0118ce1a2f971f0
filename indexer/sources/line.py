"""The line of requests that wait for an endpoint: live ones first, each to the best endpoint that has room.

A request is bound to an endpoint only when it may be sent, so that it never waits for one that is slow
while another is free. Nothing runs in the background: the line moves when a request comes, when one ends,
and at the next time at which waiting alone makes room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from random import Random

import msgspec

from indexer.sources.base import Lane, SourceInterrupted
from indexer.sources.endpoint import Endpoint
from indexer.sources.reasons import Reason, Refused, told

LIVE_IN_A_ROW = 3  # So many live requests go before one that settles, and then that one goes first.


class Grant(msgspec.Struct, frozen=True):
    """Leave to send up to `count` requests to an endpoint, in one body."""

    endpoint: Endpoint
    count: int


class Wish:
    """A request on its way: whom it may be sent to, and why it was not answered so far."""

    def __init__(
        self,
        what: str,
        method: str,
        lane: Lane,
        endpoints: tuple[Endpoint, ...],
        now: float,
        patience_s: float,
        count: int = 1,
        slot: int | None = None,
    ) -> None:
        self.what = what
        self.method = method
        self.lane = lane
        self.endpoints = endpoints
        self.patience_s = patience_s
        self.deadline = now + patience_s  # After this, nobody is tried a second time.
        self.count = count
        self.slot = slot  # What it is about, if it is about one.
        self.reasons: dict[Endpoint, Reason] = {}
        self.tries: dict[Endpoint, int] = {}

    def failed_at(self, endpoint: Endpoint, reason: Reason) -> None:
        self.reasons[endpoint] = reason
        self.tries[endpoint] = self.tries.get(endpoint, 0) + 1

    @property
    def likeness(self) -> Hashable:
        """Equal for wishes of which the first is always served, or given up, before the others."""
        return self if self.reasons else (self.method, self.lane, self.patience_s, self.endpoints)

    def open(self, now: float) -> list[Endpoint]:
        """Endpoints that may still answer it."""
        ours = [e for e in self.endpoints if not e.is_foreign and not self._refused_by(e)]
        return [e for e in ours if e.offers(self.method, now)]

    def rank(self, endpoint: Endpoint, now: float) -> tuple[int, bool, float]:
        """The best endpoint has the lowest: not tried yet, not known to be without the slot, quick."""
        return self.tries.get(endpoint, 0), self._is_outside(endpoint), endpoint.expected_s(self.method, now)

    def _is_outside(self, endpoint: Endpoint) -> bool:
        """Whether its history was seen to begin above the slot, or to end below it; both may have changed since."""
        if self.slot is None:
            return False
        head = endpoint.finalized_slot
        return (endpoint.first_block or 0) > self.slot or (head is not None and head < self.slot)

    def verdict(self, now: float) -> Exception | None:
        """Why it is no use to go on; None: it is."""
        open_endpoints = self.open(now)
        refusals = [reason for reason in self.reasons.values() if reason.kind == "refused"]
        if not open_endpoints:
            unoffered = any(not e.is_foreign and not e.offers(self.method, now) for e in self.endpoints)
            return self._refused(now) if refusals or unoffered else self._interrupted(now)
        allowed = [e for e in open_endpoints if e.blocked_until(self.method, now) <= max(now, self.deadline)]
        untried = [e for e in allowed if e not in self.tries]
        is_late = now >= self.deadline and len(refusals) < len(self.reasons)
        if untried or (allowed and not is_late):
            return None
        # Who is not there has no say: what all others do not have counts as not to be had.
        are_away = all(e.is_away(now) for e in open_endpoints)
        return self._refused(now) if refusals and are_away else self._interrupted(now)

    def _refused_by(self, endpoint: Endpoint) -> bool:
        return endpoint in self.reasons and self.reasons[endpoint].kind == "refused"

    def _refused(self, now: float) -> Refused:
        return Refused(self.what, self._told(now))

    def _interrupted(self, now: float) -> SourceInterrupted:
        return SourceInterrupted(f"{self.what}: {told(self._told(now))}")

    def _told(self, now: float) -> Mapping[str, str]:
        texts = {e: self.reasons[e].text for e in self.endpoints if e in self.reasons}
        for endpoint in self.endpoints:
            if endpoint not in texts and endpoint.reason is not None:
                texts[endpoint] = f"{endpoint.state}: {endpoint.reason}"
            elif endpoint not in texts and not endpoint.offers(self.method, now):
                texts[endpoint] = "the method is not offered"
        return {e.name: text for e, text in texts.items()}


class _Waiting(msgspec.Struct, frozen=True, eq=False):
    wish: Wish
    grant: asyncio.Future[Grant]


class Line:
    """Hands out endpoints to wishes. Randomness decides between equals only."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._waiting: dict[Lane, list[_Waiting]] = {
            "live": [],
            "tail": [],
            "backfill": [],
        }  # First come those named first.
        self._passed_over = 0  # Live requests that went before one that settles and waits.
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return sum(len(waiting) for waiting in self._waiting.values())

    async def granted(self, wish: Wish) -> Grant:
        """Wait for an endpoint; whoever gets one gives it back by `using`. Raises Refused and SourceInterrupted."""
        waiting = _Waiting(wish, asyncio.get_running_loop().create_future())
        self._waiting[wish.lane].append(waiting)
        self.move()
        try:
            return await waiting.grant
        except asyncio.CancelledError:
            if waiting.grant.done() and not waiting.grant.cancelled() and waiting.grant.exception() is None:
                self._give_back(waiting.grant.result().endpoint)  # It came in the moment of the cancel.
            raise
        finally:
            if waiting in self._waiting[wish.lane]:
                self._waiting[wish.lane].remove(waiting)
                self.move()

    @contextmanager
    def using(self, grant: Grant) -> Iterator[Endpoint]:
        try:
            yield grant.endpoint
        finally:
            self._give_back(grant.endpoint)

    def move(self) -> None:
        """Serve whoever can be served now, and come back when time will have made room for another."""
        now = asyncio.get_running_loop().time()
        stuck: dict[Hashable, Wish] = {}  # Who stands behind one that is like it and waits need not be looked at.
        for waiting in (self._overdue(), *self._waiting.values()):
            waiting[:] = [w for w in waiting if w.wish.likeness in stuck or not self._served(w, now, stuck)]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        times = [at for wish in stuck.values() for at in self._times(wish, now)]
        if times:
            self._timer = asyncio.get_running_loop().call_at(min(times), self.move)

    def _overdue(self) -> list[_Waiting]:
        """What settles goes behind what is live, but not for ever: a slow endpoint would never let it come."""
        return self._waiting["tail"][:1] if self._passed_over >= LIVE_IN_A_ROW else []

    def _give_back(self, endpoint: Endpoint) -> None:
        endpoint.in_flight -= 1
        self.move()

    def _served(self, waiting: _Waiting, now: float, stuck: dict[Hashable, Wish]) -> bool:
        wish = waiting.wish
        if waiting.grant.done():
            return True
        if (verdict := wish.verdict(now)) is not None:
            waiting.grant.set_exception(verdict)
            return True
        ready = {e: room for e in wish.open(now) if (room := e.room(wish.method, wish.lane, now)) >= 1}
        if not ready:
            stuck[wish.likeness] = wish
            return False
        best = min(ready, key=lambda e: (wish.rank(e, now), self._rng.random()))
        count = min(wish.count, ready[best])
        best.in_flight += 1
        best.asked(wish.method, count, now)
        waiting.grant.set_result(Grant(best, count))
        if wish.lane == "tail":
            self._passed_over = 0
        elif wish.lane == "live" and self._waiting["tail"]:
            self._passed_over += 1
        return True

    def _times(self, wish: Wish, now: float) -> Iterator[float]:
        """When time alone may have changed something for it; what is ready now and full waits for an answer."""
        times = (wish.deadline, *(e.ready_at(wish.method, wish.lane, now) for e in wish.open(now)))
        return (at for at in times if at > now)
