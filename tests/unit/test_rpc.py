"""Answers of nodes: every encoding gives the same transaction, and what cannot be read says why."""

from __future__ import annotations

import base64
import copy
from typing import Any

import msgspec
import pytest
from solders.hash import Hash
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.message import MessageV0
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from indexer.core import base58
from indexer.core.rpc import Malformed, parse_block, parse_notification, parse_transaction
from indexer.core.transaction import Unavailable
from tests.world import key

PAYER = Keypair.from_seed(bytes(32))
PROGRAM, ACCOUNT, LOADED_W, LOADED_R = (key(n) for n in range(4))
MESSAGE = MessageV0.try_compile(
    PAYER.pubkey(),
    [Instruction(Pubkey.from_bytes(PROGRAM), b"12345678rest", [AccountMeta(Pubkey.from_bytes(ACCOUNT), False, True)])],
    [],
    Hash.default(),
)
SIGNED = VersionedTransaction(MESSAGE, [PAYER])
KEYS = [str(k) for k in MESSAGE.account_keys]


def answer(**changes: Any) -> dict[str, Any]:
    """A getTransaction answer in encoding json."""
    outer = MESSAGE.instructions[0]
    call = {
        "programIdIndex": outer.program_id_index,
        "accounts": list(outer.accounts),
        "data": base58.encode(outer.data),
        "stackHeight": None,
    }
    inner = {"programIdIndex": len(KEYS) + 1, "accounts": [len(KEYS)], "data": "1", "stackHeight": 2}
    return {
        "slot": 7,
        "blockTime": 1_700_000_000,
        "version": 0,
        "transaction": {
            "signatures": [str(SIGNED.signatures[0])],
            "message": {"accountKeys": KEYS, "instructions": [call]},
        },
        "meta": {
            "err": None,
            "logMessages": ["a line"],
            "innerInstructions": [{"index": 0, "instructions": [inner]}],
            "loadedAddresses": {"writable": [base58.encode(LOADED_W)], "readonly": [base58.encode(LOADED_R)]},
        },
        **changes,
    }


def parsed_answer() -> dict[str, Any]:
    """The same in jsonParsed: keys in place of indexes, loaded addresses among the account keys."""
    found = answer()
    keys = [*KEYS, base58.encode(LOADED_W), base58.encode(LOADED_R)]
    found["transaction"]["message"]["accountKeys"] = [
        {"pubkey": k, "signer": False, "writable": False, "source": "transaction"} for k in keys
    ]
    groups = [found["transaction"]["message"]["instructions"], found["meta"]["innerInstructions"][0]["instructions"]]
    for call in (call for group in groups for call in group):
        call["programId"] = keys[call.pop("programIdIndex")]
        call["accounts"] = [keys[a] for a in call["accounts"]]
    return found


def wire(encoding: str) -> list[str]:
    raw = bytes(SIGNED)
    return [base64.b64encode(raw).decode() if encoding == "base64" else base58.encode(raw), encoding]


def comparable(transaction: Any) -> Any:
    """Instruction data may be kept as text or bytes; what counts is what it reads as."""
    calls = [(msgspec.structs.replace(i, text=None, raw=None), i.data) for i in transaction.instructions]
    return msgspec.structs.replace(transaction, instructions=()), calls


def test_every_encoding_gives_the_same_transaction() -> None:
    expected = comparable(parse_transaction(answer()))
    assert comparable(parse_transaction(answer(transaction=wire("base64")))) == expected
    assert comparable(parse_transaction(answer(transaction=wire("base58")))) == expected
    assert comparable(parse_transaction(answer(transaction=wire("base58")[0]))) == expected
    assert comparable(parse_transaction(parsed_answer())) == expected


def test_programs_and_accounts_may_come_from_lookup_tables() -> None:
    inner = parse_transaction(answer()).instructions[1]  # type: ignore[index]
    assert (inner.index, inner.is_inner, inner.program_id, inner.accounts) == (1, True, LOADED_R, (LOADED_W,))


def test_accounts_may_be_named_by_index_and_by_key_in_one_instruction() -> None:
    found = answer()
    found["transaction"]["message"]["instructions"][0]["accounts"] = [0, KEYS[1], 0]
    (outer, *_) = parse_transaction(found).instructions or ()
    assert outer.accounts == (base58.key(KEYS[0]), base58.key(KEYS[1]), base58.key(KEYS[0]))


@pytest.mark.parametrize("place", [-1, 99])
def test_an_index_that_is_of_no_account_is_malformed(place: int) -> None:
    found = answer()
    found["transaction"]["message"]["instructions"][0]["accounts"] = [0, place]
    with pytest.raises(Malformed, match=f"account index {place} of"):
        parse_transaction(found)


def test_flat_positions_count_every_instruction() -> None:
    found = answer()
    message, meta = found["transaction"]["message"], found["meta"]
    message["instructions"] = message["instructions"] * 3
    nested = meta["innerInstructions"][0]["instructions"] * 2
    meta["innerInstructions"] = [{"index": 0, "instructions": nested}, {"index": 2, "instructions": nested}]
    flat = parse_transaction(found).instructions or ()
    assert [(i.index, i.outer, i.is_inner) for i in flat] == [
        (0, 0, False), (1, 0, True), (2, 0, True), (3, 1, False), (4, 2, False), (5, 2, True), (6, 2, True),
    ]  # fmt: skip


@pytest.mark.parametrize("version", ["legacy", 0, 1])
def test_known_versions_are_read_from_json(version: Any) -> None:
    assert parse_transaction(answer(version=version)).version == version


def test_a_missing_version_is_a_legacy_one() -> None:
    found = answer()
    del found["version"]
    assert parse_transaction(found).version == "legacy"


@pytest.mark.parametrize(
    "changes",
    [
        {"meta": None},
        {"version": 2},
        {"version": True},
        {"version": 1, "transaction": wire("base64")},
        {"transaction": ["AAAA", "base64"]},
        {"transaction": [wire("base64")[0], "borsh"]},
    ],
)
def test_a_body_that_cannot_be_read_is_unavailable(changes: dict[str, Any]) -> None:
    with pytest.raises(Unavailable):
        parse_transaction(answer(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"slot": None},
        {"slot": -1},
        {"slot": 2**62 + 1},
        {"slot": "7"},
        {"slot": "\ud800"},
        {"transaction": {}},
        {"transaction": ["!!", "base64"]},
        {"transaction": 5},
        {"transaction": {"signatures": [], "message": {"accountKeys": [], "instructions": []}}},
        {"meta": {"innerInstructions": [{"index": 9, "instructions": []}]}},
        {"meta": {"innerInstructions": [{"index": 0, "instructions": [{"programIdIndex": 99, "data": "1"}]}]}},
        {"meta": {"innerInstructions": [{"index": 0, "instructions": [{"programIdIndex": 0, "stackHeight": 2**15}]}]}},
        {"meta": {"innerInstructions": [{"index": 0, "instructions": [{"programIdIndex": 0, "stackHeight": -1}]}]}},
        {"meta": {"logMessages": "no list"}},
    ],
)
def test_another_shape_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse_transaction(answer(**changes))


@pytest.mark.parametrize("err", [{"InstructionError": [0, {"Custom": 1}]}, "NewVariantOfTomorrow", 7, {"a": {"b": []}}])
def test_any_err_that_is_not_null_is_a_failed_transaction(err: Any) -> None:
    found = answer()
    found["meta"]["err"] = err
    assert not parse_transaction(found).succeeded


def test_null_is_not_recorded_and_empty_is_recorded() -> None:
    found = answer()
    found["meta"] |= {"innerInstructions": None, "logMessages": None}
    nothing = parse_transaction(found)
    assert (nothing.instructions, nothing.logs) == (None, None)
    found["meta"] |= {"innerInstructions": [], "logMessages": []}
    empty = parse_transaction(found)
    assert (len(empty.instructions or ()), empty.logs) == (1, ())


@pytest.mark.parametrize(("time", "expected"), [(0, None), (None, None), (-5, None), (2**62, None), (5, 5)])
def test_a_block_time_outside_the_calendar_is_unknown(time: Any, expected: Any) -> None:
    assert parse_transaction(answer(blockTime=time)).block_time == expected


def test_unknown_fields_are_ignored() -> None:
    found = answer(somethingNew={"deep": [1]})
    found["meta"]["costUnits"] = 12
    found["transaction"]["message"]["config"] = {"x": None}
    assert parse_transaction(found) == parse_transaction(answer())


def test_a_block_gives_positions_and_names_what_is_unavailable() -> None:
    entry = {name: value for name, value in answer().items() if name in ("transaction", "meta", "version")}
    missing = copy.deepcopy(entry) | {"meta": None}
    block = parse_block({"parentSlot": 6, "blockTime": 5, "transactions": [missing, entry]}, 7)
    assert [(t.tx_index, t.slot, t.block_time) for t in block.transactions] == [(1, 7, 5)]
    assert len(block.unavailable) == 1
    assert block.unavailable[0].startswith("transaction 0: meta is null")


@pytest.mark.parametrize(
    "answered", [{}, {"parentSlot": 1}, {"transactions": []}, 5, [], {"parentSlot": 1, "transactions": [3]}]
)
def test_what_is_no_block_is_malformed(answered: Any) -> None:
    with pytest.raises(Malformed):
        parse_block(answered, 7)


def notification(**changes: Any) -> dict[str, Any]:
    value = {"signature": str(SIGNED.signatures[0]), "err": None, "logs": ["x"], **changes}
    result = {"context": {"slot": 9}, "value": value}
    return {"jsonrpc": "2.0", "method": "logsNotification", "params": {"result": result, "subscription": 1}}


def test_a_notification_has_logs_alone() -> None:
    found = parse_notification(notification())
    assert (found.slot, found.logs, found.instructions, found.keys, found.succeeded) == (9, ("x",), None, None, True)


def test_a_placeholder_signature_names_no_transaction() -> None:
    with pytest.raises(Unavailable):
        parse_notification(notification(signature="1" * 64))
