"""Lines of the Portal: read whole, doubted, or refused as malformed, and nothing else; log lines put back to places."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from indexer.core.coverage import Span
from indexer.core.protocol import process
from indexer.core.reference import Reference
from indexer.core.rpc import Malformed
from indexer.sources.portal_frames import Call, Contradiction, Kept, framed
from indexer.sources.portal_lines import PortalBlock, read_block
from indexer.sources.portal_query import stream_query
from tests.adversarial.answers import text
from tests.adversarial.cases import DRIFT, ED25519, FILL, FILL_TX, JUPITER, JUPITER_AUTHORITY, LEND, MADE, OTHER
from tests.programs import protocols
from tests.property.strategies import disturbed, json_values
from tests.sources.archive import FIELDS, REQUEST, Archive, chained
from tests.world import data_line, event, frame, log_line, signature, transaction

SLOT = 1_000
QUIET = settings(
    deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), suppress_health_check=list(HealthCheck)
)
BOTH = transaction(
    frame(ED25519, silent=True),
    frame(OTHER, frame(DRIFT, data_line(FILL), log_line("x"), frame(OTHER))),
    frame(JUPITER, event(JUPITER, JUPITER_AUTHORITY, LEND)),
    MADE,
    signature=signature(3),
)


def line_of(*transactions: Any, stream: int = 0) -> dict[str, Any]:
    """The Portal's line of one block of these transactions, parsed."""
    query = json.loads(stream_query(protocols()[stream], Span(SLOT, SLOT + 1)))
    (line,) = Archive(chained({SLOT: transactions}, SLOT - 1)).lines(query)
    return json.loads(line)  # type: ignore[no-any-return]


def block_of(line: Any, *, has_logs: bool = True) -> PortalBlock:
    return read_block(json.dumps(line).encode(), has_logs=has_logs)


def doubted(line: Any) -> str:
    """Why the one transaction of the line is doubtful."""
    block = block_of(line)
    assert block.transactions == ()
    return block.doubtful[0].reason


# --- positions ------------------------------------------------------------------------------------------------------


def test_paths_give_flat_positions_outer_places_and_heights() -> None:
    (tx,) = block_of(line_of(BOTH)).transactions
    assert tx.instructions is not None
    told = [(one.index, one.outer, one.is_inner, one.stack_height) for one in tx.instructions]
    assert told == [
        (0, 0, False, 1), (1, 1, False, 1), (2, 1, True, 2), (3, 1, True, 3), (4, 2, False, 1), (5, 2, True, 2),
        (6, 3, False, 1),
    ]  # fmt: skip
    assert [one.program_id for one in tx.instructions] == [one.program_id for one in BOTH.instructions or ()]


def test_kept_lines_stand_at_their_own_index() -> None:
    (tx,) = block_of(line_of(BOTH)).transactions
    assert tx.logs is not None
    assert BOTH.logs is not None
    kept = [(index, line) for index, line in enumerate(BOTH.logs) if line.startswith(("Program data", "Program log"))]
    assert [(index, tx.logs[index]) for index, _ in kept] == kept


def test_instructions_may_come_in_any_order() -> None:
    line = line_of(BOTH)
    expected = block_of(line)
    for name in ("instructions", "logs"):
        line[name].reverse()
    assert block_of(line) == expected


def test_a_failed_transaction_is_left_out() -> None:
    line = line_of(FILL_TX, BOTH)
    line["transactions"][0]["err"] = {"InstructionError": [0, {"OfTomorrow": 1}]}
    assert [tx.tx_index for tx in block_of(line).transactions] == [1]


def test_a_time_of_zero_or_none_is_unknown() -> None:
    for time in (0, None, -5):
        line = line_of(FILL_TX)
        line["header"]["timestamp"] = time
        block = block_of(line)
        assert (block.block_time, block.transactions[0].block_time) == (None, None)


# --- doubts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda line: line["transactions"][0].update(hasDroppedLogMessages=True), "dropped log lines of it"),
        (lambda line: line["transactions"][0].update(hasDroppedLogMessages=None), "dropped log lines of it"),
        (lambda line: line["instructions"][2].update(hasDroppedLogMessages=True), "dropped log lines of instruction"),
        (lambda line: line["instructions"][2].update(error="x"), "failed"),
        (lambda line: line["instructions"][2].update(isCommitted=False), "failed"),
        (lambda line: line["instructions"].pop(2), "comes behind"),
        (lambda line: line["instructions"].pop(0), "comes behind"),
        (lambda line: line["instructions"].append(line["instructions"][-1]), "comes behind"),
        (lambda line: line["instructions"][2].update(instructionAddress=[]), "comes behind"),
        (lambda line: line.pop("instructions"), "did not come"),
        (lambda line: line["transactions"][0].update(version=2), "version '2' is not known"),
        (lambda line: line["transactions"][0].update(version=True), "is not known"),
        (lambda line: line["logs"][0].update(programId=text(OTHER)), "is of"),
        (lambda line: line["logs"][0].update(instructionAddress=[9]), "is of"),
        (lambda line: line["logs"][0].update(kind="surprise"), "kind 'surprise'"),
        (lambda line: line["logs"][0].update(logIndex=1), "line 1 can only be line 2 or later"),
        (lambda line: line["logs"][0].update(logIndex=-1), "line -1 can only"),
        (lambda line: line["logs"][0].update(logIndex=line["logs"][1]["logIndex"]), "can only be line"),
        (lambda line: line["logs"][-1].update(logIndex=10**12), "can only be line"),
    ],
)
def test_what_does_not_fit_together_is_doubted(change: Any, reason: str) -> None:
    line = line_of(BOTH)
    change(line)
    assert reason in doubted(line)


def test_the_doubtful_one_is_named_with_its_place() -> None:
    line = line_of(FILL_TX, BOTH)
    line["transactions"][1]["hasDroppedLogMessages"] = True
    block = block_of(line)
    assert [tx.tx_index for tx in block.transactions] == [0]
    assert [(one.signature, one.tx_index) for one in block.doubtful] == [(signature(3), 1)]


def test_a_precompile_that_logs_nothing_is_no_doubt() -> None:
    line = line_of(BOTH)
    (silent,) = (one for one in line["instructions"] if one["programId"] == text(ED25519))
    assert silent["hasDroppedLogMessages"]
    assert block_of(line).doubtful == ()


def test_lost_lines_do_not_matter_where_none_were_asked_for() -> None:
    line = line_of(BOTH, stream=1)
    line["transactions"][0]["hasDroppedLogMessages"] = True
    (tx,) = block_of(line, has_logs=False).transactions
    assert tx.logs is None


def test_counting_kept_lines_instead_of_all_is_noticed() -> None:
    """Should `logIndex` turn out to be no raw position, nothing gets a wrong place: there is no room for frames."""
    line = line_of(BOTH)
    for place, log in enumerate(line["logs"]):
        log["logIndex"] = place
    assert "can only be line" in doubted(line)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line["header"].update(number=2**63),
        lambda line: line["header"].update(parentNumber=SLOT),
        lambda line: line["header"].pop("hash"),
        lambda line: line["transactions"].pop(0),
        lambda line: line["transactions"].append(line["transactions"][0]),
        lambda line: line["transactions"][0].pop("err"),
        lambda line: line["transactions"][0].pop("hasDroppedLogMessages"),
        lambda line: line["transactions"][0].update(signatures=[]),
        lambda line: line["transactions"][0].update(signatures=["1111"]),
        lambda line: line["instructions"][0].update(accounts=["0OIl"]),
        lambda line: line["instructions"][0].update(programId="é"),
        lambda line: line["instructions"][0].pop("error"),
    ],
)
def test_a_line_that_lacks_what_was_asked_for_is_malformed(change: Any) -> None:
    line = line_of(BOTH)
    change(line)
    with pytest.raises(Malformed):
        block_of(line)


@pytest.mark.parametrize("line", [b"", b"[]", b"{", b"\xff", b'{"header":' * 10_000, b"null", b'{"header":{}}'])
def test_what_is_no_block_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        read_block(line, has_logs=True)


@settings(QUIET, max_examples=400)
@given(disturbed(line_of(FILL_TX, BOTH)) | json_values, st.booleans())
def test_no_line_raises_anything_but_malformed(line: Any, has_logs: bool) -> None:
    with suppress(Malformed):
        for tx in block_of(line, has_logs=has_logs).transactions:
            process(tx, protocols(), Reference())


@settings(QUIET, max_examples=400)
@given(disturbed(line_of(FILL_TX, BOTH)["logs"]))
def test_a_payload_is_told_where_its_line_stands_or_not_at_all(logs: Any) -> None:
    """Whatever the lines say: a row's index is the `logIndex` of a line with its bytes and its owner."""
    line = line_of(FILL_TX, BOTH) | {"logs": logs}
    with suppress(Malformed):
        for tx in block_of(line).transactions:
            told = process(tx, protocols(), Reference()).events
            for row in (row for row in told if row.origin.channel == "log"):
                (log,) = (
                    log for log in logs if (log["transactionIndex"], log["logIndex"]) == (tx.tx_index, row.origin.index)
                )
                assert text(row.origin.program_id) == log["programId"]


# --- frames ---------------------------------------------------------------------------------------------------------

A, B = OTHER, DRIFT


def calls(*addresses: tuple[int, ...], program: bytes = B) -> list[Call]:
    return [Call(address, program) for address in addresses]


def shape(lines: tuple[str, ...]) -> list[str]:
    """Lines in one letter: a frame entered or left, nothing, or what was kept."""
    return ["(" if line.endswith("]") else ")" if line.endswith("success") else line or "." for line in lines]


def test_calls_without_lines_run_before_a_line_where_there_is_room() -> None:
    tree = calls((0,), (0, 0), (0, 1), (1,))
    assert shape(framed(tree, [Kept(3, (0,), "x"), Kept(8, (1,), "y")])) == [*"(()x())(y)"]


def test_a_call_that_logs_later_does_not_run_early() -> None:
    tree = calls((0,), (0, 0))
    assert shape(framed(tree, [Kept(5, (0,), "x"), Kept(7, (0, 0), "y")])) == [*"(....x(y))"]


def test_a_frame_is_left_behind_everything_that_it_calls() -> None:
    tree = calls((0,), (0, 0), (0, 0, 0), (0, 1))
    assert shape(framed(tree, [Kept(2, (0, 0), "x"), Kept(6, (0,), "y")])) == [*"((x())y())"]


def test_a_silent_precompile_takes_no_line() -> None:
    tree = [Call((0,), ED25519), Call((1,), B)]
    assert shape(framed(tree, [Kept(1, (1,), "x")])) == [*"(x)"]


def test_without_any_line_the_frames_alone_remain() -> None:
    assert shape(framed(calls((0,), (0, 0), (1,)), [])) == [*"(())()"]


@pytest.mark.parametrize(
    "kept",
    [
        [Kept(0, (0,), "x")],
        [Kept(1, (1,), "x")],
        [Kept(1, (7,), "x")],
        [Kept(3, (0, 0), "x"), Kept(4, (0,), "y")],
        [Kept(9, (1,), "x"), Kept(12, (0,), "y")],
        [Kept(10_000, (0,), "x")],
    ],
)
def test_a_line_without_room_or_owner_is_a_contradiction(kept: list[Kept]) -> None:
    with pytest.raises(Contradiction):
        framed(calls((0,), (0, 0), (1,)), kept)


# --- the query ------------------------------------------------------------------------------------------------------


def test_queries_use_names_of_the_catalogue_alone() -> None:
    for protocol in protocols():
        query = json.loads(stream_query(protocol, Span(5, 7)))
        assert (query["type"], query["fromBlock"], query["toBlock"]) == ("solana", 5, 6)
        assert all(set(fields) <= FIELDS[table] for table, fields in query["fields"].items())
        assert all(set(request) <= REQUEST for request in query["instructions"])


def test_every_field_that_is_asked_for_is_read() -> None:
    """What is not asked for does not come, and what comes unread costs the archive's budget for an answer."""
    line = line_of(BOTH)
    for name in ("transactions", "instructions", "logs"):
        for field in list(line[name][0]):
            changed = msgspec.json.decode(msgspec.json.encode(line))
            for item in changed[name]:
                del item[field]
            with pytest.raises(Malformed):
                block_of(changed)
