"""What the digest costs of ingest: the same pages read and written with it and without, in turns.

Two ledgers in one server, and three ways of ingest: whole blocks and the Portal's lines, as a backfill reads and writes
them; and pages of the live tail, which are read and written twice: as they are confirmed, and as their slots settle.
One side's writes count no payload and its statements know of no digests, so that nothing is hashed and nothing moves.
The cost is smaller than the noise of a machine that does other work: so it is judged by its parts, the CPU of counting
as it is spent within these writes, and of the statement that moves digests, beside the same without them. What must
stay true: both write the same rows, who begins changes, and the side with digests ends with those of its payloads.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import msgspec

from indexer.core.coverage import Span
from indexer.core.digest import MODULUS, Digest
from indexer.core.protocol import Protocol as Stream
from indexer.core.protocol import process
from indexer.core.rpc import parse_block
from indexer.ingest.garbage import collect_rarely
from indexer.sources.portal_lines import read_block
from indexer.store import writing
from indexer.store.base import Page
from indexer.store.digesting import DigestChange, Place
from indexer.store.postgres import PostgresStore, open_store
from indexer.store.statements import query
from indexer.store.table_change import TableChange
from tests.bench.environment import SetUpFailed
from tests.bench.inserting import WARM_UP, new_ledgers
from tests.bench.ledger_pages import BACKFILL, BUSY, LIVE, Pages, Shape, chain, settling
from tests.bench.own_server import own_server
from tests.bench.recording import portal_lines
from tests.bench.rounds import Bar, Contest, Side
from tests.programs import protocols
from tests.simulation.chains import answer
from tests.simulation.scripts import reference

SIDES = ("with", "without")
MOST = 0.03  # Of the time of ingest.
TURNS_A_ROUND = 4
TRIES = 10
STREAMS = tuple(protocol.name for protocol in protocols())
EVERYTHING = Span(0, 1 << 50)


class Spent(NamedTuple):
    """Seconds of one turn: of our processor and the server's, where the system tells it; of the wall; and of the
    processor for digests alone."""

    cpu: float
    wall: float
    digests: float


class Moving(NamedTuple):
    """Seconds of CPU, ours and the server's, that digests add to a page's statement: where none moves, and three."""

    none: float
    three: float


class Way(NamedTuple):
    """A way of ingest. `read`: reads and interprets so many transactions; `written`: what is written of a page."""

    name: str
    shape: Shape
    read: Callable[[int], None]
    written: Callable[[Page], Sequence[Page]]


def measured(rounds: int) -> list[Contest]:
    """In a server of its own. Raises SetUpFailed."""
    return in_server(measured_at, rounds)


def in_server(at: Callable[[str, int], Coroutine[Any, Any, list[Contest]]], rounds: int) -> list[Contest]:
    """`at` a server of its own, with turns for so many rounds. Raises SetUpFailed."""
    collect_rarely()
    with own_server() as (_, url):
        return asyncio.run(at(url, rounds * TURNS_A_ROUND))


async def measured_at(server_url: str, turns: int, most_transactions: int = BACKFILL.transactions) -> list[Contest]:
    """In two new databases of this server. Raises SetUpFailed unless the digests are true in the end."""
    urls = await new_ledgers(server_url, SIDES)
    pages, contests = Pages(), []
    async with AsyncExitStack() as resources:
        stores = {
            name: await resources.enter_async_context(open_store(urls[name], connections=(1, 1))) for name in SIDES
        }
        moving = await _moving(stores["with"], repeats=100 if turns > 1 else 1)
        for way in WAYS:
            spent: dict[str, list[Spent]] = {name: [] for name in SIDES}
            shape = way.shape._replace(transactions=min(way.shape.transactions, most_transactions))
            for number in range(WARM_UP + turns):
                given = list(pages.turn(shape))
                for name in SIDES if number % 2 else reversed(SIDES):
                    spent[name].append(await _turn(name, stores[name], way, given, shape.transactions, moving))
            contests += [_by_parts(way.name, spent["with"]), *(_contest(way.name, c, spent) for c in ("cpu", "wall"))]
        await _check(stores)
    return contests


async def _turn(
    side: str, store: PostgresStore, way: Way, pages: Sequence[Page], transactions: int, moving: Moving
) -> Spent:
    gc.collect()
    process_id = await server_process(store)
    with counting(side) as counted:
        cpu, wall = cpu_of(process_id), time.perf_counter()
        for page in pages:
            for written in way.written(page):
                way.read(transactions)
                await store.write(written)
        took = cpu_of(process_id) - cpu, time.perf_counter() - wall
    return Spent(*took, counted.seconds + sum(moving.three if moves else moving.none for moves in counted.moves))


class Counted:
    """CPU seconds of counting payloads, and for each page whether a digest moved."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.moves: list[bool] = []

    def digest(self, change: TableChange, digests: DigestChange) -> None:
        began = time.thread_time()
        _DIGEST(change, digests)
        self.seconds += time.thread_time() - began

    def by_place(self, digests: DigestChange) -> Mapping[Place, Digest]:
        began = time.thread_time()
        found = _BY_PLACE(digests)
        self.seconds += time.thread_time() - began
        self.moves.append(bool(found))
        return found


_DIGEST, _BY_PLACE = TableChange.digest, DigestChange.by_place.fget


@contextmanager
def counting(side: str) -> Iterator[Counted]:
    """Where digests are not kept, no payload is counted, and the statement that marks moves none."""
    counted = Counted()
    if side == "with":
        place = property(lambda digests: counted.by_place(digests))
        with (
            patch.object(TableChange, "digest", lambda change, digests: counted.digest(change, digests)),
            patch.object(DigestChange, "by_place", place),
        ):
            yield counted
    else:
        with patch.object(TableChange, "digest", lambda *_: None), patch.object(writing, "query", _without_digests):
            yield counted


@cache
def _without_digests(name: str, **parts: str) -> str:
    statement = query(name, **parts)
    if name != "mark":
        return statement
    before, found, rest = statement.partition("digests AS (")
    _, also, behind = rest.partition("\n)\n")
    assert found, f"{name} moves no digests any more"
    assert also, f"in {name} digests do not come last"
    # Never run, since nobody asks for it: it tells what the parameters are.
    return f"{before}digests AS (SELECT $16::text[], $17::int8[], $18::int8[], $19::numeric[]){behind}"


async def _moving(store: PostgresStore, repeats: int) -> Moving:
    """The least of some tries of each, so that what others do does not count."""
    process_id = await server_process(store)
    digests = [[*STREAMS], [0] * 3, [1] * 3, [MODULUS // 3] * 3]
    took = {}
    for name, statement, moved in (
        ("without", _without_digests("mark"), [[]] * 4),
        ("none", query("mark"), [[]] * 4),
        ("three", query("mark"), digests),
    ):
        took[name] = min([await _marking(store, process_id, statement, moved, repeats) for _ in range(TRIES)])
    async with store._transaction() as session:
        await session.execute("DELETE FROM ledger.digests")
        await session.execute("DELETE FROM ledger.dirty_hours")
    return Moving(max(0.0, took["none"] - took["without"]), max(0.0, took["three"] - took["without"]))


async def _marking(
    store: PostgresStore, process_id: int, statement: str, moved: Sequence[Sequence[object]], repeats: int
) -> float:
    """Seconds of CPU of one such statement, that marks an hour as well."""
    marks = [[BUSY.genesis_time], [STREAMS[0]], ["market"]]
    cpu = cpu_of(process_id)
    for _ in range(repeats):
        async with store._transaction() as session:
            await session.execute(statement, *marks, *([[]] * 12), *moved)
    return (cpu_of(process_id) - cpu) / repeats


async def server_process(store: PostgresStore) -> int:
    async with store._transaction() as session:
        return int(session.get_server_pid())


# --- what is read --------------------------------------------------------------------------------------------------


def read_blocks(transactions: int) -> None:
    known = reference()
    for slot, body in _bodies(transactions):
        for transaction in parse_block(msgspec.json.decode(body), slot).transactions:
            process(transaction, protocols(), known)


@cache
def _bodies(transactions: int) -> Sequence[tuple[int, bytes]]:
    """Answers to getBlock that hold so many transactions, or a few more; behind their slots."""
    found, left = [], transactions
    for slot, block in chain().blocks.items():
        if left > 0 and block.transactions:
            found.append((slot, msgspec.json.encode(answer(block))))
            left -= len(block.transactions)
    return found


def _read_lines(transactions: int) -> None:
    known = reference()
    for stream, has_logs, line in _lines(transactions):
        for transaction in read_block(line, has_logs=has_logs).transactions:
            process(transaction, [stream], known)


@cache
def _lines(transactions: int) -> Sequence[tuple[Stream, bool, bytes]]:
    """The Portal's lines of as many blocks as `_bodies` are; each with the stream that they are told of."""
    slots = {slot for slot, _ in _bodies(transactions)}
    return [
        (stream, bool(stream.logs.ids), msgspec.json.encode(line))
        for stream in protocols()
        for line in portal_lines(chain(), stream)
        if line["header"]["number"] in slots
    ]


def _once(page: Page) -> Sequence[Page]:
    return [page]


def _as_confirmed_and_settled(page: Page) -> Sequence[Page]:
    return [page, settling(page, min(one.origin.slot for one in (*page.events, *page.failures)))]


WAYS = (
    Way(f"blocks, {BACKFILL.transactions} tx", BACKFILL, read_blocks, _once),
    Way(f"portal, {BACKFILL.transactions} tx", BACKFILL, _read_lines, _once),
    Way(f"{LIVE.pages} pages {LIVE.name}", LIVE, read_blocks, _as_confirmed_and_settled),
)


# --- what is judged ------------------------------------------------------------------------------------------------


def cpu_of(server_process: int) -> float:
    told = Path(f"/proc/{server_process}/schedstat")  # Linux: nanoseconds first.
    return time.process_time() + (int(told.read_text().split()[0]) / 1e9 if told.exists() else 0.0)


async def _check(stores: dict[str, PostgresStore]) -> None:
    for protocol in protocols():
        payloads = sum((await stores["with"].payload_digests(protocol.name, EVERYTHING)).values(), Digest())
        sums = {n: sum((await s.digests(protocol.name, EVERYTHING)).values(), Digest()) for n, s in stores.items()}
        if sums != {"with": payloads, "without": Digest()} or not payloads.payloads:
            raise SetUpFailed(f"digests of {protocol.name} are {sums}, the payloads give {payloads}")


def _by_parts(way: str, spent: Sequence[Spent]) -> Contest:
    """A turn's CPU beside the same without what was spent on digests."""
    turns = spent[WARM_UP:]
    bar, event = Bar(1 - MOST, 1 - MOST), f"{way}, by parts"
    sides = [one.cpu for one in turns], [one.cpu - one.digests for one in turns]
    ours, peer = (Side(None, event, name, 0.0, seconds) for name, seconds in zip(SIDES, sides, strict=True))
    return Contest(event, 0, "digest", bar, ours, peer)


def _contest(way: str, clock: str, spent: Mapping[str, Sequence[Spent]]) -> Contest:
    """Side by side, and not judged: both clocks have the noise of neighbours, which is more than the digest costs."""
    event = f"{way}, {clock}"
    ours, peer = (
        Side(None, event, name, 0.0, [getattr(one, clock) for one in spent[name][WARM_UP:]]) for name in SIDES
    )
    return Contest(event, 0, "digest", Bar(0, 0), ours, peer)
