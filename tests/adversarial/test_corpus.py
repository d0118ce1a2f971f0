"""Every case of the corpus gives exactly what it states, whichever way the transaction came."""

from __future__ import annotations

import msgspec
import pytest

from indexer.core.protocol import Processed, process, unrecorded
from indexer.core.record import Failure, Record
from indexer.core.reference import Reference
from indexer.core.rpc import parse_block, parse_notification, parse_transaction
from indexer.core.transaction import Transaction
from tests.adversarial.answers import as_block, as_json, as_notification, as_parsed, as_wire
from tests.adversarial.cases import CASES, Case, Finding, with_lines
from tests.programs import DRIFT, JUPITER, VAULTS, protocols
from tests.world import SLOT, frame, key, transaction

NAMED = [pytest.param(case, id=case.name) for case in CASES]


def findings(processed: Processed) -> list[Finding]:
    """Events, records and failures in the words of the corpus."""
    return sorted(_finding(row) for row in (*processed.events, *processed.records, *processed.failures))


def _finding(row: Record) -> Finding:
    origin = row.origin
    word = row.reason if isinstance(row, Failure) else origin.event if row.kind == "event" else row.kind
    return origin.protocol, origin.channel, origin.index, str(word)


def found(tx: Transaction) -> list[Finding]:
    return findings(process(tx, protocols(), Reference()))


@pytest.mark.parametrize("case", NAMED)
def test_json_gives_what_the_case_states(case: Case) -> None:
    answer = as_json(case.tx, case.loaded, case.heights)
    assert found(parse_transaction(answer)) == sorted(case.found)


@pytest.mark.parametrize("case", NAMED)
def test_base64_gives_the_same_transaction(case: Case) -> None:
    as_text = parse_transaction(as_json(case.tx, case.loaded, case.heights))
    as_bytes = parse_transaction(as_wire(case.tx, case.loaded, case.heights))
    assert _whole(as_bytes) == _whole(as_text)
    assert found(as_bytes) == sorted(case.found)


@pytest.mark.parametrize("case", NAMED)
def test_json_parsed_gives_the_same_transaction(case: Case) -> None:
    if case.heights:
        assert _whole(parse_transaction(as_parsed(case.tx))) == _whole(parse_transaction(as_json(case.tx)))


@pytest.mark.parametrize("case", NAMED)
def test_a_block_gives_the_same_rows(case: Case) -> None:
    answer = as_json(case.tx, case.loaded, case.heights)
    block = parse_block(as_block(as_json(CASES[0].tx), answer), SLOT)
    alone = parse_transaction(answer)
    assert block.transactions[1] == msgspec.structs.replace(alone, tx_index=1)
    assert found(block.transactions[1]) == sorted(case.found)


@pytest.mark.parametrize("case", NAMED)
def test_a_notification_gives_no_row_that_the_transaction_does_not(case: Case) -> None:
    """It has no tree; so it may know less, or fail where it cannot attribute, but never tell another position."""
    tx = parse_notification(as_notification(case.tx))
    logs = [finding for finding in found(tx) if finding[2] >= 0]
    if case.found and case.found[0][3] == "attribution_mismatch":
        return  # The logs alone cannot know that they are not whole.
    assert set(logs) <= set(case.found)
    if not any(finding[2] < 0 for finding in case.found):
        assert logs == sorted(finding for finding in case.found if finding[1] == "log")


def test_the_enclosing_instruction_is_the_one_that_emitted() -> None:
    case = next(case for case in CASES if case.name == "our program is its own callee")
    rows = process(case.tx, protocols(), Reference()).events
    assert [row.enclosing.index for row in rows] == [0, 1, 0]
    assert [row.enclosing.stack_height for row in rows] == [1, 2, 1]
    case = next(case for case in CASES if case.name == "the program calls itself before it emits")
    rows = process(case.tx, protocols(), Reference()).events
    assert [row.enclosing.index for row in rows] == [1, 0]


def test_a_failure_of_a_whole_transaction_names_drift_or_else_its_vaults() -> None:
    for programs, named in (((DRIFT,), DRIFT), ((VAULTS,), VAULTS), ((VAULTS, DRIFT), DRIFT)):
        tx = with_lines(transaction(*map(frame, programs)), "Log truncated")
        failure = process(tx, protocols(), Reference()).failures[0]
        assert failure.origin.program_id == named
        empty = process(with_lines(tx), protocols(), Reference()).failures[0]
        assert (empty.reason, empty.origin.program_id) == ("attribution_mismatch", named)


def test_a_channel_that_was_not_recorded_leaves_its_stream_unsettled() -> None:
    drift, jupiter = transaction(frame(DRIFT)), transaction(frame(JUPITER))
    assert unrecorded(drift, protocols()) == unrecorded(jupiter, protocols()) == set()
    assert unrecorded(transaction(frame(DRIFT), logs=None), protocols()) == {"drift"}
    assert unrecorded(transaction(frame(JUPITER), instructions=None), protocols()) == {"jupiter_perps"}
    assert unrecorded(transaction(frame(JUPITER), logs=None), protocols()) == set()


def test_logs_alone_give_the_same_positions() -> None:
    """A file may lack the tree: then the enclosing instruction is not known, and everything else is."""
    case = next(case for case in CASES if case.name == "our program is its own callee")
    alone = msgspec.structs.replace(case.tx, instructions=None)
    assert found(alone) == sorted(case.found)
    assert {row.enclosing.index for row in process(alone, protocols(), Reference()).events} == {None}


def test_names_are_told_apart() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def _whole(tx: Transaction) -> Transaction:
    """With the data of every instruction as bytes, however it was written."""
    if tx.instructions is None:
        return tx
    read = tuple(msgspec.structs.replace(one, raw=one.data, text=None) for one in tx.instructions)
    return msgspec.structs.replace(tx, instructions=read, keys=frozenset(tx.keys or ()) - {key(3)})
