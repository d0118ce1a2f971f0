"""What the evidence of completeness costs of ingest: the same pages written with marks of it and without, in turns.

A turn of the side with marks also proves what its page marked, once, as a bucket of its own. What must stay true: both
write the same rows, who begins changes, and no page meets the one before, whose numbers it repeats: every chain would
break, which is dearer than one that goes on. A real bucket holds an hour, so that what each costs at least weighs less.

Judged are marks, which are made where rows are written; proofs are made beside that, later, and are shown.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import NamedTuple
from unittest.mock import patch

from indexer.app import witnesses
from indexer.core.coverage import Span
from indexer.store import proofs as store_proofs
from indexer.store import told
from indexer.store.base import Page
from indexer.store.postgres import PostgresStore, open_store
from indexer.store.proofs import PostgresProofs, open_proofs
from tests.bench.digesting import MOST, SIDES, cpu_of, in_server, read_blocks, server_process
from tests.bench.environment import SetUpFailed
from tests.bench.inserting import WARM_UP, new_ledgers
from tests.bench.ledger_pages import BACKFILL, SHIFT, Pages
from tests.bench.rounds import Bar, Contest, Side

EVERYTHING = Span(0, 1 << 50)


class Took(NamedTuple):
    """Seconds of our processor and the server's, and of the wall."""

    cpu: float
    wall: float


@contextmanager
def marking(side: str) -> Iterator[None]:
    """Where nothing is to be proven, no row marks its bucket."""
    if side == "with":
        yield
        return
    with patch.object(told.Told, "_prove", lambda *_: None):
        yield


def measured(rounds: int) -> list[Contest]:
    """In a server of its own. Raises SetUpFailed."""
    return in_server(measured_at, rounds)


async def measured_at(server_url: str, turns: int, most_transactions: int = BACKFILL.transactions) -> list[Contest]:
    """In two new databases of this server. Raises SetUpFailed where something is not proven, or marked in vain."""
    urls = await new_ledgers(server_url, SIDES)
    pages = Pages()
    shape = BACKFILL._replace(transactions=most_transactions)
    spent: dict[str, list[Took]] = {name: [] for name in (*SIDES, "proofs")}
    async with AsyncExitStack() as resources:
        for module in (store_proofs, told):  # A page is a bucket.
            resources.enter_context(patch.object(module, "PROOF_SLOTS", SHIFT))
        stores = {
            name: await resources.enter_async_context(open_store(urls[name], connections=(1, 1))) for name in SIDES
        }
        proofs = {name: await resources.enter_async_context(open_proofs(urls[name])) for name in SIDES}
        for number in range(WARM_UP + turns):
            (page,) = pages.turn(shape)
            for name in SIDES if number % 2 else reversed(SIDES):
                with marking(name):
                    spent[name].append(await _turn(stores[name], page, most_transactions))
            spent["proofs"].append(await _proving(proofs["with"]))
        if await proofs["without"].marked(list(witnesses()), 1):
            raise SetUpFailed("the side without marks has marks")
    pairs = zip(spent["with"], spent["proofs"], strict=True)
    both = [Took(wrote.cpu + proved.cpu, wrote.wall + proved.wall) for wrote, proved in pairs]
    judged = Bar(1 - MOST, 1 - MOST)
    sides = (("marks", judged, spent["with"]), ("marks and proofs", Bar(0, 0), both))
    return [
        _contest(work, clock, bar if clock == "cpu" else Bar(0, 0), some, spent["without"])
        for work, bar, some in sides
        for clock in Took._fields
    ]


async def _turn(store: PostgresStore, page: Page, transactions: int) -> Took:
    gc.collect()
    process_id = await server_process(store)
    cpu, wall = cpu_of(process_id), time.perf_counter()
    read_blocks(transactions)
    await store.write(page)
    return Took(cpu_of(process_id) - cpu, time.perf_counter() - wall)


def _contest(work: str, clock: str, bar: Bar, some: Sequence[Took], others: Sequence[Took]) -> Contest:
    event = f"{BACKFILL.name}, {clock}"
    ours, peer = (
        Side(None, event, name, 0.0, [getattr(one, clock) for one in took[WARM_UP:]])
        for name, took in zip(SIDES, (some, others), strict=True)
    )
    return Contest(event, 0, work, bar, ours, peer)


async def _proving(proofs: PostgresProofs) -> Took:
    """What it takes to prove everything that is marked. Raises SetUpFailed where nothing is, or anything is broken."""
    known = witnesses()
    async with proofs._transaction() as session:
        await session.execute("DELETE FROM ledger.chain_segments")  # Of the page before.
        process_id = session.get_server_pid()
    marked = await proofs.marked(list(known), 100)
    cpu, wall = cpu_of(process_id), time.perf_counter()
    for bucket, protocol in marked:
        await proofs.prove(bucket, known[protocol])
    took = Took(cpu_of(process_id) - cpu, time.perf_counter() - wall)
    for name in known:
        if not await proofs.counts(name, EVERYTHING) or await proofs.gaps(name, EVERYTHING, 1):
            raise SetUpFailed(f"{name} is not proven")
    return took
