"""What a process counted since it started: events and failures that it settled, and how fast it fills history.

Only slots that were not settled before count, so that nothing is counted twice: what was seen at `confirmed` counts
when it is settled, and a page that comes again adds nothing. Sums alone are kept, of kinds of which there are few.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from functools import cache

from indexer.core.coverage import Spans
from indexer.core.record import Failure, FailureReason
from indexer.store.base import Page

RATE_OVER_S = 60.0
# What a program that was changed looks like: a discriminator that nobody knows, or bytes that do not fit.
LAYOUT_REASONS = frozenset[FailureReason](["unknown_event", "unexpected_length", "short_payload", "invalid_value"])
_MOST_UNREAD = 256  # Told of in one process; whatever comes then is a row, as everything is.
_MOST_STEPS = 4096  # Pages remembered for the rate; more than these within its time are told as fewer seconds.


class Tally:
    """Times are those of the event loop, in seconds."""

    def __init__(self) -> None:
        self.events: Counter[tuple[str, str]] = Counter()  # (protocol, event)
        self.failures: Counter[tuple[str, str]] = Counter()  # (protocol, reason)
        self._unread: set[tuple[bytes, bytes]] = set()  # (program, discriminator) that was told of.
        self._filled: deque[tuple[float, int]] = deque(maxlen=_MOST_STEPS)
        self._since: float | None = None

    def settled(self, page: Page, newly: Mapping[str, Spans]) -> None:
        """Count what a page holds in the slots, by stream, that were not settled before it."""
        if not any(newly.values()):
            return
        is_new = cache(lambda protocol, slot: any(slot in span for span in newly.get(protocol, ())))
        for event in page.events:
            origin = event.origin
            if is_new(origin.protocol, origin.slot):
                self.events[origin.protocol, origin.event or "unknown"] += 1
        for failure in page.failures:
            if is_new(failure.origin.protocol, failure.origin.slot):
                self.failures[failure.origin.protocol, failure.reason] += 1

    def unread(self, failures: Iterable[Failure]) -> list[Failure]:
        """Of what no layout reads whole, the first of each program and discriminator since the process started."""
        first = []
        for one in failures:
            if one.reason not in LAYOUT_REASONS or one.discriminator is None or len(self._unread) >= _MOST_UNREAD:
                continue
            if (key := (one.origin.program_id, one.discriminator)) not in self._unread:
                self._unread.add(key)
                first.append(one)
        return first

    def filled(self, now: float, slots: int) -> None:
        """So many slots of history were settled now, of all streams together."""
        if self._since is None:
            self._since = now
        self._filled.append((now, slots))

    def slots_per_s(self, now: float) -> float:
        """Slots of history settled a second, over the last minute or since the first of them."""
        while self._filled and self._filled[0][0] < now - RATE_OVER_S:
            self._filled.popleft()
        if not self._filled or self._since is None:
            return 0.0
        first = self._filled[0][0] if len(self._filled) == _MOST_STEPS else max(self._since, now - RATE_OVER_S)
        return sum(slots for _, slots in self._filled) / max(1.0, now - first)
