"""Waiting for a store: a call is tried until it can be done, by pauses that grow up to a bound. No real time passes."""

import asyncio
import random

import pytest

from indexer.errors import StoreUnavailable
from indexer.simulation.virtual_time import run
from indexer.store.patience import FIRST_PAUSE_S, MOST_PAUSE_S, patiently


class Away:
    """A store that is away until some time, and then answers."""

    def __init__(self, until_s: float) -> None:
        self.until_s = until_s
        self.tries: list[float] = []

    async def call(self) -> str:
        now = asyncio.get_running_loop().time()
        self.tries.append(now)
        if now < self.until_s:
            raise StoreUnavailable("the disk is full")
        return "done"


def waits(away: Away) -> list[float]:
    return [later - earlier for earlier, later in zip(away.tries, away.tries[1:], strict=False)]


def test_a_store_that_is_there_is_called_once():
    away = Away(0)
    assert run(patiently(away.call, random.Random(1))) == "done"
    assert away.tries == [0.0]


def test_an_hour_without_a_store_ends_in_the_answer():
    away = Away(3600)
    assert run(patiently(away.call, random.Random(1))) == "done"
    assert away.tries[-1] - 3600 < MOST_PAUSE_S


def test_pauses_grow_up_to_a_bound_and_are_not_those_of_everybody_else():
    one, other = Away(300), Away(300)
    for seed, away in enumerate((one, other)):
        run(patiently(away.call, random.Random(seed)))
    assert FIRST_PAUSE_S / 2 <= waits(one)[0] <= FIRST_PAUSE_S
    assert min(waits(one)[8:]) >= MOST_PAUSE_S / 2
    assert max(waits(one)) <= MOST_PAUSE_S
    assert waits(one) != waits(other)


def test_waiting_can_be_cancelled_at_any_moment():
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(patiently(Away(3600).call, random.Random(1)), 100)

    run(main())


def test_any_other_error_is_not_waited_for():
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(patiently(broken, random.Random(1)))
