"""Requests to the Portal: refusals, retries, budgets, how far it reaches, and of which cluster it is.

All in virtual time, against a scripted Portal.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import msgspec
import pytest

from indexer.core.coverage import Span
from indexer.errors import ClusterMismatch
from indexer.simulation.virtual_time import run
from indexer.sources.portal_http import PortalHttp, PortalSettings
from tests.adversarial.answers import text
from tests.sources.archive import TIME, Archive
from tests.sources.reading import (
    FIRST,
    SECRET,
    blocks,
    first,
    portal,
    read,
    status,
)
from tests.sources.wires import Body, FakePortal, json_reply
from tests.world import key

# --- refusals and budgets --------------------------------------------------------------------------------------------


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


# --- reach, cluster, times -------------------------------------------------------------------------------------------


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


def test_a_path_is_not_shown_since_no_pattern_tells_keys_from_words() -> None:
    url = "https://portal.example/somewordsthatareakey/solana"
    http = PortalHttp(url, FakePortal(Archive(blocks(1))), Random(1), PortalSettings())
    assert http.endpoint == "portal.example"
