"""How often one endpoint may be asked one method: a budget of tokens whose rate adapts.

Up while it is used and answered: doubled each second until the endpoint first says that it is too much, by addition
ever after; down by multiplication each time that it says so. Answers to what was sent before the last step down say
nothing new. Times are seconds of the event loop and come in from outside. Backfill leaves a reserve, so that a live
request finds a token.
"""

from __future__ import annotations

from indexer.sources.base import Lane

LOWEST_PER_S = 0.1
RISE_PER_S = 1.0  # What a second of successes at the full rate adds; one success at most doubles it.
FIRST_RISE = 1.0  # What one success adds while no bound was met.
FALL = 0.5
_BURST_S = 1.0  # So many seconds of the rate can be saved up.
_RESERVED = 0.25  # The part of a burst that backfill leaves.
_ROUNDING = 1e-4  # Tokens; what is lost in sums of times is no reason to wait once more.


class Rate:
    """Tokens for requests. `per_s` is what it is now, never above `most_per_s`."""

    def __init__(self, start_per_s: float, most_per_s: float, now: float) -> None:
        self.per_s = min(start_per_s, most_per_s)
        self.most_per_s = most_per_s
        self.paused_until = now
        self._tokens = self.burst
        self._is_used_up = False  # The last request left no token for another.
        self._filled_at = now
        self._lowered_at = now - 1
        self._is_bounded = False  # The endpoint has said once that it was too much.

    @property
    def burst(self) -> float:
        return max(1.0, self.per_s * _BURST_S)

    def tokens(self, lane: Lane, now: float) -> float:
        """What a request of this lane may take now; below 1: nothing."""
        return self._level(now) - self._reserve(lane) + _ROUNDING if now >= self.paused_until else 0.0

    def ready_at(self, lane: Lane, now: float) -> float:
        """When there will be a token, as far as can be told now."""
        at = max(now, self.paused_until)
        return at + max(0.0, 1 - self._level(at) + self._reserve(lane)) / self.per_s

    def limit(self, most_per_s: float, now: float) -> None:
        """From now on it never goes above this: others share what the endpoint allows."""
        self._set(self._level(now), now)
        self.most_per_s = most_per_s
        self.per_s = min(self.per_s, most_per_s)

    def take(self, count: int, now: float) -> None:
        """Spend tokens, also those that are not there yet."""
        self._set(self._level(now) - count, now)
        self._is_used_up = self._tokens < 1 + self._reserve("backfill")

    def succeeded(self, now: float) -> None:
        """A rate that nobody used up says nothing about a higher one."""
        if self._is_used_up:
            self._set(self._level(now), now)
            rise = RISE_PER_S / self.per_s if self._is_bounded else FIRST_RISE
            self.per_s = min(self.most_per_s, self.per_s + min(rise, self.per_s))

    def overloaded(self, sent_at: float, now: float, wait_s: float | None) -> None:
        """The endpoint asks for less; `wait_s`: and for this long for nothing."""
        level = self._level(now)
        if wait_s is not None:
            self.paused_until = max(self.paused_until, now + wait_s)
        self._is_bounded = True
        if sent_at >= self._lowered_at:
            self.per_s = max(LOWEST_PER_S, self.per_s * FALL)
            self._set(min(level, 0.0), now)
            self._lowered_at = now

    def _reserve(self, lane: Lane) -> float:
        return 0.0 if lane == "live" else min(self.burst - 1, self.burst * _RESERVED)

    def _level(self, now: float) -> float:
        """Tokens at a time; while it is paused nothing is saved up."""
        since = max(self._filled_at, min(self.paused_until, now))
        return min(self.burst, self._tokens + max(0.0, now - since) * self.per_s)

    def _set(self, tokens: float, now: float) -> None:
        self._tokens, self._filled_at = tokens, max(now, self._filled_at)
