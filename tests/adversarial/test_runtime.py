"""What the real runtime reports of random scripts, read by the core: exactly what was emitted, and nothing else.

LiteSVM runs the frames of `tests.property.worlds` with our own program at the protocols' ids. The truth comes from
the frames; the logs, the instruction tree, the truncation and the lookup tables come from the runtime.
"""

from __future__ import annotations

import struct
from collections import Counter
from random import Random
from typing import Any

import pytest
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from indexer.core import base58
from indexer.core.protocol import Processed, process
from indexer.core.reference import Reference
from indexer.core.rpc import parse_transaction
from indexer.simulation.memory import event_authority
from tests.adversarial.cases import ED25519, FILL, FILLED, LEND, at, lend, nested
from tests.adversarial.test_corpus import findings
from tests.programs import DRIFT, GMX, GMX_AUTHORITY, JUPITER, JUPITER_AUTHORITY, VAULTS, protocols
from tests.property.worlds import PROGRAMS, Maker, Truth, told
from tests.svm import Chain
from tests.world import data_line, event, frame, lines_of

SEEDS, LARGEST = range(600), 420
BEFORE = {"lines": 2, "flat": 1}  # The compute budget's instruction runs first and logs two lines.


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def read(answer: dict[str, Any]) -> Processed:
    return process(parse_transaction(answer), protocols(), Reference())


def without_figures(lines: list[str]) -> list[str]:
    return [line for line in lines if not (line.startswith("Program ") and line.endswith(" compute units"))]


def test_random_scripts_give_exactly_what_they_emitted(chain: Chain) -> None:
    """The faults are counted: a run in which nothing was forged or cut would prove nothing."""
    struck: Counter[str] = Counter()
    for seed in SEEDS:
        made = Maker(seed, LARGEST, noise=seed % 3 * 8).world()
        loaded = Random(seed).sample((*PROGRAMS, GMX_AUTHORITY, JUPITER_AUTHORITY), seed % 5)
        # An outer instruction's program may not come out of a table; what it calls may.
        table = [one for one in loaded if one not in {frame.program_id for frame in made.frames}]
        answer = chain.run(*made.frames, tables=[table])
        logs = answer["meta"]["logMessages"]
        cut = logs.index("Log truncated") if "Log truncated" in logs else len(logs)
        expected = {
            place: payload
            for place, payload in Truth(made.frames, **BEFORE).found.items()
            if place[0] == "cpi" or place[1] < cut
        }
        result = read(answer)
        assert told(result) == expected, seed
        runs = {one.program_id for one in parse_transaction(answer).instructions or ()}
        is_ours = cut < len(logs) and bool(runs & {DRIFT, VAULTS})
        whole = [failure for failure in result.failures if failure.origin.index < 0]
        assert [failure.reason for failure in whole] == ["truncated_logs"] * is_ours, seed
        struck.update(made.kinds)
        struck["cut"] += is_ours
        struck["lines after the cut"] += bool(logs[cut + 1 :])
        struck["loaded"] += bool(answer["meta"]["loadedAddresses"]["readonly"])
        struck.update(payload.program.hex() for payload in expected.values())
    wanted = ["data", "text", "event", "spoilt", "foreign", "words", "chunks", "forged", "call", "noise", "cut"]
    wanted += ["loaded", "lines after the cut", *(program.hex() for program in (DRIFT, VAULTS, GMX, JUPITER))]
    assert not [word for word in wanted if struck[word] < 10], struck


def test_our_worlds_log_what_the_runtime_logs(chain: Chain) -> None:
    """The builder of all other tests is held to the runtime, line for line (but for the compute figures)."""
    for seed in SEEDS[:30]:
        frames = Maker(seed, LARGEST).world().frames
        logs = chain.run(*frames)["meta"]["logMessages"]
        if "Log truncated" not in logs:
            ours = [line for one in frames for line in lines_of(one)]
            assert without_figures(logs)[2:] == without_figures(ours), seed
            assert len(logs) - 2 == len(ours), seed


def test_the_event_authorities_are_those_of_the_programs() -> None:
    assert event_authority(JUPITER)[0] == JUPITER_AUTHORITY
    assert event_authority(GMX)[0] == GMX_AUTHORITY


def test_a_failed_transaction_keeps_its_logs_and_gives_nothing(chain: Chain) -> None:
    frames = frame(DRIFT, data_line(FILL)), frame(JUPITER, event(JUPITER, JUPITER_AUTHORITY, LEND), "fail")
    answer = chain.run(*frames, fails=True)
    assert data_line(FILL) in answer["meta"]["logMessages"]
    assert answer["meta"]["innerInstructions"]
    assert read(answer) == Processed()
    answer["meta"]["err"] = None
    assert findings(read(answer)) != []  # The error alone kept them out.


def test_depth_9() -> None:
    chain = Chain(depth=9)
    answer = chain.run(nested(7, frame(JUPITER, event(JUPITER, JUPITER_AUTHORITY, LEND))))
    assert answer["meta"]["innerInstructions"][0]["instructions"][-1]["stackHeight"] == 9
    assert findings(read(answer)) == [lend(9)]
    assert findings(read(chain.run(nested(8, frame(DRIFT, data_line(FILL)))))) == sorted(at(11, FILLED))


def test_a_precompile_leaves_no_line(chain: Chain) -> None:
    signer, message = Keypair.from_seed(bytes(32)), b"signed"
    signature = bytes(signer.sign_message(message))
    offsets = struct.pack("<BB7H", 1, 0, 48, 0xFFFF, 16, 0xFFFF, 112, len(message), 0xFFFF)
    checked = Instruction(Pubkey.from_bytes(ED25519), offsets + bytes(signer.pubkey()) + signature + message, [])
    answer = chain.run(frame(DRIFT, data_line(FILL)), before=[checked])
    assert base58.encode(ED25519) not in " ".join(answer["meta"]["logMessages"])
    assert findings(read(answer)) == sorted(at(3, FILLED))
