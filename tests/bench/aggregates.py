"""What running aggregates cost, against a refresh and against queries over all rows.

Only ratios are judged, of medians within one run on one machine.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from indexer.store.connection import connected
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.migrate import migrate
from indexer.store.rolling import open_aggregates
from tests.bench.blocking import Blocking, blocking
from tests.bench.environment import SetUpFailed
from tests.bench.history import MARKETS, History

FEW, MANY = 1_000_000, 5_000_000
DIRTY = 20


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
    """Fill a ledger in a server of its own, and measure. About ten minutes. Raises SetUpFailed."""
    with tempfile.TemporaryDirectory(prefix="perps-indexer-bench-") as folder:
        Path(folder).chmod(0o755)  # The server may run as another user.
        with EmbeddedPostgres(Path(folder).resolve() / "server") as server:
            if server.url is None:
                raise SetUpFailed("the server has no address")
            return asyncio.run(measured_at(server.url, few, many))


async def measured_at(url: str, few: int, many: int) -> list[Goal]:
    """In this empty database."""
    await migrate(url)
    async with connected(url) as connection, open_aggregates(url) as aggregates:
        history = History(connection, aggregates)
        await history.begin()
        await history.grow(few)
        before = await history.tick(DIRTY, 1)
        await history.grow(many)
        tick, whole = await history.tick(DIRTY, 1), await history.tick(DIRTY, len(MARKETS))
        refresh = await history.refresh_of_rows()
        report, of_rows = await history.report()
        if not await history.agrees():
            raise SetUpFailed("the report over days is not that over all rows")
        return [
            Goal(
                f"{DIRTY} dirty hours made again / refresh over {many:,} rows", tick / refresh, 1 / 500,
                f"{_ms(tick)} (of all {len(MARKETS)} markets: {_ms(whole)}), {refresh:.1f} s: 1/{refresh / tick:.0f}",
            ),
            Goal(
                f"the same at {many:,} rows / at {few:,}", tick / before, 1.5,
                f"{_ms(tick)}, {_ms(before)}: {tick / before:.2f}",
            ),
            Goal(
                "report of all days / the same over all rows", report / of_rows, 1 / 20,
                f"{_ms(report)}, {of_rows:.2f} s: 1/{of_rows / report:.0f}",
            ),
            _unblocked(await blocking(url, aggregates)),
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
