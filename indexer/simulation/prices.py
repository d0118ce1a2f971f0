"""Prices that move with every slot, as whole numbers."""

from __future__ import annotations

from random import Random

SCALE = 10_000_000


class Walk:
    """A price in micro-dollars for one whole token. It never leaves a tenth to ten times of where it started."""

    def __init__(self, rng: Random, start_e6: int, volatility: float) -> None:
        self._rng, self._start, self._volatility = rng, start_e6, volatility
        self.price_e6 = start_e6

    def step(self) -> None:
        """One slot later. Where the price is far out, the next step leads back."""
        drift = self._rng.gauss(0, self._volatility)
        if not self._start // 8 < self.price_e6 < self._start * 8:
            drift = abs(drift) if self.price_e6 < self._start else -abs(drift)
        moved = self.price_e6 * (SCALE + round(drift * SCALE)) // SCALE
        self.price_e6 = min(max(moved, self._start // 10), self._start * 10)
