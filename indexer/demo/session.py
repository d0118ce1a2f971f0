"""One demo, from nothing to the table, and on until it is stopped.

Cluster and daemon are processes of their own; what the demo knows of the daemon it reads from the ledger, as anybody
may. It ends with all that it started, however it ends.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

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
_AWAY_LOOKS = 10  # Of a database that is away, between two lines that say so.
_FULL_BYTES = 64 << 20
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
    """Until it is cancelled, or the table is shown (`once`), or the simulated chain ends: before that an InputError."""
    async with cluster(shape, folder) as simulated, _database(folder, stages) as url:
        with stages.stage(f"making {shape.days} simulated days of three exchanges") as moved:
            served = await simulated.served(moved)
        async with daemon(served, folder) as indexing:
            stages.say(f"web page: {indexing.page} (it fills as the daemon goes on)")
            watched = Watched(url, folder, stages)
            await _while_alive(_until_shown(watched, served, show), indexing.ended(), simulated.ended_early())
            if not once:
                stages.say("it goes on live until Ctrl-C")
                await _while_alive(_live(watched), indexing.ended(), simulated.ended())


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


async def _until_shown(watched: Watched, served: Served, show: Print) -> None:
    stages = watched.stages
    since = await _until_settled(watched, served)
    await _until_fresh(watched, since)
    report = await watched.waited(lambda url: read_report(url, None, _WINDOW_DAYS, PROTOCOLS, timeout_s=_TIMEOUT_S))
    show(f"SIMULATED: none of these figures is real.\n\n{laid_out.text(report)}")
    stages.say(f"from the start to this table: {time.monotonic() - stages.began_s:.0f} s")


async def _until_settled(watched: Watched, served: Served) -> datetime:
    """When every slot of the history was settled."""
    with watched.stages.stage("the daemon reads the history, and follows the chain") as moved:
        while True:
            found = await watched.waited(lambda url: ledger.read_history(url, served.first_slot, served.live_slot))
            if found is not None and found.is_whole:
                return found.read_at
            moved(found.settled / found.wanted if found is not None else 0.0)


async def _until_fresh(watched: Watched, settled_at: datetime) -> None:
    """Views show what was rolled up before they were refreshed."""
    rolled_at = await _until_none(
        "the daemon rolls up hours and days", lambda url: ledger.read_marks(url, settled_at), watched
    )
    await _until_none("the daemon refreshes its views", lambda url: ledger.read_views(url, rolled_at), watched)


async def _until_none(what: str, read: Callable[[str], Awaitable[ledger.Behind]], watched: Watched) -> datetime:
    """When nothing was left."""
    first = 0
    with watched.stages.stage(what) as moved:
        while (left := await watched.waited(read)).steps:
            first = max(first, left.steps)
            moved(1 - left.steps / first)
    return left.read_at


async def _live(watched: Watched) -> None:
    while True:
        await asyncio.sleep(_TELLS_EVERY_S)
        row = await watched.waited(ledger.read_live)
        settled = f"settled to slot {row['settled_to']}, {row['lag_slots']} behind the finalized head"
        watched.stages.say(f"simulated, live: {row['fills']:,} fills, {settled}")


class Watched(NamedTuple):
    """The daemon's ledger, and the folder that it lies in."""

    url: str
    folder: Path
    stages: Stages

    async def waited(self, read: Callable[[str], Awaitable[_Found]]) -> _Found:
        """What is read a moment later; where the database is away, once it is there again."""
        for look in itertools.count(1):
            await asyncio.sleep(_LOOKS_EVERY_S)
            try:
                return await read(self.url)
            except StoreUnavailable as error:
                if look % _AWAY_LOOKS == 0:  # Not at once: a server that starts anew is soon there.
                    self.stages.say(f"the daemon waits for the database{self._room()}: {error}")
        raise AssertionError("it is looked at for ever")

    def _room(self) -> str:
        free = shutil.disk_usage(self.folder).free
        return f" (its disk is full: {free >> 20} MB are free)" if free < _FULL_BYTES else ""
