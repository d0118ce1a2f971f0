"""Hints from WebSockets: told once, from every endpoint, whatever nodes send, and how the listening ends.

All in virtual time, against scripted nodes.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing, suppress
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.core.protocol import process
from indexer.core.reference import Reference
from indexer.core.transaction import Transaction
from indexer.simulation.virtual_time import run
from indexer.sources.hints import Hint, News, Subscribed, is_whole
from indexer.sources.websocket import HintSettings, LogSubscriptions
from tests.adversarial.cases import CASES, FILL, FILL_TX, with_lines
from tests.programs import JUPITER, protocols
from tests.property.strategies import disturbed, json_values
from tests.sources.hearing import (
    DRIFT_STREAM,
    GMX_STREAM,
    JUPITER_STREAM,
    OTHER_URL,
    PLACEHOLDER,
    QUIET,
    SECRET,
    SHOWN,
    URL,
    D,
    G,
    Heard,
    J,
    Node,
    V,
    after,
    fill,
    listen,
    note,
    telling,
)
from tests.sources.wires import FakeDial, Peer
from tests.world import log_transaction, signature

# --- subscribing -----------------------------------------------------------------------------------------------------


def test_every_address_gets_a_subscription_of_its_own_at_confirmed() -> None:
    node = Node()
    listen(FakeDial(node), after(1))
    assert node.peer is not None
    asked = [request["params"] for request in node.peer.asked if request["method"] == "logsSubscribe"]
    assert asked == [[{"mentions": [address]}, {"commitment": "confirmed"}] for address in (D, V, J, G)]


def test_a_stream_of_two_programs_stands_when_both_are_subscribed() -> None:
    heard = listen(FakeDial(Node(mute=[V])), after(5))
    assert [news.stream for news in heard.of(Subscribed)] == ["jupiter_perps", "gmx_solana"]
    heard = listen(FakeDial(Node()), after(5))
    assert heard.of(Subscribed) == [Subscribed(name, SHOWN) for name in ("drift", "jupiter_perps", "gmx_solana")]


def test_confirmations_may_come_in_any_order() -> None:
    async def backwards(peer: Peer) -> None:
        requests = [await peer.request(place) for place in range(5)]
        for number, request in reversed(list(enumerate(requests))):
            peer.answer(request, 50 + number)
        peer.say({"method": "logsNotification", "params": {"subscription": 51, "result": note(fill(1))}})
        peer.say({"method": "logsNotification", "params": {"subscription": 54, "result": note(fill(2))}})

    heard = listen(FakeDial(backwards), after(1))
    assert [(hint.stream, hint.transaction.signature) for hint in heard.of(Hint) if hint.transaction] == [
        ("drift", signature(1)),
        ("gmx_solana", signature(2)),
    ]


def test_no_hint_of_a_stream_comes_before_it_is_subscribed() -> None:
    """Subscribe first, then fill: what is told before the confirmation is for the filling to find."""

    async def hasty(peer: Peer) -> None:
        requests = [await peer.request(place) for place in range(5)]
        peer.say({"method": "logsNotification", "params": {"subscription": 3, "result": note(fill(1))}})
        for number, request in enumerate(requests):
            peer.answer(request, number)
        peer.say({"method": "logsNotification", "params": {"subscription": 3, "result": note(fill(2))}})

    heard = listen(FakeDial(hasty), after(1))
    of_jupiter = [news for _, news in heard.news if news.stream == "jupiter_perps"]
    assert [type(news) for news in of_jupiter] == [Subscribed, Hint]
    assert heard.subscriptions.health()[0].counts.unknown == 1


# --- what is told ----------------------------------------------------------------------------------------------------


def test_a_notification_is_a_hint_with_its_transaction() -> None:
    node = Node()
    heard = listen(FakeDial(node), telling(node, (D, note(fill(1)))))
    (hint,) = heard.of(Hint)
    assert hint.transaction is not None
    assert (hint.stream, hint.slot, hint.endpoint) == ("drift", FILL_TX.slot, SHOWN)
    assert (hint.transaction.signature, hint.transaction.logs) == (signature(1), fill(1).logs)


def test_a_placeholder_signature_says_that_something_happened_in_its_slot() -> None:
    node = Node()
    notes = [(D, note(signature=PLACEHOLDER, slot=slot)) for slot in (7, 7, 8)]
    heard = listen(FakeDial(node), telling(node, *notes))
    assert [(hint.slot, hint.transaction) for hint in heard.of(Hint)] == [(7, None), (8, None)]
    assert heard.subscriptions.health()[0].streams["drift"].placeholders == 3


def test_a_duplicate_is_told_once() -> None:
    """Twice by one subscription, by both addresses of a stream, and by two endpoints."""
    here, there = Node(), Node()

    async def story(_: Heard) -> None:
        for node, address in ((here, D), (here, D), (here, V), (there, D), (there, V)):
            node.tell(address, note(fill(1)))
            await asyncio.sleep(0.01)

    heard = listen(FakeDial(here, there), story, urls=(URL, OTHER_URL))
    assert heard.signatures == [signature(1)]
    assert [link.streams["drift"].duplicates for link in heard.subscriptions.health()] == [2, 2]


def test_one_transaction_is_told_to_every_stream_that_it_touches() -> None:
    node = Node()
    heard = listen(FakeDial(node), telling(node, (D, note(fill(1))), (J, note(fill(1)))))
    assert [hint.stream for hint in heard.of(Hint)] == ["drift", "jupiter_perps"]


def test_a_transaction_that_a_fork_moved_is_told_again() -> None:
    node = Node()
    heard = listen(FakeDial(node), telling(node, (D, note(fill(1), slot=5)), (D, note(fill(1), slot=6))))
    assert [hint.slot for hint in heard.of(Hint)] == [5, 6]


def test_a_failed_transaction_is_no_hint() -> None:
    node = Node()
    heard = listen(FakeDial(node), telling(node, (D, note(err={"InstructionError": [0, {"New": "variant"}]}))))
    assert heard.of(Hint) == []
    assert heard.subscriptions.health()[0].streams["drift"].failed == 1


def test_a_success_without_lines_is_told_and_the_lines_of_another_endpoint_still_follow() -> None:
    here, there = Node(), Node()

    async def story(_: Heard) -> None:
        here.tell(D, note(fill(1), logs=[]))
        await asyncio.sleep(0.01)
        there.tell(D, note(fill(1)))
        await asyncio.sleep(0.01)
        here.tell(D, note(fill(1), logs=[]))

    heard = listen(FakeDial(here, there), story, urls=(URL, OTHER_URL))
    assert [hint.transaction and len(hint.transaction.logs or ()) for hint in heard.of(Hint)] == [0, 4]
    assert [is_whole(hint.transaction, DRIFT_STREAM) for hint in heard.of(Hint) if hint.transaction] == [False, True]


def test_what_was_told_is_forgotten_behind_a_bound() -> None:
    node = Node()
    notes = [(D, note(fill(n))) for n in (1, 2, 1, 3, 4, 1)]
    heard = listen(FakeDial(node), telling(node, *notes), remembered=2)
    assert heard.signatures == [signature(n) for n in (1, 2, 3, 4, 1)]


@pytest.mark.parametrize("subscription", [999, "100", None, True, [1], 1.5])
def test_a_notification_of_no_subscription_of_ours_is_ignored_and_counted(subscription: Any) -> None:
    node = Node()

    async def story(_: Heard) -> None:
        assert node.peer is not None
        params = {"subscription": subscription, "result": note(fill(1))}
        node.peer.say({"jsonrpc": "2.0", "method": "logsNotification", "params": params})

    heard = listen(FakeDial(node), story)
    counts = heard.subscriptions.health()[0].counts
    assert heard.of(Hint) == []
    assert counts.unknown + counts.odd_frames == 1


@pytest.mark.parametrize(
    "frame",
    ["", "{", "[]", "null", "5", '"x"', b"\xff\xfe", '{"id":' * 2_000, '{"id": 1e400}', '{"params": 5}', "[" * 9],
)
def test_a_frame_of_no_sense_changes_nothing(frame: Any) -> None:
    node = Node()

    async def story(_: Heard) -> None:
        assert node.peer is not None
        node.peer.say(frame)
        node.tell(D, note(fill(1)))

    heard = listen(FakeDial(node), story)
    assert heard.signatures == [signature(1)]
    assert heard.subscriptions.health()[0].counts.odd_frames == 1


def test_unknown_fields_are_tolerated() -> None:
    node = Node()

    async def story(_: Heard) -> None:
        assert node.peer is not None
        result = note(fill(1)) | {"new": 1}
        result["context"]["apiVersion"] = "9"
        result["value"]["computeUnits"] = {"x": []}
        params = {"subscription": node.ids[D], "result": result, "extra": None}
        node.peer.say({"jsonrpc": "3.0", "method": "logsNotification", "params": params, "trace": "t"})

    assert listen(FakeDial(node), story).signatures == [signature(1)]


@pytest.mark.parametrize("result", [None, 5, [], {}, {"context": {}, "value": {}}, {"value": {"signature": "x"}}])
def test_a_notification_that_cannot_be_read_is_counted(result: Any) -> None:
    node = Node()
    heard = listen(FakeDial(node), telling(node, (D, result)))
    assert heard.of(Hint) == []
    assert heard.subscriptions.health()[0].streams["drift"].malformed == 1


def test_a_notification_of_which_only_the_slot_can_be_read_says_that_something_happened() -> None:
    node = Node()
    heard = listen(FakeDial(node), telling(node, (D, note(signature="no signature", slot=9))))
    assert [(hint.slot, hint.transaction) for hint in heard.of(Hint)] == [(9, None)]


# --- bounds and ends -------------------------------------------------------------------------------------------------


def test_a_slow_reader_slows_the_sockets_and_loses_nothing() -> None:
    """While nobody reads, nothing is taken from the socket, and nobody's silence is counted."""
    node = Node()
    heard: list[News] = []

    async def main() -> None:
        subscriptions = LogSubscriptions(
            (URL,), [DRIFT_STREAM], FakeDial(node), rng=Random(1), settings=HintSettings(unread=10)
        )
        async with aclosing(subscriptions.hints()) as hints:
            heard.append(await anext(hints))
            for number in range(500):
                node.tell(D, note(fill(number)))
            await asyncio.sleep(300)
            assert subscriptions.health()[0].streams["drift"].notifications <= 12
            while len(heard) < 501:
                heard.append(await anext(hints))

    run(main())
    assert isinstance(heard[0], Subscribed)
    assert sum(isinstance(one, Hint) for one in heard) == 500


@pytest.mark.parametrize("way", ["closed", "cancelled"])
def test_every_socket_is_closed_with_the_iterator(way: str) -> None:
    urls = [f"wss://{n}.example" for n in range(4)]
    dial = FakeDial(by_url={url: None if url == urls[2] else Node() for url in urls})

    async def consume(subscriptions: LogSubscriptions) -> None:
        async with aclosing(subscriptions.hints()) as hints:
            async for _ in hints:
                if way == "closed":
                    return

    async def main() -> None:
        subscriptions = LogSubscriptions(urls, protocols(), dial, rng=Random(1))
        task = asyncio.create_task(consume(subscriptions))
        await asyncio.sleep(5)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert len(dial.peers) == 3
        assert dial.open == 0
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_two_readers_one_after_the_other_both_hear() -> None:
    node = Node()

    async def main() -> None:
        subscriptions = LogSubscriptions((URL,), [DRIFT_STREAM], FakeDial(node), rng=Random(1))
        for number in (1, 2):
            async with aclosing(subscriptions.hints()) as hints:
                assert isinstance(await anext(hints), Subscribed)
                node.tell(D, note(fill(number)))
                assert isinstance(await anext(hints), Hint)

    run(main())


def test_an_endpoint_named_twice_is_listened_to_once() -> None:
    dial = FakeDial(Node())
    listen(dial, after(1), urls=(URL, URL))
    assert len(dial.peers) == 1


def test_health_tells_how_every_endpoint_and_stream_does() -> None:
    node = Node()

    async def story(heard: Heard) -> None:
        await asyncio.sleep(10)
        node.tell(D, note(fill(1), slot=77))
        await asyncio.sleep(1)
        (link,) = heard.subscriptions.health()
        drift = link.streams["drift"]
        assert (link.endpoint, link.connects, link.failures, link.connected_since) == (SHOWN, 1, 0, 0.0)
        assert (drift.subscribed_since, drift.notifications, drift.slot) == (0.0, 1, 77)
        assert drift.last_at == pytest.approx(10.1)
        assert link.counts.slot == 77
        assert node.peer is not None
        node.peer.hang_up("closed 1006")
        await asyncio.sleep(0.01)
        assert drift.subscribed_since == 0.0  # A snapshot stays what it was.
        (link,) = heard.subscriptions.health()
        assert (link.connected_since, link.failures) == (None, 1)
        assert (link.streams["drift"].losses, link.streams["drift"].lost_reason) == (1, "closed 1006")

    listen(FakeDial(node), story)


def test_no_key_is_ever_shown() -> None:
    heard = listen(FakeDial(None), after(10), urls=(URL, OTHER_URL))
    shown = json.dumps(msgspec.to_builtins([*(news for _, news in heard.news), *heard.subscriptions.health()]))
    assert "node.example" in shown
    assert SECRET not in shown


# --- nothing raises --------------------------------------------------------------------------------------------------

FRAMES = disturbed(
    {"jsonrpc": "2.0", "method": "logsNotification", "params": {"subscription": 102, "result": note(fill(1))}}
) | disturbed({"jsonrpc": "2.0", "id": 2, "result": 102, "error": {"code": 1, "message": "x"}})


@settings(QUIET, max_examples=200)
@given(st.lists(FRAMES | json_values, max_size=8), st.lists(st.binary(max_size=20) | st.text(max_size=20), max_size=3))
def test_no_frame_ends_the_listening(frames: list[Any], raw: list[Any]) -> None:
    node = Node()

    async def story(_: Heard) -> None:
        assert node.peer is not None
        for frame in (*frames, *raw):
            node.peer.say(frame)
        await asyncio.sleep(1)
        assert node.peer.is_open

    listen(FakeDial(node), story)


# --- whole or to be fetched ------------------------------------------------------------------------------------------


def notified(tx: Transaction) -> Transaction:
    return msgspec.structs.replace(tx, instructions=None, keys=None, tx_index=None, block_time=None)


def test_rows_may_be_written_from_a_log_stream_with_whole_lines_alone() -> None:
    assert is_whole(notified(FILL_TX), DRIFT_STREAM)
    assert not is_whole(notified(log_transaction(JUPITER, FILL)), JUPITER_STREAM)
    assert not is_whole(notified(FILL_TX), GMX_STREAM)
    lines = FILL_TX.logs or ()
    for broken in (None, (), (*lines[:2], "Log truncated", *lines[2:]), lines[1:], lines[:-1]):
        assert not is_whole(notified(msgspec.structs.replace(FILL_TX, logs=broken)), DRIFT_STREAM)
    assert not is_whole(notified(msgspec.structs.replace(FILL_TX, succeeded=False)), DRIFT_STREAM)


def test_text_about_a_cut_is_no_cut() -> None:
    lines = FILL_TX.logs or ()
    assert is_whole(notified(with_lines(FILL_TX, lines[0], "Program log: Log truncated", *lines[1:])), DRIFT_STREAM)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_what_is_whole_gives_the_failures_and_records_that_the_fetched_one_gives(case: Any) -> None:
    """Nothing that the tree would contradict may be written early, as far as lines can tell."""
    if case.tx.succeeded and is_whole(notified(case.tx), DRIFT_STREAM):
        early = process(notified(case.tx), [DRIFT_STREAM], Reference())
        whole = process(case.tx, [DRIFT_STREAM], Reference())
        assert not [row for row in early.failures if row.reason in ("truncated_logs", "attribution_mismatch")]
        assert len(early.records) >= len(whole.records)
