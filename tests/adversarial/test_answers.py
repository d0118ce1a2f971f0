"""What nodes answer in odd shapes: read where it can be read, and otherwise said to be unavailable or malformed."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from indexer.core.rpc import Malformed, parse_block, parse_notification, parse_transaction
from indexer.core.transaction import Unavailable
from tests.adversarial.answers import as_block, as_json, as_notification, as_parsed, as_wire
from tests.adversarial.cases import CPI, FILL, FILL_TX, FILLED, ONE_CALL, at
from tests.adversarial.test_corpus import found
from tests.programs import DRIFT
from tests.world import SLOT, log_transaction

EVENT = CPI[0]
ANY = as_json(EVENT.tx)


def changed(answer: dict[str, Any], *path: str | int, to: Any) -> dict[str, Any]:
    """The answer with one value replaced, or set anew."""
    copy = deepcopy(answer)
    inside: Any = copy
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = to
    return copy


@pytest.mark.parametrize(
    "answer",
    [
        None,
        changed(ANY, "meta", to=None),
        changed(as_wire(EVENT.tx), "version", to=1),
        changed(ANY, "version", to=2),
        changed(ANY, "version", to="2"),
        changed(as_wire(EVENT.tx), "transaction", 1, to="base64+zstd"),
    ],
    ids=["null", "meta null", "v1 in base64", "v2", "v2 as text", "unknown encoding"],
)
def test_what_cannot_be_read_says_nothing_about_the_chain(answer: Any) -> None:
    with pytest.raises(Unavailable):
        parse_transaction(answer)


@pytest.mark.parametrize("err", [{"NewVariant": {"deep": [1, None]}}, "AccountInUse", {}, [], 0, False, ""])
def test_an_error_of_any_shape_is_a_failed_transaction(err: Any) -> None:
    assert not parse_transaction(changed(ANY, "meta", "err", to=err)).succeeded
    assert found(parse_transaction(changed(ANY, "meta", "err", to=err))) == []


def test_version_1_is_read_from_json() -> None:
    tx = parse_transaction(changed(ANY, "version", to=1))
    assert tx.version == 1
    assert found(tx) == EVENT.found


def test_an_answer_of_before_versions_is_legacy() -> None:
    old = {name: part for name, part in ANY.items() if name != "version"}
    old["meta"] = {name: part for name, part in old["meta"].items() if name != "loadedAddresses"}
    assert parse_transaction(old).version == "legacy"
    assert found(parse_transaction(old)) == EVENT.found


def test_unknown_fields_are_ignored() -> None:
    def more(value: Any) -> Any:
        if isinstance(value, dict):
            return {"zzNew": {"nested": [1, {"a": None}]}} | {name: more(part) for name, part in value.items()}
        return [more(part) for part in value] if isinstance(value, list) else value

    assert parse_transaction(more(ANY)) == parse_transaction(ANY)
    assert parse_transaction(more(as_parsed(EVENT.tx))) == parse_transaction(as_parsed(EVENT.tx))


@pytest.mark.parametrize(
    "answer",
    [
        changed(ANY, "transaction", "message", "instructions", 0, "programIdIndex", to=99),
        changed(ANY, "transaction", "message", "instructions", 0, "programIdIndex", to=-1),
        changed(ANY, "meta", "innerInstructions", 0, "index", to=7),
        changed(ANY, "meta", "innerInstructions", 0, "instructions", 0, "accounts", to=[99]),
        changed(ANY, "transaction", "signatures", to=[]),
        changed(ANY, "transaction", "signatures", to=["not a signature"]),
        changed(ANY, "slot", to=-1),
        changed(ANY, "slot", to=2**64),
        changed(as_wire(EVENT.tx), "transaction", 0, to="!!!"),
        [], 5, "text", {}, True,
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_malformed(answer: Any) -> None:
    with pytest.raises(Malformed):
        parse_transaction(answer)


def test_data_of_an_instruction_that_is_no_base58_is_no_event() -> None:
    answer = changed(ANY, "meta", "innerInstructions", 0, "instructions", 0, "data", to="0OIl")
    assert found(parse_transaction(answer)) == []


def test_null_parts_are_not_recorded_and_empty_parts_are() -> None:
    tx = parse_transaction(changed(as_json(FILL_TX), "meta", "logMessages", to=None))
    assert tx.logs is None
    tx = parse_transaction(changed(as_json(FILL_TX), "meta", "innerInstructions", to=None))
    assert tx.instructions is None
    assert found(tx) == sorted(FILLED)
    tx = parse_transaction(changed(as_json(FILL_TX), "meta", "innerInstructions", to=[]))
    assert tx.instructions is not None
    assert found(tx) == sorted(FILLED)


def test_groups_of_inner_instructions_may_come_in_any_order_and_in_parts() -> None:
    case = next(case for case in CPI if case.name == "several events at one depth")
    answer = as_json(case.tx)
    groups = answer["meta"]["innerInstructions"]
    parts = [{**group, "instructions": [one]} for group in groups for one in group["instructions"]]
    parts.sort(key=lambda part: -part["index"])
    assert found(parse_transaction(changed(answer, "meta", "innerInstructions", to=parts))) == sorted(case.found)


def test_a_block_says_what_it_could_not_read() -> None:
    answer = as_block(as_json(FILL_TX), changed(as_json(FILL_TX), "meta", to=None), as_json(ONE_CALL))
    block = parse_block(answer, SLOT)
    assert [tx.tx_index for tx in block.transactions] == [0, 2]
    assert len(block.unavailable) == 1
    assert found(block.transactions[1]) == sorted(at(2, FILLED))


@pytest.mark.parametrize("answer", [None])
def test_a_block_that_is_null_is_unavailable(answer: Any) -> None:
    with pytest.raises(Unavailable):
        parse_block(answer, SLOT)


def test_a_placeholder_signature_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        parse_notification(as_notification(log_transaction(DRIFT, FILL, signature=bytes(64))))


def test_a_notification_with_no_error_and_no_lines_tells_nothing() -> None:
    """Seen of failed transactions: there is nothing to attribute, and nothing to accuse."""
    assert found(parse_notification(as_notification(log_transaction(DRIFT, FILL, logs=())))) == []


def test_json_with_numbers_beyond_its_types_is_malformed_or_read() -> None:
    for text in ("1e400", "-0.0", "1.5", str(10**40)):
        answer = changed(ANY, "slot", to=json.loads(text))
        try:
            parse_transaction(answer)
        except Malformed:
            continue
        assert text == "-0.0"
