"""The walk over log lines is quick, and finds what a plain one finds: on any lines, whatever was read before them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import chain

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from indexer.core import base58, frames
from indexer.core.frames import Programs
from indexer.core.logs import read_logs
from tests.mutation import exchanged
from tests.property.plain_logs import plain_walk
from tests.property.strategies import lines as odd_lines
from tests.property.strategies import seeds
from tests.property.worlds import world_transaction
from tests.world import key

QUIET = settings(
    deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), suppress_health_check=list(HealthCheck)
)
A, B, C = (base58.encode(key(n)) for n in range(3))
PAYLOAD = "ZGlzY3JpbWlib2R5"
TEXTS: Mapping[str, frozenset[str]] = {A: frozenset({PAYLOAD[:10]}), B: frozenset()}
BY_KEY = {base58.key(name): texts for name, texts in TEXTS.items()}
WARM = Programs(BY_KEY)  # Has seen all that the tests before have read.

programs = st.sampled_from((A, B, C))
written = st.sampled_from(
    (
        f"Program data: {PAYLOAD}", f"Program log: {PAYLOAD}", f"Program data: {PAYLOAD} {PAYLOAD}", "Program data:",
        f"Program log: {PAYLOAD[:9]}", f"Program log:{PAYLOAD}", "Program log: Instruction: Fill", "Program log: x]",
        f"Program log: Program {A} success", f"Program log: Program {B} invoke [1]", f"Program return: {A} AAA=",
        f"Program {A} consumed 6238 of 361127 compute units", "Program consumption: 1 units remaining", "", "Program",
        "Program log:", "Program log: two\nlines", f"Program log: x\nProgram {A} success", "Transfer: of some units",
    )
)  # fmt: skip
framed = st.one_of(
    st.builds("Program {} invoke [{}]".format, programs, st.integers(0, 4)),
    st.builds("Program {} success".format, programs),
    st.builds("Program {} failed: {}".format, programs, st.sampled_from(("x", "[1]", "spent all units", "a success"))),
    st.just("Log truncated"),
)


@st.composite
def nested(draw: st.DrawFn, depth: int = 1) -> list[str]:
    """A frame with what is in it, left in order."""
    program = draw(programs)
    inside = st.builds(lambda line: [line], written)
    if depth < 4:
        inside |= nested(depth + 1)
    body = draw(st.lists(inside, max_size=4))
    return [f"Program {program} invoke [{depth}]", *(x for part in body for x in part), f"Program {program} success"]


whole = st.lists(nested() | st.builds(lambda line: [line], written), max_size=5).map(lambda parts: list(chain(*parts)))


def agree(lines: Sequence[str], programs: Programs) -> bool:
    """Whether both walks find the same."""
    read, plain = read_logs(lines, programs), plain_walk(lines, TEXTS)
    if plain is None:
        return not read.is_consistent
    found = [
        (index, base58.encode(c[0]), read.ordinal(n, c), text, is_text) for index, n, c, text, is_text in read.lines
    ]
    owners = all(read.calls[read.ordinal(begun, call)] == call for _, begun, call, _, _ in read.lines)
    return owners and read.is_consistent and (found, _named(read.calls), read.is_truncated) == plain


def _named(calls: Sequence[tuple[bytes, int]]) -> list[tuple[str, int]]:
    return [(base58.encode(program), depth) for program, depth in calls]


@settings(QUIET, max_examples=400)
@given(whole)
def test_lines_in_order_are_found_alike(lines: list[str]) -> None:
    assert agree(lines, WARM)
    assert agree(lines, Programs(BY_KEY))


@settings(QUIET, max_examples=400)
@given(whole, st.lists(st.tuples(st.integers(0, 60), st.none() | framed | odd_lines), max_size=4))
def test_lines_out_of_order_are_found_alike(lines: list[str], changes: list[tuple[int, str | None]]) -> None:
    """Lost, exchanged and inserted."""
    for place, line in changes:
        lines[place : place + (line is None)] = [] if line is None else [line]
    assert agree(lines, WARM)
    assert agree(lines, Programs(BY_KEY))
    assert read_logs(lines, WARM) == read_logs(lines, Programs(BY_KEY))


@settings(QUIET, max_examples=300)
@given(st.lists(framed | written, max_size=12))
def test_random_lines_are_found_alike(lines: list[str]) -> None:
    assert agree(lines, WARM)
    assert read_logs(lines, WARM) == read_logs(lines, Programs(BY_KEY))


@settings(QUIET, max_examples=100)
@given(seeds)
def test_transactions_are_found_alike(seed: int) -> None:
    assert agree(world_transaction(seed).logs or (), WARM)


def random_frames(draws: random.Random) -> list[str]:
    names = [draws.choice((A, B, C)) for _ in range(draws.randrange(1, 6))]
    entered = [f"Program {name} invoke [{depth}]" for depth, name in enumerate(names, 1)]
    return [*entered, f"Program data: {PAYLOAD}", *(f"Program {name} success" for name in reversed(names))]


def test_frames_that_are_remembered_are_bounded_and_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_FRAMES", 5)
    few, draws = Programs(BY_KEY), random.Random(5)
    for _ in range(200):
        assert agree(random_frames(draws), few)
        assert remembered(few.nobody) <= 5


def remembered(frame: frames.Frame) -> int:
    return sum(1 + remembered(inner) for inner in frame.inner.values())


MUTANTS = [
    ("logs", "line == frame.success", 'line[-8:] == " success"'),
    ("logs", '(sign := line[12]) == " "', '(sign := line[12]) != ":"'),
    ("logs", "line[_BEGIN] in begins", "True"),
    ("logs", "line[_HEAD] == _DATA", "True"),
    ("logs", "elif line == TRUNCATED:", "elif False:"),
    ("logs", "elif left(line) or entered(line):", "elif entered(line):"),
    ("logs", "elif left(line) or entered(line):", "elif left(line):"),
    ("logs", "ordinal -= 1", "break"),
    ("logs", "if frame is programs.nobody else", "if True else"),
    ("frames", "call[1] != outer.call[1] + 1", "False"),
    ("frames", "self.begins.get(call[0])", "outer.begins"),
]


@pytest.mark.parametrize(("module", "piece", "instead"), MUTANTS)
def test_a_mutant_is_noticed(module: str, piece: str, instead: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exchanged(f"core.{module}", (piece, instead))(monkeypatch)
    draws, fresh = random.Random(7), Programs(BY_KEY)
    assert not all(_agrees(random_lines(draws), fresh) for _ in range(3000))


def _agrees(lines: list[str], programs: Programs) -> bool:
    try:
        return agree(lines, programs)
    except (LookupError, TypeError, AttributeError):
        return False


def random_lines(draws: random.Random) -> list[str]:
    """Frames with text in them, of which now and then one line is lost, or another stands in its place."""
    lines = random_frames(draws)
    for _ in range(draws.randrange(4)):
        inserted = [f"Program {A} success", f"Program {C} failed: x", "Log truncated", f"Program {B} invoke [2]"]
        inserted += [
            "Program log: Instruction",
            f"Program log: {PAYLOAD}",
            f"Event: {A[:5]}:{PAYLOAD}",
            "12 letters: x",
        ]
        place = draws.randrange(len(lines) + 1)
        lines[place : place + draws.randrange(2)] = [draws.choice(inserted)]
    return lines


def test_the_lines_of_the_mutants_are_found_alike() -> None:
    draws, fresh = random.Random(7), Programs(BY_KEY)
    assert all(agree(random_lines(draws), fresh) for _ in range(3000))
