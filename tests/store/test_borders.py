"""Whoever worked out what to do before a cut of retention: nothing is half there afterwards, and ingest goes on."""

from __future__ import annotations

import asyncio
from random import Random

import msgspec
import pytest

from indexer.app import witnesses
from indexer.app_network import chosen
from indexer.core.coverage import Span
from indexer.core.digest import BUCKET_SLOTS
from indexer.core.protocol import Processed
from indexer.ingest import settling
from indexer.ingest.repairing import Repair, Repaired
from indexer.ingest.settling import fill_all
from indexer.ingest.verifying import prove_marked
from indexer.ingest.writing import Writer
from indexer.store import writing
from indexer.store.connection import connected
from indexer.store.postgres import open_store
from indexer.store.proofs import open_proofs
from indexer.store.retention import border_of, look_after
from tests.ingest.scripted import Way, filler, task
from tests.store.aged import ALL_60, HEAD, NEW, OLD, RAW_60, aged, both, nothing_below, slots_of
from tests.store.ledger import event, origin, page, trade

GAP = """
INSERT INTO ledger.completeness_gaps (
    protocol, evidence, chain,
    after_slot, after_tx_index, after_index, after_signature, after_value, after_is_reading,
    before_slot, before_tx_index, before_index, before_signature, before_value, before_is_reading,
    expected, found, cause, judged
)
VALUES ('drift', 'perp_fills', 'perp:0', $1, 0, 0, '\\x01', 1, false, $2, 0, 0, '\\x02', 3, false, 1, 2, $3, true)
"""


@pytest.fixture
async def store(database_url):
    async with aged(database_url) as store:
        yield store


async def test_a_page_that_was_fetched_before_a_cut_leaves_nothing_below_it(store, database_url):
    await look_after(database_url, ALL_60)
    spans = [Span(OLD + 1, OLD + 3), Span(NEW + 1, NEW + 3)]
    rows = [row for slot in (OLD + 1, NEW + 1) for row in (trade(origin(slot)), event(origin(slot)))]
    late = msgspec.structs.replace(page(*rows), settled={"drift": spans}, unavailable={"drift": [Span(OLD, OLD + 9)]})
    written = await store.write(late)
    assert written.settled == {"drift": (Span(NEW + 1, NEW + 3),)}, "what else it has comes in"
    assert await store.unavailable("drift") == ()
    await nothing_below(store, database_url, border_of(HEAD, 60))


async def test_a_cut_waits_for_a_page_that_is_being_written_and_takes_it_along(store, database_url, monkeypatch):
    amid, go_on = asyncio.Event(), asyncio.Event()
    settle = writing.settle

    async def slow(*arguments):
        amid.set()
        await go_on.wait()
        await settle(*arguments)

    monkeypatch.setattr(writing, "settle", slow)
    async with open_store(database_url) as other:  # Whose marks and digests are not those of the first one.
        writes = asyncio.create_task(other.write(both(OLD + 1)))
        await amid.wait()
        looking = asyncio.create_task(look_after(database_url, ALL_60))
        await asyncio.sleep(0.5)
        assert not looking.done(), "the page's rows and its coverage come or go together"
        go_on.set()
        await writes
    assert (await looking).dropped
    await nothing_below(store, database_url, border_of(HEAD, 60))


async def test_a_page_that_takes_long_puts_the_cut_off_and_holds_nobody_up_for_longer(store, database_url, monkeypatch):
    amid, settle = asyncio.Event(), writing.settle

    async def for_ever(*arguments):
        monkeypatch.setattr(writing, "settle", settle)
        amid.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(writing, "settle", for_ever)
    writes = asyncio.create_task(store.write(both(OLD + 1)))
    await amid.wait()
    looking = asyncio.create_task(look_after(database_url, ALL_60))
    await asyncio.sleep(0.2)
    try:
        async with asyncio.timeout(4):
            await store.write(both(NEW + 1))
        assert (await looking).postponed
    finally:
        writes.cancel()
        await asyncio.wait([writes])
    assert await slots_of(database_url, "trades") == [OLD, NEW, NEW + 1]


async def test_pages_go_on_while_partitions_are_detached_below_them(store, database_url):
    """A reader holds the detaching up; pages that were fetched before the cut come amid it."""
    async with connected(database_url) as reader:
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await reader.fetch("SELECT FROM ledger.trades")
        looking = asyncio.create_task(look_after(database_url, ALL_60))
        await asyncio.sleep(0.5)
        async with asyncio.timeout(5):
            for slot in (OLD + 1, OLD, NEW + 1):
                await store.write(both(slot))
        assert not looking.done()
        await reader.execute("COMMIT")
        await looking
    await nothing_below(store, database_url, border_of(HEAD, 60))
    assert await slots_of(database_url, "trades") == [NEW, NEW + 1]


async def test_pages_go_on_while_bytes_alone_are_detached(store, database_url):
    async with connected(database_url) as reader:
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await reader.fetch("SELECT FROM ledger.events")
        looking = asyncio.create_task(look_after(database_url, RAW_60))
        await asyncio.sleep(0.5)
        async with asyncio.timeout(5):
            for slot in (OLD + 1, NEW + 1):
                await store.write(both(slot))
        assert not looking.done()
        await reader.execute("COMMIT")
        await looking
    assert await slots_of(database_url, "trades") == [OLD, OLD + 1, NEW, NEW + 1]
    assert await slots_of(database_url, "events") == [NEW, NEW + 1]


async def test_a_gap_below_let_go_bytes_is_filled_without_bytes_and_counts_in_the_digest_once(store, database_url):
    await look_after(database_url, RAW_60)
    before = (await store.digests("drift", Span(OLD, OLD + 1)))[OLD // BUCKET_SLOTS]
    async with open_store(database_url) as other:  # It does not know which partitions there were.
        for one in (store, other):
            await one.write(both(OLD + 1))
            await one.write(both(OLD, mends=True))
    assert await slots_of(database_url, "trades") == [OLD, OLD + 1, NEW]
    assert await slots_of(database_url, "events") == [NEW]
    assert (await store.digests("drift", Span(OLD, OLD + 1)))[OLD // BUCKET_SLOTS].payloads == before.payloads + 1
    assert await store.differences() == []


async def test_a_reprocess_that_read_before_the_bytes_went_leaves_their_rows_alone(store, database_url):
    span = Span(OLD, OLD + 1)
    stored = await store.stored(span)
    async with connected(database_url) as connection:
        await connection.execute("SELECT ledger.forget_raw_below($1)", border_of(HEAD, 60))
    written = await store.replace(span, stored, Processed())
    assert (written.rows, written.stale) == ({}, 0)
    await look_after(database_url, RAW_60)
    assert not (await store.replace(span, stored, Processed())).rows
    assert await slots_of(database_url, "trades") == [OLD, NEW]


async def test_what_was_proven_stays_proven_when_its_bytes_go(store, database_url):
    """A proof of nothing would take the stretch out of its chain."""
    segments = "SELECT bucket FROM ledger.chain_segments ORDER BY bucket"
    async with open_proofs(database_url) as proofs, connected(database_url) as connection:
        await connection.execute(
            "INSERT INTO ledger.chain_segments (protocol, evidence, chain, bucket, day, links, readings, lead, trail)"
            " SELECT 'drift', 'perp_fills', 'perp:0', slot / 9000, '2024-01-01', 1, 0, 0, 0"
            " FROM unnest($1::int8[]) AS slot", [OLD, NEW],
        )  # fmt: skip
        await look_after(database_url, RAW_60)
        await proofs.mark(["drift"], Span(OLD, OLD + 1))
        await prove_marked(proofs, witnesses())
        assert [row["bucket"] for row in await connection.fetch(segments)] == [OLD // 9000]
        assert await proofs.marked(["drift"], 10) == []
        await look_after(database_url, ALL_60)
        assert await connection.fetch(segments) == []


class NobodyAsked:
    """Others that are never to be asked."""

    def sources(self, settled):
        pytest.fail(f"asked beside {settled}")

    def account(self, settled, key):
        pytest.fail(f"asked for {key.hex()} beside {settled}")


@pytest.mark.parametrize("cause", [None, "row_missing"])
async def test_a_repair_leaves_gaps_alone_whose_bytes_were_let_go(store, database_url, cause):
    await look_after(database_url, RAW_60)
    async with open_proofs(database_url) as proofs, connected(database_url) as connection:
        await connection.execute(GAP, OLD, OLD + 5, cause)
        streams = chosen(["drift"])
        repair = Repair(proofs, store, Writer(store, Random(1)), streams, witnesses(), NobodyAsked())
        await repair.run("drift", Span(0, HEAD))
        assert len(await proofs.gaps("drift", Span(0, HEAD), 10)) == 1
    assert repair.done == Repaired()


async def test_a_fill_that_knows_nothing_of_a_cut_ends_and_leaves_nothing_below_it(store, database_url, monkeypatch):
    """It worked out what is wanted before; the cut comes between two of its spans."""
    wanted = {"drift": (Span(OLD, OLD + 40), Span(NEW, NEW + 40))}
    monkeypatch.setattr(settling, "MOST_FRUITLESS", 1)
    one, fill = task("blocks", streams=["drift"]), filler(store, Way(pause_s=0.0, reach=Span(0, HEAD)), span_slots=20)
    await fill.step(one, wanted, newest_first=False)
    assert (await look_after(database_url, ALL_60)).dropped
    async with asyncio.timeout(60):
        left = await fill_all(fill, [one], wanted, pause_s=0.01, rng=Random(1))
    assert left == {"drift": (Span(OLD, OLD + 40),)}
    await nothing_below(store, database_url, border_of(HEAD, 60))
