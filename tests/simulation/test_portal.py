"""The portal: what it sends of which range, how it says that there is no more, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers, one_of

from indexer.core import base58
from indexer.simulation.cluster import Cluster
from indexer.simulation.exchange import Answer, Request
from indexer.simulation.faults import Fault, Faults
from indexer.simulation.heads import head
from indexer.simulation.portal import Portal
from tests.adversarial.answers import text
from tests.simulation.clients import Clock, posted
from tests.simulation.small_chain import FIRST, LOGGER, OTHER, blocks, chain, plain, shown
from tests.world import data_line, frame, key, log_line, transaction

BASE = "/datasets/solana-mainnet"
ALL_BLOCK = dict.fromkeys(("number", "hash", "parentNumber", "parentHash", "height", "timestamp"), True)
NOTHING = {"type": "solana", "fromBlock": FIRST, "fields": {"block": {"number": True}}}


def portal(made: Any = None, *faults: Fault, now: float = 1_000.0, **settings: Any) -> Portal:
    clock = Clock(now)
    cluster = Cluster(plain(60) if made is None else made, clock)
    return Portal(cluster, faults=Faults(faults, 7, clock), **settings)


def lines(answer: Answer) -> list[Any]:
    assert answer.status == 200
    return [json.loads(line) for line in answer.body.splitlines()]


def stream(one: Portal, path: str = "finalized-stream", **query: Any) -> Answer:
    answer: Answer = posted(one, f"{BASE}/{path}", {**NOTHING, **query})
    return answer


def numbers(answer: Answer) -> list[int]:
    return [line["header"]["number"] for line in lines(answer)]


def got(one: Portal, path: str) -> Any:
    answer = one.respond(Request("GET", f"{BASE}/{path}"))
    return json.loads(answer.body) if answer.status == 200 else answer.status


# --- ranges --------------------------------------------------------------------------------------------------------


def test_the_first_and_the_last_block_of_the_range_are_always_sent():
    assert numbers(stream(portal(), toBlock=FIRST + 20)) == [FIRST, FIRST + 20]
    holes = portal(plain(60, skipped=[FIRST, FIRST + 1, FIRST + 20]))
    assert numbers(stream(holes, toBlock=FIRST + 20)) == [FIRST + 2, FIRST + 19]
    assert numbers(stream(portal(), toBlock=FIRST)) == [FIRST]


def test_a_range_of_skipped_slots_is_an_empty_answer():
    holes = portal(plain(60, skipped=[FIRST + 3, FIRST + 4]))
    answer = stream(holes, fromBlock=FIRST + 3, toBlock=FIRST + 4)
    assert (answer.status, answer.body) == (200, b"")


def test_what_the_archive_does_not_have_yet_is_no_content_after_a_while():
    young = portal(now=40 * 0.4, behind=5)  # Finalized: slot 8.
    assert numbers(stream(young)) == [FIRST, FIRST + 3]
    answer = stream(young, fromBlock=FIRST + 4)
    assert (answer.status, answer.body, answer.wait_s) == (204, b"", 5.0)
    assert answer.headers["x-sqd-finalized-head-number"] == str(FIRST + 3)
    assert answer.headers["x-sqd-head-number"] == str(FIRST + 38)


def test_a_response_has_at_most_so_many_blocks_and_goes_on_behind_its_last():
    one = portal(most_blocks=25)
    seen, start = [], FIRST
    while start <= FIRST + 59:
        sent = numbers(stream(one, fromBlock=start, toBlock=FIRST + 59))
        seen.append(sent)
        start = sent[-1] + 1
    assert seen == [[FIRST, FIRST + 24], [FIRST + 25, FIRST + 49], [FIRST + 50, FIRST + 59]]


def test_all_blocks_can_be_asked_for():
    assert len(numbers(stream(portal(), includeAllBlocks=True))) == 60


def test_a_header_links_to_the_block_before():
    told = lines(stream(portal(), includeAllBlocks=True, fields={"block": ALL_BLOCK}))
    headers = [line["header"] for line in told]
    assert [h["parentHash"] for h in headers[1:]] == [h["hash"] for h in headers[:-1]]
    assert [h["parentNumber"] for h in headers[1:]] == [h["number"] for h in headers[:-1]]
    assert set(headers[0]) == set(ALL_BLOCK)


# --- filters and fields --------------------------------------------------------------------------------------------


def busy() -> Portal:
    """Block 0: LOGGER calls OTHER and logs. Block 1: nothing. Block 2: OTHER alone, failed; LOGGER by another."""
    failed = transaction(frame(OTHER, log_line("no")), signature=key(1) + key(2), succeeded=False)
    caller = transaction(
        frame(key(9), frame(LOGGER, data_line(b"deep"), discriminator=b"\1\2\3\4\5\6\7\x08\x09", accounts=(key(5),))),
        signature=key(3) + key(4),
    )
    filled = {FIRST: [shown(0)], FIRST + 1: [], FIRST + 2: [shown(1, tx=failed), shown(2, tx=caller)], FIRST + 3: []}
    return portal(chain(blocks(filled)))


INSTRUCTION = {"instruction": {"transactionIndex": True, "instructionAddress": True}, "block": {"number": True}}


def matched(**query: Any) -> list[tuple[int, int, tuple[int, ...]]]:
    """(block, transaction, address) of the instructions that are sent."""
    told = lines(stream(busy(), fields=INSTRUCTION, **query))
    return [
        (line["header"]["number"] - FIRST, one["transactionIndex"], tuple(one["instructionAddress"]))
        for line in told
        for one in line.get("instructions", ())
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"programId": [text(LOGGER)]}, [(0, 0, (0,)), (2, 1, (0, 0))]),
        ({"programId": [text(OTHER)]}, [(0, 0, (0, 0)), (2, 0, (0,))]),
        ({"programId": [text(OTHER)], "isCommitted": True}, [(0, 0, (0, 0))]),
        ({"programId": [text(OTHER)], "isCommitted": False}, [(2, 0, (0,))]),
        ({"d8": ["0x0102030405060708"]}, [(2, 1, (0, 0))]),
        ({"d1": ["0x01"], "a0": [text(key(5))]}, [(2, 1, (0, 0))]),
        ({"d1": ["0x01"], "a1": [text(key(5))]}, []),
        ({"mentionsAccount": [text(key(5))]}, [(2, 1, (0, 0))]),
        ({"programId": []}, []),
        ({"programId": [text(LOGGER)], "transactionInstructions": True}, [
            (0, 0, (0,)), (0, 0, (0, 0)), (2, 1, (0,)), (2, 1, (0, 0)),
        ]),
        ({"programId": [text(key(9))], "innerInstructions": True}, [(2, 1, (0,)), (2, 1, (0, 0))]),
    ],
)  # fmt: skip
def test_instructions_are_filtered(wanted: dict[str, Any], expected: list[Any]):
    assert matched(instructions=[wanted]) == expected


def test_filters_add_up_and_send_nothing_twice():
    both = [{"programId": [text(LOGGER)]}, {"programId": [text(LOGGER), text(OTHER)]}]
    assert matched(instructions=both) == [(0, 0, (0,)), (0, 0, (0, 0)), (2, 0, (0,)), (2, 1, (0, 0))]


NEAR = one_of(  # Where a digit far behind may carry into the first bytes, or into a byte more.
    integers(0, 400).flatmap(lambda size: integers(0, 2**80).map(lambda begin: begin * 256**size)),
    integers(1, 400).flatmap(lambda size: integers(0, 2**80).map(lambda begin: (begin + 1) * 256**size - 1)),
).map(lambda value: value.to_bytes((value.bit_length() + 7) // 8, "big"))


@given(one_of(binary(max_size=600), NEAR), integers(0, 9))
def test_how_data_begins_is_known_without_reading_all_of_it(data: bytes, zeros: int):
    whole = bytes(zeros) + data
    assert head(base58.encode(whole)) == whole[:8]


def test_only_what_a_filter_might_match_is_walked():
    one = busy()
    stream(one, instructions=[{"programId": [text(LOGGER)], "isCommitted": True}])
    stream(one, logs=[{"programId": [text(LOGGER)]}])
    walked = {(n, item.index) for n, items in enumerate(one._walked.values()) for item in items if item._walked}
    assert walked == {(0, 0), (2, 1)}  # Not the one that failed, which names another program alone.


LOG = {"log": dict.fromkeys(("transactionIndex", "logIndex", "programId", "kind", "message"), True)}


def test_logs_are_filtered_by_owner_and_kind():
    def messages(**wanted: Any) -> list[str]:
        told = lines(stream(busy(), fields=LOG, logs=[wanted]))
        return [log["message"] for line in told for log in line.get("logs", ())]

    deep = "ZGVlcA=="
    assert messages(programId=[text(LOGGER)], kind=["data"]) == ["AAAAAAAAAAA=", deep]
    assert messages(programId=[text(OTHER)]) == ["no"]
    assert messages(kind=["other"]) == []


def test_what_comes_with_a_match():
    fields = {"transaction": {"signatures": True, "err": True}, **LOG, **INSTRUCTION}
    told = lines(stream(busy(), fields=fields, logs=[{"kind": ["log"], "transaction": True, "instruction": True}]))
    (line,) = [line for line in told if "logs" in line]
    assert line["transactions"][0]["err"] is not None
    assert line["instructions"] == [{"transactionIndex": 0, "instructionAddress": [0]}]
    with_logs = lines(stream(busy(), fields=fields, instructions=[{"programId": [text(LOGGER)], "logs": True}]))
    assert [len(line.get("logs", ())) for line in with_logs] == [1, 1, 0]


def test_a_transaction_is_sent_with_the_fields_that_were_selected():
    every = (
        "transactionIndex", "version", "accountKeys", "addressTableLookups", "numReadonlySignedAccounts",
        "numReadonlyUnsignedAccounts", "numRequiredSignatures", "recentBlockhash", "signatures", "err", "fee",
        "computeUnitsConsumed", "loadedAddresses", "feePayer", "hasDroppedLogMessages",
    )  # fmt: skip
    told = lines(stream(busy(), fields={"transaction": dict.fromkeys(every, True)}, transactions=[{}]))
    (one,) = told[0]["transactions"]
    assert set(one) == set(every)
    assert (one["fee"], one["feePayer"]) == ("5000", one["accountKeys"][0])


def test_logs_that_were_dropped_are_told():
    cut = transaction(frame(LOGGER, log_line("a"), log_line("b")), signature=key(1) + key(2))
    logs = (cut.logs or ())[:2]
    whole = shown(0, tx=cut)
    meta = {**whole.shown["meta"], "logMessages": [*logs, "Log truncated"]}
    one = portal(chain(blocks({FIRST: [type(whole)(whole.signature, whole.mentions, {**whole.shown, "meta": meta})]})))
    fields = {"transaction": {"hasDroppedLogMessages": True}, "instruction": {"hasDroppedLogMessages": True}, **LOG}
    told = lines(
        stream(one, fields=fields, instructions=[{"programId": [text(LOGGER)], "transaction": True, "logs": True}])
    )
    assert told[0]["transactions"] == [{"hasDroppedLogMessages": True}]
    assert told[0]["instructions"] == [{"hasDroppedLogMessages": True}]
    assert [log["message"] for log in told[0]["logs"]] == ["a"]


@pytest.mark.parametrize(
    "query",
    [
        {"type": "evm"},
        {"fromBlock": None},
        {"toBlock": FIRST - 1},
        {"unknown": 1},
        {"fields": {"block": {"slot": True}}},
        {"instructions": [{"program_id": []}]},
        {"logs": [{"kind": ["text"]}]},
        {"logs": [{}] * 101},
        {"fromBlock": FIRST - 1},
    ],
)
def test_a_query_that_is_not_understood_is_refused(query: dict[str, Any]):
    answer = stream(portal(), **query)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (400, "malformed_request")


# --- heads and forks -----------------------------------------------------------------------------------------------


def test_heads_metadata_and_times():
    young = portal(now=50 * 0.4, behind=5)
    head = young.cluster.chain.blocks[FIRST + 13]
    assert got(young, "finalized-head") == {"number": FIRST + 13, "hash": head.blockhash}
    assert got(young, "head")["number"] == FIRST + 48
    assert got(portal(now=0.0), "finalized-head") is None
    assert got(young, "metadata")["start_block"] == FIRST
    assert got(young, f"timestamps/{head.block_time}/block")["block_number"] <= FIRST + 13
    assert got(young, "timestamps/9999999999/block") == 404
    assert got(young, "elsewhere") == 404
    assert young.respond(Request("GET", "/datasets/solana-devnet/head")).status == 404


def forked() -> tuple[Portal, Any]:
    main = blocks({FIRST + n: [shown(n)] for n in (0, 1, 2, 3, 5, 6)})
    fork = blocks({FIRST + 3: [shown(30)], FIRST + 4: [shown(31)]}, parent=main[2], salt=1)
    made = chain(main, [fork])
    return portal(made, now=6 * 0.4), fork


def test_a_client_on_a_fork_that_was_dropped_is_told_the_blocks_before():
    one, fork = forked()
    on_it = lines(stream(one, "stream", fields={"block": ALL_BLOCK}, includeAllBlocks=True))
    assert [line["header"]["hash"] for line in on_it[-2:]] == [block.blockhash for block in fork]
    asked = {"fromBlock": FIRST + 5, "parentBlockHash": fork[-1].blockhash}
    assert stream(one, "stream", **asked).status == 204
    one.cluster.clock.now = 7 * 0.4  # type: ignore[attr-defined]
    conflict = stream(one, "stream", **asked)
    assert conflict.status == 409
    told = json.loads(conflict.body)
    assert told["error"]["code"] == "base_block_mismatch"
    main = one.cluster.chain.blocks
    assert told["previousBlocks"] == [
        {"number": slot, "hash": main[slot].blockhash} for slot in (FIRST, FIRST + 1, FIRST + 2, FIRST + 3)
    ]
    again = stream(one, "stream", fromBlock=FIRST + 4, parentBlockHash=main[FIRST + 3].blockhash)
    assert numbers(again) == [FIRST + 5]
    assert one.faults.struck["portal_conflict"] == 1


def test_the_finalized_stream_knows_no_conflict():
    one, fork = forked()
    one.cluster.clock.now = 1_000.0  # type: ignore[attr-defined]
    assert stream(one, fromBlock=FIRST + 5, parentBlockHash=fork[-1].blockhash).status == 200


# --- faults --------------------------------------------------------------------------------------------------------


def fault(kind: str, **made: Any) -> Fault:
    return Fault(kind, "portal", **made)


def test_refusals_say_why_and_how_long_to_wait():
    workers = stream(portal(None, fault("portal_no_workers")))
    assert (workers.status, json.loads(workers.body)["error"]["code"]) == (503, "no_workers")
    full = stream(portal(None, fault("portal_overloaded", amount=2.0)))
    assert (full.status in (429, 529), full.headers["retry-after"]) == (True, "2")
    broken = stream(portal(None, fault("portal_server_error")))
    assert broken.status >= 500
    assert broken.content_type == "text/html"


def test_a_stream_may_be_cut_in_the_middle_of_a_line():
    whole = stream(portal(), includeAllBlocks=True)
    endings = set()
    for now in range(20):
        cut = stream(portal(None, fault("portal_cut"), now=1_000.0 + now), includeAllBlocks=True)
        assert whole.body.startswith(cut.body)
        assert len(cut.body) < len(whole.body)
        endings.add(cut.ending)
    assert stream(portal(None, fault("portal_hang")), includeAllBlocks=True).ending == "silence"
    assert endings <= {"reset", "whole"}


def test_a_stream_may_end_early_with_its_last_block():
    one = portal(None, fault("portal_stops_early", amount=7.0))
    assert numbers(stream(one)) == [FIRST, FIRST + 6]
    assert numbers(stream(one, toBlock=FIRST + 6)) == [FIRST, FIRST + 6]
    assert one.faults.struck["portal_stops_early"] == 1  # The second one covered all that was asked for.


def test_the_archive_may_fall_behind():
    one = portal(None, fault("portal_behind", amount=30.0), now=80 * 0.4, behind=0)
    assert got(one, "finalized-head")["number"] == FIRST + 18
    assert numbers(stream(one)) == [FIRST, FIRST + 18]


def test_a_stream_may_be_slow():
    answer = stream(portal(None, fault("portal_slow", amount=2.0)), includeAllBlocks=True)
    assert answer.pause_s == 0.2
    assert len(lines(answer)) == 60
