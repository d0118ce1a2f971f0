"""From bytes or from objects: an answer is read the same, also where it is damaged, and one body may answer many."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core.jsonrpc import (
    Malformed,
    NoAnswer,
    RpcError,
    answer,
    batch,
    batch_answers,
    plain,
    request,
)
from indexer.core.rpc import TRANSACTION, block_reading, parse_block, parse_transaction
from indexer.core.transaction import Unavailable
from tests.adversarial.answers import as_block, as_json, as_parsed, as_wire
from tests.adversarial.cases import CASES
from tests.programs import DRIFT, GMX, JUPITER
from tests.property.strategies import json_values, seeds
from tests.world import SLOT

SHOWN = [shown(case.tx) for case in CASES for shown in (as_json, as_parsed, as_wire)]
BLOCKS = [as_block(*SHOWN[place : place + 4]) for place in range(0, len(SHOWN) - 4, 4)]
PROGRAMS = (DRIFT, GMX, JUPITER)


def enveloped(result: Any, number: int = 3) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "result": result, "id": number}).encode()


def outcome(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except (Malformed, Unavailable) as error:
        return type(error)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for name, part in inner for found in places(part, (*path, name)))]


def damaged(value: Any, seed: int, instead: Any) -> Any:
    """The value with another in one place, or without what was there."""
    rng, copy = Random(seed), deepcopy(value)
    path = rng.choice(places(copy)[1:])
    inside = copy
    for step in path[:-1]:
        inside = inside[step]
    if rng.random() < 0.2:
        del inside[path[-1]]
    else:
        inside[path[-1]] = instead
    return copy


def is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


json_only = json_values.filter(is_json)


@pytest.mark.parametrize("shown", SHOWN)
def test_a_transaction_from_bytes_is_the_one_from_objects(shown: Any) -> None:
    assert answer(enveloped(shown), 3, TRANSACTION) == parse_transaction(shown)


@pytest.mark.parametrize("shown", BLOCKS)
def test_a_block_from_bytes_is_the_one_from_objects(shown: Any) -> None:
    whole = parse_block(shown, SLOT)
    assert answer(enveloped(shown), 3, block_reading(SLOT)) == whole
    ours = tuple(tx for tx in whole.transactions if tx.succeeded and not (tx.keys or set()).isdisjoint(PROGRAMS))
    expected = msgspec.structs.replace(whole, transactions=ours)
    assert answer(enveloped(shown), 3, block_reading(SLOT, PROGRAMS)) == expected
    assert parse_block(shown, SLOT, PROGRAMS) == expected


@given(st.sampled_from(SHOWN), seeds, json_only)
def test_a_damaged_transaction_is_read_the_same(shown: Any, seed: int, instead: Any) -> None:
    result = damaged(shown, seed, instead)
    from_bytes = outcome(lambda: answer(enveloped(result), 3, TRANSACTION))
    assert from_bytes == outcome(lambda: parse_transaction(msgspec.json.decode(json.dumps(result))))


@given(st.sampled_from(BLOCKS), seeds, json_only)
def test_a_damaged_block_is_read_the_same(shown: Any, seed: int, instead: Any) -> None:
    result = damaged(shown, seed, instead)
    objects = msgspec.json.decode(json.dumps(result))
    for programs in (None, PROGRAMS):
        from_bytes = outcome(lambda programs=programs: answer(enveloped(result), 3, block_reading(SLOT, programs)))
        from_objects = outcome(lambda programs=programs: parse_block(objects, SLOT, programs))
        assert from_bytes == from_objects


@given(json_only)
def test_any_json_is_an_answer_or_at_fault(value: Any) -> None:
    for body in (json.dumps(value).encode(), enveloped(value)):
        for reading in (TRANSACTION, block_reading(SLOT), plain(int), plain(list[int])):
            try:
                answer(body, 3, reading)
                batch_answers(body, 3, [reading])
            except (Malformed, Unavailable, NoAnswer, RpcError):
                continue


@given(st.binary(max_size=60))
def test_any_bytes_are_an_answer_or_at_fault(body: bytes) -> None:
    for read in (lambda: answer(body, 0, plain(int)), lambda: batch_answers(body, 0, [plain(int)] * 2)):
        with pytest.raises((Malformed, Unavailable, NoAnswer, RpcError)):
            read()


def test_a_block_of_no_transaction_of_ours_names_what_it_could_not_read() -> None:
    shown = as_block(
        as_json(CASES[0].tx), {**as_json(CASES[0].tx), "meta": None}, {**as_json(CASES[0].tx), "version": 7}
    )
    assert len(answer(enveloped(shown), 3, block_reading(SLOT, [bytes(32)])).unavailable) == 2


def test_requests_are_numbered_so_that_answers_find_them() -> None:
    assert msgspec.json.decode(request(5, "getSlot", [{"commitment": "finalized"}])) == {
        "jsonrpc": "2.0", "id": 5, "method": "getSlot", "params": [{"commitment": "finalized"}],
    }  # fmt: skip
    assert [one["id"] for one in msgspec.json.decode(batch(5, "getThing", [[1], [2], [3]]))] == [5, 6, 7]


def test_an_answer_to_another_request_is_none_to_this_one() -> None:
    with pytest.raises(NoAnswer, match="request 4, not to 3"):
        answer(enveloped(1, number=4), 3, plain(int))


def test_of_a_batch_each_request_is_answered_or_at_fault_on_its_own() -> None:
    body = json.dumps(
        [
            {"id": 12, "result": "no number"},
            {"id": 10, "result": 1},
            {"id": 13, "result": None},
            {"id": 11, "error": {"code": -32004, "message": "not here"}},
            {"id": 99, "result": 5},
        ]
    ).encode()
    value, error, malformed, null, none = batch_answers(body, 10, [plain(int)] * 5)
    assert value == 1
    assert isinstance(error, RpcError)
    assert (error.code, error.message) == (-32004, "not here")
    assert [type(one) for one in (malformed, null, none)] == [Malformed, Unavailable, NoAnswer]


@pytest.mark.parametrize(
    "body", [b'{"id":1,"error":{"code":-32600,"message":"no batches"}}', b'{"error":"no batches"}']
)
def test_one_error_to_a_whole_batch_is_the_error_of_all(body: bytes) -> None:
    with pytest.raises(RpcError, match="no batches"):
        batch_answers(body, 0, [plain(int)] * 2)


def test_what_a_node_says_is_cut_to_a_bound() -> None:
    body = json.dumps({"id": 3, "error": {"code": -1, "message": "x" * 100_000}}).encode()
    with pytest.raises(RpcError) as caught:
        answer(body, 3, plain(int))
    assert len(str(caught.value)) < 5000
