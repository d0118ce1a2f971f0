"""Work ahead, with a bound: results in the order of their keys, so many of them on their way at once.

Whoever leaves early, by an error, a cancel or `aclose`, leaves no task behind.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import aclosing
from typing import Any, TypeVar

from indexer.sources.base import SourceInterrupted

_Key = TypeVar("_Key")
_Result = TypeVar("_Result")


async def ahead(
    keys: AsyncGenerator[_Key, None], work: Callable[[_Key], Coroutine[Any, Any, _Result]], depth: int
) -> AsyncGenerator[_Result, None]:
    """The result of every key, in order; at most `depth` of them are worked on. The first error ends all.

    Where the keys themselves are interrupted, the results of those that came are given before that is raised.
    """
    tasks: deque[asyncio.Task[_Result]] = deque()
    interrupted: SourceInterrupted | None = None
    try:
        async with aclosing(keys):
            while interrupted is None:
                try:
                    key = await anext(keys)
                except StopAsyncIteration:
                    break
                except SourceInterrupted as error:
                    interrupted = error
                    break
                tasks.append(asyncio.create_task(work(key)))
                if len(tasks) >= depth:
                    yield await tasks[0]
                    tasks.popleft()
        while tasks:
            yield await tasks[0]
            tasks.popleft()
        if interrupted is not None:
            raise interrupted
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def gathered(
    keys: Iterable[_Key], work: Callable[[_Key], Coroutine[Any, Any, _Result]], most_at_once: int
) -> list[_Result]:
    """The results of all keys, in order. The first error, in order of keys, ends all."""
    async with aclosing(ahead(_each(keys), work, most_at_once)) as results:
        return [result async for result in results]


async def _each(keys: Iterable[_Key]) -> AsyncGenerator[_Key, None]:
    for key in keys:
        yield key
