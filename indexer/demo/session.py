"""One demo, from nothing to the table, and on until it is stopped.

Cluster and daemon are processes of their own; what the demo knows of the daemon it reads from the ledger, as anybody
may. It ends with all that it started, however it ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from indexer.config import Settings, load
from indexer.demo import ledger
from indexer.demo.cluster import Served
from indexer.demo.place import emptied
from indexer.demo.processes import cluster, daemon
from indexer.demo.shape import Shape
from indexer.demo.stages import Stages
from indexer.errors import StoreUnavailable
from indexer.report import laid_out
from indexer.report.comparison import PROTOCOLS, read_report
from indexer.store.database import open_database

_LOOKS_EVERY_S = 1.0
_TELLS_EVERY_S = 30.0
_TIMEOUT_S = 10.0
_WINDOW_DAYS = 7
_Found = TypeVar("_Found")
Print = Callable[[str], None]


async def run(settings: Settings, shape: Shape, *, once: bool, show: Print) -> None:
    """`once`: end after the table, which goes to `show`. Raises InputError, StoreUnavailable."""
    stages = Stages()
    with emptied(settings) as folder:
        stages.say(f"everything here is SIMULATED; data in {folder}, which every demo begins anew")
        if settings.database.url is not None:
            stages.say("DATABASE_URL is left alone: a demo has a database of its own")
        try:
            await _shown(folder, shape, stages, show, once=once)
        finally:
            stages.say("ended; nothing of it runs any more")


async def _shown(folder: Path, shape: Shape, stages: Stages, show: Print, *, once: bool) -> None:
    """Until it is cancelled, or the table is shown (`once`), or the simulated chain ends. Without a table: InputError."""
    async with cluster(shape, folder) as simulated, _database(folder, stages) as url:
        with stages.stage(f"making {shape.days} simulated days of three exchanges") as moved:
            served = await simulated.served(moved)
        async with daemon(served, folder) as indexing:
            stages.say(f"web page: {indexing.page} (it fills as the daemon goes on)")
            await _while_alive(_until_shown(url, served, stages, show), indexing.ended(), simulated.ended_early())
            if not once:
                stages.say("it goes on live until Ctrl-C")
                await _while_alive(_live(url, stages), indexing.ended(), simulated.ended())


@asynccontextmanager
async def _database(folder: Path, stages: Stages) -> AsyncIterator[str]:
    settings = load(environment={"PERPS_DATA_DIR": str(folder)})
    async with AsyncExitStack() as resources:
        with stages.stage("starting PostgreSQL"):
            url = await resources.enter_async_context(open_database(settings))
        yield url


async def _while_alive(main: Coroutine[Any, Any, None], *lives: Coroutine[Any, Any, None]) -> None:
    """Until the first of them ends, or fails."""
    tasks = [asyncio.create_task(one) for one in (main, *lives)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_shown(url: str, served: Served, stages: Stages, show: Print) -> None:
    since = await _until_settled(url, served, stages)
    await _until_fresh(url, since, stages)
    report = await _waited(lambda: read_report(url, None, _WINDOW_DAYS, PROTOCOLS, timeout_s=_TIMEOUT_S))
    show(f"SIMULATED: none of these figures is real.\n\n{laid_out.text(report)}")
    stages.say(f"from the start to this table: {time.monotonic() - stages.began_s:.0f} s")


async def _until_settled(url: str, served: Served, stages: Stages) -> datetime:
    """When every slot of the history was settled."""
    with stages.stage("the daemon reads the history, and follows the chain") as moved:
        while True:
            found = await _waited(lambda: ledger.read_history(url, served.first_slot, served.live_slot))
            if found is not None and found.is_whole:
                return found.read_at
            moved(found.settled / found.wanted if found is not None else 0.0)


async def _until_fresh(url: str, settled_at: datetime, stages: Stages) -> None:
    """Views show what was rolled up before they were refreshed."""
    rolled_at = await _until_none(
        "the daemon rolls up hours and days", lambda: ledger.read_marks(url, settled_at), stages
    )
    await _until_none("the daemon refreshes its views", lambda: ledger.read_views(url, rolled_at), stages)


async def _until_none(what: str, read: Callable[[], Awaitable[ledger.Behind]], stages: Stages) -> datetime:
    """When nothing was left."""
    first = 0
    with stages.stage(what) as moved:
        while (left := await _waited(read)).steps:
            first = max(first, left.steps)
            moved(1 - left.steps / first)
    return left.read_at


async def _live(url: str, stages: Stages) -> None:
    while True:
        await asyncio.sleep(_TELLS_EVERY_S)
        try:
            row = await ledger.read_live(url)
        except StoreUnavailable:
            stages.say("the database is away; the daemon waits for it")
        else:
            settled = f"settled to slot {row['settled_to']}, {row['lag_slots']} behind the finalized head"
            stages.say(f"simulated, live: {row['fills']:,} fills, {settled}")


async def _waited(read: Callable[[], Awaitable[_Found]]) -> _Found:
    """What is read a moment later; where the database is away, once it is there again."""
    while True:
        await asyncio.sleep(_LOOKS_EVERY_S)
        with suppress(StoreUnavailable):
            return await read()
