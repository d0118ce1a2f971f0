"""How long to wait: before the next try of what may pass, and for what nobody needs when a process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from random import Random

from indexer.errors import StoreUnavailable

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 10.0
BRIEF_S = 1.0


def waits(rng: Random, first_s: float = FIRST_WAIT_S, longest_s: float = LONGEST_WAIT_S) -> Iterator[float]:
    """Seconds before each next try: doubling, spread by a quarter, so that many who wait do not come at once."""
    wait = first_s
    while True:
        yield wait * rng.uniform(0.75, 1.25)
        wait = min(longest_s, wait * 2)


async def briefly(call: Awaitable[None]) -> bool:
    """Whether it was done. For what also ends by itself: a database that is away or silent delays no stop."""
    try:
        async with asyncio.timeout(BRIEF_S):
            await call
    except (StoreUnavailable, TimeoutError):
        return False
    return True
