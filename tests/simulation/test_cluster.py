"""The chain in time: when a slot is seen at which commitment, by whom, and what a fork does to that."""

from __future__ import annotations

import pytest

from indexer.simulation.cluster import Cluster, View
from tests.adversarial.answers import text
from tests.simulation.small_chain import FIRST, LOGGER, SLOT_MS, block, blocks, chain, plain, shown

SLOT_S = SLOT_MS / 1000


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def at_slot(cluster: Cluster, clock: Clock, slot: int, behind: int = 0) -> View:
    clock.now = cluster.time_of(slot)
    return cluster.view(behind)


def test_a_slot_is_processed_then_confirmed_then_finalized():
    clock = Clock()
    cluster = Cluster(plain(60), clock)
    view = at_slot(cluster, clock, FIRST + 40)
    heads = {level: view.head(level).slot for level in ("processed", "confirmed", "finalized")}
    assert heads == {"processed": FIRST + 40, "confirmed": FIRST + 38, "finalized": FIRST + 8}
    clock.now = cluster.time_of(FIRST + 40, "finalized")
    assert cluster.view().head("finalized").slot == FIRST + 40


def test_a_slot_has_come_at_the_very_moment_of_its_time():
    clock = Clock()
    cluster = Cluster(plain(3), clock, speed=3.7)
    for slot in range(FIRST, FIRST + 2_000):
        clock.now = cluster.time_of(slot)
        assert cluster.slot() == slot


def test_history_lies_before_the_start():
    cluster = Cluster(plain(60), Clock(), start_slot=FIRST + 50)
    assert cluster.view().head("finalized").slot == FIRST + 18
    assert cluster.time_of(FIRST) == -50 * SLOT_S


def test_the_last_slots_are_finalized_after_the_end_of_the_chain():
    clock = Clock()
    cluster = Cluster(plain(10), clock)
    clock.now = 1_000.0
    view = cluster.view()
    assert [view.head(level).slot for level in ("processed", "confirmed", "finalized")] == [FIRST + 9] * 3


def test_the_head_is_a_slot_with_a_block():
    clock = Clock()
    cluster = Cluster(plain(10, skipped=[FIRST + 4, FIRST + 5]), clock)
    view = at_slot(cluster, clock, FIRST + 5)
    assert view.head("processed").slot == FIRST + 3
    assert view.slots(FIRST, FIRST + 9, "processed") == [FIRST, FIRST + 1, FIRST + 2, FIRST + 3]


def test_a_late_node_sees_less():
    clock = Clock()
    cluster = Cluster(plain(60), clock)
    assert at_slot(cluster, clock, FIRST + 20, behind=7).head("processed").slot == FIRST + 13


def forked() -> Cluster:
    """Slots 0 1 2 . . 5 6; a fork with slots 3 and 4 on top of 2, while 3 of the finalized chain was not seen."""
    main = blocks({FIRST + n: [shown(n)] for n in (0, 1, 2, 3, 5, 6)})
    fork = blocks({FIRST + 3: [shown(30)], FIRST + 4: [shown(31), shown(3)]}, parent=main[2], salt=1)
    return Cluster(chain(main, [fork]), Clock())


def test_a_fork_is_seen_until_the_finalized_chain_overtakes_it():
    cluster = forked()
    clock = cluster.clock
    on_it = at_slot(cluster, clock, FIRST + 6)  # Confirmed: 4.
    assert on_it.slots(FIRST, FIRST + 9, "confirmed") == [FIRST, FIRST + 1, FIRST + 2, FIRST + 3, FIRST + 4]
    assert on_it.block(FIRST + 3, "confirmed").transactions[0].signature == shown(30).signature
    assert on_it.find(shown(31).signature, "confirmed").block.slot == FIRST + 4
    off_it = at_slot(cluster, clock, FIRST + 7)  # Confirmed: 5, which does not descend from the fork.
    assert off_it.slots(FIRST, FIRST + 9, "confirmed") == [FIRST, FIRST + 1, FIRST + 2, FIRST + 3, FIRST + 5]
    assert off_it.find(shown(31).signature, "confirmed") is None


def test_the_finalized_chain_never_was_on_a_fork():
    cluster = forked()
    view = at_slot(cluster, cluster.clock, FIRST + 36)  # Finalized: 4, where the fork was.
    assert view.slots(FIRST, FIRST + 9, "finalized") == [FIRST, FIRST + 1, FIRST + 2, FIRST + 3]
    assert view.block(FIRST + 3, "finalized").transactions[0].signature == shown(3).signature
    assert view.head("finalized").slot == FIRST + 3


def test_parent_links_hold_in_every_view():
    cluster = forked()
    for slot in range(FIRST, FIRST + 60):
        view = at_slot(cluster, cluster.clock, slot)
        for level in ("processed", "confirmed", "finalized"):
            shown_slots = view.slots(FIRST, FIRST + 60, level)
            seen = [view.block(one, level) for one in shown_slots]
            assert [one.parent_slot for one in seen[1:]] == shown_slots[:-1]
            assert [one.previous_blockhash for one in seen[1:]] == [one.blockhash for one in seen[:-1]]


def test_a_transaction_of_a_fork_may_come_again_in_another_slot():
    cluster = forked()
    on_it = at_slot(cluster, cluster.clock, FIRST + 6)
    assert on_it.find(shown(3).signature, "confirmed").block.slot == FIRST + 4
    off_it = at_slot(cluster, cluster.clock, FIRST + 7)
    assert off_it.find(shown(3).signature, "confirmed").block.slot == FIRST + 3


def test_history_of_an_address_is_that_of_the_chain_in_view():
    cluster = forked()
    signatures = {n: shown(n).signature for n in (0, 1, 2, 3, 5, 30, 31)}
    on_it = at_slot(cluster, cluster.clock, FIRST + 6).history(text(LOGGER), "confirmed")
    assert [one.transaction.signature for one in on_it] == [signatures[n] for n in (0, 1, 2, 30, 31, 3)]
    off_it = at_slot(cluster, cluster.clock, FIRST + 7).history(text(LOGGER), "confirmed")
    assert [one.transaction.signature for one in off_it] == [signatures[n] for n in (0, 1, 2, 3, 5)]


def test_every_block_arrives_once_at_each_commitment():
    cluster = forked()
    places = cluster.places
    steps = [(slot, slot + 1) for slot in range(FIRST - 1, FIRST + 10)]
    arrived = [b for behind, limit in steps for b in places.arrived(behind, limit, final=False)]
    everything = [*cluster.chain.blocks.values(), *cluster.chain.forks[0].blocks]
    assert sorted(id(one) for one in arrived) == sorted(id(one) for one in everything)
    finals = [b for behind, limit in steps for b in places.arrived(behind, limit, final=True)]
    assert finals == list(cluster.chain.blocks.values())


def test_a_block_beside_a_fork_arrives_when_the_fork_is_overtaken():
    arrived = list(forked().places.arrived(FIRST + 4, FIRST + 5, final=False))
    assert [one.slot for one in arrived] == [FIRST + 3, FIRST + 5]


def test_a_view_begins_at_its_first_slot():
    clock = Clock()
    cluster = Cluster(plain(60), clock)
    clock.now = 100.0
    view = cluster.view(first_slot=FIRST + 30)
    assert view.block(FIRST + 29, "finalized") is None
    assert view.slots(FIRST, FIRST + 32, "finalized") == [FIRST + 30, FIRST + 31, FIRST + 32]
    assert {one.block.slot for one in view.history(text(LOGGER), "finalized")} == set(range(FIRST + 30, FIRST + 60))
    assert view.find(shown(2).signature, "finalized") is None


def test_a_chain_that_ends_on_a_fork_is_refused():
    main = blocks({FIRST: [], FIRST + 1: []})
    with pytest.raises(AssertionError, match=f"{FIRST + 2} to {FIRST + 2} is never overtaken"):
        Cluster(chain(main, [[block(FIRST + 2, main[1], [], 1)]]), Clock())
