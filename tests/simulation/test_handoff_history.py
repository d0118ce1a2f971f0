"""Handoff, history: what nodes say they do not have is not empty, and what they leave out is not absent.

The number of a test is that of the defect, in the list of those that others found and fixed.
"""

from __future__ import annotations

from collections import Counter

import pytest

from indexer.core.coverage import Span, covers
from indexer.simulation.instructions import global_discriminator
from indexer.simulation.script import Emit, Invoke, Script
from indexer.simulation.streams import DRIFT, GMX, JUPITER
from indexer.simulation.virtual_time import run
from tests.simulation.hand_chain import FIRST, hand_chain
from tests.simulation.life import EVERYTHING, STREAMS, Life, fault

EVERY_SLOT = hand_chain("D " * 30)
HOLES = hand_chain("D - D - - J D - G D - D")  # Slots that were really skipped.
VERSION_1 = hand_chain("D J V G D")
KEEPERS_TOO_LATE = hand_chain("D d dd d d . d dd d D")
WAYS = ["signatures", "blocks"]


# --- skipped -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["skipped_lie", "archive_skipped_lie", "not_available"])
def test_no_error_makes_a_slot_empty(kind: str):
    """7. "Skipped" inferred from an error code."""

    async def main() -> None:
        life = Life(HOLES, fault(kind, chance=0.6, end_s=20.0))
        async with life.daemon(life.settings(recent=["blocks"], hear="")):
            await life.passes(15.0)
            assert life.faults.struck[kind]
            assert any((await life.lacking()).values()), "a block that was kept back is missing"
            await life.until_settled()

    run(main())


def test_a_block_that_a_list_leaves_out_is_fetched_since_its_child_names_it():
    """7. The same where getBlocks does not list it."""

    async def main() -> None:
        life = Life(HOLES, fault("slot_omitted", chance=0.5))
        async with life.daemon(life.settings(recent=["blocks"], hear="")):
            await life.until_settled()
        assert life.faults.struck["slot_omitted"]

    run(main())


@pytest.mark.parametrize("way", WAYS)
def test_what_lies_below_the_history_of_a_node_is_missing_and_not_empty(way: str):
    """7. "Skipped" inferred from a retention floor."""

    async def main() -> None:
        floor = FIRST + 12
        life = Life(EVERY_SLOT, nodes=[{"ledger_slot": floor}, {}])
        settings = life.settings(recent=[way], hear="", ask="a")
        async with life.daemon(settings):
            await life.until(lambda: life.covered("drift", FIRST + 29), "what the node has")
            await life.passes(20.0)
            for stream in STREAMS:
                assert not any([covers(await life.store.coverage(stream), slot) for slot in range(FIRST, floor)])
        async with life.daemon(life.settings(recent=[way], hear="")):
            await life.until_settled()

    run(main())


# --- what cannot be read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_a_transaction_without_meta_is_not_one_without_events(way: str):
    """8. `meta: null` taken for a valid transaction."""

    async def main() -> None:
        life = Life(EVERY_SLOT, fault("meta_null", chance=0.5, end_s=20.0))
        async with life.daemon(life.settings(recent=[way], hear="")):
            await life.passes(15.0)
            assert life.faults.struck["meta_null"]
            assert (await life.lacking())["drift"]
            await life.until_settled()

    run(main())


@pytest.mark.parametrize("way", WAYS)
def test_a_block_of_another_version_is_missing_and_not_empty(way: str):
    """10. -32015 for a whole block."""

    async def main() -> None:
        life = Life(VERSION_1)
        older = life.settings(recent=[way], hear="", endpoints__max_supported_transaction_version=0)
        async with life.daemon(older):
            await life.until(lambda: life.covered("drift", FIRST + 4), "the blocks that are refused by nobody")
            await life.passes(10.0)
            assert (await life.lacking())["drift"] == (Span(FIRST + 2, FIRST + 3),)
            assert life.faults.struck["version_refused"]
        async with life.daemon(life.settings(recent=[way], hear="")):
            await life.until_settled()

    run(main())


# --- several events ------------------------------------------------------------------------------------------------


def several(program: bytes, *inside: int) -> Invoke:
    """An outer instruction with so many events of the program's own; what they are, nobody has to know."""
    channel = "log" if program == DRIFT else "cpi"
    events = [Emit(global_discriminator(f"event {n}") + bytes([n]), "", channel, known=False) for n in inside]
    return Invoke(program, global_discriminator("several"), (), tuple(events))


SEVERAL = hand_chain(
    "D X . XX",
    own={"X": Script(tuple(several(one, 1, 2, 2) for one in (JUPITER, DRIFT, GMX, JUPITER)))},
)


@pytest.mark.parametrize("way", [*WAYS, "portal"])
def test_every_event_of_a_transaction_is_a_row(way: str):
    """9. One row per signature where a transaction has several events; several self-CPI events under one outer
    instruction."""

    async def main() -> None:
        life = Life(SEVERAL)
        async with life.daemon(life.settings(recent=[way])):
            await life.until_settled()
        rows = (await life.store.rows(EVERYTHING))["failure"]
        by_signature = Counter((row[0], row[3]) for row in rows)
        assert Counter(by_signature.values()) == {6: 3, 3: 6}, "two instructions of Jupiter, one of each other"

    run(main())


# --- lists of signatures -------------------------------------------------------------------------------------------


def test_slots_around_the_archive_seam_are_left_to_another_way():
    """12. The archive seam: signatures missing between two storage tiers."""

    async def main() -> None:
        seam = FIRST + 15
        hidden = fault("archive_seam", first_slot=seam - 3, amount=5)
        life = Life(EVERY_SLOT, hidden, nodes=[{"ledger_slot": seam, "archive_slot": FIRST}])
        async with life.daemon(life.settings(recent=["signatures", "blocks"], hear="")):
            await life.until_settled()
        assert life.faults.struck["archive_seam"]
        by_way = {source: spans for (stream, source, _), spans in life.store.settlements.items() if stream == "drift"}
        assert covers(by_way["signatures"], FIRST), "beyond the seam a list counts"
        assert covers(by_way["blocks"], seam - 2)

    run(main())


def test_a_page_of_failures_does_not_end_a_history():
    """13. A page of signatures made only of failed transactions ends the history."""

    async def main() -> None:
        life = Life(KEEPERS_TOO_LATE, fault("short_page", amount=2))
        async with life.daemon(life.settings(recent=["signatures"], hear="")):
            await life.until_settled()
        assert life.faults.struck["page_of_failures"]

    run(main())
