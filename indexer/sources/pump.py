"""An asynchronous iterator that a task of its own feeds: reading ahead, and never more than a bound of it.

The task ends with the iterator, whether that is read to its end, closed or cancelled. What the task raises is raised
in the reader, behind everything that was put before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, TypeVar

_Item = TypeVar("_Item")
Put = Callable[[_Item], Awaitable[None]]


async def pumped(feed: Callable[[Put[_Item]], Coroutine[Any, Any, None]], ahead: int) -> AsyncGenerator[_Item, None]:
    """What `feed` puts, in order; it waits while `ahead` of it are unread. Close it (aclosing) where you break off."""
    unread: asyncio.Queue[_Item] = asyncio.Queue(ahead)
    stirred = asyncio.Event()

    async def put(item: _Item) -> None:
        await unread.put(item)
        stirred.set()

    feeding = asyncio.create_task(feed(put))
    feeding.add_done_callback(lambda _: stirred.set())
    try:
        while not feeding.done() or not unread.empty():
            stirred.clear()
            while not unread.empty():
                yield unread.get_nowait()
            if not feeding.done():
                await stirred.wait()
    finally:
        feeding.cancel()
        await asyncio.wait([feeding])
    feeding.result()
