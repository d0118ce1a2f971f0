"""The Portal as a source: what settles and what does not, answers cut short, refusals, budgets, the cluster's guard.

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

from indexer.core.coverage import Span, Spans, union
from indexer.core.rpc import parse_transaction
from indexer.core.transaction import Transaction
from indexer.errors import ClusterMismatch
from indexer.simulation.virtual_time import run
from indexer.sources.base import RawPage, SourceInterrupted
from indexer.sources.portal import BlockHash, Fetch, Portal
from indexer.sources.portal_http import PortalSettings
from tests.adversarial.answers import as_json, text
from tests.adversarial.cases import FILL, LEND
from tests.programs import DRIFT, JUPITER, JUPITER_AUTHORITY, protocols
from tests.sources.archive import TIME, Archive, Block, chained
from tests.sources.wires import Body, FakePortal, Turn, json_reply, whole
from tests.world import data_line, event, frame, key, signature, transaction

SECRET = "0123456789abcdef0123456789abcdef"
URL = f"https://portal.example/datasets/solana-mainnet?api_key={SECRET}"
DRIFT_STREAM, JUPITER_STREAM, _ = protocols()
FIRST = 1_000


def fill(number: int) -> Transaction:
    return transaction(frame(DRIFT, data_line(FILL)), signature=signature(number))


def cut_log(number: int) -> Transaction:
    """A fill whose log was truncated behind it."""
    tx = fill(number)
    return msgspec.structs.replace(tx, logs=(*(tx.logs or ())[:2], "Log truncated"))


def blocks(slots: int = 10, *, per_slot: int = 1, skipped: Sequence[int] = ()) -> list[Block]:
    """Blocks of fills from FIRST on."""
    filled = {
        FIRST + n: [fill(n * per_slot + place + 1) for place in range(per_slot)]
        for n in range(slots)
        if FIRST + n not in skipped
    }
    return list(chained(filled, FIRST - 1))


def portal(
    http: FakePortal, *, fetch: Fetch | None = None, blockhash: BlockHash | None = None, **settings: Any
) -> Portal:
    return Portal(URL, http, rng=Random(1), fetch=fetch, blockhash=blockhash, settings=PortalSettings(**settings))


class Outcome(msgspec.Struct):
    pages: list[RawPage] = []
    error: str | None = None  # Why it was interrupted.
    seconds: float = 0.0

    @property
    def settled(self) -> Spans:
        return union(*(page.settled.get("drift", ()) for page in self.pages))

    @property
    def unavailable(self) -> Spans:
        return union(*(page.unavailable.get("drift", ()) for page in self.pages))

    @property
    def slots(self) -> list[int]:
        return [tx.slot for page in self.pages for tx in page.transactions]


def read(source: Portal, span: Span, *streams: Any) -> Outcome:
    """Everything of a span, in virtual time."""

    async def reading() -> Outcome:
        outcome = Outcome()
        try:
            async for page in source.pages(streams or [DRIFT_STREAM], span):
                outcome.pages.append(page)
        except SourceInterrupted as error:
            outcome.error = str(error)
        outcome.seconds = asyncio.get_running_loop().time()
        return outcome

    return run(reading())


def status(code: int, body: str = "", **headers: str) -> Turn:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Body([body.encode()], status=code, headers=named)


def empty(_: list[bytes]) -> Body:
    return Body([], status=204)


def first(count: int) -> Turn:
    """The Portal stops early, at a line's end."""
    return lambda lines: whole(lines[:count])


def cut(lines: list[bytes]) -> Body:
    """The connection breaks within the third line."""
    return Body([b"\n".join(lines[:2]) + b"\n" + lines[2][:20]], cut=True)


# --- what settles ---------------------------------------------------------------------------------------------------


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


# --- links ----------------------------------------------------------------------------------------------------------


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


# --- refusals and budgets -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [429, 502, 503, 504, 529])
def test_refusals_that_may_pass_are_asked_again_after_the_time_they_say(code: int) -> None:
    http = FakePortal(Archive(blocks(3)), status(code, "busy", retry_after="7"))
    outcome = read(portal(http), Span(FIRST, FIRST + 3))
    assert (outcome.error, outcome.settled) == (None, (Span(FIRST, FIRST + 3),))
    assert outcome.seconds >= 7


def test_no_worker_available_is_waited_for_five_seconds_and_more() -> None:
    http = FakePortal(Archive(blocks(3)), status(503, "no worker available"))
    assert 5 <= read(portal(http), Span(FIRST, FIRST + 3)).seconds < 6


def test_pauses_grow_between_refusals_without_a_hint() -> None:
    http = FakePortal(Archive(blocks(3)), *[status(502)] * 5)
    outcome = read(portal(http), Span(FIRST, FIRST + 3))
    assert outcome.error is None
    pauses = [after - before for before, after in zip(http.asked_at[2:], http.asked_at[3:], strict=False)]
    assert pauses == sorted(pauses)
    assert pauses[-1] > 8 * pauses[0] * 0.5


@pytest.mark.parametrize("header", ["soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "9" * 30, "²"])
def test_a_hint_that_is_no_number_of_seconds_is_not_waited_for(header: str) -> None:
    http = FakePortal(Archive(blocks(3)), status(429, retry_after=header))
    outcome = read(portal(http), Span(FIRST, FIRST + 3))
    assert (outcome.error, outcome.seconds < 5) == (None, True)


def test_refusals_without_end_interrupt_the_source_and_say_why() -> None:
    http = FakePortal(Archive(blocks(3)), *[status(503, "no_workers")] * 100)
    outcome = read(portal(http), Span(FIRST, FIRST + 3))
    assert outcome.error is not None
    assert "HTTP 503" in outcome.error
    assert "no_workers" in outcome.error
    assert len(http.queries) == 6
    assert SECRET not in outcome.error


def test_progress_forgets_refusals() -> None:
    """Never six refusals one after the other without a block between them."""
    turns = [turn for _ in range(9) for turn in (*[status(502)] * 4, first(1))]
    outcome = read(portal(FakePortal(Archive(blocks(10)), *turns)), Span(FIRST, FIRST + 10))
    assert (outcome.error, outcome.settled) == (None, (Span(FIRST, FIRST + 10),))


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 500])
def test_what_asking_again_does_not_mend_is_not_asked_again(code: int) -> None:
    http = FakePortal(Archive(blocks(3)), status(code, "malformed_request"))
    outcome = read(portal(http), Span(FIRST, FIRST + 3))
    assert f"HTTP {code}: malformed_request" in str(outcome.error)
    assert len(http.queries) == 1


def test_no_more_requests_are_sent_than_the_budget_allows() -> None:
    http = FakePortal(Archive(blocks(100)), *[first(1)] * 99)
    assert read(portal(http), Span(FIRST, FIRST + 100)).error is None
    assert len(http.asked_at) == 102  # The head, the metadata, and one block at a time.
    busiest = max(sum(began <= at < began + 10 for at in http.asked_at) for began in http.asked_at)
    assert busiest == 20


def test_a_line_beyond_all_bounds_ends_the_reading() -> None:
    http = FakePortal(Archive(blocks(5)), lambda lines: Body([lines[0] + b"\n", *[b"x" * 1_000] * 1_000]))
    outcome = read(portal(http, line_bytes=50_000), Span(FIRST, FIRST + 5))
    assert outcome.settled == (Span(FIRST, FIRST + 1),)
    assert "the limit is 50000" in str(outcome.error)


# --- pages ----------------------------------------------------------------------------------------------------------


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


# --- what the archive does not have whole ---------------------------------------------------------------------------

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


# --- reach, cluster, times ------------------------------------------------------------------------------------------


def test_it_reaches_from_the_first_slot_of_the_dataset_to_the_finalized_head() -> None:
    http = FakePortal(Archive(blocks(10)), first=FIRST + 1, head=FIRST + 7)
    assert run(portal(http).reach()) == Span(FIRST + 1, FIRST + 8)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/finalized-head", json_reply(None)),
        ("/finalized-head", json_reply({"number": -1, "hash": "x"})),
        ("/finalized-head", json_reply({"number": 5})),
        ("/metadata", json_reply({"start_block": True})),
        ("/metadata", json_reply({"start_block": 2**80})),
        ("/metadata", json_reply([])),
        ("/metadata", json_reply({"start_block": FIRST + 99})),
        ("/metadata", json_reply({}, status=500)),
        ("/metadata", msgspec.structs.replace(json_reply({}), body=b"<html>")),
    ],
)
def test_without_sensible_bounds_it_reaches_nothing(path: str, answer: Any) -> None:
    http = FakePortal(Archive(blocks(3)))
    http.gets[path] = [answer] * 10
    assert run(portal(http).reach()) is None
    http.gets[path] = [answer] * 10
    assert "portal.example" in str(read(portal(http), Span(FIRST, FIRST + 3)).error)


def test_a_portal_of_another_cluster_is_refused_with_both_hashes() -> None:
    async def other(_: int) -> str | None:
        return text(key(77))

    http = FakePortal(Archive(blocks(3)))
    source = portal(http, blockhash=other)
    with pytest.raises(ClusterMismatch) as caught:
        read(source, Span(FIRST, FIRST + 3))
    assert text(key(77)) in str(caught.value)
    assert blocks(3)[-1].hash in str(caught.value)
    assert SECRET not in str(caught.value)
    assert http.queries == []
    with pytest.raises(ClusterMismatch):
        run(source.reach())


def test_a_portal_whose_cluster_nobody_can_tell_is_not_believed() -> None:
    async def unknown(_: int) -> str | None:
        return None

    http = FakePortal(Archive(blocks(3)))
    assert "no node has block" in str(read(portal(http, blockhash=unknown), Span(FIRST, FIRST + 3)).error)
    assert http.queries == []


def test_the_head_is_not_asked_for_again_while_it_is_young() -> None:
    http = FakePortal(Archive(blocks(10)), head=FIRST + 3)
    source = portal(http, head_s=10.0)

    async def reaching() -> list[Span | None]:
        found = [await source.reach(), await source.reach()]
        http.head = FIRST + 5
        found.append(await source.reach())
        await asyncio.sleep(10)
        return [*found, await source.reach()]

    young = Span(0, FIRST + 4)
    assert run(reaching()) == [young, young, young, Span(0, FIRST + 6)]
    assert len(http.asked_at) == 3  # The head twice, where the dataset begins once.


def test_the_cluster_is_checked_once() -> None:
    asked: list[int] = []

    async def same(slot: int) -> str | None:
        asked.append(slot)
        return blocks(3)[-1].hash

    source = portal(FakePortal(Archive(blocks(3))), blockhash=same)
    for _ in range(3):
        assert read(source, Span(FIRST, FIRST + 3)).error is None
    assert asked == [FIRST + 2]


def test_a_time_is_the_first_block_at_it_or_later() -> None:
    source = portal(FakePortal(Archive(blocks(5))))
    assert run(source.slot_at(TIME + FIRST + 3)) == FIRST + 3
    assert run(source.slot_at(TIME + FIRST + 99)) is None


@pytest.mark.parametrize("answer", [{"block_number": "5"}, {"block_number": -1}, {}, [], 5])
def test_an_answer_that_is_no_slot_is_no_time(answer: Any) -> None:
    http = FakePortal(Archive(blocks(3)))
    http.gets[f"/timestamps/{TIME}/block"] = [json_reply(answer)]
    assert run(portal(http).slot_at(TIME)) is None


def test_the_address_never_shows_its_key() -> None:
    source = portal(FakePortal(Archive(blocks(3))))
    outcome = read(source, Span(FIRST, FIRST + 3))
    assert SECRET not in source.endpoint
    assert outcome.pages[0].endpoint == source.endpoint
