"""Working ahead: in order, with a bound, and nothing is left running whoever leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from random import Random

import pytest

from indexer.sources.ahead import ahead, gathered
from indexer.sources.base import SourceInterrupted
from tests.sources.scripted import run


async def keys(count: int, ends: list[str], breaks_at: int | None = None) -> AsyncGenerator[int, None]:
    try:
        for key in range(count):
            if key == breaks_at:
                raise SourceInterrupted("no more keys")
            yield key
    finally:
        ends.append("closed")


class Work:
    """Takes a while, and counts how many do so at once."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.now = self.most = 0
        self.fails_at = fails_at
        self.rng = Random(0)

    async def __call__(self, key: int) -> int:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.rng.random())
        finally:
            self.now -= 1
        if key == self.fails_at:
            raise SourceInterrupted(f"key {key}")
        return key


def test_results_come_in_order_and_a_bounded_number_is_worked_on() -> None:
    async def main() -> None:
        work = Work()
        assert [result async for result in ahead(keys(50, []), work, 4)] == list(range(50))
        assert work.most == 4

    run(main())


def test_an_error_comes_at_its_turn_and_ends_all() -> None:
    async def main() -> None:
        work, ends, found = Work(fails_at=20), list[str](), list[int]()

        async def all_of_them() -> None:
            async with aclosing(ahead(keys(50, ends), work, 4)) as results:
                async for result in results:
                    found.append(result)

        with pytest.raises(SourceInterrupted, match="key 20"):
            await all_of_them()
        assert found == list(range(20))
        assert (work.now, ends, len(asyncio.all_tasks())) == (0, ["closed"], 1)

    run(main())


def test_what_came_before_the_keys_were_interrupted_is_given_first() -> None:
    async def main() -> None:
        results = ahead(keys(50, [], breaks_at=20), Work(), 4)
        assert [await anext(results) for _ in range(20)] == list(range(20))
        with pytest.raises(SourceInterrupted, match="no more keys"):
            await anext(results)

    run(main())


@pytest.mark.parametrize("leaves", ["early", "cancelled"])
def test_whoever_leaves_leaves_nothing_running(leaves: str) -> None:
    async def main() -> None:
        work, ends = Work(), list[str]()

        async def consume() -> None:
            async with aclosing(ahead(keys(50, ends), work, 4)) as results:
                async for result in results:
                    if leaves == "early" and result == 10:
                        return

        task = asyncio.create_task(consume())
        await asyncio.sleep(3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (work.now, ends, len(asyncio.all_tasks())) == (0, ["closed"], 1)

    run(main())


def test_all_are_gathered_in_order() -> None:
    async def main() -> None:
        assert await gathered(range(30), Work(), 5) == list(range(30))
        assert await gathered([], Work(), 5) == []

    run(main())
