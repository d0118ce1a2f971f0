"""A node's answers: those of Agave for the same chain, down to the errors and what is told of slots without a block."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from indexer.core.rpc import parse_block, parse_transaction
from indexer.simulation.cluster import Cluster
from indexer.simulation.node import METHODS, Node
from indexer.simulation.node_accounts import Account
from tests.adversarial.answers import text
from tests.simulation.clients import Clock, RpcFailed, ask, code_of, request
from tests.simulation.small_chain import FIRST, GENESIS, LOGGER, blocks, chain, plain, shown
from tests.world import key, transaction

V0 = {"maxSupportedTransactionVersion": 0}
CONFIRMED = {"commitment": "confirmed"}


def node(slots: int = 60, at: int | None = None, skipped: tuple[int, ...] = (), **made: Any) -> Node:
    """A node that has come to slot `at`; by default far behind the end, so that everything is final."""
    clock = Clock()
    cluster = Cluster(plain(slots, skipped=skipped), clock)
    clock.to_slot(cluster, FIRST + 1_000 if at is None else at)
    return Node(cluster, **made)


# --- JSON-RPC ------------------------------------------------------------------------------------------------------


def test_what_is_no_request_is_refused_as_json_rpc_wants_it():
    told = {body: json.loads(node().respond(body)) for body in (b"{", b"7", b"[]", b'{"id":1}')}
    assert {body: answer["error"]["code"] for body, answer in told.items()} == {
        b"{": -32700,
        b"7": -32600,
        b"[]": -32600,
        b'{"id":1}': -32600,
    }
    assert code_of(node(), "getEverything") == -32601
    assert code_of(node(), "getBlock") == -32602
    named = json.loads(node().respond(b'{"jsonrpc":"2.0","id":1,"method":"getBlock","params":{"slot":1}}'))
    assert named["error"]["code"] == -32602


def test_a_batch_is_answered_in_order_and_notifications_not_at_all():
    body = b"[" + request("getSlot", request_id="a") + b"," + request("getBlock", FIRST + 5_000, request_id=7)
    body += b',{"jsonrpc":"2.0","method":"getSlot"}]'
    answers = json.loads(node().respond(body))
    assert [one["id"] for one in answers] == ["a", 7]
    assert ["error" in one for one in answers] == [False, True]
    assert node().respond(b'{"jsonrpc":"2.0","method":"getSlot"}') == b""


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("params", [[None], [-1], [True], ["x"], [{}], [[]], [{"commitment": "max"}], [1, 2, 3, 4]])
def test_no_parameters_break_a_node(method: str, params: list[Any]):
    answer = json.loads(node().respond(request(method, *params)))
    assert answer.get("error", {}).get("code", 0) in (0, -32602, -32004, -32001)


# --- blocks --------------------------------------------------------------------------------------------------------


def test_a_block_says_where_it_stands():
    told = ask(node(), "getBlock", FIRST + 3, V0)
    block = node().cluster.chain.blocks[FIRST + 3]
    assert (told["parentSlot"], told["blockHeight"]) == (FIRST + 2, block.height)
    assert (told["blockhash"], told["previousBlockhash"]) == (block.blockhash, block.previous_blockhash)
    assert [one["transaction"]["signatures"][0] for one in told["transactions"]] == [
        one.signature for one in block.transactions
    ]


@pytest.mark.parametrize("encoding", ["json", "jsonParsed", "base64", "base58"])
def test_every_encoding_is_the_same_transaction(encoding: str):
    tx = shown(4, version=0)
    expected = parse_transaction({"slot": FIRST + 2, "blockTime": 1_735_689_600, **tx.shown})
    told = ask(node(), "getTransaction", tx.signature, {**V0, "encoding": encoding})
    assert parse_transaction(told) == expected
    in_block = parse_block(ask(node(), "getBlock", FIRST + 2, {**V0, "encoding": encoding}), FIRST + 2)
    assert in_block.transactions[0].instructions == expected.instructions
    assert in_block.transactions[0].keys == expected.keys


def test_loaded_addresses_come_as_each_encoding_shows_them():
    loaded = (key(601), key(602))
    tx = shown(1)
    told = {**tx.shown["meta"], "loadedAddresses": {"writable": [text(loaded[0])], "readonly": [text(loaded[1])]}}
    with_tables = type(tx)(tx.signature, tx.mentions, {**tx.shown, "meta": told})
    clock = Clock(1_000.0)
    one = Node(Cluster(chain(blocks({FIRST: [with_tables]})), clock))
    parsed = ask(one, "getTransaction", tx.signature, {**V0, "encoding": "jsonParsed"})
    keys = parsed["transaction"]["message"]["accountKeys"]
    assert [(k["source"], k["writable"]) for k in keys[-2:]] == [("lookupTable", True), ("lookupTable", False)]
    assert keys[0]["signer"] is True
    assert "loadedAddresses" not in parsed["meta"]
    assert ask(one, "getTransaction", tx.signature, V0)["meta"]["loadedAddresses"] == told["loadedAddresses"]


def test_keys_are_signers_and_writable_by_the_header():
    tx = shown(1)
    header = {"numRequiredSignatures": 2, "numReadonlySignedAccounts": 1, "numReadonlyUnsignedAccounts": 1}
    body = {**tx.shown["transaction"], "message": {**tx.shown["transaction"]["message"], "header": header}}
    one = Node(
        Cluster(
            chain(blocks({FIRST: [type(tx)(tx.signature, tx.mentions, {**tx.shown, "transaction": body})]})), Clock(1e3)
        )
    )
    keys = ask(one, "getTransaction", tx.signature, {**V0, "encoding": "jsonParsed"})["transaction"]["message"][
        "accountKeys"
    ]
    assert [(k["signer"], k["writable"]) for k in keys] == [(True, True), (True, False), (False, True), (False, False)]


def test_details_of_a_block():
    one = node()
    signatures = ask(one, "getBlock", FIRST, {"transactionDetails": "signatures", "rewards": False})
    assert signatures["signatures"] == [t.signature for t in one.cluster.chain.blocks[FIRST].transactions]
    assert "transactions" not in signatures
    assert "rewards" not in signatures
    none = ask(one, "getBlock", FIRST, {"transactionDetails": "none"})
    assert none["rewards"] == []
    assert not {"transactions", "signatures"} & set(none)
    accounts = ask(one, "getBlock", FIRST, {"transactionDetails": "accounts", **V0})["transactions"][0]
    assert accounts["transaction"]["accountKeys"][0]["signer"] is True
    assert "logMessages" not in accounts["meta"]


def test_a_version_too_high_is_an_error_for_the_whole_block():
    clock = Clock(1_000.0)
    mixed = [shown(0, version="legacy"), shown(1), shown(2, version=1)]
    one = Node(Cluster(chain(blocks({FIRST: mixed})), clock))
    assert code_of(one, "getBlock", FIRST) == -32015
    with pytest.raises(RpcFailed, match=r"Transaction version \(1\) .* parameter: .maxSupportedTransactionVersion.: 1"):
        ask(one, "getBlock", FIRST, V0)
    assert len(ask(one, "getBlock", FIRST, {"maxSupportedTransactionVersion": 1})["transactions"]) == 3
    assert code_of(one, "getBlock", FIRST, {"transactionDetails": "accounts", **V0}) == -32015
    assert code_of(one, "getBlock", FIRST, {"transactionDetails": "signatures"}) is None
    assert code_of(one, "getTransaction", mixed[1].signature) == -32015
    assert "version" not in ask(one, "getTransaction", mixed[0].signature)
    assert ask(one, "getTransaction", mixed[0].signature, V0)["version"] == "legacy"
    assert one.faults.struck["version_refused"] == 4


def test_skipped_purged_and_not_yet_are_three_things():
    plenty = node(skipped=(FIRST + 4,))
    assert code_of(plenty, "getBlock", FIRST + 4) == -32007
    assert code_of(plenty, "getBlockTime", FIRST + 4) == -32007
    assert code_of(plenty, "getBlock", FIRST + 5_000) == -32004
    young = node(at=FIRST + 40, skipped=(FIRST + 38,))
    assert code_of(young, "getBlock", FIRST + 38, {**CONFIRMED, **V0}) == -32004  # Not known yet as skipped.
    assert code_of(young, "getBlock", FIRST + 20, V0) == -32004  # Confirmed, and asked for as finalized.
    assert code_of(young, "getBlock", FIRST + 20, {**CONFIRMED, **V0}) is None
    assert code_of(young, "getBlock", FIRST + 39, {**CONFIRMED, **V0}) == -32004
    just_above = node(at=FIRST + 40, skipped=(FIRST + 9,))
    assert code_of(just_above, "getBlock", FIRST + 9, {**CONFIRMED, **V0}) == -32004
    pruned = node(ledger_slot=FIRST + 10)
    with pytest.raises(RpcFailed, match=f"First available block: {FIRST + 10}"):
        ask(pruned, "getBlock", FIRST + 9, V0)
    archive = node(ledger_slot=FIRST + 10, archive_slot=FIRST + 2, skipped=(FIRST + 4,))
    assert code_of(archive, "getBlock", FIRST + 4) == -32009
    assert code_of(archive, "getBlock", FIRST + 1) == -32001
    assert code_of(archive, "getBlock", FIRST + 3, V0) is None


def test_a_node_says_where_its_ledger_begins():
    archive = node(ledger_slot=FIRST + 10, archive_slot=FIRST + 2, skipped=(FIRST + 2,))
    assert ask(archive, "getFirstAvailableBlock") == FIRST + 3
    assert ask(archive, "minimumLedgerSlot") == FIRST + 10
    assert ask(node(ledger_slot=FIRST + 10), "getFirstAvailableBlock") == FIRST + 10


def test_lists_of_blocks_have_bounds():
    one = node(at=FIRST + 40, skipped=(FIRST + 3,))
    assert ask(one, "getBlocks", FIRST, FIRST + 4) == [FIRST, FIRST + 1, FIRST + 2, FIRST + 4]
    assert ask(one, "getBlocks", FIRST + 4) == [FIRST + n for n in (4, 5, 6, 7, 8)]
    assert ask(one, "getBlocks", FIRST + 37, CONFIRMED) == [FIRST + 37, FIRST + 38]
    assert ask(one, "getBlocks", FIRST + 9, FIRST + 50) == []
    assert ask(one, "getBlocksWithLimit", FIRST + 2, 3) == [FIRST + 2, FIRST + 4, FIRST + 5]
    assert code_of(one, "getBlocksWithLimit", FIRST, 500_001) == -32602
    assert code_of(one, "getBlocks", 0, FIRST, {"commitment": "processed"}) == -32602
    far = Node(Cluster(chain(blocks({1: [], 700_000: []})), Clock(1e9)))
    assert code_of(far, "getBlocks", 1, 600_000) == -32602


# --- transactions and signatures -----------------------------------------------------------------------------------


def test_a_transaction_is_found_at_the_commitment_asked_for():
    young = node(at=FIRST + 40)
    signature = young.cluster.chain.blocks[FIRST + 20].transactions[0].signature
    assert ask(young, "getTransaction", signature, V0) is None
    assert ask(young, "getTransaction", signature, {**V0, **CONFIRMED})["slot"] == FIRST + 20
    assert code_of(young, "getTransaction", signature, {"commitment": "processed"}) == -32602
    assert code_of(young, "getTransaction", "short") == -32602


def rows(one: Node, **config: Any) -> list[str]:
    return [row["signature"] for row in ask(one, "getSignaturesForAddress", text(LOGGER), config)]


def test_signatures_come_newest_first_page_by_page_without_a_hole():
    one = node(slots=30)
    everything = rows(one)
    slots = [row["slot"] for row in ask(one, "getSignaturesForAddress", text(LOGGER))]
    assert len(everything) == 60
    assert slots == sorted(slots, reverse=True)
    paged: list[str] = []
    while page := rows(one, limit=7, **({"before": paged[-1]} if paged else {})):
        paged += page
    assert paged == everything


def test_until_is_left_out_and_an_unknown_one_is_as_if_it_were_not_there():
    one = node(slots=30)
    everything = rows(one)
    assert rows(one, until=everything[11]) == everything[:11]
    assert rows(one, until=text(key(8) + key(9)), limit=5) == everything[:5]
    assert rows(one, before=text(key(8) + key(9))) == []
    assert rows(one, before=everything[4], until=everything[11]) == everything[5:11]


def test_before_and_until_may_be_signatures_that_do_not_name_the_address():
    clock = Clock(1_000.0)
    stranger = shown(9, tx=transaction(signature=key(77) + key(78)))
    made = chain(blocks({FIRST: [shown(0)], FIRST + 1: [shown(1), stranger, shown(2)], FIRST + 2: [shown(3)]}))
    one = Node(Cluster(made, clock))
    named = stranger.signature
    assert set(rows(one, before=named)) == {shown(0).signature, shown(1).signature}
    assert set(rows(one, until=named)) == {shown(2).signature, shown(3).signature}


def test_the_order_within_a_slot_is_each_nodes_own():
    ours, theirs = (rows(node(slots=4, name=name)) for name in ("node-1", "node-2"))
    assert sorted(ours) == sorted(theirs)
    assert ours != theirs
    assert rows(node(slots=4, name="node-1")) == ours


def test_a_row_says_what_is_known_of_the_transaction():
    one = node(at=FIRST + 40)
    newest, *_, oldest = ask(one, "getSignaturesForAddress", text(LOGGER), CONFIRMED)
    assert (newest["slot"], newest["confirmationStatus"]) == (FIRST + 38, "confirmed")
    assert (oldest["slot"], oldest["confirmationStatus"]) == (FIRST, "finalized")
    failed = [row for row in ask(one, "getSignaturesForAddress", text(LOGGER)) if row["err"] is not None]
    assert failed
    block = one.cluster.chain.blocks[newest["slot"]]
    assert block.transactions[newest["transactionIndex"]].signature == newest["signature"]
    older = node(at=FIRST + 40, version="3.1.8")
    assert "transactionIndex" not in ask(older, "getSignaturesForAddress", text(LOGGER))[0]


def test_limits_and_context_slots_of_signatures_are_checked():
    one = node(at=FIRST + 40)
    assert code_of(one, "getSignaturesForAddress", text(LOGGER), {"limit": 1_001}) == -32602
    assert code_of(one, "getSignaturesForAddress", text(LOGGER), {"limit": 0}) == -32602
    assert code_of(one, "getSignaturesForAddress", text(LOGGER), {"minContextSlot": FIRST + 8}) is None
    with pytest.raises(RpcFailed) as caught:
        ask(one, "getSignaturesForAddress", text(LOGGER), {"minContextSlot": FIRST + 9})
    assert (caught.value.code, caught.value.data) == (-32016, {"contextSlot": FIRST + 8})


def test_statuses_tell_how_far_a_transaction_has_come():
    one = node(slots=400, at=FIRST + 300)
    blocks_ = one.cluster.chain.blocks
    named = [blocks_[FIRST + n].transactions[0].signature for n in (300, 297, 260, 10)]
    told = ask(one, "getSignatureStatuses", [*named, text(key(8) + key(9))])
    assert told["context"]["slot"] == FIRST + 300
    assert [one and one["confirmationStatus"] for one in told["value"]] == [
        "processed",
        "confirmed",
        "finalized",
        None,
        None,
    ]
    assert [one["confirmations"] for one in told["value"][:3]] == [0, 3, None]
    searched = ask(one, "getSignatureStatuses", [named[3]], {"searchTransactionHistory": True})
    assert searched["value"][0]["slot"] == FIRST + 10
    assert code_of(one, "getSignatureStatuses", [named[0]] * 257) == -32602


def test_a_node_serves_two_thousand_transactions_a_second():
    one = node()
    bodies = [request("getTransaction", shown(n % 120).signature, V0) for n in range(2_000)]
    started = time.perf_counter()
    answers = [one.respond(body) for body in bodies]
    assert time.perf_counter() - started < 1.0
    assert all(b'"slot"' in answer for answer in answers)


# --- the head, and the node itself ---------------------------------------------------------------------------------


def test_the_head_is_told_at_each_commitment():
    one = node(at=FIRST + 40, skipped=(FIRST + 40,))
    assert [ask(one, "getSlot", {"commitment": c}) for c in ("processed", "confirmed", "finalized")] == [
        FIRST + 39,
        FIRST + 38,
        FIRST + 8,
    ]
    assert ask(one, "getSlot") == FIRST + 8
    assert ask(one, "getBlockHeight", CONFIRMED) == one.cluster.chain.blocks[FIRST + 38].height
    with pytest.raises(RpcFailed) as caught:
        ask(one, "getSlot", {"commitment": "processed", "minContextSlot": FIRST + 40})
    assert (caught.value.code, caught.value.data) == (-32016, {"contextSlot": FIRST + 39})


def test_a_node_says_who_it_is():
    one = node(at=FIRST + 40)
    assert ask(one, "getGenesisHash") == GENESIS
    assert ask(one, "getVersion")["solana-core"] == "4.0.0"
    assert ask(one, "getHealth") == "ok"
    assert code_of(node(at=FIRST + 40, behind=200), "getHealth") == -32005
    epoch = ask(one, "getEpochInfo")
    assert (epoch["absoluteSlot"], epoch["slotIndex"], epoch["transactionCount"]) == (FIRST + 8, FIRST + 8, 18)
    told = ask(one, "getLatestBlockhash", CONFIRMED)
    head = one.cluster.chain.blocks[FIRST + 38]
    assert told["context"]["slot"] == FIRST + 38
    assert told["value"] == {"blockhash": head.blockhash, "lastValidBlockHeight": head.height + 150}


def test_a_late_node_is_late_in_everything():
    late = node(at=FIRST + 40, behind=5)
    assert ask(late, "getSlot", {"commitment": "processed"}) == FIRST + 35
    assert rows(late, commitment="confirmed")[0] in {
        one.signature for one in late.cluster.chain.blocks[FIRST + 33].transactions
    }


# --- accounts ------------------------------------------------------------------------------------------------------

OWNER, HELD = text(key(700)), text(key(701))


def with_accounts() -> Node:
    versions = [Account(OWNER, b"\1" * 8, slot=FIRST), Account(OWNER, b"\2" * 200, slot=FIRST + 20)]
    return node(at=FIRST + 40, accounts={HELD: versions})


def test_an_account_is_that_of_the_commitment():
    one = with_accounts()
    final = ask(one, "getAccountInfo", HELD, {"encoding": "base64"})
    assert (final["context"]["slot"], final["value"]["space"]) == (FIRST + 8, 8)
    newest = ask(one, "getAccountInfo", HELD, {**CONFIRMED, "encoding": "base64"})
    assert (newest["context"]["slot"], newest["value"]["space"]) == (FIRST + 38, 200)
    assert ask(one, "getAccountInfo", text(key(9)))["value"] is None
    assert code_of(one, "getAccountInfo", HELD, CONFIRMED) == -32602  # More than base58 is for.
    several = ask(one, "getMultipleAccounts", [text(key(9)), HELD], {"encoding": "base64+zstd"})
    assert [account is None for account in several["value"]] == [True, False]
    assert code_of(one, "getMultipleAccounts", [HELD] * 101) == -32602


def test_accounts_of_a_program_are_filtered():
    one = with_accounts()
    config = {"encoding": "base64", "dataSlice": {"offset": 0, "length": 2}}
    (found,) = ask(one, "getProgramAccounts", OWNER, config)
    assert (found["pubkey"], found["account"]["data"]) == (HELD, ["AQE=", "base64"])
    assert ask(one, "getProgramAccounts", OWNER, {**config, "filters": [{"dataSize": 9}]}) == []
    memcmp = {"memcmp": {"offset": 6, "bytes": text(b"\1\1")}}
    held = ask(one, "getProgramAccounts", OWNER, {**config, "filters": [memcmp, {"dataSize": 8}], "withContext": True})
    assert (held["context"]["slot"], len(held["value"])) == (FIRST + 8, 1)
    assert ask(one, "getProgramAccounts", text(key(9)), config) == []
