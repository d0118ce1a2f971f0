"""The simulated chain: the indexer reads its truth, it is the same every time, and everything it should hold occurs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import pairwise

import msgspec
import pytest
from solders.rpc.responses import GetTransactionResp
from solders.transaction import VersionedTransaction

from indexer.core import base58, emitted, instructions, logs
from indexer.core.frames import Programs
from indexer.core.rpc import Block, parse_block
from indexer.core.transaction import Instruction
from indexer.simulation.chain import Chain
from indexer.simulation.drift import DriftRates
from indexer.simulation.memory import event_authority
from indexer.simulation.profile import Profile
from indexer.simulation.streams import DRIFT, GMX, JUPITER, VAULTS
from tests.simulation.chains import answer, chain_of, differences, read, transactions

SEEDS = range(6)
ONLY_LIQUIDATIONS = DriftRates(
    fill=0, spot_fill=0, order=0, trigger=0, swap=0, settle=0, lending=0, vault=0, insurance=0, amm_shares=0, dlp=0,
    funding=0, fuel=0,
)  # fmt: skip
SMALL = Profile(slots=60, transactions=2.0)
TRUNCATED = "Log truncated"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_indexer_reads_exactly_the_truth(seed: int) -> None:
    chain = chain_of(seed)
    assert differences(read(chain), chain) == []


@pytest.mark.parametrize("seed", range(100, 104))
def test_a_chain_as_it_usually_is_gives_its_truth_too(seed: int) -> None:
    chain = chain_of(seed, Profile())
    assert differences(read(chain), chain) == []


@pytest.mark.parametrize("truncated", [0.0, 1.0])
def test_the_most_of_everything_gives_its_truth_too(truncated: float) -> None:
    shares = dict.fromkeys(("nested", "bursts", "unknown", "grown", "foreign", "look_alikes", "talk", "forked"), 1.0)
    chain = chain_of(9, Profile(slots=40, transactions=4.0, ours=0.8, truncated=truncated, **shares))
    assert differences(read(chain), chain) == []


# --- a wrong indexer is noticed -------------------------------------------------------------------------------------


def _believes_what_follows_truncation(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(logs, "TRUNCATED", "never")


def _takes_any_caller(patch: pytest.MonkeyPatch) -> None:
    def any_caller(all_of_them: tuple[Instruction, ...], event: Instruction, *_: object) -> Instruction:
        return all_of_them[event.index - 1]

    patch.setattr(instructions, "_caller", any_caller)


def _counts_outer_instructions_alone(patch: pytest.MonkeyPatch) -> None:
    whole = instructions.enclosing_of
    patch.setattr(instructions, "enclosing_of", lambda one: msgspec.structs.replace(whole(one), index=one.outer))


def _takes_no_text(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(emitted, "read_logs", lambda lines, _: logs.read_logs(lines, Programs({})))


@pytest.mark.parametrize(
    "mutant",
    [_believes_what_follows_truncation, _takes_any_caller, _counts_outer_instructions_alone, _takes_no_text],
)
def test_an_indexer_that_reads_wrongly_differs(
    mutant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(monkeypatch)
    assert any(differences(read(chain_of(seed)), chain_of(seed)) for seed in SEEDS)


# --- the same every time --------------------------------------------------------------------------------------------


def digest(chain: Chain) -> str:
    """Of everything, mentions in order."""
    return sha256(repr(chain_parts(chain)).encode()).hexdigest()


def chain_parts(chain: Chain) -> list[object]:
    blocks = [*chain.blocks.values(), *(block for fork in chain.forks for block in fork.blocks)]
    shown = [[(one.shown, one.wire, sorted(one.mentions)) for one in block.transactions] for block in blocks]
    heads = [msgspec.structs.replace(block, transactions=()) for block in blocks]
    return [chain.genesis_hash, heads, shown, chain.truth]


def test_the_same_seed_gives_the_same_chain_in_another_process() -> None:
    script = "from tests.simulation.test_chain import *; print(digest(chain_of(3, SMALL)))"
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    told = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == digest(chain_of(3, SMALL))


def test_seeds_and_profiles_share_no_signature_and_no_genesis() -> None:
    chains = chain_of(3, SMALL), chain_of(4, SMALL), chain_of(3, msgspec.structs.replace(SMALL, slots=61))
    assert len({chain.genesis_hash for chain in chains}) == 3
    signatures = [one.signature for chain in chains for one in transactions(chain)]
    assert len(set(signatures)) == len(signatures) > 100


# --- blocks and forks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_name_their_parents_and_skip_some_slots(seed: int) -> None:
    chain = chain_of(seed)
    blocks = list(chain.blocks.values())
    assert [block.slot for block in blocks] == sorted(chain.blocks) == list(chain.blocks)
    assert chain.first_slot <= blocks[0].slot
    assert blocks[-1].slot < chain.end_slot
    assert len(blocks) < chain.end_slot - chain.first_slot
    for parent, block in pairwise(blocks):
        assert (block.parent_slot, block.previous_blockhash) == (parent.slot, parent.blockhash)
        assert block.height == parent.height + 1
    assert len({block.blockhash for block in blocks}) == len(blocks)


def test_transactions_of_forks_come_again_elsewhere_or_never() -> None:
    struck: Counter[str] = Counter()
    for chain in map(chain_of, SEEDS):
        final = {
            one.signature: (block.slot, index)
            for block in chain.blocks.values()
            for index, one in enumerate(block.transactions)
        }
        true = {base58.encode(row.origin.signature) for row in chain.truth.events}
        hashes = {block.blockhash for block in chain.blocks.values()}
        for fork in chain.forks:
            parent = chain.blocks[fork.blocks[0].parent_slot]
            for block in fork.blocks:
                assert (block.parent_slot, block.previous_blockhash) == (parent.slot, parent.blockhash)
                assert block.height == parent.height + 1
                assert block.blockhash not in hashes
                struck["beside a block" if block.slot in chain.blocks else "in a skipped slot"] += 1
                parent = block
                for index, one in enumerate(block.transactions):
                    struck["again" if one.signature in final else "never"] += 1
                    struck["elsewhere"] += final.get(one.signature, (block.slot, index)) != (block.slot, index)
                    assert one.signature in final or one.signature not in true
    assert not [word for word in ("again", "never", "elsewhere", "beside a block") if struck[word] < 10], struck


def test_a_block_without_a_time_gives_rows_without_a_time() -> None:
    timeless = 0
    for chain in map(chain_of, SEEDS):
        rows = [row for row in chain.truth.records if chain.blocks[row.origin.slot].block_time == 0]
        assert all(row.origin.block_time is None for row in rows)
        timeless += len(rows)
    assert timeless > 10


# --- what a chain holds ---------------------------------------------------------------------------------------------


def test_truncation_really_strikes_before_and_behind_what_we_emit() -> None:
    struck: Counter[str] = Counter()
    for chain in map(chain_of, SEEDS):
        lost = {row.origin.signature for row in chain.truth.failures if row.reason == "truncated_logs"}
        told = {row.origin.signature for row in chain.truth.events if row.origin.channel == "log"}
        kept = {row.origin.signature for row in chain.truth.events if row.origin.channel == "cpi"}
        for one in (one for block in parsed(chain) for one in block.transactions if TRUNCATED in (one.logs or ())):
            assert one.logs
            runs = {each.program_id for each in one.instructions or ()} & {DRIFT, VAULTS}
            assert (one.signature in lost) == bool(one.succeeded and runs)
            struck["cut"] += 1
            struck["lines behind the cut"] += one.logs[-1] != TRUNCATED
            if one.signature in lost:
                struck["emitted before the cut" if one.signature in told else "all lost"] += 1
            struck["self-CPI loses nothing"] += one.signature in kept
            struck["only named"] += not runs and DRIFT in (one.keys or ())
    wanted = ("cut", "lines behind the cut", "emitted before the cut", "all lost", "self-CPI loses nothing")
    assert struck["only named"], struck
    assert not [word for word in wanted if struck[word] < 5], struck


def test_failed_keepers_name_what_the_others_name() -> None:
    authorities = {base58.encode(event_authority(program)[0]) for program in (JUPITER,)}
    failed = [one for chain in map(chain_of, SEEDS) for one in transactions(chain) if one.failed]
    assert sum(1 for one in failed if authorities & one.mentions) > 20
    assert sum(1 for one in failed if one.shown["meta"]["innerInstructions"]) > 20
    named = {one.signature for one in failed}
    true = {base58.encode(row.origin.signature) for seed in SEEDS for row in chain_of(seed).truth.events}
    assert not named & true


def parsed(chain: Chain) -> Iterator[Block]:
    return (parse_block(answer(block), slot) for slot, block in chain.blocks.items())


def kinds(chain: Chain) -> Iterator[str]:
    """What of the rarer things occurs, told from the chain alone."""
    ours = {DRIFT, VAULTS, JUPITER, GMX}
    for block, read_block in zip(chain.blocks.values(), parsed(chain), strict=True):
        yield "empty block" if not block.transactions else "block"
        for one, shown in zip(read_block.transactions, block.transactions, strict=True):
            loaded = shown.shown["meta"]["loadedAddresses"]
            yield f"version {one.version}"
            yield from (f"loaded {kind}" for kind, keys in loaded.items() if keys)
            all_of_them = one.instructions or ()
            yield from (f"ours at depth {i.stack_height}" for i in all_of_them if i.program_id in ours)
            yield "ours" if one.keys and one.keys & ours else "others"
            for line in one.logs or ():
                yield "talks like a frame" if line.startswith("Program log: Program ") else "line"
                yield "says it is truncated" if line == f"Program log: {TRUNCATED}" else "line"
            for place, parent in enumerate(instructions.parents(all_of_them)):
                called = all_of_them[place]
                if parent is not None and called.data.startswith(instructions.EVENT_TAG):
                    yield "event" if all_of_them[parent].program_id == called.program_id else "look-alike"


def test_everything_that_can_deceive_occurs() -> None:
    counted = Counter(kind for seed in SEEDS for kind in kinds(chain_of(seed)))
    counted.update(row.reason for seed in SEEDS for row in chain_of(seed).truth.failures)
    wanted = [
        "empty block", "version legacy", "version 0", "version 1", "loaded writable", "loaded readonly", "ours",
        "others", "ours at depth 1", "ours at depth 2", "ours at depth 3", "ours at depth 4", "talks like a frame",
        "says it is truncated", "event", "look-alike", "truncated_logs", "unknown_event",
        "unexpected_length",
    ]  # fmt: skip
    assert not [word for word in wanted if counted[word] < 10], counted


def test_several_events_under_one_instruction_and_of_several_protocols_in_one_transaction() -> None:
    one_instruction: Counter[tuple[bytes, int | None]] = Counter()
    protocols: dict[bytes, set[str]] = {}
    for row in (row for seed in SEEDS for row in chain_of(seed).truth.events):
        one_instruction[row.origin.signature, row.enclosing.index] += 1
        protocols.setdefault(row.origin.signature, set()).add(row.origin.protocol)
    assert sum(1 for count in one_instruction.values() if count > 2) > 50
    assert sum(1 for names in protocols.values() if len(names) > 1) > 5


def test_the_wire_form_is_what_is_shown() -> None:
    chain = chain_of(0)
    for one in transactions(chain):
        assert (one.wire is None) == (one.shown["version"] == 1)
        if one.wire is not None:
            signed = VersionedTransaction.from_bytes(one.wire)
            assert str(signed.signatures[0]) == one.signature
            assert signed.verify_with_results() == [True]
            message = one.shown["transaction"]["message"]
            assert [str(key) for key in signed.message.account_keys] == message["accountKeys"]


def test_a_parser_that_nobody_here_wrote_reads_what_is_shown() -> None:
    """Solders' own, which knows versions up to 0."""
    for one in (one for one in transactions(chain_of(0)) if one.shown["version"] != 1):
        result = {"slot": 1, "blockTime": 5, **one.shown}
        answered = GetTransactionResp.from_json(json.dumps({"jsonrpc": "2.0", "id": 1, "result": result})).value
        assert answered is not None
        told = answered.transaction.meta
        assert told is not None
        assert (told.err is not None, told.log_messages) == (one.failed, list(one.logs))
        body = json.loads(answered.transaction.transaction.to_json())
        assert body["message"]["instructions"] == one.shown["transaction"]["message"]["instructions"]
        assert len(told.inner_instructions or ()) == len(one.shown["meta"]["innerInstructions"])


def test_version_1_has_its_config_and_no_tables() -> None:
    shown = [one.shown for seed in SEEDS for one in transactions(chain_of(seed)) if one.shown["version"] == 1]
    for message in (each["transaction"]["message"] for each in shown):
        assert "addressTableLookups" not in message
        assert set(message["transactionConfig"]) == {
            "priorityFee", "computeUnitLimit", "loadedAccountsDataSizeLimit", "heapSize",
        }  # fmt: skip
        assert {one["stackHeight"] for one in message["instructions"]} == {1}
    assert len(shown) > 20


def test_most_transactions_fit_into_a_packet() -> None:
    sizes = [len(one.wire) for one in transactions(chain_of(0, Profile())) if one.wire is not None]
    assert sum(size <= 1232 for size in sizes) > 0.9 * len(sizes)


def test_a_profile_says_whose_transactions_there_are() -> None:
    alone = chain_of(5, Profile(slots=40, protocols=("jupiter_perps",), ours=1.0, failed=0.0))
    assert {row.origin.protocol for row in alone.truth.records} == {"jupiter_perps"}
    liquidated = Profile(slots=40, protocols=("drift",), drift=ONLY_LIQUIDATIONS)
    events = {row.origin.event for row in chain_of(5, liquidated).truth.events}
    assert events == {"LiquidationRecord", "OrderActionRecord"}
    nobody = chain_of(5, Profile(slots=40, ours=0.0, failed=0.0))
    assert (nobody.truth.records, nobody.truth.events, nobody.truth.failures) == ([], [], [])
    assert len(transactions(nobody)) > 20
