"""Handoff, inside the ledger: rows and coverage are one, aggregates hear of what came late and of what went, and
what is made again takes the old one's place or leaves it.

The number of a test is that of the defect, in the list of those that others found and fixed. What depends on the
transaction is tried on PostgreSQL, where a trigger refuses a statement in the middle of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random

import pytest

from indexer.core.coverage import Span
from indexer.core.protocol import Protocol, Scene
from indexer.core.record import Record
from indexer.core.reference import Reference
from indexer.core.rpc import parse_transaction
from indexer.core.transaction import Transaction
from indexer.errors import StoreUnavailable
from indexer.ingest.reprocess import reprocess_ledger
from indexer.ingest.writing import Writer
from indexer.simulation.chain import ChainBlock
from indexer.simulation.verdict import verdict
from indexer.simulation.virtual_time import run
from indexer.sources.base import RawPage
from indexer.store.base import Store
from indexer.store.connection import connected
from indexer.store.memory import MemoryStore
from indexer.store.postgres import open_store
from indexer.store.rows import EVENTS, FAILURES, TABLES, Row
from tests.programs import protocols
from tests.simulation.hand_chain import FIRST, HandChain, hand_chain
from tests.simulation.life import EVERYTHING, PROGRAM, STREAMS, Life

PAGE = hand_chain("DDD DJJJ . GGG DD")
FORKED = hand_chain("J . . . G", forks={FIRST + 1: "J ."})
_HOUR_S = 3600

REFUSE = """
DROP FUNCTION IF EXISTS public.refuse CASCADE;
DROP SEQUENCE IF EXISTS public.refused;
CREATE SEQUENCE public.refused;
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM nextval('public.refused');
    RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER refuse BEFORE {event} ON ledger.{table} EXECUTE FUNCTION public.refuse()
"""


async def is_the_truth(store: Store, made: HandChain, span: Span) -> None:
    coverage = {name: await store.coverage(name) for name in STREAMS}
    found = verdict(made.chain.truth, await store.rows(EVERYTHING), coverage, span)
    assert found.is_true, found


@asynccontextmanager
async def refusing(url: str, table: str, event: str) -> AsyncIterator[Callable[[asyncio.Task[None]], Awaitable[None]]]:
    """The database has no room for one kind of statement. Gives what waits until a task asked for it twice."""
    async with connected(url) as connection:

        async def asked_twice(writing: asyncio.Task[None]) -> None:
            while not await connection.fetchval("SELECT is_called AND last_value > 1 FROM public.refused"):
                assert not writing.done(), f"it went on without {event} on {table}"
                await asyncio.wait([writing], timeout=0.02)

        await connection.execute(REFUSE.format(table=table, event=event))
        try:
            yield asked_twice
        finally:
            await connection.execute("DROP FUNCTION public.refuse CASCADE")


# --- rows and coverage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "event"), [("trades", "INSERT"), ("coverage", "UPDATE"), ("dirty_hours", "INSERT")])
async def test_rows_marks_and_coverage_come_together_or_not_at_all(emptied_database_url: str, table: str, event: str):
    """1. The checkpoint advances, and then the rows are not written; or the other way round."""
    life = Life(PAGE)
    async with open_store(emptied_database_url) as store:
        async with asyncio.TaskGroup() as tasks, refusing(emptied_database_url, table, event) as asked_twice:
            await asked_twice(tasks.create_task(life.backfill(PAGE.span, "blocks", store=store)))
            assert not any((await store.counts()).values())
            assert not any([await store.coverage(name) for name in STREAMS])
            assert await store.dirty_hours() == []
        await is_the_truth(store, PAGE, PAGE.span)


# --- aggregates ----------------------------------------------------------------------------------------------------

Bucket = tuple[int, str, str]
History = Callable[[Store, str], Awaitable[None]]


def buckets(rows: Mapping[str, Sequence[Row]]) -> list[Bucket]:
    """The hours and markets of these rows: what an aggregate of them would have to look at again."""
    found = set()
    for table in TABLES:
        for row in () if table in (EVENTS, FAILURES) else rows[table.kind]:
            value = dict(zip(table.names, row, strict=True))
            if value["block_time"] is not None:
                hour = value["block_time"] // _HOUR_S * _HOUR_S
                found.add((hour, value["protocol"], value.get("market_key") or ""))
    return sorted(found)


async def aggregated(store: Store, url: str | None) -> None:
    """All marks are worked off."""
    if isinstance(store, MemoryStore):
        store._dirty.clear()
        return
    assert url is not None
    async with connected(url) as connection:
        await connection.execute("DELETE FROM ledger.dirty_hours")


async def late_history(store: Store, url: str | None = None) -> None:
    life = Life(PAGE)
    await life.backfill(Span(FIRST + 3, FIRST + 5), "blocks", store=store)
    assert await store.dirty_hours() == buckets(await store.rows(EVERYTHING)) != []
    await aggregated(store, url)
    early = Span(FIRST, FIRST + 3)
    await life.backfill(early, "blocks", store=store)
    assert await store.dirty_hours() == buckets(await store.rows(early)) != []


async def dropped_fork(store: Store, url: str | None = None) -> None:
    life = Life(FORKED)
    await PROGRAM.prepare(store, life.settings())
    (block,) = [one for one in FORKED.chain.forks[0].blocks if one.transactions]
    page = RawPage(transactions=told(block))
    await Writer(store, Random(1)).provisional(page, protocols(), "confirmed")
    seen = await store.rows(EVERYTHING)
    assert any(seen.values()), "the fork was seen"
    await aggregated(store, url)
    await life.backfill(Span(block.slot, block.slot + 1), "blocks", store=store)
    assert not any((await store.counts()).values())
    assert await store.dirty_hours() == buckets(seen) != []
    await life.backfill(FORKED.span, "blocks", store=store)
    await is_the_truth(store, FORKED, FORKED.span)


def told(block: ChainBlock) -> list[Transaction]:
    """The block's transactions as they are fetched after their notification: without a place."""
    head = {"slot": block.slot, "blockTime": block.block_time}
    return [parse_transaction({**head, **one.shown}) for one in block.transactions]


def test_late_history_marks_its_hours_in_memory():
    """15. Late data: a backfilled hour must correct its aggregates."""

    async def main() -> None:
        await late_history(MemoryStore())

    run(main())


def test_a_dropped_fork_marks_its_hours_in_memory():
    """15. Late data: a dropped fork must correct its aggregates too."""

    async def main() -> None:
        await dropped_fork(MemoryStore())

    run(main())


@pytest.mark.parametrize("history", [late_history, dropped_fork])
async def test_late_history_and_dropped_forks_mark_their_hours(emptied_database_url: str, history: History):
    """15. Late data, on PostgreSQL."""
    async with open_store(emptied_database_url) as store:
        await history(store, emptied_database_url)


# --- reprocess -----------------------------------------------------------------------------------------------------


async def filled(store: Store) -> Mapping[str, Sequence[Row]]:
    life = Life(PAGE)
    await life.backfill(PAGE.span, "blocks", store=store)
    return await store.rows(EVERYTHING)


def failing(true: Protocol, behind: int) -> Protocol:
    """A protocol with a bug in its rules: it fails at the transaction behind so many."""
    left = behind

    def interpret(scene: Scene) -> Iterable[Record]:
        nonlocal left
        left -= 1
        if left < 0:
            raise ZeroDivisionError(f"slot {scene.slot}")
        return true.interpret(scene)

    return Protocol(true.name, tuple(true.programs.values()), interpret)


def test_a_reprocess_that_fails_leaves_what_was_there():
    """16. Reprocessing that deletes first and then fails to read again."""

    async def main() -> None:
        store = MemoryStore()
        before = await filled(store)
        broken = [failing(one, behind=1) if one.name == "drift" else one for one in protocols()]
        with pytest.raises(ZeroDivisionError):
            await reprocess_ledger(store, broken, await store.reference())
        assert await store.rows(EVERYTHING) == before
        await reprocess_ledger(store, protocols(), await store.reference())
        await is_the_truth(store, PAGE, PAGE.span)

    run(main())


async def test_a_reprocess_puts_new_rows_in_place_or_keeps_the_old_ones(emptied_database_url: str):
    """16. The same on PostgreSQL, where the new rows have no room, in whichever table."""
    async with open_store(emptied_database_url) as store:
        before = await filled(store)
        unknowing = Reference(version=(await store.reference()).version)  # No decimals are known: amounts become NULL.
        for table in await changed_without_decimals():
            async with refusing(emptied_database_url, table, "INSERT"):
                with pytest.raises(StoreUnavailable):
                    await reprocess_ledger(store, protocols(), unknowing)
            assert await store.rows(EVERYTHING) == before
        await reprocess_ledger(store, protocols(), unknowing)
        assert await store.rows(EVERYTHING) != before
        await store.want_reprocess([PAGE.span])
        await reprocess_ledger(store, protocols(), await store.reference())
        await is_the_truth(store, PAGE, PAGE.span)


async def changed_without_decimals() -> list[str]:
    """The tables that such a reprocess changes, in the twin."""
    twin = MemoryStore()
    before = await filled(twin)
    await reprocess_ledger(twin, protocols(), Reference(version=(await twin.reference()).version))
    after = await twin.rows(EVERYTHING)
    found = [table.name for table in TABLES if after[table.kind] != before[table.kind]]
    assert len(found) > 1, "some of a page must be written when there is no room for the rest"
    return found
