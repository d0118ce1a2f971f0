"""How commands end that run for long: by being done, by SIGTERM, by an error of ours in one line."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from indexer.errors import InputError, PerpsIndexerError
from indexer.sources.base import SourceInterrupted

_Result = TypeVar("_Result")


def run_to_end(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Run until done, or until SIGTERM, which is a good end. One error of ours ends it in its one line."""
    return asyncio.run(_until_told(main))


async def _until_told(main: Coroutine[Any, Any, _Result]) -> _Result:
    task = asyncio.create_task(_alone(main))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel, "SIGTERM")
    try:
        return await task
    except asyncio.CancelledError as stopped:
        if stopped.args == ("SIGTERM",):
            raise SystemExit(0) from None
        raise


async def _alone(main: Awaitable[_Result]) -> _Result:
    """An error of ours comes out of groups of tasks by itself."""
    try:
        return await main
    except SourceInterrupted as error:
        raise InputError(f"no endpoint answers: {error}", remedy="perps-indexer doctor looks at each") from None
    except BaseExceptionGroup as group:
        if ours := _first_of_ours(group):
            raise ours from None
        raise


def _first_of_ours(group: BaseExceptionGroup[BaseException]) -> PerpsIndexerError | None:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            if found := _first_of_ours(error):
                return found
        elif isinstance(error, PerpsIndexerError):
            return error
    return None
