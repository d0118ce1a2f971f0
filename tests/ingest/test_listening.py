"""Listening: what is told is written at once, what is not told is asked for, and whoever is slow makes others wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from random import Random

import msgspec
import pytest

from indexer.core.protocol import Protocol
from indexer.core.rpc import parse_notification, parse_transaction
from indexer.core.transaction import Transaction
from indexer.ingest.listening import MOST_AT_ONCE, Listener
from indexer.ingest.precedence import Precedence
from indexer.ingest.writing import Writer
from indexer.simulation.outages import LASTS_S, Outages, outages
from indexer.simulation.virtual_time import run
from indexer.sources.base import Recent, SourceInterrupted
from indexer.sources.hints import Hint, Lost, News, Subscribed
from indexer.store.base import Page, Store, Written
from indexer.store.memory import MemoryStore
from tests.programs import protocols
from tests.simulation.hand_chain import FIRST, hand_chain

NAMES = tuple(protocol.name for protocol in protocols())
MADE = hand_chain("D J G")
POLL_S = 2.0


def told(slot: int) -> Transaction:
    """The transaction of a block as its notification tells it: logs alone."""
    (one,) = MADE.chain.blocks[slot].transactions
    value = {"signature": one.signature, "err": None, "logs": list(one.logs)}
    return parse_notification({"context": {"slot": slot}, "value": value})


def fetched(slot: int) -> Transaction:
    block = MADE.chain.blocks[slot]
    return parse_transaction({"slot": slot, "blockTime": block.block_time, **block.transactions[0].shown})


DRIFT, JUPITER = told(FIRST), told(FIRST + 1)


class Sockets:
    """What subscriptions tell: whatever a test puts into `news`. `taken`: how much of it was read."""

    def __init__(self, *news: News) -> None:
        self.news: asyncio.Queue[News] = asyncio.Queue()
        for one in news:
            self.news.put_nowait(one)
        self.taken = 0
        self.is_open = False

    async def hints(self) -> AsyncGenerator[News, None]:
        self.is_open = True
        try:
            while True:
                one = await self.news.get()
                self.taken += 1
                yield one
        finally:
            self.is_open = False


class Nodes:
    """What may be asked: transactions by signature, and the newest ones. Both take a tenth of a second.

    `away`: between these seconds nobody answers.
    """

    def __init__(
        self, *known: Transaction, newest: Sequence[Transaction] = (), away: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        self.known = {one.signature: one for one in known}
        self.newest, self.away = newest, away
        self.lacking: list[dict[str, int]] = []  # By answer for the newest.
        self.fetched: list[bytes] = []
        self.asked: list[tuple[float, list[str]]] = []  # For the newest: when, and of which streams.
        self.in_flight = self.most_in_flight = 0

    async def transaction(self, signature: bytes, slot: int) -> Transaction | None:
        self.fetched.append(signature)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await self._answer()
        self.in_flight -= 1
        return self.known.get(signature)

    async def recent(self, streams: Sequence[Protocol]) -> Recent:
        self.asked.append((asyncio.get_running_loop().time(), [stream.name for stream in streams]))
        await self._answer()
        return Recent(self.newest, self.lacking.pop(0) if self.lacking else {})

    async def _answer(self) -> None:
        await asyncio.sleep(0.1)
        if self.away[0] <= asyncio.get_running_loop().time() < self.away[1]:
            raise SourceInterrupted("nobody answers")

    def asked_since(self, seconds: float) -> list[tuple[float, list[str]]]:
        return [one for one in self.asked if one[0] >= seconds]


class CountingStore(MemoryStore):
    """`pages`: how many transactions each page had."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: list[int] = []

    async def write(self, page: Page) -> Written:
        self.pages.append(len({row.origin.signature for row in page.events}))
        return await super().write(page)


@asynccontextmanager
async def listening(
    sockets: Sockets,
    nodes: Nodes,
    store: Store,
    *,
    queue: int = 100,
    fetches: int = 4,
    precedence: Precedence | None = None,
) -> AsyncGenerator[Listener, None]:
    listener = Listener(
        protocols(), sockets, nodes, Writer(store, Random(1)), precedence or Precedence(),
        rng=Random(2), queue=queue, fetches=fetches, poll_every_s=POLL_S,
    )  # fmt: skip
    running = asyncio.create_task(listener.run())
    try:
        yield listener
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.wait([running])


def subscribed(*endpoints: str) -> list[News]:
    return [Subscribed(name, endpoint) for endpoint in endpoints or ("a",) for name in NAMES]


async def signatures(store: MemoryStore) -> set[bytes]:
    return {row[3] for row in (await store.rows(MADE.span))["event"]}


# --- what is told --------------------------------------------------------------------------------------------------


def test_a_notification_that_is_whole_is_written_at_once_and_nothing_is_fetched():
    async def main() -> None:
        store, nodes = MemoryStore(), Nodes()
        async with listening(Sockets(*subscribed(), Hint("drift", FIRST, DRIFT, "a")), nodes, store):
            await asyncio.sleep(0.05)
            assert await signatures(store) == {DRIFT.signature}
        assert nodes.fetched == []
        assert await store.coverage("drift") == (), "a notification settles nothing"

    run(main())


CUT = msgspec.structs.replace(DRIFT, logs=(*(DRIFT.logs or ())[:2], "Log truncated"))
BY_CPI = ("jupiter_perps", JUPITER, fetched(FIRST + 1))
SILENT = msgspec.structs.replace(DRIFT, logs=())


@pytest.mark.parametrize(
    ("stream", "hint", "true"),
    [
        BY_CPI,
        ("gmx_solana", told(FIRST + 2), fetched(FIRST + 2)),
        ("drift", CUT, fetched(FIRST)),
        ("drift", SILENT, fetched(FIRST)),
    ],
    ids=["self-CPI", "self-CPI of another", "truncated", "without a line"],
)
def test_what_a_notification_does_not_hold_is_fetched(stream: str, hint: Transaction, true: Transaction):
    async def main() -> None:
        store, nodes = MemoryStore(), Nodes(true)
        async with listening(Sockets(*subscribed(), Hint(stream, hint.slot, hint, "a")), nodes, store):
            await asyncio.sleep(0.05)
            assert await signatures(store) == set()
            await asyncio.sleep(0.1)
            assert await signatures(store) == {true.signature}
        assert nodes.fetched == [true.signature]

    run(main())


def test_a_transaction_that_failed_gives_no_row_whatever_its_notification_says():
    async def main() -> None:
        store, nodes = MemoryStore(), Nodes(msgspec.structs.replace(fetched(FIRST), succeeded=False))
        async with listening(Sockets(*subscribed(), Hint("drift", FIRST, SILENT, "a")), nodes, store):
            await asyncio.sleep(5.0)
        assert nodes.fetched == [DRIFT.signature]
        assert not any((await store.counts()).values())

    run(main())


# --- what is not told ----------------------------------------------------------------------------------------------


def test_what_was_before_the_first_subscription_is_asked_for():
    async def main() -> None:
        store, nodes = MemoryStore(), Nodes(newest=[fetched(FIRST)])
        async with listening(Sockets(), nodes, store):
            await asyncio.sleep(0.2)
            assert await signatures(store) == {DRIFT.signature}
        assert nodes.asked == [(0.0, sorted(NAMES))]

    run(main())


def test_while_nobody_tells_everything_is_asked_for_again_and_again_and_once_when_somebody_does():
    async def main() -> None:
        sockets, nodes = Sockets(), Nodes()
        async with listening(sockets, nodes, MemoryStore()) as listener:
            await asyncio.sleep(20.0)
            assert listener.untold == list(NAMES)
            assert len(nodes.asked) == 10
            for one in subscribed():
                sockets.news.put_nowait(one)
            await asyncio.sleep(60.0)
            assert listener.untold == []
            assert [names for _, names in nodes.asked_since(20.0)] == [sorted(NAMES)]

    run(main())


def test_a_subscription_that_is_lost_is_made_up_for_even_where_another_one_stands():
    """The other may have dropped what the lost one would have told. Nobody is asked all the time for it."""

    async def main() -> None:
        sockets, nodes = Sockets(*subscribed("a", "b")), Nodes()
        async with listening(sockets, nodes, MemoryStore()) as listener:
            await asyncio.sleep(10.0)
            sockets.news.put_nowait(Lost("drift", "a", "closed"))
            await asyncio.sleep(60.0)
            assert listener.untold == []
            assert [names for _, names in nodes.asked_since(10.0)] == [["drift"]]
            sockets.news.put_nowait(Lost("drift", "b", "closed"))
            await asyncio.sleep(20.0)
            assert listener.untold == ["drift"]
            assert len(nodes.asked_since(70.0)) == 10

    run(main())


NOBODY_HAS_IT = Hint("jupiter_perps", FIRST + 1, JUPITER, "a")
WITHOUT_A_NAME = Hint("jupiter_perps", FIRST + 1, None, "a")


@pytest.mark.parametrize("hint", [NOBODY_HAS_IT, WITHOUT_A_NAME], ids=["nobody has it", "a placeholder"])
def test_what_is_told_and_not_to_be_had_is_asked_for_with_its_stream(hint: Hint):
    async def main() -> None:
        sockets, nodes, store = Sockets(*subscribed()), Nodes(), MemoryStore()
        async with listening(sockets, nodes, store):
            await asyncio.sleep(10.0)
            nodes.newest = [fetched(FIRST + 1)]
            sockets.news.put_nowait(hint)
            await asyncio.sleep(10.0)
            assert [names for _, names in nodes.asked_since(10.0)] == [["jupiter_perps"]]
            assert await signatures(store) == {JUPITER.signature}

    run(main())


def test_what_could_not_be_asked_for_is_asked_for_until_somebody_answers():
    async def main() -> None:
        sockets, store = Sockets(*subscribed()), MemoryStore()
        nodes = Nodes(newest=[fetched(FIRST)], away=(0.0, 50.0))
        async with listening(sockets, nodes, store):
            await asyncio.sleep(50.0)
            assert 5 < len(nodes.asked) < 20
            await asyncio.sleep(15.0)
            assert await signatures(store) == {DRIFT.signature}
            assert nodes.asked[-1][1] == sorted(NAMES)
            count = len(nodes.asked)
            await asyncio.sleep(60.0)
            assert len(nodes.asked) == count

    run(main())


def test_what_could_not_be_fetched_is_asked_for_when_somebody_answers():
    async def main() -> None:
        sockets, nodes, store = Sockets(*subscribed()), Nodes(away=(9.0, 30.0)), MemoryStore()
        async with listening(sockets, nodes, store):
            await asyncio.sleep(10.0)
            nodes.newest = [fetched(FIRST + 1)]
            sockets.news.put_nowait(NOBODY_HAS_IT)
            await asyncio.sleep(40.0)
            assert await signatures(store) == {JUPITER.signature}

    run(main())


def test_what_falls_behind_while_somebody_is_asked_is_asked_for_afterwards():
    async def main() -> None:
        sockets, nodes = Sockets(*subscribed()), Nodes()
        async with listening(sockets, nodes, MemoryStore()):
            await asyncio.sleep(10.0)
            sockets.news.put_nowait(WITHOUT_A_NAME)
            await asyncio.sleep(0.05)  # It is being asked for.
            sockets.news.put_nowait(WITHOUT_A_NAME)
            await asyncio.sleep(20.0)
            assert [names for _, names in nodes.asked_since(10.0)] == [["jupiter_perps"]] * 2

    run(main())


def test_what_a_list_names_and_nobody_gave_is_asked_for_again():
    async def main() -> None:
        sockets, nodes, store = Sockets(*subscribed()), Nodes(), MemoryStore()
        async with listening(sockets, nodes, store):
            await asyncio.sleep(10.0)
            nodes.lacking = [{"jupiter_perps": FIRST + 1}] * 2
            sockets.news.put_nowait(WITHOUT_A_NAME)
            await asyncio.sleep(20.0)
            assert [names for _, names in nodes.asked_since(10.0)] == [["jupiter_perps"]] * 3

    run(main())


def test_history_gives_way_to_a_notification_until_its_rows_are_written_or_nobody_has_them():
    async def main() -> None:
        clock, precedence = asyncio.get_running_loop().time, Precedence()
        sockets, nodes = Sockets(*subscribed()), Nodes(fetched(FIRST + 1))
        async with listening(sockets, nodes, MemoryStore(), precedence=precedence):
            await asyncio.sleep(10.0)
            for hint in (Hint("jupiter_perps", FIRST + 1, JUPITER, "a"), Hint("drift", FIRST, DRIFT, "a")):
                sockets.news.put_nowait(hint)
            await asyncio.sleep(0.01)
            await precedence.give_way()
            assert clock() == pytest.approx(10.1)  # So long takes the fetch.
            nodes.known.clear()
            sockets.news.put_nowait(Hint("gmx_solana", FIRST + 2, told(FIRST + 2), "a"))
            await asyncio.sleep(0.01)
            await precedence.give_way()
            assert clock() == pytest.approx(10.2)

    run(main())


# --- bounds --------------------------------------------------------------------------------------------------------


def many(count: int, true: Transaction) -> list[Transaction]:
    """The same transaction with other signatures."""
    return [msgspec.structs.replace(true, signature=number.to_bytes(64, "big")) for number in range(1, count + 1)]


@pytest.mark.parametrize("queue", [1, 50, 1000])
def test_nothing_is_lost_while_the_ledger_is_away_and_the_sockets_wait(queue: int):
    async def main() -> None:
        memory, some = CountingStore(), many(500, DRIFT)
        store = outages(memory, Outages(asyncio.get_running_loop().time, [0.0, LASTS_S, 2 * LASTS_S]))
        news = [*subscribed(), *(Hint("drift", FIRST, one, "a") for one in some)]
        sockets = Sockets(*news)
        async with listening(sockets, Nodes(), store, queue=queue):
            await asyncio.sleep(10.0)
            assert await signatures(memory) == set()
            assert sockets.taken <= len(NAMES) + queue + MOST_AT_ONCE + 1
            await asyncio.sleep(10.0)
            assert await signatures(memory) == {one.signature for one in some}
        assert max(memory.pages) <= MOST_AT_ONCE

    run(main())


def test_no_more_is_fetched_at_once_than_allowed():
    async def main() -> None:
        some = many(40, fetched(FIRST + 1))
        nodes, store = Nodes(*some), MemoryStore()
        hints = [Hint("jupiter_perps", FIRST + 1, one, "a") for one in some]
        sockets = Sockets(*subscribed(), *hints)
        async with listening(sockets, nodes, store, queue=3, fetches=4):
            await asyncio.sleep(0.15)
            assert sockets.taken <= len(NAMES) + 2 * 4 + 3 + 1
            await asyncio.sleep(5.0)
            assert await signatures(store) == {one.signature for one in some}
        assert nodes.most_in_flight == 4

    run(main())


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.1, 0.15, 3.0])
def test_a_cancel_at_any_moment_leaves_nothing_open(after_s: float):
    async def main() -> None:
        before = asyncio.all_tasks()
        sockets = Sockets(*subscribed(), *(Hint("jupiter_perps", FIRST + 1, one, "a") for one in many(20, JUPITER)))
        async with listening(sockets, Nodes(), MemoryStore()):
            await asyncio.sleep(after_s)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        assert not sockets.is_open

    run(main())
