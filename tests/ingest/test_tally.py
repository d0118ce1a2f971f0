"""What a process counts: each event once, when its slot settles; and how fast history is filled."""

from __future__ import annotations

from random import Random

import pytest
from msgspec import structs

from indexer.core.coverage import Span
from indexer.core.record import Failure, FailureReason
from indexer.ingest.tally import RATE_OVER_S, Tally
from indexer.ingest.writing import Writer
from indexer.simulation.virtual_time import run
from indexer.sources.base import RawPage
from indexer.store.memory import MemoryStore
from tests.ingest.test_witnesses import DRIFT, seen_before
from tests.simulation.hand_chain import FIRST
from tests.store.ledger import event, failure, origin, page
from tests.world import key

SPAN = (Span(100, 110),)


def test_only_what_lies_in_newly_settled_slots_of_its_stream_counts() -> None:
    tally = Tally()
    rows = [event(origin(100)), event(origin(109)), event(origin(110)), event(origin(105, protocol="gmx_solana"))]
    tally.settled(page(*rows, failure(origin(101)), failure(origin(99))), {"drift": SPAN})
    assert tally.events == {("drift", "OrderActionRecord"): 2}
    assert tally.failures == {("drift", "unknown_event"): 1}


def test_what_was_settled_before_or_is_provisional_counts_nothing() -> None:
    tally = Tally()
    for newly in ({}, {"drift": ()}):
        tally.settled(page(event(origin(100))), newly)
    assert not tally.events


def test_the_rate_is_of_the_last_minute() -> None:
    tally = Tally()
    assert tally.slots_per_s(5.0) == 0
    for second in range(100):
        tally.filled(float(second), 30)
    assert tally.slots_per_s(99.0) == pytest.approx(30, rel=0.02)
    assert tally.slots_per_s(99.0 + RATE_OVER_S + 1) == 0


def test_the_rate_of_the_first_seconds_is_not_spread_over_a_minute() -> None:
    tally = Tally()
    tally.filled(1000.0, 50)
    tally.filled(1010.0, 50)
    assert tally.slots_per_s(1010.0) == pytest.approx(10)


def test_what_comes_at_confirmed_and_then_settles_twice_counts_once() -> None:
    async def main() -> None:
        tally = Tally()
        writer = Writer(MemoryStore(), Random(1), tally)
        raw = RawPage(transactions=[seen_before()], settled={"drift": (Span(FIRST, FIRST + 1),)})
        await writer.provisional(raw, [DRIFT], "websocket")
        assert not tally.events
        await writer.settling(raw, [DRIFT], "blocks")
        counted = dict(tally.events)
        assert sum(counted.values()) > 0
        await writer.settling(raw, [DRIFT], "blocks")
        assert tally.events == counted

    run(main())


def test_what_no_layout_reads_is_told_once_by_program_and_discriminator() -> None:
    def of(reason: FailureReason, discriminator: bytes | None, program: int = 1) -> Failure:
        made = failure(origin(100, program_id=key(program)))
        return structs.replace(made, reason=reason, discriminator=discriminator)

    one, other = of("unknown_event", b"discrim1"), of("unexpected_length", b"discrim2")
    elsewhere = of("unknown_event", b"discrim1", program=2)
    silent = [of("truncated_logs", None), of("attribution_mismatch", b"discrim3")]
    tally = Tally()
    assert tally.unread([one, *silent, one, other]) == [one, other]
    assert tally.unread([other, one, elsewhere]) == [elsewhere]


def test_a_flood_of_discriminators_ends() -> None:
    flood = (structs.replace(failure(origin(100)), discriminator=n.to_bytes(8, "little")) for n in range(10_000))
    assert len(Tally().unread(flood)) == 256
