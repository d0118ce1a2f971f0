"""What a provider lets its clients ask: so many requests a second, and a few more at once."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil


class Budget:
    """A bucket of one server that fills with time; a request takes one."""

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float]) -> None:
        self.per_s, self.burst, self.clock = per_s, burst, clock
        self._left, self._filled_s = float(burst), clock()

    def wait_s(self, requests: int = 1) -> int | None:
        """None: they may pass. Otherwise the whole seconds until they might."""
        now = self.clock()
        self._left = min(self.burst, self._left + (now - self._filled_s) * self.per_s)
        self._filled_s = now
        if self._left >= requests:
            self._left -= requests
            return None
        return ceil((requests - self._left) / self.per_s)
