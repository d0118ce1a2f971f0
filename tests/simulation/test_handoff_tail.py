"""Handoff, the tail: what subscriptions do not tell is asked for, what they tell wrongly gives no row, and an outage
settles nothing.

The number of a test is that of the defect, in the list of those that others found and fixed.
"""

from __future__ import annotations

import pytest

from indexer.core.record import EventRow
from indexer.simulation.virtual_time import run
from tests.simulation.hand_chain import FIRST, hand_chain
from tests.simulation.life import STREAMS, Life, fault

QUIET = ". " * 34  # Before the start, so that every node has finalized something.
BUSY = hand_chain(QUIET + "D " * 60)  # Whatever is missed shows.
LATE_KEEPERS = hand_chain(QUIET + "D dj . Jd d G " * 10)
HEAD = FIRST + 2  # At second 0; the slot of that moment is the first behind the quiet ones.
SOON_S = 5.0  # Behind its confirmation; the finalized read comes 12 s behind it.


def slots_confirmed(life: Life, start_s: float, end_s: float) -> range:
    """Slots that are confirmed between two moments."""
    behind = life.cluster.after["confirmed"]
    return range(life.cluster.slot_at(start_s) - behind, life.cluster.slot_at(end_s) - behind + 1)


def test_what_happens_until_a_subscription_stands_again_is_asked_for_afterwards():
    """4. Backfill before resubscribing leaves a hole: subscribe first, then fill up to the first live slot."""

    async def main() -> None:
        closed = fault("closed_1006", start_s=6.0, end_s=7.0), fault("websocket_refused", start_s=6.0, end_s=11.5)
        life = Life(BUSY, *closed, head=HEAD)
        async with life.daemon():
            await life.until_settled()
        assert life.faults.struck["websocket_refused"]
        assert life.late(slots_confirmed(life, 1.0, 20.0), SOON_S) == []

    run(main())


@pytest.mark.parametrize("kind", ["reset", "rate_limited_dear"])
def test_what_cannot_be_asked_for_is_not_settled_though_notifications_come(kind: str):
    """5. Gap fill fails and the live stream goes on as if it had worked: fail closed."""

    async def main() -> None:
        life = Life(BUSY, fault(kind, start_s=5.0, end_s=50.0, amount=1.0), head=HEAD)
        async with life.daemon():
            await life.passes(6.0)
            settled = [await life.store.coverage(name) for name in STREAMS]
            await life.passes(43.0)
            assert [await life.store.coverage(name) for name in STREAMS] == settled
            assert life.late(slots_confirmed(life, 6.0, 20.0), SOON_S) == [], "the sockets were alive"
            await life.until_settled()

    run(main())


def test_a_gap_that_could_not_be_filled_is_filled_when_the_nodes_are_back():
    """5. The same where the notifications are lost as well: nothing but the missing span tells of them."""

    async def main() -> None:
        away = {"start_s": 5.0, "end_s": 50.0}
        life = Life(BUSY, fault("reset", **away), fault("websocket_silent", **away), head=HEAD)
        async with life.daemon():
            await life.passes(49.0)
            assert not all(is_seen(life, row) for row in BUSY.chain.truth.events), "the outage hid nothing"
            await life.until_settled()

    run(main())


@pytest.mark.parametrize("kind", ["placeholder_signature", "notification_doubled", "false_success"])
def test_a_wrong_notification_adds_no_row_and_hides_none(kind: str):
    """14. A placeholder signature, a duplicate, a notification for a failed transaction with `err: null`."""

    async def main() -> None:
        life = Life(LATE_KEEPERS, fault(kind), head=HEAD)
        async with life.daemon():
            await life.until_settled()
        assert life.faults.struck[kind] > 5
        for stream in STREAMS:
            assert life.late(slots_confirmed(life, 2.0, 20.0), SOON_S, stream) == []

    run(main())


def test_rows_are_there_before_they_are_settled():
    """The tests above look at when rows came: here nothing is wrong, and they come at once."""

    async def main() -> None:
        life = Life(LATE_KEEPERS, head=HEAD)
        async with life.daemon():
            await life.passes(10.0)
            newest = max(row.origin.slot for row in LATE_KEEPERS.chain.truth.events if is_seen(life, row))
            assert newest >= slots_confirmed(life, 9.0, 9.0).start - 6
            assert not await life.covered("drift", newest)
            await life.until_settled()
        for stream in STREAMS:
            assert life.late(slots_confirmed(life, 2.0, 20.0), 1.0, stream) == []

    run(main())


def is_seen(life: Life, row: EventRow) -> bool:
    return (row.origin.protocol, row.origin.signature) in life.store.seen
