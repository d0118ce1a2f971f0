"""Waiting: for what may pass ever more slowly, up to a bound, and never all at once; where a process ends, not long."""

from __future__ import annotations

import asyncio
from itertools import islice
from random import Random

import pytest

from indexer.errors import StoreUnavailable
from indexer.ingest.patience import BRIEF_S, briefly, waits
from indexer.simulation.virtual_time import run


def test_waits_grow_to_a_bound_and_are_spread() -> None:
    found = list(islice(waits(Random(1), 1.0, 8.0), 20))
    assert all(6 <= wait <= 10 for wait in found[3:])
    assert found[0] < 1.3
    assert len(set(found)) == 20


async def done() -> None:
    await asyncio.sleep(BRIEF_S / 2)


async def away() -> None:
    raise StoreUnavailable("it is away", place="test")


async def silent() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(("call", "is_done"), [(done, True), (away, False), (silent, False)])
@pytest.mark.parametrize("is_cancelled", [True, False])
def test_what_also_ends_by_itself_delays_nobody_for_long(call, is_done: bool, is_cancelled: bool) -> None:  # type: ignore[no-untyped-def]
    async def main() -> None:
        found: list[bool] = []

        async def worked() -> None:
            try:
                await asyncio.sleep(1000.0 if is_cancelled else 5.0)
            finally:
                found.append(await briefly(call()))

        working = asyncio.create_task(worked())
        await asyncio.sleep(5.0)
        if is_cancelled:
            working.cancel()
        await asyncio.wait([working], timeout=BRIEF_S + 0.1)
        assert working.done()
        assert working.cancelled() == is_cancelled
        assert found == [is_done]

    run(main())
