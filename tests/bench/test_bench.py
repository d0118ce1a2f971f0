"""The benchmark compares like with like, and its checks can fail. Nothing is timed here."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.bench import ours, peer_anchorpy
from tests.bench.environment import LOCK, SetUpFailed
from tests.bench.rounds import Contest, Side, agree
from tests.bench.samples import KINDS, Kind, sample
from tests.bench.turns import WORKS, Task, Values, Work
from tests.shared import REPOSITORY


def shown(task: Task) -> Values:
    return task.shown(task.call(task.argument))


def contest(ours_us: list[float], peer_us: list[float], goal: float) -> Contest:
    sides = (Side(None, "Fill", "decode", seconds) for seconds in (ours_us, peer_us))  # type: ignore[arg-type]
    return Contest("Fill", 200, "decode", goal, *sides)


@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.event)
def test_both_sides_read_the_same_values_from_the_same_text(kind: Kind, work: Work) -> None:
    mine, theirs = (shown(side.prepare(sample(kind))[work]) for side in (ours, peer_anchorpy))
    agree(kind.event, work, mine, theirs)


@pytest.mark.parametrize(
    "peer", [[("Fill", [1, 3])], [("Fill", [1])], [("Place", [1, 2])], [], [("Fill", [1, 2]), ("Fill", [1, 2])]]
)
def test_a_peer_that_reads_anything_else_ends_the_contest(peer: Values) -> None:
    with pytest.raises(SetUpFailed, match="Fill, decode"):
        agree("Fill", "decode", [("Fill", [1, 2])], peer)


def test_two_sides_that_find_nothing_do_not_agree() -> None:
    with pytest.raises(SetUpFailed, match="ours finds"):
        agree("Fill", "log", [], [])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.event)
def test_the_measured_transaction_has_18_lines_and_2_events(kind: Kind) -> None:
    lines = sample(kind)["lines"]
    assert len(lines) == 18
    assert lines.count(kind.prefix + sample(kind)["text"]) == 2


def test_the_ratio_is_that_of_the_medians() -> None:
    assert contest([1.0, 9.0, 2.0], [50.0, 60.0, 10.0], 25.0).ratio == 25.0


def test_a_goal_is_missed_below_it_and_held_at_it() -> None:
    assert contest([2.0], [50.0], 25.0).holds
    assert not contest([2.0], [49.0], 25.0).holds


def test_the_peer_runs_without_anything_of_ours() -> None:
    code = "import sys, tests.bench.peer_anchorpy; sys.exit(any(m.split('.')[0] == 'indexer' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0


def test_the_lock_names_the_peer_exactly_and_no_host() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert text.startswith("anchorpy==0.21.0 \\\n    --hash=sha256:")
    assert "://" not in text
