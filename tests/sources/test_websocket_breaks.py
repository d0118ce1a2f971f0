"""Links that fall silent, break, or are refused: what is asked anew and when, and what is said of it.

All in virtual time, against scripted nodes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from itertools import pairwise
from typing import Any

import pytest

from indexer.sources.hints import Hint, Lost, Subscribed
from tests.sources.hearing import (
    JUPITER_STREAM,
    OTHER_SHOWN,
    OTHER_URL,
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
)
from tests.sources.wires import FakeDial
from tests.world import signature

# --- silence ---------------------------------------------------------------------------------------------------------


def test_a_link_without_any_frame_is_opened_anew() -> None:
    """Silent without a close: the slots that a node tells every 400 ms stop."""
    node = Node()

    async def story(_: Heard) -> None:
        await asyncio.sleep(10)
        node.beats = False
        await asyncio.sleep(20)
        node.beats = True

    heard = listen(FakeDial(node), story)
    assert node.links == 2
    assert [(news.stream, news.reason) for news in heard.of(Lost)] == [
        (name, "no frame for 15 s") for name in ("drift", "jupiter_perps", "gmx_solana")
    ]


def test_a_silent_subscription_is_asked_for_anew_and_then_the_link() -> None:
    node = Node()
    heard = listen(FakeDial(node), after(200), streams=[JUPITER_STREAM], stream_s=60.0, resubscribes=2)
    assert [round(at) for at in node.times("logsSubscribe", J)] == [0, 60, 120, 180]
    assert node.links == 2
    told = [(round(at), type(news)) for at, news in heard.news]
    assert told == [
        (0, Subscribed),
        (60, Lost),
        (60, Subscribed),
        (120, Lost),
        (120, Subscribed),
        (180, Lost),
        (180, Subscribed),
    ]


def test_the_watchdog_goes_on_where_no_new_subscription_ever_yields() -> None:
    """An hour of a node that confirms everything and tells nothing: it is never left alone."""
    node = Node()
    listen(FakeDial(node), after(3_600), streams=[JUPITER_STREAM], stream_s=60.0)
    times = node.times("logsSubscribe", J)
    assert len(times) >= 55
    assert max(later - sooner for sooner, later in pairwise(times)) < 130


@pytest.mark.parametrize("mute", [["logsSubscribe"], ["logsSubscribe", "slotSubscribe"]])
def test_a_node_that_never_answers_is_left_and_asked_again_for_ever(mute: list[str]) -> None:
    node = Node(mute=mute)
    heard = listen(FakeDial(node), after(1_800))
    assert node.links > 20
    assert {news.reason for news in heard.of(Lost)} == {"no answer to logsSubscribe for 15 s"}
    assert len(heard.of(Lost)) == 3  # Each stream once: it was never told again.


def test_a_stream_that_speaks_is_not_asked_for_anew() -> None:
    node = Node()

    async def story(_: Heard) -> None:
        for number in range(20):
            await asyncio.sleep(30)
            node.tell(J, note(fill(number)))

    listen(FakeDial(node), story, streams=[JUPITER_STREAM], stream_s=60.0)
    assert len(node.times("logsSubscribe", J)) == 1


def notified_every(seconds: float, times: int, node: Node) -> Awaitable[None]:
    async def telling() -> None:
        for number in range(times):
            await asyncio.sleep(seconds)
            node.tell(J, note(fill(number), slot=int(asyncio.get_running_loop().time() * 10)))

    return telling()


def test_a_stream_that_is_quiet_by_nature_is_waited_for_longer() -> None:
    """A notification every 100 seconds: the watchdog learns it, also over links, and does no more for nothing."""
    node = Node()

    async def story(_: Heard) -> None:
        await notified_every(100, 10, node)
        assert node.peer is not None
        node.peer.hang_up("closed 1006")
        await asyncio.sleep(5)
        node.asked.clear()
        await notified_every(100, 10, node)

    listen(FakeDial(node), story, streams=[JUPITER_STREAM], stream_s=60.0)
    assert node.times("logsSubscribe", J) == []
    assert node.links == 2


def test_a_loud_day_ends_a_quiet_night() -> None:
    node = Node()

    async def story(_: Heard) -> None:
        await notified_every(100, 10, node)
        await notified_every(1, 100, node)
        node.asked.clear()
        await asyncio.sleep(65)

    listen(FakeDial(node), story, streams=[JUPITER_STREAM], stream_s=60.0)
    assert len(node.times("logsSubscribe", J)) == 1


def test_how_long_a_dead_subscription_was_silent_teaches_nothing() -> None:
    """A loud stream whose subscription dies again and again: each time it takes as long to notice."""
    node = Node()

    async def story(_: Heard) -> None:
        for _ in range(5):
            await notified_every(1, 3, node)
            node.asked.clear()
            await asyncio.sleep(58)
            assert node.times("logsSubscribe", J) == []
            await asyncio.sleep(4)
            assert len(node.times("logsSubscribe", J)) == 1

    listen(FakeDial(node), story, streams=[JUPITER_STREAM], stream_s=60.0)


def test_a_loud_stream_does_not_hide_the_silence_of_another() -> None:
    node = Node()

    async def story(_: Heard) -> None:
        for number in range(700):
            node.tell(D, note(fill(number)))
            node.tell(V, note(fill(number)))
            await asyncio.sleep(0.1)

    listen(FakeDial(node), story, stream_s=60.0)
    assert len(node.times("logsSubscribe", G)) == 2
    assert len(node.times("logsSubscribe", D)) == 1


def test_without_slots_to_hear_the_streams_are_watched_all_the_same() -> None:
    node = Node(refused={"": {"code": -32601, "message": "Method not found"}}, beats=False)
    heard = listen(FakeDial(node), after(50), streams=[JUPITER_STREAM], stream_s=60.0)
    assert (node.links, heard.of(Lost)) == (1, [])
    listen(FakeDial(node), after(70), streams=[JUPITER_STREAM], stream_s=60.0)
    assert len(node.times("logsSubscribe", J)) == 3


def test_a_new_subscription_with_the_same_id_is_not_given_up() -> None:
    """Nodes give equal subscriptions one id: leaving the old one after the new one stands would leave both."""
    node = Node(same_ids=True)

    async def story(_: Heard) -> None:
        await asyncio.sleep(61)
        node.tell(J, note(fill(1)))

    heard = listen(FakeDial(node), story, streams=[JUPITER_STREAM], stream_s=60.0)
    methods = [method for _, method, _ in node.asked]
    assert methods == ["slotSubscribe", "logsSubscribe", "logsUnsubscribe", "logsSubscribe"]
    assert heard.signatures == [signature(1)]


def test_the_old_subscription_still_tells_until_the_new_one_stands() -> None:
    node = Node()

    async def story(_: Heard) -> None:
        await asyncio.sleep(58)
        node.mute = ["logsSubscribe"]
        await asyncio.sleep(5)
        node.tell(J, note(fill(1)))

    heard = listen(FakeDial(node), story, streams=[JUPITER_STREAM], stream_s=60.0)
    assert heard.signatures == [signature(1)]


# --- breaks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1006, 1009])
def test_a_closed_link_is_opened_again_and_every_stream_with_it(code: int) -> None:
    node = Node()

    async def story(_: Heard) -> None:
        assert node.peer is not None
        node.peer.hang_up(f"closed {code}")
        await asyncio.sleep(2)
        node.tell(D, note(fill(1)))

    heard = listen(FakeDial(node), story)
    kinds = [type(news) for _, news in heard.news if news.stream == "drift"]
    assert kinds == [Subscribed, Lost, Subscribed, Hint]
    assert {news.reason for news in heard.of(Lost)} == {f"closed {code}"}


def test_pauses_grow_with_jitter_up_to_a_bound_and_never_end() -> None:
    dial = FakeDial(None)
    heard = listen(dial, after(1_000), first_pause_s=0.5, longest_pause_s=60.0)
    pauses = [later - sooner for sooner, later in pairwise(dial.dialled_at)]
    bounds = [min(0.5 * 2**n, 60.0) for n in range(len(pauses))]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(pauses, bounds, strict=True))
    assert len(pauses) > 20
    assert len({round(pause, 6) for pause in pauses[-10:]}) == 10
    assert len(heard.of(Lost)) == 3


def test_a_link_that_breaks_at_once_is_not_opened_in_a_hurry_though_it_was_confirmed() -> None:
    dial = FakeDial(Node(lives_s=0.05))
    listen(dial, after(600))
    assert len(dial.dialled_at) < 25


def test_after_a_link_that_lived_the_first_pause_is_short_again() -> None:
    dial = FakeDial(None, None, None, None, None, None, Node(lives_s=120), Node())
    listen(dial, after(200))
    assert dial.dialled_at[-1] - (dial.dialled_at[-2] + 120) <= 0.5


@pytest.mark.parametrize("key", ["short1", "0123456789abcdef0123456789abcdef"])
def test_no_reason_of_a_loss_shows_a_key_of_the_address(key: str) -> None:
    url = f"wss://node.example/v1/{key}?k={key}x"

    heard = listen(FakeDial(by_url={url: None}), after(5), urls=(url,))  # Which tells the whole address.
    assert {lost.endpoint for lost in heard.of(Lost)} == {"node.example"}
    assert all("no connection" in lost.reason and key not in lost.reason for lost in heard.of(Lost))


def test_two_endpoints_of_one_host_are_told_apart() -> None:
    urls = ("wss://node.example/one", "wss://node.example/two")

    heard = listen(FakeDial(by_url=dict.fromkeys(urls)), after(5), urls=urls)
    assert {lost.endpoint for lost in heard.of(Lost)} == {"node.example", "node.example#2"}


def test_one_endpoint_down_is_no_loss_of_the_other() -> None:
    node = Node()

    async def story(_: Heard) -> None:
        await asyncio.sleep(5)
        node.tell(D, note(fill(1)))

    heard = listen(FakeDial(by_url={URL: None, OTHER_URL: node}), story, urls=(URL, OTHER_URL))
    assert {news.endpoint for news in heard.of(Lost)} == {SHOWN}
    assert {news.endpoint for news in heard.of(Subscribed)} == {OTHER_SHOWN}
    assert heard.signatures == [signature(1)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"code": -32601, "message": "Method not found"}, "-32601 Method not found"),
        ({"code": -32005, "message": f"Too many subscriptions for {URL}"}, "-32005 Too many subscriptions"),
        ({"code": 1}, "neither a subscription nor an error"),
        ("no", "neither a subscription nor an error"),
        (None, "neither a subscription nor an error"),
    ],
)
def test_a_refused_subscription_is_a_loss_with_its_reason_and_is_asked_for_slowly(error: Any, reason: str) -> None:
    node = Node(refused={J: error})

    async def story(_: Heard) -> None:
        await asyncio.sleep(200)
        node.refused = {}
        await asyncio.sleep(60)

    heard = listen(FakeDial(node), story, refused_s=60.0, stream_s=1_000.0)
    (lost,) = heard.of(Lost)
    assert lost.stream == "jupiter_perps"
    assert reason in lost.reason
    assert SECRET not in lost.reason
    assert [round(at) for at in node.times("logsSubscribe", J)] == [0, 60, 120, 180, 240]
    assert node.links == 1
    assert heard.of(Subscribed)[-1].stream == "jupiter_perps"
