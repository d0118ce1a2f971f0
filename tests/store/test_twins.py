"""Whatever is written, in whatever order, the ledger in memory is the one in PostgreSQL."""

import random
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest

from indexer.core.coverage import Span
from indexer.core.protocol import Processed
from indexer.core.record import Record
from indexer.store.base import Page
from indexer.store.memory import MemoryStore
from indexer.store.postgres import open_store
from indexer.store.rows import EVENTS
from tests.store.ledger import NOON, event, failure, flow, key, origin, price, trade

SLOTS = 12
EVERYTHING = Span(0, 1 << 50)
STREAMS = ("drift", "gmx_solana")


def some_origin(dice: random.Random):
    knows_place = dice.random() < 0.5
    protocol = dice.choice(STREAMS)
    return origin(
        dice.randrange(SLOTS),
        dice.randrange(3),
        tx=dice.randrange(3) + 10 * STREAMS.index(protocol),
        protocol=protocol,
        tx_index=7 if knows_place else None,
        block_time=dice.choice([None, NOON, NOON + 3600]),
        channel="account" if dice.random() < 0.1 else "log",
    )


def some_record(dice: random.Random):
    one, size = some_origin(dice), dice.randrange(3)
    return dice.choice(
        [
            lambda: trade(one, size_usd_e6=size, market_key=f"perp:{size}"),
            lambda: event(one, bytes([size] * 8)),
            lambda: failure(one, detail=str(size)),
            lambda: flow(one, part=size),
            lambda: price(one, str(size), mint=key(size)),
        ]
    )()


def some_spans(dice: random.Random) -> list[Span]:
    starts = [dice.randrange(SLOTS) for _ in range(dice.randrange(3))]
    return [Span(start, start + 1 + dice.randrange(3)) for start in starts]


def some_seen(dice: random.Random, records: Sequence[Record]) -> set[tuple[int, bytes]] | None:
    """Of a list: its transactions, perhaps without some; None: of whole blocks."""
    if dice.random() < 0.5:
        return None
    return {(one.origin.slot, one.origin.signature) for one in records if dice.random() < 0.8}


def some_page(dice: random.Random) -> Page:
    records = [some_record(dice) for _ in range(dice.randrange(12))]
    return Page(
        events=[one for one in records if one.kind == "event"],
        failures=[one for one in records if one.kind == "failure"],
        records=[one for one in records if one.kind not in ("event", "failure")],
        settled={name: some_spans(dice) for name in STREAMS if dice.random() < 0.3},
        unavailable={name: some_spans(dice) for name in STREAMS if dice.random() < 0.2},
        seen=some_seen(dice, records),
        source="test",
        slot_times={slot: NOON + slot for slot in range(SLOTS) if dice.random() < 0.2},
    )


async def ledger(store):
    spans = [(await store.coverage(name), await store.unavailable(name)) for name in STREAMS]
    marks = await store.dirty_hours(), await store.differences(), await store.to_reprocess()
    near = await store.time_of(5), await store.slot_at(NOON + 5)
    return await store.rows(EVERYTHING), spans, marks, await store.failures(), await store.counts(), near


async def check_settled(store):
    """A row is settled if and only if its slot is covered; rows from accounts always are."""
    covered = {name: await store.coverage(name) for name in STREAMS}
    for rows in (await store.rows(EVERYTHING)).values():
        for row in rows:
            one = dict(zip(EVENTS.names, row, strict=False))  # All tables begin alike.
            is_covered = any(one["slot"] in span for span in covered[one["protocol"]])
            assert one["settled"] == (is_covered or one["channel"] == "account")


async def reprocessed(store, span: Span, dice: random.Random):
    stored = await store.stored(span)
    kept = [row for tx in stored for row in tx.events if dice.random() < 0.7]
    records = [trade(row.origin, size_usd_e6=dice.randrange(3)) for row in kept]
    return await store.replace(span, stored, Processed(kept, records, []))


@pytest.mark.parametrize("seed", range(6))
async def test_twins_stay_equal(emptied_database_url, seed):
    dice, memory, changed = random.Random(seed), MemoryStore(), 0
    async with AsyncExitStack() as resources:
        postgres = await resources.enter_async_context(open_store(emptied_database_url))
        for _ in range(25):
            page = some_page(dice)
            written = await postgres.write(page)
            assert written == await memory.write(page)
            changed += sum(written.rows.values())
            assert await ledger(postgres) == await ledger(memory)
            await check_settled(memory)
        span, seed_of_both = Span(0, SLOTS // 2), dice.random()
        done = [await reprocessed(store, span, random.Random(seed_of_both)) for store in (postgres, memory)]
        assert done[0] == done[1]
        assert await ledger(postgres) == await ledger(memory)
    assert changed > 50
