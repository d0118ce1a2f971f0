"""Who wrote a line, as the archive tells it: against worlds whose owners are known, truncated and contradicted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from indexer.core import base58
from indexer.core.transaction import Transaction
from indexer.simulation.chain import ChainTransaction
from indexer.simulation.portal_walk import walked
from tests.adversarial.answers import text
from tests.property.worlds import world
from tests.simulation.small_chain import shown
from tests.world import Frame, data_line, frame, key, log_line, transaction

A, B, C = key(801), key(802), key(803)
ED25519 = base58.key("Ed25519SigVerify111111111111111111111111111")


def of(*frames: Frame, **facts: Any) -> ChainTransaction:
    return shown(0, tx=transaction(*frames, **facts))


def calls_of(transaction: ChainTransaction) -> list[tuple[tuple[int, ...], str, bool]]:
    return [(call.address, call.program_id, call.dropped) for call in walked(transaction).calls]


def test_addresses_are_paths_in_the_tree():
    one = of(frame(A, frame(B, frame(C)), frame(B)), frame(C))
    assert [(address, program) for address, program, _ in calls_of(one)] == [
        ((0,), text(A)),
        ((0, 0), text(B)),
        ((0, 0, 0), text(C)),
        ((0, 1), text(B)),
        ((1,), text(C)),
    ]


def test_addresses_without_heights_are_one_level_deep():
    one = of(frame(A, frame(B), frame(C)))
    for group in one.shown["meta"]["innerInstructions"]:
        for instruction in group["instructions"]:
            del instruction["stackHeight"]
    assert [address for address, *_ in calls_of(one)] == [(0,), (0, 0), (0, 1)]


def test_lines_have_their_owner_their_kind_and_their_place_among_all_lines():
    one = of(frame(A, log_line("a"), frame(B, data_line(b"12345678")), log_line("behind")))
    told = [(line.index, line.address, line.program_id, line.kind, line.message) for line in walked(one).lines]
    assert told == [
        (1, (0,), text(A), "log", "a"),
        (3, (0, 0), text(B), "data", "MTIzNDU2Nzg="),
        (6, (0,), text(A), "log", "behind"),
    ]


def test_a_text_of_more_lines_is_something_else_as_a_whole():
    (line,) = walked(of(frame(A, "Program log: one\ntwo"))).lines
    assert (line.kind, line.message) == ("other", "Program log: one\ntwo")


def owners(frames: list[Frame], outer: tuple[int, ...] = ()) -> list[tuple[tuple[int, ...], str]]:
    """(address, line) of everything that is logged, from the description of the world alone."""
    found = []
    for place, one in enumerate(frames):
        address, inner = (*outer, place), -1
        for part in one.inside:
            if isinstance(part, Frame):
                inner += 1
                found += owners([frame(key(0))] * inner + [part], address)
            else:
                found.append((address, part))
    return found


@pytest.mark.parametrize("seed", range(60))
def test_every_line_of_a_random_world_has_its_true_owner(seed: int):
    frames = world(seed).frames
    one = of(*frames)
    told = walked(one)
    assert not told.dropped
    assert not any(call.dropped for call in told.calls)
    prefix = {"log": "Program log: ", "data": "Program data: ", "other": ""}
    assert [(line.address, prefix[line.kind] + line.message) for line in told.lines] == owners(frames)
    assert [one.logs[line.index] for line in told.lines] == [line for _, line in owners(frames)]
    keys = {call.address: call.program_id for call in told.calls}
    assert all(keys[line.address] == line.program_id for line in told.lines)


def test_nothing_is_read_behind_a_truncation():
    logs = list(of(frame(A, log_line("a"), frame(B, log_line("b")), log_line("c")), frame(C)).logs)
    tree = frame(A, log_line("a"), frame(B, log_line("b")), log_line("c")), frame(C)
    one = of(*tree, logs=(*logs[:3], "Log truncated", *logs[5:]))
    told = walked(one)
    assert told.dropped
    assert [line.message for line in told.lines] == ["a"]
    assert [(call.address, call.dropped) for call in told.calls] == [((0,), True), ((0, 0), True), ((1,), True)]


def test_lines_that_contradict_the_tree_are_not_believed():
    one = of(frame(A, log_line("a"), frame(B)), logs=of(frame(A, log_line("a"), frame(C))).logs)
    told = walked(one)
    assert (told.dropped, told.lines) == (True, [])
    assert [(call.address, call.dropped) for call in told.calls] == [((0,), True), ((0, 0), True)]


IN, OUT = f"Program {text(A)} invoke [1]", f"Program {text(A)} success"


@pytest.mark.parametrize(
    "logs",
    [
        ("Program x success",),
        (IN,),
        (IN, f"Program {text(B)} success"),
        (f"Program {text(A)} invoke [2]", OUT),
        (IN, f"Program {text(B)} consumed 3 of 5 compute units", OUT),
        (IN, OUT, OUT),
        (IN, IN.replace("[1]", "[2]"), OUT, OUT),
    ],
)
def test_logs_that_break_off_or_begin_wrongly_are_a_contradiction(logs: tuple[str, ...]):
    told = walked(of(frame(A), logs=logs))
    assert (told.dropped, told.lines, [call.dropped for call in told.calls]) == (True, [], [True])


def test_logs_that_are_absent_mark_the_instructions_alone():
    told = walked(of(frame(A, frame(B)), logs=()))
    assert (told.dropped, [call.dropped for call in told.calls]) == (False, [True, True])
    assert [call.dropped for call in walked(of(frame(A), logs=None)).calls] == [True]


def test_a_program_without_an_invoke_line_takes_no_lines():
    told = walked(of(frame(ED25519, silent=True), frame(A, log_line("a"))))
    assert [(line.address, line.message) for line in told.lines] == [((1,), "a")]
    assert [call.dropped for call in told.calls] == [True, False]
    inside = walked(of(frame(A, frame(ED25519, silent=True), log_line("a"))))
    assert [(call.address, call.dropped) for call in inside.calls] == [((0,), False), ((0, 0), True)]


def test_what_lies_behind_the_failed_instruction_never_ran():
    frames = frame(A, log_line("a")), frame(B, log_line("b")), frame(C)
    failed = of(*frames, succeeded=False)
    logs = (
        *of(frames[0]).logs,
        f"Program {text(B)} invoke [1]",
        f"Program {text(B)} failed: custom program error: 0x1",
    )
    meta = {**failed.shown["meta"], "err": {"InstructionError": [1, {"Custom": 1}]}, "logMessages": list(logs)}
    one = msgspec.structs.replace(failed, shown={**failed.shown, "meta": meta})
    told = walked(one)
    assert [(call.address, call.error, call.dropped) for call in told.calls] == [
        ((0,), None, False),
        ((1,), "custom program error: 0x1", False),
        ((2,), None, False),
    ]
    assert not told.dropped


def test_units_are_taken_from_their_line():
    assert [call.units for call in walked(of(frame(A, frame(B)))).calls] == [1000, 1000]


def test_the_whole_is_one_transaction():
    made: Transaction = transaction(frame(A))
    assert len(walked(shown(0, tx=made)).calls) == 1
