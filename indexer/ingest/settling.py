"""Loops that settle: behind the finalized head, and what older spans lack.

Each asks the same question again and again, which slots are missing, and fills one span of them. What may
pass (an endpoint, the database) is waited for; where everything was tried and nothing is settled a loop waits
too, so that none spins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random

import msgspec
import structlog

from indexer.core.coverage import Span, Spans
from indexer.errors import StoreUnavailable
from indexer.ingest.filling import Filled, Filler, Task
from indexer.ingest.patience import waits
from indexer.sources.base import SourceInterrupted

_log = structlog.get_logger()

MOST_FRUITLESS = 5  # Steps in a row that try again and settle nothing, until a bounded fill says what it cannot have.


async def keep_settled(
    filler: Filler,
    task: Task,
    wanted: Callable[[], Awaitable[Mapping[str, Spans]]],
    *,
    newest_first: bool,
    pause_s: float,
    rng: Random,
    on_page: Callable[[int, int], None] = lambda *_: None,
) -> None:
    """Fill what is missing of `wanted`, which moves; until it is cancelled. `on_page`: see `Filler.step`."""
    pauses = waits(rng)
    while True:
        filled = await _tried(filler, task, wanted, on_page, newest_first=newest_first)
        if filled is not None and filled.progress:
            pauses = waits(rng)
            _tell(task, filled)
        elif filled is None:
            await asyncio.sleep(pause_s)
        elif filled.is_again:
            await asyncio.sleep(max(pause_s, next(pauses)))


class _Failed(msgspec.Struct, frozen=True):
    """An outage: nothing is known of what is left."""

    progress: bool = False
    is_again: bool = True


async def _tried(
    filler: Filler,
    task: Task,
    wanted: Callable[[], Awaitable[Mapping[str, Spans]]],
    on_page: Callable[[int, int], None],
    *,
    newest_first: bool,
) -> Filled | _Failed | None:
    try:
        return await filler.step(task, await wanted(), newest_first=newest_first, on_page=on_page)
    except SourceInterrupted as error:
        _log.warning("not_filled", streams=task.names, reason=str(error))
    except StoreUnavailable as error:
        _log.error("store_unavailable", reason=str(error))
    return _Failed()


def _tell(task: Task, filled: Filled | _Failed) -> None:
    if isinstance(filled, Filled):
        _log.info(
            "span_settled",
            streams=task.names,
            first_slot=filled.span.start,
            last_slot=filled.span.end - 1,
            settled=sum(filled.settled.values()),
            left=sum(len(span) for spans in filled.left.values() for span in spans),
            transactions=filled.transactions,
        )


async def fill_all(
    filler: Filler,
    tasks: Sequence[Task],
    wanted: Mapping[str, Spans],
    *,
    pause_s: float,
    rng: Random,
    on_page: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Spans]:
    """Fill spans that stand still, the oldest first, every task at once. Gives what stays missing, by stream.

    Ends when nothing is missing, or when everything was tried and trying again brings nothing more. Spans that others
    have claimed are waited for. Outages of endpoints and of the database are waited for as well.
    """
    async with asyncio.TaskGroup() as running:
        done = [
            running.create_task(_fill_one(filler, task, wanted, pause_s, rng, on_page), name=f"fill {task.names}")
            for task in tasks
        ]
    return {name: spans for one in done for name, spans in one.result().items() if spans}


async def _fill_one(
    filler: Filler,
    task: Task,
    wanted: Mapping[str, Spans],
    pause_s: float,
    rng: Random,
    on_page: Callable[[int, int], None],
) -> dict[str, Spans]:
    pauses, fruitless = waits(rng), 0
    while True:
        try:
            if fruitless >= MOST_FRUITLESS:
                return await filler.missing(task, wanted)
            filled = await filler.step(task, wanted, newest_first=False, on_page=on_page)
            if filled is None and not any((await filler.lacking(task, wanted)).values()):
                return await filler.missing(task, wanted)
        except SourceInterrupted as error:
            _log.warning("not_filled", streams=task.names, reason=str(error))
            await asyncio.sleep(next(pauses))
            continue
        except StoreUnavailable as error:
            _log.error("store_unavailable", reason=str(error))
            await asyncio.sleep(next(pauses))
            continue
        if filled is None:
            await asyncio.sleep(pause_s)
        elif filled.progress:
            pauses, fruitless = waits(rng), 0
            _tell(task, filled)
        elif filled.is_again:
            fruitless += 1
            await asyncio.sleep(next(pauses))


def since(start: int, end: int) -> Spans:
    """Slots `start` up to, but not including, `end`; none where there are none."""
    return (Span(start, end),) if start < end else ()
