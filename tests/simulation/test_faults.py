"""Faults: each kind does what its name says, to what it touches and nothing else, is counted, and ends."""

from __future__ import annotations

import json
from collections import Counter
from math import inf
from typing import Any

import pytest

from indexer.simulation.budget import Budget
from indexer.simulation.cluster import Cluster
from indexer.simulation.exchange import Answer, Request
from indexer.simulation.fault_kinds import KINDS, PROFILES, Server, draw
from indexer.simulation.faults import Fault, Faults
from indexer.simulation.node import Node
from indexer.simulation.rpc_server import RpcServer
from tests.adversarial.answers import text
from tests.simulation.clients import Clock, RpcFailed, ask, code_of, request
from tests.simulation.small_chain import FIRST, LOGGER, plain, shown

V0 = {"maxSupportedTransactionVersion": 0}
CONFIRMED = {"commitment": "confirmed"}
START, END = 100.0, 200.0


def node(*faults: Fault, now: float = 150.0, slots: int = 60, **made: Any) -> Node:
    """A node long after its chain ended, in the middle of these faults."""
    clock = Clock(now)
    cluster = Cluster(plain(slots), clock)
    return Node(cluster, faults=Faults(faults, 7, clock), **made)


def fault(kind: str, **made: Any) -> Fault:
    return Fault(kind, "node", **{"start_s": START, "end_s": END, **made})


def answered(one: Node, method: str = "getSlot", *params: Any) -> Answer:
    return RpcServer(one).respond(Request("POST", "/", request(method, *params)))


# --- the plan ------------------------------------------------------------------------------------------------------


def test_a_fault_is_on_from_its_start_up_to_its_end():
    clock = Clock()
    faults = Faults([fault("reset")], 1, clock)
    told = []
    for clock.now in (99.9, 100.0, 199.9, 200.0):
        told.append(faults.strikes("reset", "node") is not None)
    assert told == [False, True, True, False]
    assert faults.strikes("reset", "another") is None
    assert faults.struck == Counter(reset=2)
    assert faults.idle == frozenset()
    assert Faults([fault("reset")], 1, clock).idle == {"reset"}


def test_a_fault_strikes_as_often_as_its_chance_says():
    faults = Faults([fault("reset", chance=0.25)], 1, Clock(START))
    assert 800 < sum(faults.strikes("reset", "node") is not None for _ in range(4_000)) < 1_200


def test_what_a_fault_touches_it_touches_every_time():
    faults = Faults([fault("row_missing", chance=0.5)], 1, Clock(START))
    touched = [{n for n in range(100) if faults.touches("row_missing", "node", n)} for _ in range(3)]
    assert touched[0] == touched[1] == touched[2]
    assert 30 < len(touched[0]) < 70
    others = Faults([fault("row_missing", chance=0.5)], 2, Clock(START))
    assert {n for n in range(100) if others.touches("row_missing", "node", n)} != touched[0]


def test_the_last_end_leaves_out_what_never_ends():
    faults = Faults([fault("reset"), fault("row_missing", end_s=inf), fault("hang", end_s=300.0)], 1, Clock())
    assert faults.last_end_s == 300.0
    assert Faults([], 1, Clock()).last_end_s == 0.0


SERVERS = [Server("a", is_honest=True), Server("b"), Server("c"), Server("p", is_portal=True)]


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_plans_all_kinds_of_its_parts(profile: str):
    parts = PROFILES[profile]
    plan = draw(3, profile, SERVERS, 100.0, range(50))
    assert {one.kind for one in plan} == {name for name, kind in KINDS.items() if kind.part in parts}


def test_plans_are_the_same_for_the_same_seed():
    plans = [draw(seed, "everything", SERVERS, 100.0, range(50)) for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


@pytest.mark.parametrize("seed", range(20))
def test_one_server_lies_for_good_and_everything_else_ends_in_time(seed: int):
    plan = draw(seed, "everything", SERVERS, 100.0, range(50))
    (liar,) = {one.server for one in plan if one.end_s == inf}
    assert liar in ("b", "c")
    assert all(one.start_s < one.end_s <= 80.0 for one in plan if one.end_s < inf)
    assert all((one.server == "p") == one.kind.startswith("portal_") for one in plan)


# --- the wire ------------------------------------------------------------------------------------------------------


def test_a_limited_request_may_be_told_how_long_to_wait():
    told = answered(node(fault("rate_limited", amount=2.4)))
    assert (told.status, told.headers["retry-after"]) == (429, "2")
    bare = answered(node(fault("rate_limited_bare")))
    assert (bare.status, "retry-after" in bare.headers) == (429, False)


def test_dear_methods_may_be_limited_alone():
    one = node(fault("rate_limited_dear", amount=1.0))
    assert answered(one).status == 200
    assert answered(one, "getBlock", FIRST).status == 429
    assert answered(one, "getBlocks", FIRST, FIRST + 1).status == 200
    assert answered(one, "getSignaturesForAddress", text(LOGGER)).status == 429


def test_a_server_may_be_broken_behind_a_page_of_html():
    told = answered(node(fault("server_error")))
    assert told.status in (500, 502, 503, 504)
    assert told.body.startswith(b"<html>")
    page = answered(node(fault("html_body")))
    assert (page.status, page.content_type, page.body[:6]) == (200, "text/html", b"<html>")


@pytest.mark.parametrize("kind", ["reset", "restart"])
def test_a_connection_may_break_before_anything_is_answered(kind: str):
    told = answered(node(fault(kind)))
    assert (told.status, told.ending) == (0, "reset")


@pytest.mark.parametrize(("kind", "ending"), [("reset_in_body", "reset"), ("cut_short", "whole")])
def test_a_body_may_end_inside(kind: str, ending: str):
    whole = answered(node(), "getBlock", FIRST, V0)
    told = answered(node(fault(kind)), "getBlock", FIRST, V0)
    assert told.ending == ending
    assert whole.body.startswith(told.body)
    assert len(told.body) < len(whole.body)


def test_a_body_may_be_slow_or_never_come():
    slow = answered(node(fault("slow_body", amount=2.0)), "getBlock", FIRST, V0)
    assert slow.body == answered(node(), "getBlock", FIRST, V0).body
    assert slow.pause_s * -(-len(slow.body) // slow.piece_bytes) == pytest.approx(2.0, rel=0.2)
    assert answered(node(fault("hang"))).wait_s > 1e6


def test_a_budget_lets_pass_what_it_has_and_says_when_there_is_more():
    one = node()
    clock = one.cluster.clock
    server = RpcServer(one, budget=Budget(2.0, 5, clock))
    batch = b"[" + b",".join([request("getSlot")] * 3) + b"]"
    told = [server.respond(Request("POST", "/", body)).status for body in (request("getSlot"), batch, batch)]
    assert told == [200, 200, 429]
    refused = server.respond(Request("POST", "/", batch))
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    clock.now += 1.0  # type: ignore[attr-defined]
    assert server.respond(Request("POST", "/", batch)).status == 200
    assert one.faults.struck["over_budget"] == 2


# --- nodes ---------------------------------------------------------------------------------------------------------


def young(*faults: Fault, at: int = 40, **made: Any) -> Node:
    clock = Clock()
    cluster = Cluster(plain(200), clock)
    clock.to_slot(cluster, FIRST + at)
    return Node(cluster, faults=Faults(faults, 7, clock), **made)


def test_a_node_may_stand_still_and_go_on():
    one = young(fault("node_stalled", start_s=16.0, end_s=20.0))
    heads = []
    for slot in range(36, 54):
        one.cluster.clock.to_slot(one.cluster, FIRST + slot)  # type: ignore[attr-defined]
        heads.append(ask(one, "getSlot", {"commitment": "processed"}) - FIRST)
    assert heads == [36, 37, 38, 39, *[39] * 10, 50, 51, 52, 53]


def test_signatures_may_come_from_a_backend_that_is_behind():
    one = young(fault("lagging_backend", start_s=0.0, amount=10.0))
    assert ask(one, "getSlot", CONFIRMED) == FIRST + 38
    newest = ask(one, "getSignaturesForAddress", text(LOGGER), CONFIRMED)[0]
    assert newest["slot"] == FIRST + 28
    with pytest.raises(RpcFailed) as caught:
        ask(one, "getSignaturesForAddress", text(LOGGER), {**CONFIRMED, "minContextSlot": FIRST + 38})
    assert (caught.value.code, caught.value.data) == (-32016, {"contextSlot": FIRST + 28})


def test_a_context_may_be_refused_that_was_reached():
    one = young(fault("context_refused", start_s=0.0))
    config = {**CONFIRMED, "minContextSlot": FIRST + 5}
    assert code_of(one, "getSignaturesForAddress", text(LOGGER), config) == -32016
    assert code_of(one, "getSignaturesForAddress", text(LOGGER), CONFIRMED) is None


def test_a_ledger_may_begin_anew():
    one = young(fault("floor_moved", start_s=60.0, end_s=inf), at=149)
    assert ask(one, "getFirstAvailableBlock") == FIRST
    one.cluster.clock.to_slot(one.cluster, FIRST + 150)  # type: ignore[attr-defined]
    assert ask(one, "getFirstAvailableBlock") == FIRST + 110
    assert code_of(one, "getBlock", FIRST + 109, V0) == -32001


# --- history -------------------------------------------------------------------------------------------------------


def test_a_transaction_may_be_lost_for_good():
    one = node(fault("transaction_lost", chance=0.5))
    told = [ask(one, "getTransaction", shown(n).signature, V0) for n in range(60)]
    assert 15 < sum(answer is None for answer in told) < 45
    assert told == [ask(one, "getTransaction", shown(n).signature, V0) for n in range(60)]
    assert one.faults.struck["transaction_lost"] == 2 * sum(answer is None for answer in told)


def test_a_transaction_may_come_late():
    one = young(fault("transaction_late", start_s=0.0, amount=1.0))
    signature = one.cluster.chain.blocks[FIRST + 38].transactions[0].signature
    config = {**V0, **CONFIRMED}
    assert ask(one, "getTransaction", signature, config) is None
    one.cluster.clock.now += 1.01  # type: ignore[attr-defined]
    assert ask(one, "getTransaction", signature, config) is not None


def test_meta_may_be_null():
    one = node(fault("meta_null", chance=0.5))
    block = ask(one, "getBlock", FIRST, {**V0, "encoding": "base64"})
    assert {t["meta"] is None for n in range(20) for t in ask(one, "getBlock", FIRST + n, V0)["transactions"]} == {
        True,
        False,
    }
    signature = shown(0).signature
    alone = ask(one, "getTransaction", signature, V0)["meta"]
    assert (alone is None) == (ask(one, "getBlock", FIRST, V0)["transactions"][0]["meta"] is None)
    assert len(block["transactions"]) == 2
    assert node().cluster.chain.blocks[FIRST].transactions[0].shown["meta"] is not None


@pytest.mark.parametrize(
    ("kind", "code"),
    [("not_available", -32004), ("skipped_lie", -32007), ("archive_skipped_lie", -32009)],
)
def test_a_block_that_exists_may_be_denied(kind: str, code: int):
    one = node(fault(kind, chance=0.5))
    told = Counter(code_of(one, "getBlock", FIRST + n, V0) for n in range(60))
    assert set(told) == {code, None}
    assert one.faults.struck[kind] == told[code]
    denied = [n for n in range(60) if code_of(one, "getBlock", FIRST + n, V0) == code]
    assert ask(one, "getBlocks", FIRST + denied[0], FIRST + denied[0]) == [FIRST + denied[0]]


def test_nothing_is_denied_that_is_not_there():
    one = node(fault("skipped_lie"))
    assert code_of(one, "getBlock", FIRST + 500, V0) == -32004
    assert not one.faults.struck


def test_a_block_may_be_null_or_left_out_of_the_list():
    assert ask(node(fault("block_null")), "getBlock", FIRST, V0) is None
    one = node(fault("slot_omitted", chance=0.3))
    listed = ask(one, "getBlocks", FIRST, FIRST + 59)
    assert len(listed) + one.faults.struck["slot_omitted"] == 60
    assert 20 < len(listed) < 60
    assert code_of(one, "getBlock", next(n for n in range(FIRST, FIRST + 60) if n not in listed), V0) is None


def test_a_young_block_may_have_no_status_yet():
    one = young(fault("status_not_yet", start_s=0.0, amount=1.0))
    config = {**V0, **CONFIRMED}
    assert code_of(one, "getBlock", FIRST + 38, config) == -32014
    one.cluster.clock.now += 1.01  # type: ignore[attr-defined]
    assert code_of(one, "getBlock", FIRST + 38, config) is None


def signatures(one: Node, **config: Any) -> list[str]:
    return [row["signature"] for row in ask(one, "getSignaturesForAddress", text(LOGGER), config)]


def test_rows_may_be_missing_for_good():
    one = node(fault("row_missing", chance=0.3))
    listed = signatures(one)
    assert 60 < len(listed) < 110
    assert signatures(one) == listed
    paged: list[str] = []
    while page := signatures(one, limit=9, **({"before": paged[-1]} if paged else {})):
        paged += page
    assert paged == listed


def test_rows_may_be_missing_between_two_tiers():
    one = node(fault("archive_seam", first_slot=FIRST + 10, amount=4.0))
    slots = {row["slot"] for row in ask(one, "getSignaturesForAddress", text(LOGGER))}
    assert set(range(FIRST, FIRST + 60)) - slots == {FIRST + 10, FIRST + 11, FIRST + 12, FIRST + 13}


def test_the_order_within_a_slot_may_change_with_every_request():
    one = node(fault("rows_shuffled"))
    pages = [signatures(one) for _ in range(5)]
    assert len({tuple(page) for page in pages}) == 5
    assert all(sorted(page) == sorted(pages[0]) for page in pages)


def test_a_page_may_be_short_and_of_failures_alone():
    one = node(fault("short_page", amount=1.0))
    seen, before = [], None
    while page := ask(one, "getSignaturesForAddress", text(LOGGER), {"before": before, "limit": 10}):
        seen += page
        before = page[-1]["signature"]
    assert len(seen) == 120
    assert one.faults.struck["short_page"] == 121
    assert one.faults.struck["page_of_failures"] == 40


def test_there_may_be_fields_and_errors_that_nobody_knows():
    one = node(fault("unknown_field"), fault("unknown_error_variant"))
    told = ask(one, "getTransaction", shown(2).signature, V0)
    assert {*told["meta"]} > {*shown(2).shown["meta"]}
    assert told["meta"]["err"] is not None
    assert told["meta"]["err"] != shown(2).shown["meta"]["err"]
    assert ask(one, "getTransaction", shown(1).signature, V0)["meta"]["err"] is None
    errors = {json.dumps(row["err"]) for row in ask(one, "getSignaturesForAddress", text(LOGGER))}
    assert errors == {"null", json.dumps(told["meta"]["err"])}
