"""Subscriptions of a node: who is notified of what, when, and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from indexer.core.rpc import parse_notification
from indexer.simulation.cluster import Cluster
from indexer.simulation.faults import Fault, Faults
from indexer.simulation.node import Node
from indexer.simulation.subscriptions import Closed, Session
from tests.adversarial.answers import text
from tests.simulation.clients import Clock
from tests.simulation.small_chain import FIRST, LOGGER, OTHER, blocks, chain, plain, shown
from tests.world import key

ABOUT_LOGGER = {"mentions": [text(LOGGER)]}


class Line:
    """A session, its clock, and what it sends."""

    def __init__(self, made: Any = None, at: int = FIRST + 40, faults: tuple[Fault, ...] = ()) -> None:
        self.clock = Clock()
        self.cluster = Cluster(plain(80) if made is None else made, self.clock)
        self.to(at)
        self.faults = Faults(faults, 7, self.clock)
        self.node = Node(self.cluster, faults=self.faults)
        self.session = Session(self.node)

    def to(self, slot: int) -> None:
        self.clock.to_slot(self.cluster, slot)

    def says(self, method: str, *params: Any) -> Any:
        self.session.take(json.dumps({"jsonrpc": "2.0", "id": 5, "method": method, "params": params}))
        return self.due()[0]

    def due(self) -> list[Any]:
        return [json.loads(frame) for frame in self.session.due()]

    def told(self) -> list[tuple[int, str]]:
        """(slot, signature) of the notifications that are due."""
        results = [frame["params"]["result"] for frame in self.due() if "method" in frame]
        return [(one["context"]["slot"], one["value"]["signature"]) for one in results]


def of_slot(line: Line, *slots: int) -> list[tuple[int, str]]:
    return [(slot, one.signature) for slot in slots for one in line.cluster.chain.blocks[slot].transactions]


@pytest.mark.parametrize(("commitment", "after"), [("processed", 0), ("confirmed", 2), ("finalized", 32)])
def test_a_transaction_is_notified_when_its_slot_reaches_the_commitment(commitment: str, after: int):
    line = Line()
    subscribed = line.says("logsSubscribe", ABOUT_LOGGER, {"commitment": commitment})
    assert subscribed == {"jsonrpc": "2.0", "result": 1, "id": 5}
    assert line.told() == []
    line.to(FIRST + 41)
    assert line.told() == of_slot(line, FIRST + 41 - after)
    line.to(FIRST + 44)
    assert line.told() == of_slot(line, *range(FIRST + 42 - after, FIRST + 45 - after))
    assert line.told() == []


def test_a_notification_is_in_the_words_of_agave():
    line = Line()
    line.says("logsSubscribe", ABOUT_LOGGER, {"commitment": "processed"})
    line.to(FIRST + 41)
    first = line.due()[0]
    transaction = line.cluster.chain.blocks[FIRST + 41].transactions[0]
    assert set(first) == {"jsonrpc", "method", "params"}
    assert first["method"] == "logsNotification"
    assert first["params"]["subscription"] == 1
    value = first["params"]["result"]["value"]
    assert value["logs"] == list(transaction.logs)
    assert parse_notification(first).succeeded is not transaction.failed


def test_only_who_is_mentioned_is_notified():
    made = chain(blocks({FIRST + n: [shown(n)] for n in range(50)}))
    line = Line(made, at=FIRST + 10)
    line.says("logsSubscribe", {"mentions": [text(key(9))]}, {"commitment": "processed"})
    line.says("logsSubscribe", {"mentions": [text(OTHER)]}, {"commitment": "processed"})
    line.to(FIRST + 11)
    (only,) = line.due()
    assert only["params"]["subscription"] == 2


def test_unsubscribing_ends_it_once():
    line = Line()
    line.says("logsSubscribe", ABOUT_LOGGER)
    assert line.says("logsUnsubscribe", 1)["result"] is True
    assert line.says("logsUnsubscribe", 1)["error"] == {"code": -32602, "message": "Invalid subscription id."}
    line.to(FIRST + 60)
    assert line.told() == []


@pytest.mark.parametrize("wanted", ["all", {"mentions": []}, {"mentions": ["a", "b"]}, {"mentions": ["x"]}, {}, None])
def test_logs_are_offered_for_exactly_one_key(wanted: Any):
    assert Line().says("logsSubscribe", wanted)["error"]["code"] == -32602


def test_what_is_no_request_is_refused():
    line = Line()
    line.session.take("{")
    assert line.due()[0]["error"]["code"] == -32700
    line.session.take("7")
    assert line.due()[0]["error"]["code"] == -32600
    assert line.says("accountSubscribe")["error"]["code"] == -32601


def test_a_batch_of_subscriptions_is_answered_as_a_batch():
    line = Line()
    asked = [{"jsonrpc": "2.0", "id": n, "method": "slotSubscribe"} for n in (3, 4)]
    line.session.take(json.dumps(asked))
    assert line.due() == [[{"jsonrpc": "2.0", "result": n, "id": n + 2} for n in (1, 2)]]


def test_slots_and_roots_are_notified_without_a_context():
    line = Line()
    line.says("slotSubscribe")
    line.says("rootSubscribe")
    line.to(FIRST + 41)
    slot, root = line.due()
    told = {"parent": FIRST + 40, "root": FIRST + 9, "slot": FIRST + 41}
    assert slot == {"jsonrpc": "2.0", "method": "slotNotification", "params": {"result": told, "subscription": 1}}
    assert (root["method"], root["params"]["result"]) == ("rootNotification", FIRST + 9)


def test_a_fork_is_notified_and_then_what_lay_beside_it():
    main = blocks({FIRST + n: [shown(n)] for n in (0, 1, 2, 3, 5, 6)})
    fork = blocks({FIRST + 3: [shown(30)], FIRST + 4: [shown(3)]}, parent=main[2], salt=1)
    line = Line(chain(main, [fork]), at=FIRST)
    line.says("logsSubscribe", ABOUT_LOGGER, {"commitment": "confirmed"})
    told = []
    for slot in range(FIRST + 1, FIRST + 9):
        line.to(slot)
        told += [(seen - FIRST, signature) for seen, signature in line.told()]
    expected = [(0, 0), (1, 1), (2, 2), (3, 30), (4, 3), (3, 3), (5, 5), (6, 6)]
    assert told == [(slot, shown(number).signature) for slot, number in expected]
    assert line.faults.struck["fork_notified"] == 2


# --- faults --------------------------------------------------------------------------------------------------------


def subscribed(*faults: Fault, commitment: str = "processed") -> Line:
    line = Line(at=FIRST + 40, faults=faults)
    line.says("logsSubscribe", ABOUT_LOGGER, {"commitment": commitment})
    return line


def fault(kind: str, **made: Any) -> Fault:
    return Fault(kind, "node", **{"start_s": (40 + 5) * 0.4, "end_s": (40 + 10) * 0.4, **made})


def heard(line: Line, first: int = 41, last: int = 60) -> list[tuple[int, str]]:
    found = []
    for slot in range(FIRST + first, FIRST + last + 1):
        line.to(slot)
        found += line.told()
    return found


@pytest.mark.parametrize("kind", ["notification_dropped", "notifications_dropped", "websocket_silent"])
def test_notifications_are_lost_while_the_fault_is_on_and_never_come(kind: str):
    line = subscribed(fault(kind))
    lost = range(FIRST + 45, FIRST + 50)
    assert heard(line) == of_slot(line, *(s for s in range(FIRST + 41, FIRST + 61) if s not in lost))
    assert line.faults.struck[kind] == 10


def test_a_silent_connection_answers_when_it_speaks_again():
    line = subscribed(fault("websocket_silent"))
    line.to(FIRST + 46)
    line.session.take('{"jsonrpc":"2.0","id":9,"method":"slotSubscribe"}')
    assert line.due() == []
    line.to(FIRST + 50)
    assert [one["id"] for one in line.due() if "id" in one] == [9]


def test_a_node_that_stood_still_skips_what_it_missed():
    line = subscribed(fault("node_stalled"))
    told = heard(line)
    missed = set(range(FIRST + 45, FIRST + 51))
    assert {slot for slot, _ in told} == set(range(FIRST + 41, FIRST + 61)) - missed
    assert line.faults.struck["dropped_catching_up"] == 12


def test_a_notification_may_come_twice():
    line = subscribed(fault("notification_doubled"))
    told = heard(line)
    assert len(told) - len(set(told)) == 10 == line.faults.struck["notification_doubled"]


def test_a_placeholder_may_stand_for_the_signature():
    line = subscribed(fault("placeholder_signature"))
    assert [slot for slot, signature in heard(line) if set(signature) == {"1"}] == [
        FIRST + n for n in (45, 45, 46, 46, 47, 47, 48, 48, 49, 49)
    ]


def test_a_failure_may_be_told_as_a_success_without_logs():
    line = subscribed(fault("false_success"))
    line.to(FIRST + 46)
    values = {}
    for frame in line.due():
        value = frame["params"]["result"]["value"]
        values[value["signature"]] = (value["err"], value["logs"] == [])
    failed = [
        one.signature
        for slot in range(FIRST + 41, FIRST + 47)
        for one in line.cluster.chain.blocks[slot].transactions
        if one.failed
    ]
    assert failed
    assert all(values[signature] == (None, True) for signature in failed)
    assert line.faults.struck["false_success"] == len(failed)


def test_a_new_subscription_may_never_yield():
    line = Line(at=FIRST + 46, faults=(fault("subscription_mute"),))
    assert line.says("logsSubscribe", ABOUT_LOGGER, {"commitment": "processed"})["result"] == 1
    assert heard(line, 47, 70) == []
    again = Session(line.node)
    again.take(json.dumps({"id": 1, "method": "logsSubscribe", "params": [ABOUT_LOGGER, {"commitment": "processed"}]}))
    again.due()
    line.to(FIRST + 71)
    assert len(again.due()) == 2


@pytest.mark.parametrize(
    ("kind", "code"), [("closed_1006", 1006), ("closed_1009", 1009), ("closed_1000", 1000), ("restart", 1006)]
)
def test_a_connection_is_closed_once_when_the_fault_begins(kind: str, code: int):
    line = subscribed(fault(kind))
    assert len(heard(line, 41, 44)) == 8
    line.to(FIRST + 45)
    with pytest.raises(Closed) as caught:
        line.session.due()
    assert caught.value.code == code
    line.to(FIRST + 46)
    assert Session(line.node).due() == []  # Who comes later is not closed for it.
