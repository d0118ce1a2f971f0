"""The gate of blocks: what it passes over parses to nothing of ours, and it does pass over what is foreign."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core.jsonrpc import Malformed, NoAnswer, answer
from indexer.core.rpc import Block, block, block_reading, parse_block
from indexer.core.rpc.gate import gate
from indexer.core.transaction import Unavailable
from tests.adversarial.answers import as_block, as_json, as_parsed, as_wire, text
from tests.adversarial.cases import CASES
from tests.mutation import Mutant, mutant
from tests.programs import DRIFT, GMX, JUPITER
from tests.property.strategies import json_values, seeds
from tests.property.test_raw_answers import damaged, outcome
from tests.world import SLOT, data_line, frame, key, log_line, transaction

OTHER = key(4040)
PROGRAMS = (frozenset((DRIFT,)), frozenset((JUPITER, GMX)), frozenset((OTHER,)))
FOREIGN = as_json(transaction(frame(key(1), log_line("hello"), data_line(b"12345678"))))
OURS = transaction(frame(DRIFT, log_line("hello")))
SHOWN = [as_json(case.tx) for case in CASES]
ODD = [
    *(shown(case.tx) for case in CASES[:12] for shown in (as_parsed, as_wire)),
    *({**FOREIGN, **changes} for changes in ({"meta": None}, {"version": 7}, {"version": 1}, {"version": "legacy"})),
    as_json(OURS, loaded=(DRIFT,)),
]
ORDERS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (
    lambda result: dict(sorted(result.items())),
    lambda result: {"transactions": result["transactions"], **result},
    lambda result: {**{name: part for name, part in result.items() if name != "transactions"}, **result},
    lambda result: {name: result[name] for name in sorted(result, reverse=True)},
)


def compact(result: Any) -> bytes:
    """As nodes write: no blanks."""
    return msgspec.json.encode({"jsonrpc": "2.0", "result": result, "id": 3})


def escaped(value: Any, rng: Random, chance: float) -> str:
    """Compact JSON in which any letter or digit of a text may be an escape."""
    if isinstance(value, dict):
        parts = (f"{escaped(name, rng, chance)}:{escaped(part, rng, chance)}" for name, part in value.items())
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join(escaped(part, rng, chance) for part in value) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    signs = (f"\\u{ord(c):04x}" if c.isalnum() and rng.random() < chance else json.dumps(c)[1:-1] for c in value)
    return '"' + "".join(signs) + '"'


def block_of(*shown: dict[str, Any]) -> dict[str, Any]:
    return as_block(*({"slot": SLOT, "blockTime": 1, **one} for one in shown))


def is_passed_over(body: bytes, programs: frozenset[bytes]) -> bool:
    """Whether the body is read as a block of others."""
    lighter = block_reading(SLOT, programs).lighter
    assert lighter is not None
    if not lighter.serves(body):
        return False
    try:
        msgspec.json.decode(body, type=dict[str, lighter.shape | int | str])
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def read(body: bytes, programs: frozenset[bytes]) -> Any:
    try:
        return answer(body, 3, block_reading(SLOT, programs))
    except (Malformed, NoAnswer, Unavailable) as error:
        return type(error)


shown_somehow = st.sampled_from(SHOWN) | st.sampled_from([*ODD, FOREIGN])
in_any_order = st.tuples(shown_somehow, seeds).map(
    lambda pair: dict(Random(pair[1]).sample([*pair[0].items()], len(pair[0])))
)
blocks = st.lists(in_any_order, min_size=1, max_size=4)
programs_of_some = st.sampled_from(PROGRAMS)


@given(blocks, seeds, programs_of_some, st.sampled_from([0, 0, 0.001, 1]), st.sampled_from(ORDERS))
def test_what_the_gate_passes_over_parses_to_nothing_of_ours(
    shown: list[dict[str, Any]], seed: int, programs: frozenset[bytes], chance: float, order: Any
) -> None:
    result = order(block_of(*shown))
    envelope = {"jsonrpc": "2.0", "result": result, "id": 3}
    body = escaped(envelope, Random(seed), chance).encode()
    whole = parse_block(msgspec.json.decode(body)["result"], SLOT, programs)
    assert read(body, programs) == whole
    if is_passed_over(body, programs):
        assert (whole.transactions, whole.unavailable) == ((), ())


@given(blocks, seeds, json_values, programs_of_some)
def test_what_the_gate_passes_over_of_a_damaged_block_parses_to_nothing_of_ours(
    shown: list[dict[str, Any]], seed: int, instead: Any, programs: frozenset[bytes]
) -> None:
    result = damaged(block_of(*shown), seed, instead)
    body = json.dumps({"jsonrpc": "2.0", "result": result, "id": 3}, separators=(",", ":")).encode()
    try:
        objects = msgspec.json.decode(body)["result"]
    except msgspec.DecodeError:  # A number that is none.
        return
    whole = outcome(lambda: parse_block(objects, SLOT, programs))
    if not is_passed_over(body, programs):
        assert read(body, programs) == whole
    elif isinstance(whole, Block):
        assert (whole.transactions, whole.unavailable) == ((), ())
        assert read(body, programs) == whole
    else:
        assert whole is Malformed


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_make_the_gate_raise(body: bytes) -> None:
    gate(PROGRAMS[0]).names_none(body)


@pytest.mark.parametrize("shown", [FOREIGN, dict(sorted(FOREIGN.items()))], ids=["meta last", "version last"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_foreign_block_is_passed_over_and_its_head_is_read(shown: dict[str, Any], order: Any, count: int) -> None:
    result = order(block_of(*[shown] * count))
    body = compact(result)
    assert is_passed_over(body, PROGRAMS[0])
    assert read(body, PROGRAMS[0]) == parse_block(result, SLOT, PROGRAMS[0])


def test_a_name_keeps_a_block_wherever_it_stands() -> None:
    for shown in (as_json(OURS), as_json(OURS, loaded=(DRIFT,)), as_parsed(OURS)):
        body = compact(block_of(FOREIGN, shown))
        assert not is_passed_over(body, PROGRAMS[0])
        assert len(read(body, PROGRAMS[0]).transactions) == 1


@pytest.mark.parametrize("place", range(len(text(DRIFT))))
def test_one_escaped_sign_of_a_name_keeps_a_block(place: int) -> None:
    name = text(DRIFT)
    spelt = f"{name[:place]}\\u{ord(name[place]):04x}{name[place + 1 :]}"
    body = compact(block_of(FOREIGN, as_json(OURS))).replace(name.encode(), spelt.encode())
    assert not is_passed_over(body, PROGRAMS[0])
    assert len(read(body, PROGRAMS[0]).transactions) == 1


def test_control_characters_in_logs_do_not_keep_a_block() -> None:
    assert is_passed_over(compact(block_of(as_json(transaction(frame(key(1), log_line("a\0b\x1f")))))), PROGRAMS[0])


@pytest.mark.parametrize(
    "odd",
    [
        {**FOREIGN, "meta": None},
        {name: part for name, part in FOREIGN.items() if name != "meta"},
        {**FOREIGN, "version": 7},
        {**FOREIGN, "version": 10},
        as_wire(transaction(frame(key(1)))),
        {**as_wire(transaction(frame(key(1)))), "meta": None},
    ],
)
def test_one_transaction_that_hides_its_accounts_keeps_a_block(odd: dict[str, Any]) -> None:
    for shown in ((odd, FOREIGN), (FOREIGN, odd)):
        assert not is_passed_over(compact(block_of(*shown)), PROGRAMS[0])


@pytest.mark.parametrize("shown", [FOREIGN, dict(sorted(FOREIGN.items()))], ids=["meta last", "version last"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_null_among_transactions_keeps_a_block(shown: dict[str, Any], place: int) -> None:
    result = block_of(shown, shown)
    result["transactions"].insert(place, None)
    assert read(compact(result), PROGRAMS[0]) is Malformed


def test_blanks_change_nothing() -> None:
    for shown, is_foreign in (((FOREIGN, FOREIGN), True), (({**FOREIGN, "meta": None}, FOREIGN), False)):
        body = json.dumps({"jsonrpc": "2.0", "result": block_of(*shown), "id": 3}, indent=1).encode()
        assert is_passed_over(body, PROGRAMS[0]) is is_foreign
        assert read(body, PROGRAMS[0]) == parse_block(block_of(*shown), SLOT, PROGRAMS[0])


@pytest.mark.parametrize("line", ["}]", '}],"', '"}],"parentSlot":9,"x":["', '],"transactions":[', '\\"}]', "}]}}"])
def test_no_log_line_moves_the_end_of_the_list(line: str) -> None:
    shown = as_json(transaction(frame(key(1), log_line(line))))
    for one in (shown, {name: shown[name] for name in ("version", "transaction", "meta")}):
        result = block_of(FOREIGN, one)
        assert read(compact(result), PROGRAMS[0]) == parse_block(result, SLOT, PROGRAMS[0])


@pytest.mark.parametrize("body", [b"", b'{"error":{"code":-32007}}', compact(None)])
def test_answers_without_a_block_are_none_of_others(body: bytes) -> None:
    assert not is_passed_over(body, PROGRAMS[0])


def test_a_body_that_was_cut_short_is_no_answer() -> None:
    body = compact(block_of(FOREIGN, FOREIGN))
    for length in range(len(body)):
        with pytest.raises((NoAnswer, Unavailable, Malformed)):
            answer(body[:length], 3, block_reading(SLOT, PROGRAMS[0]))


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def without(body: bytes, start: int, end: int) -> bytes:
    return body[:start] + body[end:]


def overwritten(body: bytes, start: int, end: int) -> bytes:
    return body[:start] + bytes(end - start) + body[end:]


def twice(body: bytes, start: int, end: int) -> bytes:
    return body[:end] + body[start:end] + body[end:]


@given(st.lists(st.just(FOREIGN) | st.sampled_from(SHOWN), min_size=1, max_size=3), seeds)
@pytest.mark.parametrize("damage", [without, overwritten, twice])
def test_a_body_with_a_damaged_middle_is_no_foreign_block_unless_it_is_json(
    damage: Callable[[bytes, int, int], bytes], shown: list[dict[str, Any]], seed: int
) -> None:
    body, rng = compact(block_of(*shown)), Random(seed)
    start, end = sorted(rng.sample(range(len(body) + 1), 2))
    harmed = damage(body, start, end)
    if not is_json(harmed):
        assert not is_passed_over(harmed, PROGRAMS[2])
        assert read(harmed, PROGRAMS[2]) is NoAnswer


def test_a_piece_between_two_foreign_transactions_is_missed() -> None:
    """The marks of transactions are as many as before: from the middle of one log to the middle of the next."""
    body = compact(block_of(*[FOREIGN] * 3))
    first = body.index(b"hello")
    second = body.index(b"hello", first + 1)
    harmed = body[: first + 2] + body[second + len(b'hello"') :]
    marks = [harmed.count(mark) for mark in (b'"transaction":{', b'"meta":{', b'"accountKeys":[')]
    assert len(set(marks)) == 1
    assert not is_json(harmed)
    assert read(harmed, PROGRAMS[0]) is NoAnswer


class Lax(msgspec.Struct):
    """A transaction of which nothing is demanded."""


class LaxBlock(block.Head, rename="camel", kw_only=True):
    transactions: list[Lax]


class HeadAlone(block.Head, rename="camel", kw_only=True):
    pass


def every_hidden() -> None:
    bare = {"version": 0, "transaction": FOREIGN["transaction"]}
    for odd in ({**FOREIGN, "meta": None}, {**FOREIGN, "version": 7}, as_wire(transaction(frame(key(1)))), bare):
        test_one_transaction_that_hides_its_accounts_keeps_a_block(odd)


@pytest.mark.parametrize(
    ("shape", "noticed_by"),
    [(LaxBlock, every_hidden), (HeadAlone, lambda: test_a_null_among_transactions_keeps_a_block(FOREIGN, 1))],
)
def test_a_shape_that_demands_less_is_noticed(
    shape: type, noticed_by: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block, "ForeignBlock", shape)
    with pytest.raises(AssertionError):
        noticed_by()


MUTANTS = [
    mutant("escapes are not looked for", lambda: test_one_escaped_sign_of_a_name_keeps_a_block(0),
           "core.rpc.gate", (", *_ESCAPES", "")),
    mutant("names are not looked for", test_a_name_keeps_a_block_wherever_it_stands,
           "core.rpc.gate", ("*names, ", "")),
    mutant("loaded addresses are not looked at", test_a_name_keeps_a_block_wherever_it_stands,
           "core.rpc.entries", ("names.isdisjoint(loaded.writable) and names.isdisjoint(loaded.readonly)", "True")),
]  # fmt: skip


@pytest.mark.parametrize("planted", MUTANTS, ids=lambda planted: planted.name)
def test_a_change_that_would_lose_transactions_is_noticed(planted: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.cache_clear()
    planted.check(monkeypatch)
