"""What running aggregates cost, against a refresh and against queries over all rows.

Only ratios are judged, of medians within one run on one machine. What is compared is done in turns, so that a slow
minute of the machine strikes both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from indexer.store.connection import connected
from indexer.store.migrate import migrate
from indexer.store.rolling import open_aggregates
from tests.bench.blocking import Blocking, blocking
from tests.bench.environment import SetUpFailed
from tests.bench.history import MARKETS, History
from tests.bench.own_server import own_server

FEW, MANY = 1_000_000, 5_000_000
DIRTY = 20
WARM_UP, ROUNDS = 3, 15
Work = Callable[[], Awaitable[float]]  # Does something once; seconds.


class Goal(NamedTuple):
    """`value` must not be above `limit`."""

    name: str
    value: float
    limit: float
    figures: str

    @property
    def holds(self) -> bool:
        return self.value <= self.limit


def measured(few: int = FEW, many: int = MANY) -> list[Goal]:
    """Fill two ledgers in a server of its own, and measure. About ten minutes. Raises SetUpFailed."""
    with own_server() as (_, url):
        return asyncio.run(measured_at(url, few, many))


async def measured_at(url: str, few: int, many: int) -> list[Goal]:
    """In two databases of this server."""
    databases = _database(url, "bench_few", few), _database(url, "bench_many", many)
    async with databases[0] as (_, small), databases[1] as (many_url, large):
        await large.view_of_rows()
        *ticks, refresh = await _in_turns(
            lambda: small.tick(DIRTY, 1), lambda: large.tick(DIRTY, 1), lambda: large.tick(DIRTY, len(MARKETS)),
            rare=large.refresh_of_rows,
        )  # fmt: skip
        await large.roll_days()
        report, of_rows = await _in_turns(large.report, rare=large.report_of_rows)
        if not await large.agrees():
            raise SetUpFailed("the report over days is not that over all rows")
        return [
            *_of_ticks(few, many, ticks, refresh),
            Goal(
                "report of all days / the same over all rows", report / of_rows, 1 / 20,
                f"{_ms(report)}, {of_rows:.2f} s: 1/{of_rows / report:.0f}",
            ),
            _unblocked(await blocking(many_url, large.aggregates)),
        ]  # fmt: skip


@asynccontextmanager
async def _database(server_url: str, name: str, fills: int) -> AsyncIterator[tuple[str, History]]:
    async with connected(server_url) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    await migrate(url)
    async with connected(url) as connection, open_aggregates(url) as aggregates:
        history = History(connection, aggregates)
        await history.begin()
        await history.grow(fills)
        yield url, history


async def _in_turns(*works: Work, rare: Work) -> list[float]:
    """Median seconds of each, many rounds; `rare`, which takes long, comes last and at the begin, middle and end."""
    taken: list[list[float]] = [[] for _ in works]
    rarely = [await rare()]
    for number in range(WARM_UP + ROUNDS):
        for seconds, work in zip(taken, works, strict=True):
            seconds.append(await work())
        if number == WARM_UP + ROUNDS // 2:
            rarely.append(await rare())
    rarely.append(await rare())
    return [*(median(seconds[WARM_UP:]) for seconds in taken), median(rarely)]


def _of_ticks(few: int, many: int, ticks: Sequence[float], refresh: float) -> list[Goal]:
    before, tick, whole = ticks
    name = f"{DIRTY} dirty hours of {{}} made again / refresh over {many:,} rows"
    return [
        Goal(name.format("a market"), tick / refresh, 1 / 500, f"{_ms(tick)}, {refresh:.1f} s: 1/{refresh / tick:.0f}"),
        Goal(
            name.format(f"all {len(MARKETS)} markets"), whole / refresh, 1 / 100,
            f"{_ms(whole)}, {refresh:.1f} s: 1/{refresh / whole:.0f}",
        ),
        Goal(
            f"{DIRTY} dirty hours at {many:,} rows / at {few:,}", tick / before, 1.5,
            f"{_ms(tick)}, {_ms(before)}: {tick / before:.2f}",
        ),
    ]  # fmt: skip


def _unblocked(seen: Blocking) -> Goal:
    figures = (
        f"{seen.refresh_s:.1f} s; a read {seen.read_ms[0]:.1f} ms alone, {seen.read_ms[1]:.1f} beside it,"
        f" a page {seen.page_ms[0]:.1f} and {seen.page_ms[1]:.1f}; {seen.calls} calls"
    )
    return Goal("readers and writers that a refresh of all views blocks", seen.blocked, 0, figures)


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def lines(goals: Sequence[Goal]) -> Iterator[str]:
    for goal in goals:
        yield f"{goal.name}: {'ok' if goal.holds else f'ABOVE {goal.limit:g}'}"
        yield f"    {goal.figures}"


def document(goals: Sequence[Goal]) -> list[dict[str, Any]]:
    return [{**goal._asdict(), "holds": goal.holds} for goal in goals]
