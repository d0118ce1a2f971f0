"""The cut of foreign blocks: what it takes out parses to nothing of ours, and no body is cut that may be damaged."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core.jsonrpc import Malformed, NoAnswer, answer
from indexer.core.rpc import Block, block_reading, parse_block
from indexer.core.rpc.cut import without_transactions
from indexer.core.rpc.gate import gate
from indexer.core.transaction import Unavailable
from tests.adversarial.answers import as_json, as_parsed, as_wire, text
from tests.mutation import Mutant, mutant
from tests.programs import DRIFT
from tests.property.strategies import json_values, seeds
from tests.property.test_gate import (
    FOREIGN,
    ORDERS,
    OURS,
    PROGRAMS,
    block_of,
    blocks,
    compact,
    escaped,
    is_json,
    is_passed_over,
    programs_of_some,
)
from tests.property.test_raw_answers import damaged, outcome
from tests.world import SLOT, frame, key, log_line, transaction


def is_cut(body: bytes, programs: frozenset[bytes]) -> bool:
    """Whether some of this body is never read, if it is exact."""
    return gate(programs).names_none(body) and without_transactions(body) != body


def read(body: bytes, programs: frozenset[bytes], *, is_exact: bool = True) -> Any:
    try:
        return answer(body, 3, block_reading(SLOT, programs), is_exact=is_exact)
    except (Malformed, NoAnswer, Unavailable) as error:
        return type(error)


@given(blocks, seeds, programs_of_some, st.sampled_from([0, 0, 0.001, 1]), st.sampled_from(ORDERS))
def test_what_is_cut_out_parses_to_nothing_of_ours(
    shown: list[dict[str, Any]], seed: int, programs: frozenset[bytes], chance: float, order: Any
) -> None:
    envelope = {"jsonrpc": "2.0", "result": order(block_of(*shown)), "id": 3}
    body = escaped(envelope, Random(seed), chance).encode()
    whole = parse_block(msgspec.json.decode(body)["result"], SLOT, programs)
    assert read(body, programs) == whole
    if is_cut(body, programs):
        assert (whole.transactions, whole.unavailable) == ((), ())


@given(blocks, seeds, json_values, programs_of_some)
def test_what_is_cut_out_of_an_odd_block_parses_to_nothing_of_ours(
    shown: list[dict[str, Any]], seed: int, instead: Any, programs: frozenset[bytes]
) -> None:
    result = damaged(block_of(*shown), seed, instead)
    body = json.dumps({"jsonrpc": "2.0", "result": result, "id": 3}, separators=(",", ":")).encode()
    try:
        objects = msgspec.json.decode(body)["result"]
    except msgspec.DecodeError:  # A number that is none.
        return
    whole = outcome(lambda: parse_block(objects, SLOT, programs))
    if not is_cut(body, programs) and not is_passed_over(body, programs):
        assert read(body, programs) == whole
    elif isinstance(whole, Block):
        assert (whole.transactions, whole.unavailable) == ((), ())
        assert read(body, programs) == whole
    else:
        assert whole is Malformed


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_make_the_cut_raise(body: bytes) -> None:
    for made in (body, b'{"transactions":[{"transaction":{"accountKeys":[]},"meta":{}' + body):
        without_transactions(made)


@pytest.mark.parametrize("shown", [FOREIGN, dict(sorted(FOREIGN.items()))], ids=["meta last", "version last"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_foreign_block_is_cut_and_its_head_is_read(shown: dict[str, Any], order: Any, count: int) -> None:
    result = order(block_of(*[shown] * count))
    body = compact(result)
    assert is_cut(body, PROGRAMS[0])
    assert len(without_transactions(body)) < 500
    assert read(body, PROGRAMS[0]) == parse_block(result, SLOT, PROGRAMS[0])


def test_a_block_that_names_us_is_not_cut() -> None:
    for shown in (as_json(OURS), as_json(OURS, loaded=(DRIFT,)), as_parsed(OURS)):
        body = compact(block_of(FOREIGN, shown))
        assert not is_cut(body, PROGRAMS[0])
        assert len(read(body, PROGRAMS[0]).transactions) == 1


@pytest.mark.parametrize("place", range(len(text(DRIFT))))
def test_a_block_is_not_cut_for_one_escaped_sign_of_a_name(place: int) -> None:
    name = text(DRIFT)
    spelt = f"{name[:place]}\\u{ord(name[place]):04x}{name[place + 1 :]}"
    body = compact(block_of(FOREIGN, as_json(OURS))).replace(name.encode(), spelt.encode())
    assert not is_cut(body, PROGRAMS[0])
    assert len(read(body, PROGRAMS[0]).transactions) == 1


def test_control_characters_in_logs_do_not_keep_a_block_whole() -> None:
    assert is_cut(compact(block_of(as_json(transaction(frame(key(1), log_line("a\0b\x1f")))))), PROGRAMS[0])


BARE = {"version": 0, "transaction": FOREIGN["transaction"]}
HIDDEN: list[dict[str, Any]] = [
    BARE,
    {**FOREIGN, "meta": None},
    {**FOREIGN, "version": 7},
    {**FOREIGN, "version": 10},
    as_wire(transaction(frame(key(1)))),
    {**as_wire(transaction(frame(key(1)))), "meta": None},
]


@pytest.mark.parametrize("odd", HIDDEN)
def test_one_transaction_that_hides_its_accounts_keeps_a_block_whole(odd: dict[str, Any]) -> None:
    for shown in ((odd, FOREIGN), (FOREIGN, odd)):
        assert not is_cut(compact(block_of(*shown)), PROGRAMS[0])
        assert read(compact(block_of(*shown)), PROGRAMS[0]) == parse_block(block_of(*shown), SLOT, PROGRAMS[0])


@pytest.mark.parametrize("shown", [FOREIGN, dict(sorted(FOREIGN.items()))], ids=["meta last", "version last"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_null_among_transactions_keeps_a_block_whole(shown: dict[str, Any], place: int) -> None:
    result = block_of(shown, shown)
    result["transactions"].insert(place, None)
    assert read(compact(result), PROGRAMS[0]) is Malformed


def test_blanks_keep_a_block_whole_and_change_nothing() -> None:
    for shown in ((FOREIGN, FOREIGN), ({**FOREIGN, "meta": None}, FOREIGN)):
        body = json.dumps({"jsonrpc": "2.0", "result": block_of(*shown), "id": 3}).encode()
        assert not is_cut(body, PROGRAMS[0])
        assert read(body, PROGRAMS[0]) == parse_block(block_of(*shown), SLOT, PROGRAMS[0])


@pytest.mark.parametrize("line", ["}]", '}],"', '"}],"parentSlot":9,"x":["', '],"transactions":[', '\\"}]', "}]}}"])
def test_no_log_line_moves_the_end_of_the_list(line: str) -> None:
    shown = as_json(transaction(frame(key(1), log_line(line))))
    for one in (shown, {name: shown[name] for name in ("version", "transaction", "meta")}):
        result = block_of(FOREIGN, one)
        assert is_cut(compact(result), PROGRAMS[0])
        assert read(compact(result), PROGRAMS[0]) == parse_block(result, SLOT, PROGRAMS[0])


def test_a_list_whose_end_is_not_found_soon_is_not_cut() -> None:
    shown = as_json(transaction(frame(key(1), *[log_line("}]")] * 40)))
    result = block_of({name: shown[name] for name in ("version", "transaction", "meta")})
    assert not is_cut(compact(result), PROGRAMS[0])
    assert read(compact(result), PROGRAMS[0]) == parse_block(result, SLOT, PROGRAMS[0])


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"error":{"code":-32007}}', compact(None), compact({"transactions": []})]
)
def test_answers_without_transactions_stay_as_they_are(body: bytes) -> None:
    assert without_transactions(body) == body


def test_a_block_without_its_head_is_malformed_cut_or_not() -> None:
    result = {name: part for name, part in block_of(FOREIGN).items() if name != "parentSlot"}
    assert is_cut(compact(result), PROGRAMS[0])
    assert read(compact(result), PROGRAMS[0]) is read(compact(result), PROGRAMS[0], is_exact=False) is Malformed


def test_an_exact_body_that_the_node_cut_short_is_no_answer() -> None:
    body = compact(block_of(FOREIGN, FOREIGN))
    for length in range(len(body)):
        assert read(body[:length], PROGRAMS[0]) in (NoAnswer, Unavailable, Malformed)


def spoilt() -> bytes:
    """A foreign block that is no JSON between its first transaction and its last: cut, nobody would see it."""
    body = compact(block_of(*[FOREIGN] * 3))
    spoilt = body.replace(b"hello", b'he"lo', 1)
    assert not is_json(spoilt)
    assert is_cut(spoilt, PROGRAMS[0])
    return spoilt


def test_an_exact_body_is_cut() -> None:
    assert read(spoilt(), PROGRAMS[0]) == parse_block(block_of(FOREIGN), SLOT, PROGRAMS[0])


def test_no_body_is_cut_unless_it_is_said_to_be_exact() -> None:
    assert read(spoilt(), PROGRAMS[0], is_exact=False) is NoAnswer
    with pytest.raises(NoAnswer):
        answer(spoilt(), 3, block_reading(SLOT, PROGRAMS[0]))


def all_hidden() -> None:
    for odd in HIDDEN:
        test_one_transaction_that_hides_its_accounts_keeps_a_block_whole(odd)


MUTANTS = [
    mutant("nulls are not seen", lambda: test_a_null_among_transactions_keeps_a_block_whole(FOREIGN, 1),
           "core.rpc.cut", ("_LACKING, *", "*")),
    mutant("what follows a mark is not looked at", all_hidden,
           "core.rpc.cut", ("*_MARKS, _VERSION]", "]")),
    mutant("other encodings are not seen", all_hidden,
           "core.rpc.cut", ("0 < ones == effects == keys", "0 < keys")),
    mutant("the list ends where it seems to", lambda: test_no_log_line_moves_the_end_of_the_list("}]"),
           "core.rpc.cut", ("if _is_json(rest := body[:start] + body[end:]):\n            return rest",
                            "return body[:start] + body[end:]")),
    mutant("every body is cut", test_no_body_is_cut_unless_it_is_said_to_be_exact,
           "core.jsonrpc", ("self.lighter.cut(body) if is_exact else body", "self.lighter.cut(body)")),
    mutant("no body is cut", test_an_exact_body_is_cut,
           "core.jsonrpc", ("self.lighter.cut(body) if is_exact else body", "body")),
    mutant("a body is exact unless it is said not to be", test_no_body_is_cut_unless_it_is_said_to_be_exact,
           "core.jsonrpc", ("is_exact: bool = False) -> _Value:\n    \"\"\"The result",
                            "is_exact: bool = True) -> _Value:\n    \"\"\"The result")),
    mutant("blocks that name us are cut", test_a_block_that_names_us_is_not_cut,
           "core.rpc.block", ("serves = gate(programs).names_none", "serves = lambda body: True")),
]  # fmt: skip


@pytest.mark.parametrize("planted", MUTANTS, ids=lambda planted: planted.name)
def test_a_change_that_would_lose_transactions_is_noticed(planted: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.cache_clear()
    planted.check(monkeypatch)
