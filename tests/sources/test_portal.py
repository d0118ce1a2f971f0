"""The Portal as a source: what settles and what does not, links, pages, and what the archive does not have whole.

All in virtual time, against a scripted Portal.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing, suppress
from random import Random
from typing import Any

import msgspec
import pytest

from indexer.core.coverage import Span, Spans
from indexer.core.rpc import parse_transaction
from indexer.core.transaction import Transaction
from indexer.simulation.virtual_time import run
from indexer.sources.base import SourceInterrupted
from indexer.sources.portal import Fetch
from tests.adversarial.answers import as_json
from tests.adversarial.cases import LEND
from tests.programs import DRIFT, JUPITER, JUPITER_AUTHORITY
from tests.sources.archive import TIME, Archive, Block, chained
from tests.sources.reading import (
    DRIFT_STREAM,
    FIRST,
    JUPITER_STREAM,
    SECRET,
    blocks,
    cut,
    cut_log,
    empty,
    fill,
    first,
    portal,
    read,
)
from tests.sources.wires import Body, FakePortal, Turn, whole
from tests.world import event, frame, signature, transaction

# --- what settles ----------------------------------------------------------------------------------------------------


def test_everything_up_to_the_last_block_that_came_is_settled() -> None:
    http = FakePortal(Archive(blocks(10)))
    outcome = read(portal(http), Span(FIRST, FIRST + 10))
    assert outcome.settled == (Span(FIRST, FIRST + 10),)
    assert outcome.slots == list(range(FIRST, FIRST + 10))
    assert (len(http.queries), outcome.error) == (1, None)


def test_slots_without_a_match_are_settled_by_the_blocks_around_them() -> None:
    filled = {slot: [fill(1)] if slot == FIRST + 2 else [] for slot in range(FIRST, FIRST + 5)}
    http = FakePortal(Archive(chained(filled, FIRST - 1)))
    outcome = read(portal(http), Span(FIRST, FIRST + 5))
    assert outcome.settled == (Span(FIRST, FIRST + 5),)
    assert outcome.slots == [FIRST + 2]


def test_a_response_that_stops_early_is_gone_on_from_its_last_block() -> None:
    http = FakePortal(Archive(blocks(10)), first(4), first(1), first(3))
    outcome = read(portal(http), Span(FIRST, FIRST + 10))
    assert [query["fromBlock"] for query in http.queries] == [FIRST, FIRST + 4, FIRST + 5, FIRST + 8]
    assert outcome.settled == (Span(FIRST, FIRST + 10),)
    assert sorted(outcome.slots) == list(range(FIRST, FIRST + 10))


def test_a_stream_cut_in_the_middle_settles_only_up_to_the_last_whole_line() -> None:
    http = FakePortal(Archive(blocks(10)), *[cut] * 50)
    outcome = read(portal(http, attempts=1), Span(FIRST, FIRST + 10))
    assert outcome.settled == (Span(FIRST, FIRST + 2),)
    assert outcome.slots == [FIRST, FIRST + 1]
    assert outcome.error is not None
    assert "reset in the middle" in outcome.error


def test_after_a_cut_the_rest_is_asked_for_and_nothing_comes_twice() -> None:
    http = FakePortal(Archive(blocks(9)), cut, cut, cut)
    outcome = read(portal(http), Span(FIRST, FIRST + 9))
    assert (outcome.error, outcome.settled) == (None, (Span(FIRST, FIRST + 9),))
    assert outcome.slots == list(range(FIRST, FIRST + 9))


def test_a_body_that_ends_well_within_a_line_is_a_cut() -> None:
    def short(lines: list[bytes]) -> Body:
        return Body([lines[0] + b"\n" + lines[1][:-2]])

    http = FakePortal(Archive(blocks(4)), short)
    outcome = read(portal(http), Span(FIRST, FIRST + 4))
    assert (outcome.error, outcome.settled) == (None, (Span(FIRST, FIRST + 4),))
    assert [query["fromBlock"] for query in http.queries] == [FIRST, FIRST + 1]


def test_a_last_line_without_its_end_counts_where_it_is_whole() -> None:
    http = FakePortal(Archive(blocks(3)), lambda lines: Body([b"\n".join(lines)]))
    assert read(portal(http), Span(FIRST, FIRST + 3)).settled == (Span(FIRST, FIRST + 3),)
    assert len(http.queries) == 1


def test_lines_may_be_broken_anywhere_by_the_network() -> None:
    def crumbs(lines: list[bytes]) -> Body:
        body = b"".join(line + b"\n" for line in lines)
        return Body([body[place : place + 7] for place in range(0, len(body), 7)])

    http = FakePortal(Archive(blocks(3)), crumbs)
    assert read(portal(http), Span(FIRST, FIRST + 3)).settled == (Span(FIRST, FIRST + 3),)


@pytest.mark.parametrize("nothing", [empty, first(0)], ids=["204", "an empty 200"])
def test_an_empty_answer_settles_nothing_by_itself(nothing: Turn) -> None:
    http = FakePortal(Archive(blocks(3)), *[nothing] * 100)
    outcome = read(portal(http), Span(FIRST, FIRST + 3))
    assert (outcome.settled, outcome.slots) == ((), [])
    assert outcome.error is not None


def test_a_span_that_ends_in_skipped_slots_is_settled_by_the_parent_of_the_next_block() -> None:
    skipped = [FIRST + 3, FIRST + 4]
    http = FakePortal(Archive(blocks(8, skipped=skipped)))
    outcome = read(portal(http), Span(FIRST, FIRST + 5))
    assert outcome.settled == (Span(FIRST, FIRST + 5),)
    assert http.queries[-1].get("instructions") is None
    assert (http.queries[-1]["fromBlock"], http.queries[-1]["toBlock"]) == (FIRST + 3, FIRST + 7)


def test_a_span_of_skipped_slots_alone_is_settled() -> None:
    http = FakePortal(Archive(blocks(8, skipped=[FIRST + 3, FIRST + 4])))
    assert read(portal(http), Span(FIRST + 3, FIRST + 5)).settled == (Span(FIRST + 3, FIRST + 5),)


def test_an_empty_answer_for_a_block_that_is_there_is_asked_for_again() -> None:
    """The probe shows a block that the answer lacks: it was no skipped slot."""
    http = FakePortal(Archive(blocks(8)), empty)
    outcome = read(portal(http), Span(FIRST + 3, FIRST + 5))
    assert outcome.settled == (Span(FIRST + 3, FIRST + 5),)
    assert outcome.slots == [FIRST + 3, FIRST + 4]


def test_nothing_behind_the_finalized_head_is_asked_for_or_settled() -> None:
    http = FakePortal(Archive(blocks(10)), head=FIRST + 5)
    outcome = read(portal(http), Span(FIRST, FIRST + 10))
    assert (outcome.error, outcome.settled) == (None, (Span(FIRST, FIRST + 6),))
    assert http.queries[0]["toBlock"] == FIRST + 5


def test_a_span_behind_the_head_ends_without_a_page() -> None:
    outcome = read(portal(FakePortal(Archive(blocks(3)))), Span(FIRST + 10, FIRST + 20))
    assert (outcome.pages, outcome.error) == ([], None)


def test_what_lies_before_the_dataset_is_unavailable() -> None:
    http = FakePortal(Archive(blocks(5)), first=FIRST + 2)
    outcome = read(portal(http), Span(FIRST, FIRST + 4))
    assert (outcome.unavailable, outcome.settled) == ((Span(FIRST, FIRST + 2),), (Span(FIRST + 2, FIRST + 4),))
    assert http.queries[0]["fromBlock"] == FIRST + 2


def weather(rng: Random) -> Turn:
    """What may become of an answer: whole, stopped early, cut anywhere, empty, refused, in crumbs."""

    def turn(lines: list[bytes]) -> Body:
        body = b"".join(line + b"\n" for line in lines)
        kind = rng.choice(
            ("whole", "early", "cut", "cut", "short", "empty", "refused") if lines else ("whole", "refused")
        )
        if kind == "refused":
            return Body([b"busy"], status=rng.choice((429, 502, 503, 504, 529)))
        if kind == "empty":
            return Body([], status=rng.choice((200, 204)))
        if kind == "early":
            return first(rng.randint(1, len(lines)))(lines)
        end = rng.randrange(len(body)) if kind in ("cut", "short") else len(body)
        size = rng.choice((7, 1_000, 10**6))
        return Body([body[at : min(at + size, end)] for at in range(0, end, size)], cut=kind == "cut")

    return turn


@pytest.mark.parametrize("seed", range(50))
def test_any_weather_ends_in_the_same_rows_each_once(seed: int) -> None:
    rng = Random(seed)
    skipped = [slot for slot in range(FIRST + 1, FIRST + 29) if rng.random() < 0.3]
    archived = blocks(30, per_slot=2, skipped=skipped)
    http = FakePortal(Archive(archived), *[weather(rng)] * 200)
    span = Span(FIRST + rng.randrange(5), FIRST + rng.randrange(20, 30))
    outcome = read(portal(http, attempts=100, page_transactions=rng.choice((1, 5, 300))), span)
    assert (outcome.error, outcome.settled, outcome.unavailable) == (None, (span,), ())
    assert outcome.slots == [block.slot for block in archived if block.slot in span for _ in range(2)]


# --- links -----------------------------------------------------------------------------------------------------------


def altered(place: int, **header: Any) -> Turn:
    """A line's header says something else."""

    def turn(lines: list[bytes]) -> Body:
        block = json.loads(lines[place])
        block["header"] |= header
        return whole([*lines[:place], json.dumps(block).encode(), *lines[place + 1 :]])

    return turn


@pytest.mark.parametrize(
    ("turn", "settled"),
    [
        pytest.param(altered(2, parentHash="x"), (Span(FIRST, FIRST + 2),), id="another parent hash"),
        pytest.param(altered(3, parentNumber=FIRST + 1), (Span(FIRST, FIRST + 3),), id="a parent before the last"),
        pytest.param(lambda lines: whole([*lines[:2], lines[1]]), (Span(FIRST, FIRST + 2),), id="a block twice"),
        pytest.param(lambda lines: whole([lines[1], lines[0]]), (), id="not the first block first"),
        pytest.param(altered(9, number=FIRST + 11, parentNumber=FIRST + 8), (Span(FIRST, FIRST + 9),), id="beyond"),
        pytest.param(altered(4, parentNumber=FIRST + 4), (Span(FIRST, FIRST + 4),), id="its own parent"),
        pytest.param(altered(4, number=None), (Span(FIRST, FIRST + 4),), id="no number"),
        pytest.param(lambda lines: whole([*lines[:3], b"<html>"]), (Span(FIRST, FIRST + 3),), id="no JSON"),
    ],
)
def test_blocks_that_cannot_follow_each_other_settle_nothing(turn: Turn, settled: Spans) -> None:
    http = FakePortal(Archive(blocks(10)), turn)
    outcome = read(portal(http), Span(FIRST, FIRST + 10))
    assert outcome.settled == settled
    assert outcome.error is not None
    assert SECRET not in outcome.error


def test_a_block_left_out_between_two_answers_is_noticed() -> None:
    http = FakePortal(Archive(blocks(10)), first(3), lambda lines: whole(lines[1:]))
    outcome = read(portal(http), Span(FIRST, FIRST + 10))
    assert outcome.settled == (Span(FIRST, FIRST + 3),)
    assert f"block {FIRST + 3}, the parent of {FIRST + 4}, was left out" in str(outcome.error)


def test_another_chain_in_the_next_answer_is_noticed() -> None:
    http = FakePortal(Archive(blocks(10)), first(3), altered(0, parentHash="x"))
    outcome = read(portal(http), Span(FIRST, FIRST + 10))
    assert outcome.settled == (Span(FIRST, FIRST + 3),)


# --- pages -----------------------------------------------------------------------------------------------------------


def test_pages_hold_whole_slots_and_settle_what_they_hold() -> None:
    http = FakePortal(Archive(blocks(10, per_slot=3)))
    outcome = read(portal(http, page_transactions=5), Span(FIRST, FIRST + 10))
    assert [len(page.transactions) for page in outcome.pages] == [6, 6, 6, 6, 6]
    assert outcome.pages[1].settled == {"drift": (Span(FIRST + 2, FIRST + 4),)}
    assert outcome.pages[1].slot_times == {FIRST + 2: TIME + FIRST + 2, FIRST + 3: TIME + FIRST + 3}
    assert [tx.tx_index for tx in outcome.pages[1].transactions] == [0, 1, 2, 0, 1, 2]


def test_what_came_does_not_wait_long_for_a_full_page() -> None:
    http = FakePortal(Archive(blocks(30)), lambda lines: Body([line + b"\n" for line in lines], pause_s=1.0))
    outcome = read(portal(http, page_s=10.0), Span(FIRST, FIRST + 30))
    assert [len(page.transactions) for page in outcome.pages] == [10, 10, 10]


def test_a_reader_that_stops_reading_stops_the_portal() -> None:
    """Two pages wait, one more is in hand, and one that cannot be put: no more lines are read."""
    http = FakePortal(Archive(blocks(100)), lambda lines: Body([line + b"\n" for line in lines], pause_s=0.1))
    source = portal(http, page_transactions=1)

    async def reading() -> int:
        async with aclosing(source.pages([DRIFT_STREAM], Span(FIRST, FIRST + 100))) as pages:
            await anext(pages)
            await asyncio.sleep(100)
            return source.health().lines

    assert run(reading()) <= 5


@pytest.mark.parametrize("way", ["closed", "cancelled"])
def test_the_stream_is_closed_with_its_iterator(way: str) -> None:
    http = FakePortal(Archive(blocks(100)), lambda lines: Body([line + b"\n" for line in lines], pause_s=0.1))
    source = portal(http, page_transactions=1)

    async def consume() -> None:
        async with aclosing(source.pages([DRIFT_STREAM], Span(FIRST, FIRST + 100))) as pages:
            async for _ in pages:
                if way == "closed":
                    return
                await asyncio.sleep(1)

    async def reading() -> int:
        task = asyncio.create_task(consume())
        await asyncio.sleep(3)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return http.open

    assert run(reading()) == 0


def test_a_time_of_zero_is_unknown() -> None:
    archived = [msgspec.structs.replace(block, time=0) for block in blocks(2)]
    outcome = read(portal(FakePortal(Archive(archived))), Span(FIRST, FIRST + 2))
    assert outcome.pages[0].slot_times == {}
    assert [tx.block_time for tx in outcome.pages[0].transactions] == [None, None]


def test_every_stream_is_asked_for_once_with_all_its_programs() -> None:
    frames = frame(JUPITER, event(JUPITER, JUPITER_AUTHORITY, LEND))
    http = FakePortal(Archive(chained({FIRST: [fill(1), transaction(frames, signature=signature(2))]}, FIRST - 1)))
    outcome = read(portal(http), Span(FIRST, FIRST + 1), DRIFT_STREAM, JUPITER_STREAM)
    asked = [query["instructions"] for query in http.queries]
    assert [[len(request["programId"]) for request in requests] for requests in asked] == [[2], [1]]
    assert asked[1][0]["d8"] == ["0xe445a52e51cb9a1d"]
    assert all(request["transactionInstructions"] and request["isCommitted"] for (request,) in asked)
    assert [(page.settled, len(page.transactions)) for page in outcome.pages] == [
        ({"drift": (Span(FIRST, FIRST + 1),)}, 1),
        ({"jupiter_perps": (Span(FIRST, FIRST + 1),)}, 1),
    ]
    assert outcome.pages[1].transactions[0].logs is None  # They were not asked for.


def test_failed_transactions_do_not_come() -> None:
    failed = msgspec.structs.replace(fill(1), succeeded=False)
    http = FakePortal(Archive(chained({FIRST: [failed, fill(2)]}, FIRST - 1)))
    outcome = read(portal(http), Span(FIRST, FIRST + 1))
    assert [tx.tx_index for page in outcome.pages for tx in page.transactions] == [1]


# --- what the archive does not have whole ----------------------------------------------------------------------------

DOUBTFUL = {FIRST: [fill(1)], FIRST + 1: [fill(2), cut_log(3), fill(4)], FIRST + 2: [fill(5)]}


def fetching(answer: Any) -> Fetch:
    async def fetch(_: bytes) -> Transaction | None:
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    return fetch


def node(wanted: Sequence[Block]) -> Fetch:
    async def fetch(signed: bytes) -> Transaction | None:
        (found,) = (tx for block in wanted for tx in block.transactions if tx.signature == signed)
        return parse_transaction(as_json(found))

    return fetch


def test_a_transaction_with_dropped_lines_is_fetched_within_its_page() -> None:
    archived = list(chained(DOUBTFUL, FIRST - 1))
    source = portal(FakePortal(Archive(archived)), fetch=node(archived))
    outcome = read(source, Span(FIRST, FIRST + 3))
    (page,) = outcome.pages
    assert outcome.settled == (Span(FIRST, FIRST + 3),)
    assert [(tx.slot - FIRST, tx.tx_index) for tx in page.transactions] == [(0, 0), (1, 0), (1, 1), (1, 2), (2, 0)]
    assert page.transactions[2].logs == cut_log(3).logs
    assert page.transactions[2].block_time == TIME + FIRST + 1
    assert (source.health().doubtful, source.health().fetched) == (1, 1)


OTHER_SLOT = msgspec.structs.replace(cut_log(3), slot=FIRST + 2)
NO_LOGS = msgspec.structs.replace(cut_log(3), slot=FIRST + 1, logs=None, keys=frozenset({DRIFT}))
FAILED = msgspec.structs.replace(cut_log(3), slot=FIRST + 1, succeeded=False)


@pytest.mark.parametrize(
    "fetch",
    [None, fetching(None), fetching(OTHER_SLOT), fetching(NO_LOGS), fetching(FAILED)],
    ids=["nobody to ask", "nobody has it", "another slot", "logs not recorded", "failed"],
)
def test_a_slot_with_dropped_lines_that_nobody_has_is_unavailable(fetch: Fetch | None) -> None:
    outcome = read(portal(FakePortal(Archive(chained(DOUBTFUL, FIRST - 1))), fetch=fetch), Span(FIRST, FIRST + 3))
    assert outcome.settled == (Span(FIRST, FIRST + 1), Span(FIRST + 2, FIRST + 3))
    assert outcome.unavailable == (Span(FIRST + 1, FIRST + 2),)
    assert outcome.slots == [FIRST, FIRST + 1, FIRST + 1, FIRST + 2]  # What is known of it comes all the same.


def test_a_fetch_that_fails_leaves_its_slot_missing_and_nothing_else() -> None:
    fetch = fetching(SourceInterrupted("no endpoint answers"))
    outcome = read(portal(FakePortal(Archive(chained(DOUBTFUL, FIRST - 1))), fetch=fetch), Span(FIRST, FIRST + 3))
    assert (outcome.settled, outcome.unavailable) == ((Span(FIRST, FIRST + 1), Span(FIRST + 2, FIRST + 3)), ())
    assert outcome.error is None


def test_dropped_lines_do_not_concern_streams_of_self_cpi() -> None:
    frames = frame(JUPITER, event(JUPITER, JUPITER_AUTHORITY, LEND))
    tx = transaction(frames, logs=("Log truncated",))
    http = FakePortal(Archive(chained({FIRST: [tx]}, FIRST - 1)))
    outcome = read(portal(http), Span(FIRST, FIRST + 1), JUPITER_STREAM)
    assert outcome.pages[0].settled == {"jupiter_perps": (Span(FIRST, FIRST + 1),)}


def test_many_doubtful_transactions_are_fetched_at_the_same_time_and_not_all_at_once() -> None:
    at_once = most = 0

    async def slow(_: bytes) -> Transaction | None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(1)
        at_once -= 1
        return None

    http = FakePortal(Archive(chained({FIRST: [cut_log(n) for n in range(40)]}, FIRST - 1)))
    outcome = read(portal(http, fetch=slow, fetches=16), Span(FIRST, FIRST + 1))
    assert (most, round(outcome.seconds)) == (16, 3)
