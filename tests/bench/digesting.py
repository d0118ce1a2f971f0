"""What the digest costs of ingest: the same pages read and written with it and without, in turns.

Two ledgers in one server. A turn reads blocks, makes rows of their transactions and writes a page of as many, as a
backfill does; one side's writes count no payload, so that nothing is hashed and no digest moves. What must stay true:
both write the same rows, who begins changes, and the side with digests ends with those of its payloads.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec

from indexer.core.coverage import Span
from indexer.core.digest import Digest
from indexer.core.protocol import process
from indexer.core.rpc import parse_block
from indexer.ingest.garbage import collect_rarely
from indexer.store.base import Page
from indexer.store.embedded import EmbeddedPostgres
from indexer.store.postgres import PostgresStore, open_store
from indexer.store.table_change import TableChange
from tests.bench.environment import SetUpFailed
from tests.bench.inserting import WARM_UP, new_ledgers
from tests.bench.ledger_pages import BACKFILL, Pages, chain
from tests.bench.rounds import Bar, Contest, Side
from tests.programs import protocols
from tests.simulation.chains import answer
from tests.simulation.scripts import reference

SIDES = ("with", "without")
MOST = 0.03  # Of the time of ingest.
TURNS_A_ROUND = 4  # A small share is told by many turns only.
EVERYTHING = Span(0, 1 << 50)


class Spent(NamedTuple):
    """Seconds of one page: of our processor and the server's, where the system tells it; and of the wall."""

    cpu: float
    wall: float


@contextmanager
def counting(side: str) -> Iterator[None]:
    """Where digests are not kept, no payload is counted."""
    if side == "with":
        yield
        return
    with patch.object(TableChange, "digest", lambda *_: None):
        yield


def measured(rounds: int) -> list[Contest]:
    """In a server of its own. Raises SetUpFailed."""
    return in_server(measured_at, rounds)


def in_server(at: Callable[[str, int], Coroutine[Any, Any, list[Contest]]], rounds: int) -> list[Contest]:
    """`at` a server of its own, with turns for so many rounds. Raises SetUpFailed."""
    collect_rarely()
    with tempfile.TemporaryDirectory(prefix="perps-indexer-bench-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)  # The server may run as another user.
        with EmbeddedPostgres(folder / "server") as server:
            if server.url is None:
                raise SetUpFailed("the server has no address")
            return asyncio.run(at(server.url, rounds * TURNS_A_ROUND))


async def measured_at(server_url: str, turns: int, most_transactions: int = BACKFILL.transactions) -> list[Contest]:
    """In two new databases of this server. Raises SetUpFailed unless the digests are true in the end."""
    urls = await new_ledgers(server_url, SIDES)
    pages, bodies = Pages(), bodies_of(most_transactions)
    shape = BACKFILL._replace(transactions=most_transactions)
    spent: dict[str, list[Spent]] = {name: [] for name in SIDES}
    async with AsyncExitStack() as resources:
        stores = {
            name: await resources.enter_async_context(open_store(urls[name], connections=(1, 1))) for name in SIDES
        }
        for number in range(WARM_UP + turns):
            (page,) = pages.turn(shape)
            for name in SIDES if number % 2 else reversed(SIDES):
                with counting(name):
                    spent[name].append(await turn(stores[name], bodies, page))
        await _check(stores)
    return [contest("digest", clock, spent) for clock in Spent._fields]


def bodies_of(most_transactions: int) -> Mapping[int, bytes]:
    """By slot, the answers to getBlock that hold so many transactions, or a few more."""
    found: dict[int, bytes] = {}
    left = most_transactions
    for slot, block in chain().blocks.items():
        if left > 0 and block.transactions:
            found[slot] = msgspec.json.encode(answer(block))
            left -= len(block.transactions)
    return found


async def turn(store: PostgresStore, bodies: Mapping[int, bytes], page: Page) -> Spent:
    gc.collect()
    known = reference()
    async with store._transaction() as session:
        process_id = session.get_server_pid()
    cpu, wall = cpu_of(process_id), time.perf_counter()
    for slot, body in bodies.items():
        for transaction in parse_block(msgspec.json.decode(body), slot).transactions:
            process(transaction, protocols(), known)
    await store.write(page)
    return Spent(cpu_of(process_id) - cpu, time.perf_counter() - wall)


def cpu_of(server_process: int) -> float:
    told = Path(f"/proc/{server_process}/schedstat")  # Linux: nanoseconds first.
    return time.process_time() + (int(told.read_text().split()[0]) / 1e9 if told.exists() else 0.0)


async def _check(stores: dict[str, PostgresStore]) -> None:
    for protocol in protocols():
        payloads = sum((await stores["with"].payload_digests(protocol.name, EVERYTHING)).values(), Digest())
        sums = {n: sum((await s.digests(protocol.name, EVERYTHING)).values(), Digest()) for n, s in stores.items()}
        if sums != {"with": payloads, "without": Digest()} or not payloads.payloads:
            raise SetUpFailed(f"digests of {protocol.name} are {sums}, the payloads give {payloads}")


def contest(work: str, clock: str, spent: dict[str, list[Spent]]) -> Contest:
    """CPU is judged; the wall has the noise of disks and neighbours, which is more than the digest costs."""
    bar = Bar(1 - MOST, 1 - MOST) if clock == "cpu" else Bar(0, 0)
    event = f"{BACKFILL.name}, {clock}"
    ours, peer = (
        Side(None, event, name, 0.0, [getattr(one, clock) for one in spent[name][WARM_UP:]]) for name in SIDES
    )
    return Contest(event, 0, work, bar, ours, peer)
