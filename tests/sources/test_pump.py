"""Reading ahead: in order, within a bound, and nothing is left behind, however the reader ends."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress

import pytest

from indexer.simulation.virtual_time import run
from indexer.sources.pump import Put, pumped


class Feed:
    """Puts 0 up to `most`, one a second, and fails then if asked to."""

    def __init__(self, most: int, error: Exception | None = None) -> None:
        self.most, self.error = most, error
        self.put = 0
        self.ended = False

    async def __call__(self, put: Put[int]) -> None:
        try:
            for number in range(self.most):
                await put(number)
                self.put += 1
                await asyncio.sleep(1)
            if self.error is not None:
                raise self.error
        finally:
            self.ended = True


def test_everything_comes_in_order() -> None:
    async def main() -> list[int]:
        return [number async for number in pumped(Feed(10), 3)]

    assert run(main()) == list(range(10))


def test_an_empty_feed_gives_nothing() -> None:
    async def main() -> list[int]:
        return [number async for number in pumped(Feed(0), 3)]

    assert run(main()) == []


def test_no_more_waits_than_the_bound() -> None:
    feed = Feed(100)

    async def main() -> None:
        async with aclosing(pumped(feed, 3)) as numbers:
            await anext(numbers)
            await asyncio.sleep(50)
            assert feed.put == 4
            await anext(numbers)
            await asyncio.sleep(50)
            assert feed.put == 5

    run(main())


def test_what_the_feed_raises_comes_behind_what_it_put() -> None:
    got: list[int] = []

    async def main() -> None:
        async for number in pumped(Feed(3, KeyError("why")), 10):
            got.append(number)
            await asyncio.sleep(10)

    with pytest.raises(KeyError, match="why"):
        run(main())
    assert got == [0, 1, 2]


@pytest.mark.parametrize("way", ["closed", "cancelled", "failed"])
def test_the_feed_ends_with_its_reader(way: str) -> None:
    feed = Feed(100)

    async def read() -> None:
        async with aclosing(pumped(feed, 3)) as numbers:
            async for _ in numbers:
                if way == "closed":
                    return
                if way == "failed":
                    raise KeyError

    async def main() -> None:
        reading = asyncio.create_task(read())
        await asyncio.sleep(5)
        reading.cancel()
        with suppress(asyncio.CancelledError, KeyError):
            await reading
        assert feed.ended
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_a_feed_that_waits_for_room_ends_with_its_reader() -> None:
    feed = Feed(100)

    async def main() -> None:
        numbers = pumped(feed, 1)
        await anext(numbers)
        await asyncio.sleep(50)
        await numbers.aclose()
        assert feed.ended

    run(main())
