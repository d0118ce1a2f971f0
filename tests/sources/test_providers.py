"""The pool: who is asked, in which order, how often, and what is said when nobody can answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from indexer.core.jsonrpc import plain
from indexer.core.transaction import Unavailable
from indexer.sources.base import SourceInterrupted
from indexer.sources.endpoint import Quarantine
from indexer.sources.providers import Answer, Providers, Question
from indexer.sources.reasons import Refused
from indexer.sources.wire import Reply, WireBroken
from tests.sources.scripted import Error, Node, Null, pool, run

NUMBER = plain(int)
HTML = Reply(200, {"content-type": "text/html"}, b"<html>502 Bad Gateway</html>")
CUT = Reply(200, {}, b'{"jsonrpc":"2.0","id":0,"result":{"block')


def status(code: int, **headers: str) -> Reply:
    return Reply(code, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


async def number(providers: Providers, lane: Any = "live", method: str = "getThing", **terms: Any) -> Answer[int]:
    return await providers.ask(method, [1], NUMBER, lane=lane, **terms)


def ask(nodes: Sequence[Node], times: int = 1, **terms: Any) -> list[Answer[int]]:
    settings = {name: terms.pop(name) for name in ("quarantine", "patience_s", "endpoints") if name in terms}

    async def main() -> list[Answer[int]]:
        providers = pool(nodes, **settings)
        return [await number(providers, **terms) for _ in range(times)]

    return run(main())


# --- another endpoint takes over ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        *(Error(code) for code in (-32001, -32004, -32005, -32007, -32009, -32014, -32015, -32016, -32019)),
        *(Error(code) for code in (-32601, -32602, -32603)), WireBroken("reset"), Null, "text", {"not": "a number"},
        HTML, CUT, Reply(200, {}, b""), Reply(200, {}, b"\xff\xfe"),
        *(status(code) for code in (301, 400, 401, 403, 404, 413, 429, 500, 502, 503, 504)),
        Reply(200, {}, b'{"jsonrpc":"2.0","id":99999,"result":5}'), Reply(200, {}, b'{"jsonrpc":"2.0","id":0}'),
        Reply(200, {}, b'{"error":"Too many requests"}'), Reply(200, {}, b"[]"), Reply(200, {}, b"[" * 100_000),
        Error(-32007, "50/second request limit reached"), Error(0, "strange"),
    ],
    ids=str,
)  # fmt: skip
def test_what_one_endpoint_cannot_answer_another_is_asked(first: Any) -> None:
    bad, good = Node({"getThing": first}), Node({"getThing": 7}, latency_s=0.5)
    assert ask([bad, good], times=3) == [Answer(7, "b")] * 3
    assert bad.calls("getThing")


def test_what_reading_refuses_another_is_asked_for() -> None:
    nodes = [Node({"getThing": 0}), Node({"getThing": 7})]

    def there(value: int) -> int:
        if value == 0:
            raise Unavailable("nothing")
        return value

    async def main() -> Answer[int]:
        return await pool(nodes).ask("getThing", [], NUMBER.checked(there), lane="live")

    assert run(main()) == Answer(7, "b")


def test_where_all_have_answered_and_nobody_has_it_it_is_refused_with_every_reason() -> None:
    nodes = [Node({"getThing": Error(-32004)}), Node({"getThing": Null}), Node({"getThing": Error(-32601)})]
    with pytest.raises(Refused) as caught:
        ask(nodes)
    assert list(caught.value.reasons) == ["a", "b", "c"]
    assert "-32004" in caught.value.reasons["a"]
    assert "null" in caught.value.reasons["b"]
    assert len([node.calls("getThing") for node in nodes]) == 3


def test_where_somebody_did_not_answer_it_is_interrupted() -> None:
    nodes = [Node({"getThing": Error(-32004)}), Node({"getThing": status(500)})]
    with pytest.raises(SourceInterrupted) as caught:
        ask(nodes, patience_s=1)
    assert not isinstance(caught.value, Refused)
    assert "a: " in str(caught.value)
    assert "b: HTTP 500" in str(caught.value)


def test_who_is_away_for_long_has_no_say() -> None:
    """A dead endpoint in the settings does not keep a slot from being called unavailable."""
    nodes = [Node({"getThing": Error(-32004)}), Node({"getThing": WireBroken("refused")})]

    async def main() -> None:
        providers = pool(nodes, quarantine=Quarantine(away_s=60))
        kinds = []
        for _ in range(5):
            with pytest.raises(SourceInterrupted) as caught:
                await number(providers)
            kinds.append(type(caught.value))
            await asyncio.sleep(30)
        assert kinds[0] is SourceInterrupted
        assert kinds[-1] is Refused

    run(main())


def test_an_endpoint_to_avoid_is_not_asked() -> None:
    nodes = [Node({"getThing": 1}), Node({"getThing": 2}, latency_s=1)]
    assert ask(nodes, times=3, avoid=("a",)) == [Answer(2, "b")] * 3
    assert nodes[0].asked == []
    assert ask(nodes, only="a") == [Answer(1, "a")]


def test_with_nobody_to_ask_it_is_interrupted() -> None:
    with pytest.raises(SourceInterrupted, match="no endpoint is left"):
        ask([Node({"getThing": 1})], avoid=("a",))


def test_an_outage_that_passes_within_patience_is_not_told() -> None:
    calls = iter([WireBroken("reset"), status(500), HTML, 7])
    assert ask([Node({"getThing": lambda _: next(calls)})]) == [Answer(7, "a")]


def test_a_method_that_is_not_offered_is_asked_for_once() -> None:
    nodes = [Node({"getThing": Error(-32601)}), Node({"getThing": 7}, latency_s=1)]
    assert ask(nodes, times=5) == [Answer(7, "b")] * 5
    assert len(nodes[0].calls("getThing")) == 1


def test_a_method_that_was_not_offered_is_tried_again_after_a_while() -> None:
    answers = iter([Error(-32601), 7])

    async def main() -> None:
        providers = pool([Node({"getThing": lambda _: next(answers)})])
        for _ in range(3):
            with pytest.raises(Refused, match="not offered"):
                await number(providers)
        await asyncio.sleep(700)
        assert (await number(providers)).value == 7

    run(main())


def test_who_is_known_to_be_without_the_slot_is_asked_last() -> None:
    young, old = Node({"getThing": 1}), Node({"getThing": 2}, latency_s=1)

    async def main() -> None:
        providers = pool([young, old])
        await number(providers, only="a")
        await number(providers, only="b")
        providers.saw("a", first_block=500)
        assert (await number(providers, slot=499)).endpoint == "b"
        assert (await number(providers, slot=500)).endpoint == "a"
        assert (await number(providers, slot=499, avoid=("b",))).endpoint == "a"
        providers.saw("a", finalized_slot=900)
        assert (await number(providers, slot=900)).endpoint == "a"
        assert (await number(providers, slot=901)).endpoint == "b"

    run(main())


# --- cluster ------------------------------------------------------------------------------------------------------


def test_an_endpoint_of_another_cluster_is_refused_for_good() -> None:
    foreign, ours = Node({"getThing": 666}, genesis="Devnet"), Node({"getThing": 7}, latency_s=1)

    async def main() -> None:
        providers = pool([foreign, ours])
        assert [await number(providers) for _ in range(3)] == [Answer(7, "b")] * 3
        assert providers.names == ["b"]
        health = providers.health()[0]
        assert (health.state, "Devnet" in str(health.reason)) == ("foreign", True)

    run(main())
    assert [one.method for one in foreign.asked] == ["getGenesisHash"]


def test_with_endpoints_of_another_cluster_alone_it_is_interrupted() -> None:
    with pytest.raises(SourceInterrupted, match="Devnet"):
        ask([Node({"getThing": 1}, genesis="Devnet")])


def test_nothing_is_believed_before_the_genesis_hash_was_seen() -> None:
    node = Node({"getThing": 1})
    ask([node], times=3)
    assert [one.method for one in node.asked] == ["getGenesisHash", *["getThing"] * 3]


# --- shown to be past a slot --------------------------------------------------------------------------------------


def test_an_answer_counts_from_an_endpoint_that_is_past_the_slot() -> None:
    """Handoff defect 11: the node that is behind is passed over."""
    behind, ahead = Node({"getThing": 1}, slot=99), Node({"getThing": 2}, slot=100, latency_s=1)
    assert ask([behind, ahead], past=100) == [Answer(2, "b")]
    assert behind.calls("getThing") == []


def test_where_all_are_behind_it_is_refused_with_both_slots() -> None:
    with pytest.raises(Refused, match="finalized slot is 99, it has to be past 100"):
        ask([Node({"getThing": 1}, slot=99)], past=100)


def test_an_endpoint_that_was_seen_past_the_slot_is_not_asked_again() -> None:
    node = Node({"getThing": 1}, slot=100)
    ask([node], times=5, past=100)
    assert len(node.calls("getSlot")) == 1


# --- rates --------------------------------------------------------------------------------------------------------


async def working(providers: Providers, lane: Any, seconds: float, at_once: int = 20) -> None:
    """Ask as much as the pool lets us, for so long."""

    async def work() -> None:
        while True:
            await number(providers, lane)

    tasks = [asyncio.create_task(work()) for _ in range(at_once)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended


def limited(most_per_s: int, **headers: str) -> Node:
    """A node that answers 429 to more than so many requests in a second."""
    node = Node()

    def answer(_: list[Any]) -> Any:
        now = asyncio.get_running_loop().time()
        recent = [one for one in node.calls("getThing") if one.at > now - 1]
        return 7 if len(recent) <= most_per_s else status(429, **headers)

    node.answers = {"getThing": answer}
    return node


def per_s(node: Node, start: float, end: float) -> float:
    return sum(start <= one.at < end for one in node.calls("getThing")) / (end - start)


def test_the_rate_finds_what_an_endpoint_takes_and_stays_near_it() -> None:
    node = limited(20)

    async def main() -> Providers:
        providers = pool([node], endpoints={"start_per_s": 5.0, "most_per_s": 200.0}, patience_s=1000)
        await working(providers, "backfill", 120)
        return providers

    health = run(main()).health()[0].methods["getThing"]
    assert 10 < per_s(node, 60, 120) < 25
    assert health.overloads < health.successes / 20
    assert health.per_s < 45


def test_the_rate_goes_down_on_429_and_up_again() -> None:
    troubled = [True]
    node = Node({"getThing": lambda _: status(429) if troubled[0] else 7})

    async def main() -> list[float]:
        providers = pool([node], endpoints={"start_per_s": 40.0}, patience_s=10_000)
        rates = []
        for seconds in (20, 60):
            await working(providers, "backfill", seconds)
            rates.append(providers.health()[0].methods["getThing"].per_s)
            troubled[0] = False
        return rates

    low, high = run(main())
    assert low < 2
    assert high > 20


def test_a_configured_ceiling_is_kept_over_all_methods_together() -> None:
    node = Node({"getThing": 7, "getOther": 8})

    async def main() -> None:
        providers = pool([node], endpoints={"start_per_s": 100.0, "most_per_s": 10.0})

        async def other() -> None:
            while True:
                await number(providers, "live", "getOther")

        task = asyncio.create_task(other())
        await working(providers, "live", 20)
        task.cancel()

    run(main())
    assert 9 <= sum(1 for one in node.asked if 1 <= one.at < 20) / 19 <= 10.1


def test_retry_after_is_kept() -> None:
    for headers in (
        {"retry_after": "30"},
        {"retry_after": "Tue, 15 Nov 1994 08:12:31 GMT", "date": "Tue, 15 Nov 1994 08:12:01 GMT"},
    ):
        replies = iter([status(429, **headers), 7])
        node = Node({"getThing": lambda _, replies=replies: next(replies)})
        assert ask([node], patience_s=60) == [Answer(7, "a")]
        first, second = (one.at for one in node.calls("getThing"))
        assert 30 <= second - first < 31


def test_to_wait_longer_than_patience_is_not_waited_for() -> None:
    async def main() -> float:
        with pytest.raises(SourceInterrupted, match="429"):
            await number(pool([Node({"getThing": status(429, retry_after="3600")})], patience_s=30))
        return asyncio.get_running_loop().time()

    assert run(main()) < 1


def test_who_asks_for_less_is_passed_over_for_one_that_does_not() -> None:
    nodes = [Node({"getThing": status(429, retry_after="1000")}), Node({"getThing": 7}, latency_s=2)]
    assert ask(nodes, times=10) == [Answer(7, "b")] * 10
    assert len(nodes[0].calls("getThing")) == 1


# --- lanes --------------------------------------------------------------------------------------------------------


def test_a_live_request_goes_before_all_backfill_that_waits() -> None:
    node = Node({"getThing": 7}, latency_s=0.05)

    async def main() -> float:
        providers = pool([node], endpoints={"start_per_s": 4.0, "most_per_s": 4.0})
        load = asyncio.create_task(working(providers, "backfill", 60, at_once=100))
        await asyncio.sleep(30)
        slowest = 0.0
        for _ in range(20):
            began = asyncio.get_running_loop().time()
            await number(providers, "live")
            slowest = max(slowest, asyncio.get_running_loop().time() - began)
            await asyncio.sleep(1)
        load.cancel()
        return slowest

    assert run(main()) < 0.2  # 100 wait, at 4 a second.


def test_where_there_is_one_token_at_a_time_a_live_request_gets_it() -> None:
    node = Node({"getThing": 7})

    async def main() -> float:
        providers = pool([node], endpoints={"start_per_s": 1.0, "most_per_s": 1.0})
        load = asyncio.create_task(working(providers, "backfill", 60, at_once=100))
        await asyncio.sleep(30.5)
        began = asyncio.get_running_loop().time()
        await number(providers, "live")
        load.cancel()
        return asyncio.get_running_loop().time() - began

    assert run(main()) < 1.1


def test_what_settles_goes_behind_what_is_live_and_is_never_starved_by_it() -> None:
    node = Node({"getThing": 7})

    async def main() -> int:
        providers = pool([node], endpoints={"start_per_s": 1.0, "most_per_s": 1.0}, patience_s=1000)
        load = asyncio.create_task(working(providers, "live", 400, at_once=100))
        settled = 0
        async with asyncio.timeout(200):
            while settled < 25:
                await number(providers, "tail")
                settled += 1
        load.cancel()
        return settled

    assert run(main()) == 25


def test_backfill_leaves_room_in_flight_for_live_requests() -> None:
    node = Node({"getThing": 7}, latency_s=20)

    async def main() -> float:
        providers = pool([node], endpoints={"start_per_s": 1000.0, "most_per_s": 1000.0}, live_timeout_s=30)
        load = asyncio.create_task(working(providers, "backfill", 200, at_once=100))
        await asyncio.sleep(50)
        assert node.in_flight == 12
        began = asyncio.get_running_loop().time()
        await number(providers, "live")
        load.cancel()
        return asyncio.get_running_loop().time() - began

    assert run(main()) == pytest.approx(20)


def test_backfill_takes_what_is_left() -> None:
    node = Node({"getThing": 7})

    async def main() -> None:
        providers = pool([node], endpoints={"start_per_s": 10.0, "most_per_s": 10.0})
        await working(providers, "backfill", 60)

    run(main())
    assert per_s(node, 10, 60) == pytest.approx(10, abs=0.5)


def test_requests_in_flight_are_bounded() -> None:
    node = Node({"getThing": 7}, latency_s=1)

    async def main() -> None:
        providers = pool([node], endpoints={"start_per_s": 1e6, "most_per_s": 1e6, "most_in_flight": 5})
        await working(providers, "live", 20, at_once=50)

    run(main())
    assert node.most_in_flight == 5


def test_a_request_waits_for_no_endpoint_while_another_is_free() -> None:
    slow, fast = Node({"getThing": 1}, latency_s=10), Node({"getThing": 2}, latency_s=0.1)

    async def main() -> None:
        await working(
            pool([slow, fast], live_timeout_s=60, endpoints={"start_per_s": 1e6, "most_per_s": 1e6}), "live", 60
        )

    run(main())
    assert len(fast.calls("getThing")) > 30 * len(slow.calls("getThing"))


# --- quarantine ---------------------------------------------------------------------------------------------------


def test_who_fails_often_is_left_alone_longer_and_longer_and_comes_back() -> None:
    troubled = [True]
    node = Node({"getThing": lambda _: WireBroken("reset") if troubled[0] else 7})

    async def main() -> None:
        providers = pool([node], patience_s=300)
        task = asyncio.create_task(number(providers))
        await asyncio.sleep(200)
        assert providers.health()[0].state == "quarantined"
        assert "reset" in str(providers.health()[0].reason)
        troubled[0] = False
        assert await task == Answer(7, "a")
        assert providers.health()[0].state == "up"

    run(main())
    times = [one.at for one in node.calls("getThing")]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) < 20
    assert max(waits[:2]) < 0.1  # The first two failures are no pattern yet.
    assert max(waits) > 20
    assert max(waits) <= 60.1


def test_failures_that_were_on_their_way_together_are_one_outage() -> None:
    troubled = [True]
    node = Node({"getThing": lambda _: WireBroken("reset") if troubled[0] else 7}, latency_s=1)

    async def main() -> float:
        providers = pool([node], endpoints={"start_per_s": 1000.0, "most_per_s": 1000.0})
        node.answers = {"getThing": 7}
        await number(providers)
        node.answers = {"getThing": lambda _: WireBroken("reset") if troubled[0] else 7}
        tasks = [asyncio.create_task(number(providers)) for _ in range(16)]
        await asyncio.sleep(1.5)
        troubled[0] = False
        assert [(await task).value for task in tasks] == [7] * 16
        return asyncio.get_running_loop().time()

    assert run(main()) < 8


def test_after_a_quarantine_one_request_tries_before_all_others() -> None:
    node = Node({"getThing": WireBroken("reset")}, latency_s=0.2)

    async def main() -> None:
        providers = pool([node], patience_s=30)
        tasks = [asyncio.create_task(number(providers)) for _ in range(10)]
        await asyncio.sleep(5)
        node.most_in_flight = 0
        await asyncio.sleep(15)
        assert node.most_in_flight == 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(main())


def test_a_wrong_key_is_not_tried_again_at_once() -> None:
    nodes = [Node({"getThing": status(401)}), Node({"getThing": 7}, latency_s=1)]
    assert ask(nodes, times=3, quarantine=Quarantine(first_s=100, most_s=100)) == [Answer(7, "b")] * 3
    assert len(nodes[0].calls("getThing")) == 1


def test_a_time_out_is_shorter_for_live_requests() -> None:
    async def main(lane: Any) -> float:
        nodes = [Node({"getThing": 1}, latency_s=0.01), Node({"getThing": 2}, latency_s=0.02)]
        providers = pool(nodes)
        for name in ("a", "b"):
            await number(providers, only=name)
        nodes[0].latency_s = 1e9
        began = asyncio.get_running_loop().time()
        assert (await number(providers, lane)).value == 2
        return asyncio.get_running_loop().time() - began

    assert 5 < run(main("live")) < 6
    assert 30 < run(main("backfill")) < 31


# --- many at once -------------------------------------------------------------------------------------------------


def many(nodes: Sequence[Node], count: int, **settings: Any) -> list[Any]:
    async def main() -> list[Any]:
        providers = pool(nodes, **settings)
        await number(providers)  # So that who they are is known.
        questions = [Question([n], NUMBER) for n in range(count)]
        return await providers.ask_many("getOne", questions, lane="backfill")

    return run(main())


FAST = {"start_per_s": 1e6, "most_per_s": 1e6}


def echo(params: list[Any]) -> Any:
    return params[0]


def test_many_requests_are_answered_in_order_and_in_batches() -> None:
    node = Node({"getThing": 7, "getOne": echo})
    assert [answer.value for answer in many([node], 95, endpoints=FAST)] == list(range(95))
    assert len(node.calls("getOne")) == 95
    assert {one.in_batch for one in node.calls("getOne")} == {15, 20}


def test_who_takes_no_batches_gets_single_requests() -> None:
    for refusal in (False, status(400), status(403), status(404)):
        node = Node({"getThing": 7, "getOne": echo}, takes_batches=False)
        node.batch_refusal = refusal or None
        found = many([node], 40, endpoints={**FAST, "most_batch": 40})
        assert [answer.value for answer in found] == list(range(40))
        assert {one.in_batch for one in node.calls("getOne")} == {1}


def test_a_batch_that_is_too_large_shrinks() -> None:
    node = Node({"getThing": 7, "getOne": echo})
    node.most_in_batch = 3
    assert [answer.value for answer in many([node], 40, endpoints=FAST)] == list(range(40))
    assert max(one.in_batch for one in node.calls("getOne")) <= 3


def test_what_a_batch_did_not_answer_another_endpoint_is_asked_for() -> None:
    strange = {3: Null, 4: Error(-32004), 5: Error(-32005, "Rate limit exceeded"), 6: "text"}
    nodes = [Node({"getThing": 7, "getOne": lambda p: strange.get(p[0], p[0])}), Node({"getThing": 7, "getOne": echo})]
    nodes[1].latency_s = 1
    found = many(nodes, 12, endpoints=FAST)
    assert [answer.value for answer in found] == list(range(12))
    assert {answer.endpoint for answer in found[3:7]} == {"b"}


def test_of_many_those_that_nobody_has_are_refused_one_by_one() -> None:
    node = Node({"getThing": 7, "getOne": lambda p: Null if p[0] % 3 else p[0]})
    found = many([node], 12, endpoints=FAST)
    assert [isinstance(answer, Refused) for answer in found] == [bool(n % 3) for n in range(12)]


def test_answers_of_a_batch_may_come_in_any_order_and_lack_some() -> None:
    node = Node({"getThing": 7, "getOne": echo})
    node.shuffles_batches = True
    node.drops_from_batches = 2
    assert [answer.value for answer in many([node], 40, endpoints=FAST)] == list(range(40))


def test_an_outage_in_many_interrupts_all_and_leaves_nothing_running() -> None:
    node = Node({"getThing": 7, "getOne": lambda p: WireBroken("reset") if p[0] == 30 else p[0]})

    async def main() -> None:
        providers = pool([node], endpoints={**FAST, "most_batch": 1}, patience_s=2)
        await number(providers)
        with pytest.raises(SourceInterrupted, match="reset"):
            await providers.ask_many("getOne", [Question([n], NUMBER) for n in range(60)], lane="backfill")
        assert len(asyncio.all_tasks()) == 1
        assert providers.health()[0].in_flight == 0

    run(main())


def test_a_cancel_gives_everything_back() -> None:
    node = Node({"getThing": 7}, latency_s=1)

    async def main() -> None:
        providers = pool([node], endpoints={"start_per_s": 5.0})
        for delay in (0.0, 0.1, 0.5, 1.0, 1.01, 1.5, 2.0):
            tasks = [asyncio.create_task(number(providers)) for _ in range(30)]
            await asyncio.sleep(delay)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            assert providers.health()[0].in_flight == 0
        assert (await number(providers)).value == 7
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_a_cancel_in_the_moment_of_the_grant_gives_the_place_back() -> None:
    async def main() -> None:
        providers = pool([Node({"getThing": 7}, latency_s=1)], endpoints={"most_in_flight": 1})
        await number(providers)
        waiting = asyncio.create_task(number(providers))
        await number(providers)
        waiting.cancel()  # In this very step it was granted what we gave back.
        await asyncio.gather(waiting, return_exceptions=True)
        assert providers.health()[0].in_flight == 0

    run(main())


# --- what is told -------------------------------------------------------------------------------------------------


def test_health_tells_what_every_endpoint_did() -> None:
    replies = iter([7, 7, Null, status(429), status(500), 7])
    node = Node({"getThing": lambda _: next(replies)}, slot=500, first_block=20)

    async def main() -> Any:
        providers = pool([node])
        for _ in range(2):
            await number(providers, past=400)
        with pytest.raises(Refused):
            await number(providers)
        await number(providers)
        providers.saw("a", slot=510, first_block=20)
        return providers.health()[0]

    health = run(main())
    thing = health.methods["getThing"]
    assert (health.name, health.state, health.observed_slot, health.finalized_slot) == ("a", "up", 510, 500)
    assert health.first_block == 20
    assert (thing.successes, thing.refusals, thing.overloads, thing.errors) == (3, 1, 1, 1)
    assert thing.latency_s == pytest.approx(0.01)
