"""Questions to nodes: a transaction just notified, where history begins and ends, which slot a time falls into."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import count
from random import Random
from typing import Any

import msgspec
import pytest

from indexer.core import base58
from indexer.core.coverage import Span
from indexer.core.transaction import Transaction
from indexer.sources.base import SourceInterrupted
from indexer.sources.confirmed import Confirmed
from indexer.sources.reasons import Refused
from indexer.sources.rpc import Rpc, RpcSettings
from indexer.sources.slot_times import slot_near
from indexer.sources.wire import WireBroken
from tests.adversarial.answers import as_json
from tests.adversarial.cases import FILL
from tests.programs import DRIFT
from tests.sources.blockchain import TIME, SmallBlock, chain, node
from tests.sources.scripted import Error, Node, Null, pool, run
from tests.world import log_transaction, signature

TX = log_transaction(DRIFT, FILL, signature=signature(1))
NAME = base58.encode(TX.signature)


def late(nulls: int, then: Any = None) -> Node:
    """A node that has the transaction after so many nulls."""
    calls = count()
    shown = as_json(TX) if then is None else then
    return Node({"getTransaction": lambda _: Null if next(calls) < nulls else shown})


def fetch(nodes: Sequence[Node], **settings: Any) -> tuple[Transaction | None, float]:
    async def main() -> tuple[Transaction | None, float]:
        found = await Rpc(pool(nodes), RpcSettings(**settings)).transaction(NAME, lane="live")
        return found, asyncio.get_running_loop().time()

    return run(main())


# --- a transaction that was just notified -------------------------------------------------------------------------


def test_null_after_a_notification_is_asked_again_with_growing_pauses() -> None:
    one = late(5)
    found, _ = fetch([one])
    assert found is not None
    assert found.signature == TX.signature
    times = [call.at for call in one.calls("getTransaction")]
    assert times[1] - times[0] < 0.2
    assert times[-1] - times[-2] > 1
    assert one.calls("getTransaction")[0].params[1]["commitment"] == "confirmed"
    assert one.calls("getTransaction")[0].params[1]["maxSupportedTransactionVersion"] == 1


def test_another_endpoint_is_asked_at_once_where_one_says_null() -> None:
    found, seconds = fetch([late(1000), late(0)])
    assert found is not None
    assert seconds < 0.1


def test_null_for_good_is_none_in_bounded_time() -> None:
    found, seconds = fetch([late(10**9)], null_patience_s=10)
    assert found is None
    assert 7 < seconds <= 10.1


def test_an_answer_with_another_transaction_is_none_to_this_one() -> None:
    other = as_json(msgspec.structs.replace(TX, signature=signature(2)))
    assert fetch([late(0, then=other)], null_patience_s=1)[0] is None


@pytest.mark.parametrize("elsewhere", [-1, 1])
def test_a_node_that_still_has_a_notified_transaction_on_a_dropped_fork_is_asked_again(elsewhere: int) -> None:
    calls = count()
    fork = as_json(msgspec.structs.replace(TX, slot=TX.slot + elsewhere))
    behind = Node({"getTransaction": lambda _: fork if next(calls) < 4 else as_json(TX)})

    async def main() -> None:
        found = await Confirmed(Rpc(pool([behind])), "live").transaction(TX.signature, TX.slot)
        assert found is not None
        assert found.slot == TX.slot

    run(main())


def test_where_all_say_another_slot_than_a_notification_for_some_seconds_they_are_believed() -> None:
    other = msgspec.structs.replace(TX, slot=TX.slot + 1)

    async def main() -> None:
        node = Node({"getTransaction": lambda _: as_json(other)})
        found = await Confirmed(Rpc(pool([node])), "live").transaction(TX.signature, TX.slot)
        assert found is not None
        assert found.slot == other.slot
        assert 3 <= asyncio.get_running_loop().time() < 6

    run(main())


def test_a_node_that_does_not_answer_interrupts() -> None:
    with pytest.raises(SourceInterrupted, match="reset"):
        fetch([Node({"getTransaction": WireBroken("reset")})])


def test_the_version_asked_for_is_a_setting() -> None:
    one = late(0)
    fetch([one], max_transaction_version=7)
    assert one.calls("getTransaction")[0].params[1]["maxSupportedTransactionVersion"] == 7


# --- ends of history ----------------------------------------------------------------------------------------------


def ask(nodes: Sequence[Node], question: Callable[[Rpc], Any]) -> Any:
    async def main() -> Any:
        return await question(Rpc(pool(nodes)))

    return run(main())


def test_reach_is_what_all_endpoints_together_have_and_waits_for_none_that_is_dead() -> None:
    dead = Node({"getFirstAvailableBlock": WireBroken("refused"), "getSlot": WireBroken("refused")})
    deaf = Node(latency_s=1e9)

    async def main() -> tuple[Span | None, float]:
        providers = pool([Node(slot=500, first_block=100), Node(slot=510, first_block=400), dead, deaf])
        found = await Rpc(providers).reach(lane="live")
        assert [health.first_block for health in providers.health()] == [100, 400, None, None]
        assert [health.finalized_slot for health in providers.health()] == [500, 510, None, None]
        return found, asyncio.get_running_loop().time()

    found, seconds = run(main())
    assert found == Span(100, 511)
    assert seconds < 6


def test_reach_of_several_endpoints_is_what_so_many_have() -> None:
    nodes = [Node(slot=500, first_block=100), Node(slot=510, first_block=400), Node(slot=90, first_block=0)]
    reach = [ask(nodes, lambda rpc, n=n: rpc.reach(lane="live", endpoints=n)) for n in (1, 2, 3, 4)]
    assert reach == [Span(0, 511), Span(100, 501), None, None]


def test_versions_tell_who_does_not_answer() -> None:
    nodes = [
        Node({"getVersion": {"solana-core": "4.0.0", "feature-set": 1}}),
        Node({"getVersion": WireBroken("reset")}),
    ]
    versions = ask(nodes, lambda rpc: rpc.versions())
    assert versions["a"] == "4.0.0"
    assert "reset" in versions["b"]


def test_a_floor_that_is_not_told_is_unknown() -> None:
    assert ask([Node({"minimumLedgerSlot": Error(-32601)})], lambda rpc: rpc.local_floor(lane="live", only="a")) is None
    assert ask([Node()], lambda rpc: rpc.local_floor(lane="live", only="a")) == 0


# --- times --------------------------------------------------------------------------------------------------------


def timed(slots: Sequence[int], seconds: Callable[[int], int | None]) -> Node:
    """A chain in these slots; its node tells other times than the chain of `tests.sources.blockchain`."""
    one = node(chain(slots), first_block=min(slots))
    true = one.answers["getBlock"]
    one.answers["getBlock"] = lambda params: {**true(params), "blockTime": seconds(params[0])}
    return one


def nearest(one: Node, time_s: int, **terms: Any) -> int:
    return ask([one], lambda rpc: slot_near(rpc, time_s, **terms))


def test_the_first_slot_at_a_time_or_behind_it_is_found() -> None:
    for seed in range(20):
        rng = Random(seed)
        slots = sorted(rng.sample(range(1000, 9000), rng.randint(2, 300)))
        times = {slot: TIME + (slot - 1000) * 2 // 5 for slot in slots}
        one = timed(slots, lambda slot, times=times: times[slot])
        for _ in range(5):
            wanted = rng.randint(TIME - 100, TIME + 3400)
            behind = [slot for slot in slots if times[slot] >= wanted]
            assert nearest(one, wanted) == (behind[0] if behind else slots[-1] + 1), (seed, wanted)


def test_known_times_save_questions() -> None:
    slots = range(1000, 90_000, 3)
    plain, informed = (timed(slots, lambda slot: TIME + slot) for _ in range(2))
    assert nearest(plain, TIME + 50_000) == 50_002
    assert nearest(informed, TIME + 50_000, anchors={49_999: TIME + 49_999, 50_100: TIME + 50_100}) == 50_002
    assert len(informed.asked) < len(plain.asked) / 1.5


def test_a_block_without_a_time_is_passed_over() -> None:
    slots = range(1000, 1100)
    one = timed(slots, lambda slot: None if slot % 3 else TIME + slot)
    assert nearest(one, TIME + 1050) == 1050
    assert nearest(one, TIME + 1051) == 1053


def test_with_nobody_to_tell_the_time_it_is_interrupted() -> None:
    blocks: dict[int, SmallBlock] = chain(range(1000, 1100))
    with pytest.raises(Refused):
        nearest(node(blocks, has=lambda _: False, first_block=1000), TIME + 1050)
