"""Log lines as a call stack: who wrote what, and when nobody can tell."""

from base64 import b64encode

from indexer.core import base58
from indexer.core.frames import Programs, entered, left
from indexer.core.logs import Logs, read_logs
from tests.world import key

KEYS = tuple(key(n) for n in range(3))
A, B, C = map(base58.encode, KEYS)
PAYLOAD = b64encode(b"discrimi" + b"body").decode()
ALL = Programs({name: frozenset({PAYLOAD[:10]}) for name in KEYS})


def enter(program: str, depth: int) -> str:
    return f"Program {program} invoke [{depth}]"


def leave(program: str) -> str:
    return f"Program {program} success"


def data(text: str = PAYLOAD) -> str:
    return f"Program data: {text}"


def owners(logs: Logs) -> list[tuple[int, str]]:
    return [(index, base58.encode(call[0])) for index, _, call, _, _ in logs.lines]


def test_a_line_belongs_to_the_program_that_was_entered_last_and_has_not_returned() -> None:
    lines = [enter(A, 1), data(), enter(B, 2), data(), leave(B), data(), leave(A)]
    assert owners(read_logs(lines, ALL)) == [(1, A), (3, B), (5, A)]


def test_stack_recovers_after_a_lost_return() -> None:
    lines = [enter(A, 1), enter(B, 2), enter(A, 1), leave(A), data()]
    found = read_logs(lines, ALL)
    assert found.lines == []  # Nobody is running: without the cut, B would be blamed.
    assert not found.is_consistent


def test_in_contradictory_lines_only_frames_that_were_left_in_order_count() -> None:
    lines = [enter(A, 1), data(), enter(B, 2), data(), leave(A), enter(C, 1), data(), leave(C)]
    assert owners(read_logs(lines, ALL)) == [(1, A), (6, C)]  # Line 3 may be A's: B's return is lost.


def test_text_cannot_close_or_open_a_frame() -> None:
    lines = [enter(A, 1), f"Program log: {leave(A)}", f"Program log: {enter(B, 2)}", data(), leave(A)]
    assert owners(read_logs(lines, ALL)) == [(3, A)]


def test_the_success_of_another_program_closes_nothing_in_silence() -> None:
    found = read_logs([enter(A, 1), leave(B), data(), leave(A)], ALL)
    assert not found.is_consistent


def test_nothing_counts_after_the_truncation() -> None:
    found = read_logs([enter(A, 1), data(), "Log truncated", data(), leave(A)], ALL)
    assert owners(found) == [(1, A)]
    assert found.is_truncated
    assert found.is_consistent


def test_truncation_may_come_first_and_alone() -> None:
    assert read_logs(["Log truncated", data()], ALL) == Logs([], [], True, True)


def test_text_lines_count_only_if_they_begin_like_a_payload() -> None:
    lines = [enter(A, 1), "Program log: Instruction: Deposit", f"Program log: {PAYLOAD}", leave(A)]
    found = read_logs(lines, ALL)
    assert [(index, is_text, text) for index, _, _, text, is_text in found.lines] == [(2, True, PAYLOAD)]


def test_only_wanted_programs_are_kept() -> None:
    lines = [enter(A, 1), data(), enter(B, 2), data(), leave(B), leave(A)]
    assert owners(read_logs(lines, Programs({KEYS[1]: frozenset()}))) == [(3, B)]


def test_empty_lines_and_no_lines_are_nothing() -> None:
    assert read_logs([], ALL) == Logs([], [], False, True)
    assert read_logs(["", "", "Program"], ALL) == Logs([], [], False, True)


def test_frames_are_matched_as_whole_lines() -> None:
    assert entered(enter(A, 12)) == (KEYS[0], 12)
    for line in (f"{enter(A, 1)} ", f"x{enter(A, 1)}", enter("nobody", 1), enter(A, 0), f"Program {A} invoke [x]"):
        assert entered(line) is None, line
    assert left(leave(A)) == KEYS[0]
    assert left(f"Program {A} failed: custom program error: 0x1") == KEYS[0]
    for line in (f"{leave(A)} ", f"Program log: {A} success", "Program failed to complete: oops", "x success"):
        assert left(line) is None, line
