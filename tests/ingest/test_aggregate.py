"""The loops that keep aggregates true: when they run, and what they do when one fails or the store is away. Virtual
time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from indexer.errors import StoreUnavailable
from indexer.ingest.aggregate import Rhythm, keep_aggregates, refresh, roll_up
from indexer.simulation.virtual_time import run
from indexer.store.aggregates import AggregateFailed

RHYTHM = Rhythm(hours_s=2, days_s=60, refresh_s=300, marks=10)


class Fake:
    """Aggregates that note when they are asked. `waiting`: marks of hours; `raising`: errors to raise, by name."""

    def __init__(self, waiting: int = 0, raising: dict[str, list[Exception]] | None = None) -> None:
        self.waiting = waiting
        self.raising = raising or {}
        self.asked: list[tuple[float, str]] = []
        self.refreshing = self.most_days = 0

    def _ask(self, name: str) -> None:
        self.asked.append((asyncio.get_running_loop().time(), name))
        if self.raising.get(name):
            raise self.raising[name].pop(0)

    def times(self, name: str) -> list[float]:
        return [time for time, asked in self.asked if asked == name]

    async def roll_hours(self, limit: int) -> int:
        self._ask("hours")
        taken = min(limit, self.waiting)
        self.waiting -= taken
        return taken

    async def roll_days(self, limit: int) -> int:
        self._ask("days")
        self.most_days = limit
        return 0

    async def roll_holdings(self, limit: int) -> int:
        self._ask("holdings")
        return 0

    async def views(self, names: Sequence[str] = ()) -> Sequence[str]:
        return ["volume_daily", "efficiency_daily"]

    async def refresh(self, view: str) -> None:
        self._ask(view)
        self.refreshing += 1
        assert self.refreshing == 1, "two refreshes at once"
        await asyncio.sleep(5)
        self.refreshing -= 1


async def kept(fake: Fake, seconds: float) -> None:
    """Let the loops run that long."""
    task = asyncio.create_task(keep_aggregates(fake, RHYTHM, random.Random(1)))
    await asyncio.sleep(seconds)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def lived(fake: Fake, seconds: float) -> Fake:
    run(kept(fake, seconds))
    return fake


def test_hours_are_rolled_often_and_days_rarely() -> None:
    fake = lived(Fake(), 121)
    assert fake.times("hours") == [2.0 * n for n in range(61)]
    assert fake.times("days") == fake.times("holdings") == [0, 60, 120]


@pytest.mark.parametrize(("marks", "days"), [(2000, 20), (250, 2), (10, 1)])
def test_a_run_takes_fewer_days_than_hours_since_a_day_is_made_as_a_whole(marks: int, days: int) -> None:
    fake = Fake()
    at_once(lambda: roll_up(fake, marks))
    assert fake.most_days == days


def test_while_marks_wait_nobody_sleeps() -> None:
    assert lived(Fake(waiting=35), 3).times("hours") == [0, 0, 0, 0, 2]


def test_views_are_refreshed_in_order_and_one_at_a_time() -> None:
    fake = lived(Fake(), 320)
    assert fake.times("volume_daily") == [0, 310]
    assert fake.times("efficiency_daily") == [5, 315]


FAILED = AggregateFailed("division by zero", place="rollup of hours")
AWAY = StoreUnavailable("no route")


@pytest.mark.parametrize("name", ["hours", "days", "holdings", "volume_daily"])
def test_one_that_fails_is_tried_again_and_stops_no_other(name: str) -> None:
    fake = lived(Fake(raising={name: [FAILED]}), 700)
    whole = lived(Fake(), 700)
    for other in ("hours", "days", "holdings"):
        assert fake.times(other) == whole.times(other)
    assert len(fake.times(name)) == len(whole.times(name))


def test_a_store_that_is_away_is_waited_for() -> None:
    fake = lived(Fake(raising={"hours": [AWAY] * 3}), 10)
    assert len(fake.times("hours")) >= 6
    assert fake.times("hours")[3] < 2


def test_a_bug_is_loud() -> None:
    with pytest.raises(ExceptionGroup):
        run(kept(Fake(raising={"days": [KeyError("x")]}), 10))


@pytest.mark.parametrize("seconds", [0, 0.5, 2, 4.9, 5, 61, 301])
def test_the_loops_end_wherever_they_are_cancelled(seconds: float) -> None:
    lived(Fake(waiting=15), seconds)


def at_once(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return run(make())


def test_on_demand_all_that_is_marked_is_rolled_up_hours_first() -> None:
    fake = Fake(waiting=25)
    assert at_once(lambda: roll_up(fake, 10)) == {"hours": 25, "days": 0, "holdings": 0}
    assert [name for _, name in fake.asked] == ["hours"] * 3 + ["days", "holdings"]


def test_on_demand_a_view_that_fails_is_told_and_the_next_one_refreshed() -> None:
    fake = Fake(raising={"volume_daily": [FAILED]})
    assert at_once(lambda: refresh(fake, ["volume_daily", "efficiency_daily"])) == [FAILED]
    assert [name for _, name in fake.asked] == ["volume_daily", "efficiency_daily"]
