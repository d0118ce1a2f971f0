"""Prices that move with every slot, as whole numbers."""

from __future__ import annotations

from random import Random

SCALE = 10_000_000
JUMP, JUMPS = 12, 0.008  # How much larger a jump is than a usual step, and how many steps are one.


class Walk:
    """A price in the unit it starts in. It moves a little, seldom much, within a tenth and ten times of its start."""

    def __init__(self, rng: Random, start: int, volatility: float) -> None:
        self._rng, self._start, self._volatility = rng, start, volatility
        self.price = start

    def step(self) -> None:
        """One slot later. Where the price is far out, the next step leads back."""
        drift = self._rng.gauss(0, self._volatility) * (JUMP if self._rng.random() < JUMPS else 1)
        if not self._start // 8 < self.price < self._start * 8:
            drift = abs(drift) if self.price < self._start else -abs(drift)
        moved = self.price * (SCALE + round(drift * SCALE)) // SCALE
        self.price = min(max(moved, self._start // 10), self._start * 10)


class Beat:
    """When prices take their next step: with every block, or once in so many seconds of block time."""

    def __init__(self, every_s: int) -> None:
        self._every_s, self._next_s = every_s, 0

    def is_due(self, block_time: int) -> bool:
        """Asked for each block, in order."""
        is_due = block_time >= self._next_s
        if is_due:
            self._next_s = block_time + self._every_s
        return is_due
