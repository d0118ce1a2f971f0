"""What every store does alike: one suite, run on PostgreSQL and on the twin in memory."""

import asyncio
from contextlib import AsyncExitStack
from decimal import Decimal

import msgspec
import pytest

from indexer.core.coverage import Span
from indexer.core.protocol import Processed
from indexer.core.record import RECORD_KINDS, Incentive, TvlObservation
from indexer.core.reference import Market, Reference, Token
from indexer.errors import ClusterMismatch
from indexer.store.inserting import COPY_ROWS
from indexer.store.memory import MemoryStore
from indexer.store.postgres import open_store
from indexer.store.rows import BY_CLASS, TABLES
from tests.store.ledger import NOON, event, failure, flow, key, origin, page, price, swap, trade

EVERYTHING = Span(0, 1 << 50)
HOUR = NOON


@pytest.fixture(params=["postgres", "memory"])
async def store(request):
    async with AsyncExitStack() as resources:
        if request.param == "memory":
            yield MemoryStore()
        else:
            yield await resources.enter_async_context(open_store(request.getfixturevalue("emptied_database_url")))


async def ledger(store):
    """All that a write may change, but marks and logs."""
    rows = await store.rows(EVERYTHING)
    return rows, await store.coverage("drift"), await store.unavailable("drift"), await store.differences()


async def records(store, kind="trade"):
    table = next(table for table in TABLES if table.kind == kind)
    return [table.record(row) for row in (await store.rows(EVERYTHING))[kind]]


async def settled_flags(store, kind="trade"):
    place = TABLES[0].position["settled"]
    return [row[place] for row in (await store.rows(EVERYTHING))[kind]]


async def test_a_record_comes_back_as_it_was_written(store):
    one = trade(origin(), size_base=Decimal("1.500000000"), is_liquidation=True, sequence=2**64 - 1)
    await store.write(page(one, event(one.origin), failure(origin(index=1))))
    assert await records(store) == [one]
    assert await records(store, "event") == [event(one.origin)]
    assert await records(store, "failure") == [failure(origin(index=1))]


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**128 - 1, -(2**127), 0])
async def test_numbers_of_the_chain_keep_every_digit(store, number):
    one = trade(origin(), size_usd_e6=number, size_base=Decimal(number).scaleb(-9), sequence=abs(number))
    await store.write(page(one))
    (back,) = await records(store)
    assert (back.size_usd_e6, back.size_base, back.sequence) == (number, Decimal(number).scaleb(-9), abs(number))


async def test_text_that_no_database_holds_is_made_storable(store):
    await store.write(page(failure(origin(), detail="a\0b\ud800c"), trade(origin(), explanation="\0")))
    assert [one.detail for one in await records(store, "failure")] == ["a\N{REPLACEMENT CHARACTER}b?c"]


async def test_a_time_that_is_none_is_unknown(store):
    await store.write(page(trade(origin(block_time=2**63 - 1)), trade(origin(index=1, block_time=-5))))
    assert [one.origin.block_time for one in await records(store)] == [None, None]


async def test_a_failure_without_an_instruction_comes_back_without_one(store):
    await store.write(page(failure(origin(index=-1), reason="truncated_logs", discriminator=None, detail=None)))
    (back,) = await records(store, "failure")
    assert (back.enclosing, back.origin.index) == (None, -1)


async def test_one_position_can_fail_for_two_reasons_and_two_protocols(store):
    here = origin(index=-1)
    there = origin(index=-1, protocol="gmx_solana")
    reasons = [failure(here, reason="truncated_logs"), failure(here, reason="attribution_mismatch")]
    await store.write(page(*reasons, failure(there, reason="attribution_mismatch")))
    assert (await store.counts())["failure"] == 3


async def test_a_page_that_settles_nothing_gives_provisional_rows(store):
    written = await store.write(page(trade(origin())))
    assert await settled_flags(store) == [False]
    assert await store.coverage("drift") == ()
    assert written.rows == {"inserted": 1}


async def test_a_later_provisional_row_replaces_an_earlier_one(store):
    await store.write(page(trade(origin(), size_usd_e6=1)))
    written = await store.write(page(trade(origin(), size_usd_e6=2)))
    assert [one.size_usd_e6 for one in await records(store)] == [2]
    assert written.kinds == {"trade": {"updated": 1}}


async def test_a_provisional_row_without_a_place_keeps_the_known_one(store):
    known, poorer = origin(tx_index=3, block_time=NOON), origin(tx_index=None, block_time=NOON + 9)
    await store.write(page(trade(known)))
    written = await store.write(page(trade(poorer)))
    assert [one.origin for one in await records(store)] == [known]
    assert written.rows == {"unchanged": 1}


async def test_a_provisional_row_without_a_time_keeps_the_known_one(store):
    await store.write(page(trade(origin(tx_index=None))))
    await store.write(page(trade(origin(tx_index=None, block_time=None), size_usd_e6=9)))
    assert [(one.origin.block_time, one.size_usd_e6) for one in await records(store)] == [(NOON, 9)]


async def test_settling_moves_coverage_with_the_rows(store):
    written = await store.write(page(trade(origin(150)), settled=(100, 200)))
    assert await store.coverage("drift") == (Span(100, 200),)
    assert await settled_flags(store) == [True]
    assert written.settled == {"drift": (Span(100, 200),)}


async def test_a_row_outside_the_settled_slots_of_its_page_stays_provisional(store):
    await store.write(page(trade(origin(150)), trade(origin(250, tx=2)), settled=(100, 200)))
    assert await settled_flags(store) == [True, False]


async def test_a_row_of_another_stream_is_not_settled(store):
    await store.write(page(trade(origin(150, protocol="gmx_solana")), settled=(100, 200)))
    assert await settled_flags(store) == [False]


async def test_settling_makes_true_what_was_guessed(store):
    await store.write(page(trade(origin(tx_index=None, block_time=NOON + 5))))
    written = await store.write(page(trade(origin()), settled=(100, 101)))
    assert [one.origin for one in await records(store)] == [origin()]
    assert await settled_flags(store) == [True]
    assert written.rows == {"updated": 1}


async def test_settling_drops_what_the_finalized_chain_does_not_have(store):
    forked = page(trade(origin(tx=2)), event(origin(tx=2)), failure(origin(tx=2, index=-1)))
    await store.write(forked)
    written = await store.write(page(trade(origin()), settled=(100, 101)))
    assert [one.origin for one in await records(store)] == [origin()]
    assert written.rows == {"inserted": 1, "deleted": 3}


async def test_a_list_settles_no_slot_in_which_it_lacks_a_transaction_that_was_seen(store):
    """A row of another stream or an account is no witness; a whole block needs none."""
    listed, unlisted = origin(100, tx=1), origin(100, tx=2)
    await store.write(page(trade(listed), event(unlisted), failure(origin(102, -1, tx=3)), event(origin(104, tx=4))))
    other = msgspec.structs.replace(origin(106, tx=5), protocol="gmx_solana")
    account = msgspec.structs.replace(origin(106, tx=6), channel="account")
    await store.write(page(trade(other), price(account, "3.5", mint=key(1))))
    seen = {(100, listed.signature), (104, origin(104, tx=4).signature)}
    written = await store.write(page(trade(listed), event(origin(104, tx=4)), settled=(99, 108), seen=seen))
    open_slots = (Span(99, 100), Span(101, 102), Span(103, 108))
    assert written.settled == {"drift": open_slots}
    assert await store.coverage("drift") == open_slots
    assert await settled_flags(store, "event") == [False, True]
    assert [one.origin.slot for one in await records(store, "failure")] == [102]
    await store.write(page(trade(listed), event(origin(104, tx=4)), settled=(99, 108)))
    assert await store.coverage("drift") == (Span(99, 108),)
    assert await records(store, "event") == [event(origin(104, tx=4))]
    assert await records(store, "failure") == []
    assert await store.differences() == []


async def test_settling_without_any_row_drops_what_was_provisional(store):
    await store.write(page(trade(origin())))
    await store.write(page(settled=(0, 1000)))
    assert await records(store) == []


async def test_settling_leaves_other_streams_and_other_slots_alone(store):
    await store.write(page(trade(origin(protocol="gmx_solana")), trade(origin(99, tx=2)), trade(origin(101, tx=3))))
    await store.write(page(settled=(100, 101)))
    assert (await store.counts())["trade"] == 3


@pytest.mark.parametrize("settled", [None, (100, 101)])
async def test_a_settled_row_is_never_changed_by_a_page(store, settled):
    await store.write(page(trade(origin(), size_usd_e6=1), settled=(100, 101)))
    written = await store.write(page(trade(origin(), size_usd_e6=2), settled=settled))
    assert [one.size_usd_e6 for one in await records(store)] == [1]
    assert written.rows == {"differing": 1}


async def test_a_difference_is_kept_with_its_columns(store):
    await store.write(page(trade(origin(), size_usd_e6=1), settled=(100, 101)))
    await store.write(page(trade(origin(), size_usd_e6=2), trade(origin(index=4)), settled=(100, 101)))
    found = {(one.index, one.difference, one.columns) for one in await store.differences()}
    assert found == {(0, "differing", ("size_usd_e6",)), (4, "additional", ())}
    assert (await store.counts())["trade"] == 1


async def test_a_row_that_a_later_whole_read_lacks_is_counted_and_stays(store):
    await store.write(page(trade(origin()), settled=(100, 101)))
    await store.write(page(settled=(100, 101)))
    assert [one.difference for one in await store.differences()] == ["missing"]
    assert (await store.counts())["trade"] == 1


async def test_a_page_that_mends_rows_adds_them_to_settled_slots_and_tells_nothing_of_what_it_lacks(store):
    await store.write(page(trade(origin()), settled=(100, 101)))
    later = trade(origin(tx=2))
    for change in ({"inserted": 2}, {"unchanged": 2}):
        written = await store.write(page(later, event(later.origin), mends="rows"))
        assert (written.rows, written.settled) == (change, {})
    assert await settled_flags(store) == [True, True]
    assert await store.coverage("drift") == (Span(100, 101),)
    assert await store.differences() == []


async def test_a_page_that_mends_rows_changes_none_that_is_there(store):
    one = trade(origin())
    await store.write(page(one, settled=(100, 101)))
    other = msgspec.structs.replace(one, size_usd_e6=7)
    assert (await store.write(page(other, mends="rows"))).rows == {"differing": 1}
    assert await records(store) == [one]


async def test_a_late_provisional_row_may_lack_what_only_settling_sources_know(store):
    await store.write(page(trade(origin()), event(origin()), settled=(100, 101)))
    poorer = origin(tx_index=None, block_time=NOON + 5)
    plain = msgspec.structs.replace(
        event(poorer), enclosing=msgspec.structs.replace(event(poorer).enclosing, index=None)
    )
    written = await store.write(page(trade(poorer), plain))
    assert written.rows == {"unchanged": 2}
    assert await store.differences() == []


async def test_a_settling_read_must_agree_on_place_and_time(store):
    await store.write(page(trade(origin()), settled=(100, 101)))
    await store.write(page(trade(origin(tx_index=4, block_time=NOON + 1)), settled=(100, 101)))
    assert [one.columns for one in await store.differences()] == [("tx_index", "block_time")]


async def test_a_page_may_settle_new_slots_beside_settled_ones(store):
    await store.write(page(trade(origin(100), size_usd_e6=1), settled=(100, 101)))
    await store.write(page(trade(origin(101), size_usd_e6=1)))
    written = await store.write(page(trade(origin(100), size_usd_e6=2), settled=(100, 102)))
    assert written.rows == {"differing": 1, "deleted": 1}
    assert written.settled == {"drift": (Span(101, 102),)}
    assert await store.coverage("drift") == (Span(100, 102),)


@pytest.mark.parametrize("settled", [None, (100, 200)])
async def test_the_same_page_twice_leaves_the_same_ledger(store, settled):
    one = page(
        trade(origin(150)), trade(origin(150), part=1), event(origin(150)), failure(origin(160)), settled=settled,
        unavailable={"drift": [Span(300, 310)]}, slot_times={150: NOON},
    )  # fmt: skip
    await store.write(one)
    first = await ledger(store)
    written = await store.write(one)
    assert await ledger(store) == first
    assert written.rows == {"unchanged": 4}


async def test_a_row_twice_in_a_page_is_one_row(store):
    await store.write(page(trade(origin()), trade(origin())))
    assert (await store.counts())["trade"] == 1


async def test_an_empty_page_changes_nothing(store):
    before = await ledger(store)
    assert (await store.write(page())).rows == {}
    assert await ledger(store) == before


async def test_many_rows_go_the_same_way_as_few(store):
    many = [trade(origin(index=n), size_usd_e6=n, size_base=Decimal(n)) for n in range(COPY_ROWS * 3)]
    many += [event(one.origin) for one in many]
    await store.write(page(*many))
    written = await store.write(page(*many, settled=(100, 101)))
    assert written.rows == {"updated": COPY_ROWS * 6}
    assert [one.size_usd_e6 for one in await records(store)] == list(range(COPY_ROWS * 3))


async def test_rows_far_apart_are_written_by_one_page(store):
    slots = [0, 6_479_999, 6_480_000, 430_000_000]
    await store.write(page(*(trade(origin(slot)) for slot in slots)))
    assert [one.origin.slot for one in await records(store)] == slots


async def test_unavailable_slots_are_kept_until_somebody_has_them(store):
    await store.write(page(unavailable={"drift": [Span(100, 110)]}))
    assert await store.unavailable("drift") == (Span(100, 110),)
    await store.write(page(settled=(105, 120)))
    assert await store.unavailable("drift") == (Span(100, 105),)


async def test_settled_slots_do_not_become_unavailable(store):
    await store.write(page(settled=(100, 110)))
    await store.write(page(unavailable={"drift": [Span(90, 120)]}))
    assert await store.unavailable("drift") == (Span(90, 100), Span(110, 120))
    assert await store.coverage("drift") == (Span(100, 110),)


async def test_every_change_marks_its_hour_and_market(store):
    await store.write(page(trade(origin()), flow(origin(block_time=NOON + 3600))))
    assert await store.dirty_hours() == [(HOUR, "drift", "perp:0"), (HOUR + 3600, "drift", "")]


async def test_a_row_that_moves_marks_the_old_and_the_new_hour(store):
    await store.write(page(trade(origin(tx_index=None, block_time=NOON + 3600), market_key="old")))
    await store.write(page(trade(origin(block_time=NOON)), settled=(100, 101)))
    marked = {(hour, market_key) for hour, _, market_key in await store.dirty_hours()}
    assert marked == {(HOUR + 3600, "old"), (HOUR, "perp:0")}


async def test_a_row_without_a_time_events_and_failures_mark_nothing(store):
    await store.write(page(trade(origin(block_time=None)), event(origin()), failure(origin())))
    assert await store.dirty_hours() == []


async def test_rows_from_accounts_stand_outside_coverage(store):
    account = origin(channel="account", tx_index=None)
    observed = TvlObservation(origin=account, component="pool", component_key="p", value_origin="account")
    await store.write(page(observed))
    assert await settled_flags(store, "tvl_observation") == [True]
    written = await store.write(page(settled=(100, 101)))
    assert written.rows == {}
    await store.write(page(msgspec.structs.replace(observed, amount=Decimal(5))))
    assert [one.amount for one in await records(store, "tvl_observation")] == [5]
    assert await store.differences() == []


async def test_the_first_cluster_keeps_the_ledger(store):
    await store.claim_cluster("genesis-a", "mainnet-beta")
    await store.claim_cluster("genesis-a", "mainnet-beta")
    with pytest.raises(ClusterMismatch, match=r"genesis-a.*genesis-b") as raised:
        await store.claim_cluster("genesis-b", "devnet")
    assert raised.value.remedy


async def test_counts_name_every_kind(store):
    await store.write(page(trade(origin())))
    counts = await store.counts()
    assert set(counts) == {kind.kind for kind in (*RECORD_KINDS,)} | {"event", "failure"}
    assert sum(counts.values()) == counts["trade"] == 1


async def test_failures_are_summed_by_cause_the_most_frequent_first(store):
    some = [failure(origin(slot), detail=str(slot)) for slot in (100, 105, 103)]
    await store.write(page(*some, failure(origin(1), reason="short_payload", discriminator=None)))
    first, second = await store.failures()
    assert (first.reason, first.count, first.first_slot, first.last_slot, first.detail) == (
        "unknown_event", 3, 100, 105, "105",
    )  # fmt: skip
    assert (second.reason, second.discriminator, second.count) == ("short_payload", None, 1)
    assert len(await store.failures(limit=1)) == 1


SOL = Token(mint=key(50), symbol="SOL", decimals=9)
PERP = Market(
    protocol="drift",
    market_key="perp:0",
    market_kind="perp",
    symbol="SOL-PERP",
    base_decimals=9,
    max_leverage=Decimal(20),
)


async def test_reference_rows_come_back(store):
    await store.seed(Reference([PERP], [SOL]))
    reference = await store.reference()
    assert (reference.market("drift", "perp:0"), reference.tokens[key(50)]) == (PERP, SOL)


async def test_the_slot_of_a_name_is_kept_until_another_name_comes(store):
    await store.seed(Reference([msgspec.structs.replace(PERP, symbol="SOL-X", symbol_since_slot=7)]))
    await store.seed(Reference([msgspec.structs.replace(PERP, symbol="SOL-X")]))
    assert (await store.reference()).market("drift", "perp:0").symbol_since_slot == 7


async def test_what_is_shipped_does_not_replace_what_an_account_said(store):
    said = msgspec.structs.replace(PERP, symbol="SOL-X", symbol_since_slot=7)
    await store.seed(Reference([said], [SOL]))
    inferred = Token(mint=key(50), decimals=6, is_inferred=True)
    await store.seed(Reference([PERP], [inferred]))
    reference = await store.reference()
    assert (reference.market("drift", "perp:0"), reference.tokens[key(50)]) == (said, SOL)


async def test_a_seed_updates_but_never_forgets(store):
    await store.seed(Reference([PERP], [SOL]))
    renamed = msgspec.structs.replace(PERP, symbol="SOL-X", base_decimals=None, max_leverage=None)
    await store.seed(Reference([renamed]))
    reference = await store.reference()
    assert reference.market("drift", "perp:0") == msgspec.structs.replace(PERP, symbol="SOL-X")
    assert reference.decimals(key(50)) == 9


async def test_a_change_of_decimals_marks_the_slots_of_that_market(store):
    await store.seed(Reference([PERP]))
    await store.write(page(trade(origin(100)), trade(origin(900_000, tx=2), market_key="perp:1")))
    await store.seed(Reference([msgspec.structs.replace(PERP, base_decimals=6)]))
    assert await store.to_reprocess() == (Span(0, 216_000),)


async def test_a_market_that_becomes_known_marks_its_slots(store):
    await store.write(page(trade(origin(900_000))))
    await store.seed(Reference([PERP]))
    assert await store.to_reprocess() == (Span(864_000, 1_080_000),)


async def test_a_change_of_a_token_marks_what_speaks_of_it(store):
    await store.seed(Reference([msgspec.structs.replace(PERP, market_key="pool", index_mint=key(50))], [SOL]))
    other = page(
        swap(origin(300_000, tx=2), mint_in=key(50), mint_out=key(51)), trade(origin(500_000), market_key="pool")
    )
    await store.write(other)
    await store.write(page(swap(origin(900_000, tx=3), mint_in=key(52), mint_out=key(51))))
    await store.seed(Reference([], [msgspec.structs.replace(SOL, decimals=8)]))
    assert await store.to_reprocess() == (Span(216_000, 648_000),)


async def test_a_new_name_marks_nothing(store):
    await store.seed(Reference([PERP], [SOL]))
    await store.write(page(trade(origin(100))))
    await store.seed(Reference([msgspec.structs.replace(PERP, symbol="X")], [msgspec.structs.replace(SOL, symbol="Y")]))
    assert await store.to_reprocess() == ()


OTHER_DECIMALS = Reference([msgspec.structs.replace(PERP, base_decimals=6)])


async def test_the_version_of_the_reference_goes_up_with_what_makes_other_records(store):
    versions = []
    for reference in (Reference([PERP]), Reference([msgspec.structs.replace(PERP, symbol="X")]), OTHER_DECIMALS):
        await store.seed(reference)
        versions.append((await store.reference()).version)
    assert versions == [1, 1, 2]


@pytest.mark.parametrize("settled", [None, (100, 101)])
async def test_a_page_made_before_a_change_of_decimals_is_made_again(store, settled):
    await store.seed(Reference([PERP]))
    old = (await store.reference()).version
    await store.seed(OTHER_DECIMALS)
    written = await store.write(page(trade(origin()), settled=settled, reference_version=old))
    assert (written.outdated, written.rows) == (True, {"inserted": 1})
    assert await store.to_reprocess() == (Span(100, 101),)
    fresh = page(trade(origin(200)), reference_version=(await store.reference()).version)
    assert not (await store.write(fresh)).outdated
    assert await store.to_reprocess() == (Span(100, 101),)


async def test_replace_refuses_what_was_made_before_a_change_of_decimals(store):
    await store.seed(Reference([PERP]))
    old = (await store.reference()).version
    await store.write(page(event(origin()), trade(origin()), reference_version=old))
    stored = await store.stored(Span(100, 101))
    await store.seed(OTHER_DECIMALS)
    before = await ledger(store)
    written = await store.replace(Span(100, 101), stored, Processed([event(origin())], [], []), old)
    assert (written.stale, written.rows) == (1, {})
    assert await ledger(store) == before
    assert await store.to_reprocess() == (Span(0, 216_000),)


async def test_a_seed_amid_writers_marks_every_row_made_with_the_old_decimals(store):
    await store.seed(Reference([PERP]))
    old = (await store.reference()).version
    pages = [page(trade(origin(n * 1_000_000)), reference_version=old) for n in range(24)]
    await asyncio.gather(*(store.write(one) for one in pages[:12]), store.seed(OTHER_DECIMALS),
                         *(store.write(one) for one in pages[12:]))  # fmt: skip
    wanted = await store.to_reprocess()
    assert [n for n in range(24) if not any(n * 1_000_000 in span for span in wanted)] == []


async def test_stored_gives_what_each_transaction_left(store):
    await store.write(page(event(origin(index=1)), event(origin()), failure(origin(index=2)), event(origin(tx=2))))
    await store.write(page(event(origin(200))))
    one, other = await store.stored(Span(100, 101))
    assert one.events == (event(origin()), event(origin(index=1)))
    assert one.failures == (failure(origin(index=2)),)
    assert (other.signature, other.failures) == ((2).to_bytes(64, "big"), ())
    assert await store.stored_span() == Span(100, 201)


async def test_next_stored_is_the_first_slot_from_there_on(store):
    await store.write(page(event(origin(100)), failure(origin(7_000_000)), event(origin(50, channel="account"))))
    assert [await store.next_stored(slot) for slot in (0, 100, 101, 7_000_001)] == [100, 100, 7_000_000, None]


async def test_nothing_stored_has_no_span(store):
    assert await store.stored_span() is None


async def test_replace_deletes_what_is_gone_and_writes_what_changed(store):
    here, there = origin(), origin(index=1)
    await store.write(page(event(here), event(there), trade(here), trade(there, size_usd_e6=1), settled=(100, 101)))
    stored = await store.stored(Span(100, 101))
    processed = Processed([event(here), event(there)], [trade(there, size_usd_e6=2), flow(there)], [])
    written = await store.replace(Span(100, 101), stored, processed)
    assert written.kinds == {
        "trade": {"updated": 1, "deleted": 1},
        "lp_flow": {"inserted": 1},
        "event": {"unchanged": 2},
    }
    assert [one.size_usd_e6 for one in await records(store)] == [2]
    assert await settled_flags(store, "lp_flow") == [True]


async def test_replace_moves_a_failure_that_can_be_read_to_the_events(store):
    await store.write(page(failure(origin()), failure(origin(index=-1), reason="truncated_logs")))
    stored = await store.stored(Span(100, 101))
    await store.replace(Span(100, 101), stored, Processed([event(origin())], [trade(origin())], []))
    assert await records(store, "event") == [event(origin())]
    assert [one.reason for one in await records(store, "failure")] == ["truncated_logs"]
    assert await settled_flags(store) == [False]


async def test_replace_leaves_alone_what_came_or_changed_meanwhile(store):
    await store.write(page(event(origin()), trade(origin())))
    stored = await store.stored(Span(100, 101))
    await store.write(page(event(origin(tx=2)), trade(origin(tx=2))))
    await store.write(page(event(origin(tx_index=9)), trade(origin(tx_index=9))))
    before = await ledger(store)
    await store.want_reprocess([Span(100, 101)])
    written = await store.replace(Span(100, 101), stored, Processed([event(origin())], [], []))
    assert (written.stale, written.rows) == (1, {})
    assert await ledger(store) == before
    assert await store.to_reprocess() == (Span(100, 101),)


async def test_replace_does_not_bring_back_what_settling_dropped(store):
    await store.write(page(event(origin())))
    stored = await store.stored(Span(100, 101))
    await store.write(page(settled=(100, 101)))
    written = await store.replace(Span(100, 101), stored, Processed([event(origin())], [trade(origin())], []))
    assert (written.stale, (await store.counts())["trade"]) == (1, 0)


async def test_replace_takes_its_slots_out_of_what_is_wanted(store):
    await store.want_reprocess([Span(100, 300)])
    await store.replace(Span(100, 200), [], Processed())
    assert await store.to_reprocess() == (Span(200, 300),)


async def test_replace_leaves_rows_from_accounts_alone(store):
    account = origin(channel="account", tx_index=None)
    await store.write(page(price(account, "5", mint=key(1)), event(origin())))
    await store.replace(Span(100, 101), await store.stored(Span(100, 101)), Processed([event(origin())], [], []))
    assert (await store.counts())["price_observation"] == 1


async def test_replace_marks_the_hours_that_it_changes(store):
    await store.write(page(event(origin())))
    stored = await store.stored(Span(100, 101))
    await store.replace(Span(100, 101), stored, Processed([event(origin())], [trade(origin())], []))
    assert await store.dirty_hours() == [(HOUR, "drift", "perp:0")]


async def test_writers_at_once_never_lose_coverage(store):
    pages = [page(trade(origin(slot)), settled=(slot, slot + 1)) for slot in range(100, 130)]
    await asyncio.gather(*(store.write(one) for one in pages))
    assert await store.coverage("drift") == (Span(100, 130),)
    assert (await store.counts())["trade"] == 30


async def test_the_same_page_by_two_writers_at_once_is_written_once(store):
    one = page(*(trade(origin(150, index)) for index in range(20)), settled=(100, 200))
    first, second = await asyncio.gather(store.write(one), store.write(one))
    assert sorted([first.rows, second.rows], key=str) == [{"inserted": 20}, {"unchanged": 20}]


async def test_kinds_without_a_market_are_written_too(store):
    await store.write(page(Incentive(origin=origin(), incentive_kind="gt_mint", amount=Decimal("1.5"))))
    assert [one.amount for one in await records(store, "incentive")] == [Decimal("1.5")]


def test_every_record_class_has_its_table():
    assert {cls.table for cls in BY_CLASS} == {table.name for table in TABLES}
