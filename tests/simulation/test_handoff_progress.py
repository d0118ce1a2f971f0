"""Handoff, what counts as done: coverage moves with its rows alone, and every slot of it was asked for.

The number of a test is that of the defect, in the list of those that others found and fixed.
"""

from __future__ import annotations

from random import Random

import pytest

from indexer.core.coverage import Span
from indexer.errors import ConfigError
from indexer.simulation.virtual_time import run
from tests.simulation.hand_chain import FIRST, hand_chain
from tests.simulation.life import STREAMS, Life, fault

SHORT = hand_chain("D J . G o - D J G D")
LONG = hand_chain("D . " * 30)
BUSY = hand_chain(". " * 34 + "DJ . dG - " * 10)


@pytest.mark.parametrize(
    ("strategy", "kind"), [("signatures", "transaction_lost"), ("blocks", "block_null"), ("blocks", "server_error")]
)
def test_a_failed_fetch_moves_no_coverage(strategy: str, kind: str):
    """1. The checkpoint advances on block metadata, or on a failed fetch."""

    async def main() -> None:
        life = Life(SHORT, fault(kind, end_s=20.0))
        async with life.daemon(life.settings(recent=[strategy], hear="")):
            await life.passes(18.0)
            covered = [await life.covered("drift", slot) for slot in (FIRST, FIRST + 6, FIRST + 9)]
            assert not any(covered), "what could not be fetched is done"
            assert life.faults.struck[kind]
            await life.until_settled()

    run(main())


def test_newer_rows_say_nothing_about_older_slots():
    """2. max(slot) of the table jumps ahead while a backfill is still running."""

    async def main() -> None:
        life = Life(LONG, head=FIRST + 50)
        slow = life.settings(
            strategy__recent_slots=6, strategy__span_slots=4, endpoints__first_rate=1, endpoints__max_rate=1
        )
        async with life.daemon(slow, "killed"):
            await life.until(lambda: life.covered("drift", FIRST + 50), "the tail is there")
        assert not await life.covered("drift", FIRST + 30), "the backfill was done too soon for this test"
        async with life.daemon(life.settings(strategy__recent_slots=6)):
            await life.until_settled()

    run(main())


def test_whatever_moment_daemons_are_killed_at_the_next_one_goes_on():
    """2. The same, again and again: nothing but the coverage says where to go on."""

    async def main() -> None:
        life, rng = Life(BUSY, head=FIRST + 2), Random(7)
        for number in range(40):
            async with life.daemon(life.settings(strategy__recent_slots=10), f"killed {number}"):
                await life.passes(rng.uniform(0.01, 1.0))
        async with life.daemon():
            await life.until_settled()

    run(main())


def test_no_slot_is_lost_between_a_tail_and_a_history_that_begin_at_other_heads():
    """3. Two tips sampled separately: one for the live start, another for the backfill end.

    Nobody answers for longer than slots stay recent; the node that is asked afterwards is behind.
    """

    async def main() -> None:
        life = Life(
            LONG, fault("reset", start_s=4.0, end_s=15.0), fault("node_stalled", start_s=15.0, end_s=45.0),
            head=FIRST + 10,
        )  # fmt: skip
        async with life.daemon(life.settings(strategy__recent_slots=8, hear="")):
            await life.until_settled()
            assert life.faults.struck["reset"]
            assert life.faults.struck["node_stalled"]

    run(main())


def test_a_start_that_would_skip_slots_is_refused():
    """6. A configured start slot above the checkpoint skips silently."""

    async def main() -> None:
        life = Life(LONG, head=FIRST + 20)
        async with life.daemon():
            await life.until(lambda: life.covered("drift", FIRST + 20), "the first twenty slots")
        before = await known(life)
        with pytest.raises(ExceptionGroup) as refusal:
            async with life.daemon(life.settings(run__start_slot=FIRST + 50)):
                await life.passes(10.0)
        (error,) = refusal.value.exceptions
        assert isinstance(error, ConfigError)
        assert f"a start at {FIRST + 50}" in str(error)
        assert f"to {FIRST + 49} " in str(error)
        assert await known(life) == before
        async with life.daemon():
            await life.until_settled()

    run(main())


async def known(life: Life) -> list[object]:
    """What the ledger has and wants, by stream."""
    states = await life.store.stream_states()
    return [(states[name].wanted_from, await life.store.coverage(name)) for name in STREAMS]


def test_a_node_behind_the_ledger_is_waited_for():
    """11. The RPC node is behind the checkpoint: wait, do not crash, do not go back."""

    async def main() -> None:
        life = Life(LONG, nodes=[{}, {"behind": 40}], head=FIRST + 50)
        async with life.daemon(life.settings(ask="a")):
            await life.until(lambda: life.covered_up_to(FIRST + 50), "the node that is ahead was read")
        before, rows = await known(life), await life.store.rows(Span(0, FIRST + 50))
        async with life.daemon(life.settings(ask="b")):
            await life.passes(10.0)
            assert await known(life) == before
            assert await life.store.rows(Span(0, FIRST + 50)) == rows
            await life.until_settled()

    run(main())


def test_a_list_of_a_node_that_is_behind_says_nothing_of_newer_slots():
    """11. The same with several nodes at once: what one has finalized, the lists of others lack."""

    async def main() -> None:
        life = Life(LONG, nodes=[{}, *({"behind": slots} for slots in (10, 11, 12))], head=FIRST + 20)
        await life.backfill(Span(FIRST, FIRST + 21), "signatures")
        assert not life.store.wrong
        assert await life.covered_up_to(FIRST + 20)

    run(main())
