"""Waiting for what may pass: as long as it lasts, ever more slowly, and not a moment longer than cancelled."""

from __future__ import annotations

import asyncio
from itertools import islice
from random import Random

import pytest

from indexer.errors import StoreUnavailable
from indexer.ingest.patience import until_stored, waits
from indexer.simulation import virtual_time


def test_waits_grow_to_a_bound_and_are_spread() -> None:
    found = list(islice(waits(Random(1), 1.0, 8.0), 20))
    assert all(6 <= wait <= 10 for wait in found[3:])
    assert found[0] < 1.3
    assert len(set(found)) == 20


class Away:
    """A database that is away for some tries."""

    def __init__(self, tries: int) -> None:
        self.tries = tries

    async def write(self) -> str:
        self.tries -= 1
        if self.tries >= 0:
            raise StoreUnavailable("no space left on device")
        return "written"


def test_what_is_to_be_stored_waits_until_the_database_is_back() -> None:
    async def run() -> tuple[str, float]:
        return await until_stored(Away(6).write, Random(1)), asyncio.get_running_loop().time()

    result, seconds = virtual_time.run(run())
    assert result == "written"
    assert 5 < seconds < 30


def test_a_bug_is_not_waited_for() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        virtual_time.run(until_stored(broken, Random(1)))


def test_waiting_ends_when_it_is_cancelled() -> None:
    async def run() -> None:
        async with asyncio.timeout(3):
            await until_stored(Away(10**9).write, Random(1))

    with pytest.raises(TimeoutError):
        virtual_time.run(run())
