"""What is live goes first, and keeps nobody off for good."""

from __future__ import annotations

import asyncio

import pytest

from indexer.ingest.precedence import MOST_S, Precedence
from indexer.simulation.virtual_time import run


def waited(*ends_at: float) -> float:
    """How long history waits for live things that end at these seconds."""

    async def main() -> float:
        clock, precedence = asyncio.get_running_loop().time, Precedence()
        for seconds in ends_at:
            precedence.begin()
            asyncio.get_running_loop().call_later(seconds, precedence.end)
        began = clock()
        await precedence.give_way()
        return clock() - began

    return run(main())


def test_history_goes_on_at_once_where_nothing_is_on_its_way() -> None:
    assert waited() == 0


def test_history_waits_for_the_last_of_what_is_on_its_way() -> None:
    assert waited(0.1, 0.3, 0.2) == pytest.approx(0.3)


def test_history_waits_no_longer_than_a_moment() -> None:
    assert waited(60.0) == pytest.approx(MOST_S)


def test_what_ended_is_no_longer_on_its_way() -> None:
    async def main() -> None:
        precedence = Precedence()
        for _ in range(3):
            precedence.begin()
        precedence.end(3)
        async with asyncio.timeout(MOST_S / 2):
            await precedence.give_way()

    run(main())
