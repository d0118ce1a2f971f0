"""How long to wait before the next try of what may pass: an endpoint that is away, a step that settles nothing."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 10.0


def waits(rng: Random, first_s: float = FIRST_WAIT_S, longest_s: float = LONGEST_WAIT_S) -> Iterator[float]:
    """Seconds before each next try: doubling, spread by a quarter, so that many who wait do not come at once."""
    wait = first_s
    while True:
        yield wait * rng.uniform(0.75, 1.25)
        wait = min(longest_s, wait * 2)
