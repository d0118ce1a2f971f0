"""Digests of both stores: what is kept is what the settled payloads sum to, whatever happened to them."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import msgspec
import pytest

from indexer.core.coverage import Span
from indexer.core.digest import BUCKET_SLOTS, Digest, payload_number
from indexer.core.protocol import Processed
from indexer.store import postgres_digests
from indexer.store.connection import connected
from indexer.store.digests import Digested
from indexer.store.memory import MemoryStore
from indexer.store.postgres import PARTITION_SLOTS, open_store
from tests.store.ledger import event, failure, key, origin, page, price, trade

EVERYTHING = Span(0, 1 << 50)
NEXT = BUCKET_SLOTS  # The first slot of the second bucket.


@pytest.fixture(params=["postgres", "memory"])
async def store(request):
    async with AsyncExitStack() as resources:
        if request.param == "memory":
            yield MemoryStore()
        else:
            yield await resources.enter_async_context(open_store(request.getfixturevalue("emptied_database_url")))


def of(*rows) -> Digest:
    """Plainly, of what counts; of one payload one row."""
    digest = Digest()
    for row in rows:
        at, reason = row.origin, row.reason if row.origin.index < 0 else ""
        place = at.protocol, at.program_id, at.slot, at.signature, at.channel, at.index
        digest += Digest(1, payload_number(*place, row.payload, reason))
    return digest


async def kept(store, stream="drift"):
    """By bucket; asserts that the stored payloads give the same."""
    found = await store.digests(stream, EVERYTHING)
    again: dict[int, Digest] = {}
    for (slot, _), digest in (await store.payload_digests(stream, EVERYTHING)).items():
        again[slot // BUCKET_SLOTS] = again.get(slot // BUCKET_SLOTS, Digest()) + digest
    assert found == again
    return found


def test_a_bucket_lies_in_one_partition():
    assert PARTITION_SLOTS % BUCKET_SLOTS == 0


async def test_a_settled_payload_counts_in_its_stream_and_bucket(store):
    one, two = event(origin(5)), failure(origin(NEXT, tx=2), payload=b"unreadable")
    other = event(origin(5, tx=3, protocol="gmx_solana"))
    await store.write(page(one, two, settled=(0, NEXT + 1)))
    await store.write(page(other, settled=(0, 10), stream="gmx_solana"))
    assert await kept(store) == {0: of(one), 1: of(two)}
    assert await kept(store, "gmx_solana") == {0: of(other)}


async def test_only_buckets_that_touch_the_span_are_told(store):
    rows = [event(origin(slot)) for slot in (5, NEXT, 2 * NEXT)]
    await store.write(page(*rows, settled=(0, 2 * NEXT + 1)))
    assert list(await store.digests("drift", Span(NEXT, 2 * NEXT))) == [1]
    assert list(await store.payload_digests("drift", Span(5, NEXT))) == [(5, rows[0].origin.signature)]


async def test_a_provisional_payload_counts_from_when_its_slot_settles(store):
    await store.write(page(event(origin()), event(origin(tx=2))))
    assert await kept(store) == {}
    await store.write(page(event(origin()), settled=(100, 101)))
    assert await kept(store) == {0: of(event(origin()))}


async def test_the_same_page_twice_counts_once(store):
    one = page(event(origin()), failure(origin(index=-1), reason="truncated_logs"), settled=(100, 101))
    await store.write(one)
    before = await kept(store)
    await store.write(one)
    assert await kept(store) == before
    assert before[0].payloads == 2


async def test_what_a_later_read_says_otherwise_does_not_count(store):
    await store.write(page(event(origin()), settled=(100, 101)))
    before = await kept(store)
    await store.write(page(event(origin(), b"12345678other"), event(origin(index=5)), settled=(100, 101)))
    assert await kept(store) == before


async def test_what_a_mending_page_adds_counts(store):
    await store.write(page(event(origin()), settled=(100, 101)))
    late = event(origin(tx=2))
    await store.write(page(event(origin()), late, settled=(100, 101), mends="slots"))
    assert await kept(store) == {0: of(event(origin()), late)}


async def test_records_and_rows_of_accounts_do_not_count(store):
    of_account = msgspec.structs.replace(origin(), channel="account")
    unread = failure(of_account, payload=b"12345678")
    await store.write(page(trade(origin()), price(of_account, "3.5", mint=key(1)), unread, settled=(100, 101)))
    assert await kept(store) == {}


async def test_an_event_that_is_longer_than_known_counts_once(store):
    """It is an event and a failure at once, of the same payload."""
    one = event(origin())
    longer = failure(origin(), reason="unexpected_length", payload=one.payload)
    await store.write(page(one, longer, settled=(100, 101)))
    assert await kept(store) == {0: of(one)}


async def test_an_unknown_event_that_becomes_known_does_not_move_it(store):
    at = origin()
    unknown = failure(msgspec.structs.replace(at, event=None), payload=b"12345678body")
    cut = failure(origin(index=-1), reason="truncated_logs", discriminator=None)
    await store.write(page(unknown, cut, settled=(100, 101)))
    before = await kept(store)
    stored = await store.stored(Span(100, 101))
    await store.replace(Span(100, 101), stored, Processed([event(at)], [trade(at)], []))
    assert await kept(store) == before
    assert (await store.counts())["event"] == 1
    longer = failure(at, reason="unexpected_length", payload=b"12345678body")
    await store.replace(Span(100, 101), await store.stored(Span(100, 101)), Processed([event(at)], [], [longer]))
    assert await kept(store) == before
    await store.replace(Span(100, 101), await store.stored(Span(100, 101)), Processed([], [], [unknown]))
    assert await kept(store) == before
    assert (await store.counts())["event"] == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"payload": b"12345678bodz"},
        {"origin": origin(101)},
        {"origin": origin(index=1)},
        {"origin": origin(tx=2)},
        {"origin": origin(program_id=key(8))},
        {"origin": origin(channel="cpi")},
    ],
    ids=str,
)
async def test_whatever_identifies_a_payload_or_lies_in_it_moves_the_digest(store, changed):
    other = msgspec.structs.replace(event(origin()), **changed)
    await store.write(page(other, settled=(100, 102)))
    assert (await kept(store))[0].total != of(event(origin())).total


async def test_what_is_derived_does_not_move_it(store):
    poorer = msgspec.structs.replace(event(origin(tx_index=None, block_time=None, event="Other")), is_text=True)
    await store.write(page(poorer, settled=(100, 101)))
    assert await kept(store) == {0: of(event(origin()))}


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_of_pages_with_duplicates_ends_in_one_digest(store, seed):
    dice = random.Random(seed)
    slots = {slot: [event(origin(slot, i, tx=slot)) for i in range(1 + slot % 3)] for slot in range(0, 3 * NEXT, 2500)}
    pages = [page(*rows, settled=(slot, slot + 1)) for slot, rows in slots.items()]
    pages += [page(*rows) for rows in slots.values()]  # Provisionally.
    pages += [page(event(origin(slot, 7, tx=99))) for slot in slots]  # Forks that are dropped, or come too late.
    pages += dice.choices(pages, k=10)
    dice.shuffle(pages)
    for one in pages:
        await store.write(one)
    await store.write(page(settled=(0, 3 * NEXT)))
    wanted = {n: of(*(row for slot, rows in slots.items() if slot // NEXT == n for row in rows)) for n in range(3)}
    assert await kept(store) == wanted


async def test_what_is_settled_and_its_digests_are_told_together(store):
    rows = event(origin(5)), event(origin(NEXT, tx=2))
    await store.write(page(*rows, settled=(0, NEXT + 1)))
    span = Span(5, NEXT + 5)
    found = await store.digested("drift", span, payloads=True)
    assert found.covered == (Span(5, NEXT + 1),)
    assert found.kept == await store.digests("drift", span)
    assert found.stored == await store.payload_digests("drift", span)
    assert (await store.digested("drift", span, payloads=False)).stored is None
    assert await store.digested("gmx_solana", span, payloads=True) == Digested((), {}, {})


# --- in PostgreSQL ---


async def test_a_digest_and_the_slots_that_it_is_of_are_of_one_moment(database_url, monkeypatch):
    """Else what another settles meanwhile would be in one and not in the other, and honest ledgers would differ."""
    read_kept, old, new = postgres_digests._kept, event(origin(5)), event(origin(50, tx=2))
    async with open_store(database_url) as store, open_store(database_url) as other:
        await store.write(page(old, settled=(0, 10)))

        async def while_another_writes(*given):
            await other.write(page(new, settled=(10, 100)))
            return await read_kept(*given)

        monkeypatch.setattr(postgres_digests, "_kept", while_another_writes)
        found = await store.digested("drift", Span(0, 100), payloads=True)
        assert (found.covered, found.kept) == ((Span(0, 10),), {0: of(old)})
        assert sum(found.stored.values(), Digest()) == of(old)
        monkeypatch.undo()
        assert await kept(store) == {0: of(old, new)}


async def test_the_view_shows_digests_as_they_are_kept(database_url):
    """Over two sessions that took from each other; what waits has no number, and what is empty no row."""
    async with open_store(database_url, connections=(1, 1)) as one, open_store(database_url, connections=(1, 1)) as two:
        rows = event(origin(5)), event(origin(6, tx=2)), event(origin(NEXT, tx=3)), event(origin(3 * NEXT, tx=4))
        await one.write(page(rows[0], settled=(0, 6)))
        await two.write(page(*rows[1:], settled=(6, 3 * NEXT + 1)))
        for settled in (Span(6, 7), Span(3 * NEXT, 3 * NEXT + 1)):
            await one.replace(settled, await one.stored(settled), Processed())
        async with connected(database_url) as connection:
            await connection.execute("INSERT INTO ledger.digests_waiting VALUES ('drift', 1)")
            shown = [tuple(row) for row in await connection.fetch("SELECT * FROM perps.digests ORDER BY first_slot")]
        digest = (await one.digests("drift", EVERYTHING))[0]
        assert digest == of(rows[0])
        assert shown == [
            ("drift", 0, NEXT - 1, True, 1, digest.hex),
            ("drift", NEXT, 2 * NEXT - 1, True, None, None),
        ]


async def test_the_view_says_what_is_not_wholly_settled(database_url):
    async with open_store(database_url) as store:
        await store.write(page(event(origin(5)), settled=(0, NEXT - 1)))
        async with connected(database_url) as connection:
            assert not await connection.fetchval("SELECT settled FROM perps.digests")
            await store.write(page(settled=(NEXT - 1, NEXT)))
            assert await connection.fetchval("SELECT settled FROM perps.digests")


async def test_writers_of_one_bucket_do_not_wait_for_each_other(database_url):
    async with open_store(database_url) as first, open_store(database_url) as second:
        await first.write(page(event(origin(1)), settled=(0, 2)))
        async with connected(database_url) as idle, idle.transaction():
            await idle.execute("INSERT INTO ledger.digests VALUES ('drift', 0, 0, 0)")
            await asyncio.wait_for(second.write(page(event(origin(5000)), settled=(5000, 5001))), 10)
        assert await kept(first) == {0: of(event(origin(1)), event(origin(5000)))}


async def test_many_writers_at_once_leave_the_sum_of_all(database_url):
    async with open_store(database_url, connections=(4, 4)) as store:
        rows = [event(origin(slot * 100, tx=slot)) for slot in range(40)]
        await asyncio.gather(*(store.write(page(r, settled=(r.origin.slot, r.origin.slot + 1))) for r in rows))
        assert await kept(store) == {0: of(*rows)}


async def test_what_one_session_wrote_another_takes_off(database_url):
    async with open_store(database_url, connections=(1, 1)) as one:
        await one.write(page(event(origin()), settled=(100, 101)))
    async with open_store(database_url, connections=(1, 1)) as other:
        await other.replace(Span(100, 101), await other.stored(Span(100, 101)), Processed())
        assert await kept(other) == {}


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE ledger.events SET payload = set_byte(payload, 3, get_byte(payload, 3) # 1)",
        "DELETE FROM ledger.events WHERE index = 1",
        "UPDATE ledger.failures SET payload = NULL",
    ],
)
async def test_a_row_that_is_changed_by_hand_is_found(database_url, harm):
    async with open_store(database_url) as store:
        rows = event(origin()), event(origin(index=1)), failure(origin(index=2), payload=b"12345678")
        await store.write(page(*rows, settled=(100, 101)))
        async with connected(database_url) as connection:
            await connection.execute(harm)
        (again,) = (await store.payload_digests("drift", EVERYTHING)).values()
        assert (await store.digests("drift", EVERYTHING))[0] == of(*rows) != again


async def test_what_was_settled_before_digests_were_kept_waits_until_it_is_built(database_url):
    async with open_store(database_url) as store:
        old, new = event(origin(5)), event(origin(6, tx=2))
        await store.write(page(old, settled=(5, 6)))
        async with connected(database_url) as connection:  # As the migration finds it.
            await connection.execute(
                "DELETE FROM ledger.digests; INSERT INTO ledger.digests_waiting VALUES ('drift', 0)"
            )
        await store.write(page(new, settled=(6, 7)))
        assert await store.digests_waiting("drift", EVERYTHING) == [0]
        await store.build_digest("drift", 0)
        await store.build_digest("drift", 0)
        assert await store.digests_waiting("drift", EVERYTHING) == []
        assert await kept(store) == {0: of(old, new)}
