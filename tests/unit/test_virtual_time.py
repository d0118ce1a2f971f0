"""Virtual time: order and lengths as in real time, without waiting."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from indexer.simulation.virtual_time import NothingToCome, VirtualTimeLoop, run


def test_a_day_passes_in_a_moment_and_in_order() -> None:
    async def main() -> list[float]:
        woken: list[float] = []

        async def sleeper(seconds: float) -> None:
            await asyncio.sleep(seconds)
            woken.append(asyncio.get_running_loop().time())

        await asyncio.gather(*(sleeper(seconds) for seconds in (86_400, 1, 3600)))
        return woken

    started = time.monotonic()
    assert run(main()) == pytest.approx([1, 3600, 86_400])
    assert time.monotonic() - started < 5


def test_a_time_out_strikes_when_it_should() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(6)
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(5)


def test_the_clock_stands_still_while_somebody_outside_is_asked() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        timer = asyncio.create_task(asyncio.sleep(1))
        with loop.outside(), ThreadPoolExecutor(1) as outside:  # Its own: the loop's is ended in virtual time.
            await loop.run_in_executor(outside, time.sleep, 0.05)
            assert not timer.done()
            asked = loop.time()
        await timer
        return asked, loop.time()

    assert run(main()) == pytest.approx((0, 1))


def test_a_standstill_is_an_error_and_no_hang() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingToCome):
        run(main())
