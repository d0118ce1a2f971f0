"""Wait for a store that cannot be used now, and go on.

StoreUnavailable says that nothing was written and that the same call may be made again: the server is away or starts
anew, the disk is full, the database is read-only. So there is one answer to it, everywhere: pause, and try again. The
pauses grow up to a bound; a cancel ends the waiting at any moment. One line is logged when a pause begins and one when
it ends, however many tries lie between them.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from indexer.errors import StoreUnavailable

log = structlog.get_logger()

FIRST_PAUSE_S = 0.1
MOST_PAUSE_S = 2.0  # A try costs little, and rows shall be there soon after the server is.

_Result = TypeVar("_Result")


async def patiently(call: Callable[[], Awaitable[_Result]], dice: random.Random) -> _Result:
    """What `call` gives, once the store can be used; it is called again until then."""
    began, pause_s = asyncio.get_running_loop().time(), 0.0
    while True:
        try:
            result = await call()
        except StoreUnavailable as error:
            if not pause_s:
                log.warning("store_paused", reason=str(error))
            pause_s = min(max(FIRST_PAUSE_S, pause_s * 2), MOST_PAUSE_S)
            await asyncio.sleep(pause_s * dice.uniform(0.5, 1.0))
        else:
            if pause_s:
                log.info("store_resumed", paused_s=round(asyncio.get_running_loop().time() - began, 1))
            return result
