"""Waiting for what may pass: a database that is away or full, an endpoint that does not answer.

Nothing is dropped meanwhile: the caller stands still, and with it everything that feeds it. Waiting ends by
success or by cancellation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from random import Random
from typing import TypeVar

import structlog

from indexer.errors import StoreUnavailable

FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 10.0
_log = structlog.get_logger()
_Result = TypeVar("_Result")


def waits(rng: Random, first_s: float = FIRST_WAIT_S, longest_s: float = LONGEST_WAIT_S) -> Iterator[float]:
    """Seconds to wait before each next try: doubling, spread by half, so that many who wait do not come at once."""
    wait = first_s
    while True:
        yield wait * rng.uniform(0.75, 1.25)
        wait = min(longest_s, wait * 2)


async def until_stored(attempt: Callable[[], Awaitable[_Result]], rng: Random) -> _Result:
    """The result of `attempt`, tried again for as long as the database is unavailable."""
    pauses = waits(rng)
    is_waiting = False
    while True:
        try:
            result = await attempt()
        except StoreUnavailable as error:
            if not is_waiting:
                _log.error("store_unavailable", reason=str(error))
            is_waiting = True
            await asyncio.sleep(next(pauses))
        else:
            if is_waiting:
                _log.info("store_available")
            return result
