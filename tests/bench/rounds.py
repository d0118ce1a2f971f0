"""The contest: agreement first, then rounds in which both contestants take turns.

Only the ratio is judged. Turns alternate, and so does who begins, so that a slow minute of the machine strikes both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from tests.bench.contestant import Contestant
from tests.bench.environment import SetUpFailed
from tests.bench.turns import Sample, Values, Work


class Bar(NamedTuple):
    """How many times as fast as the peer it must be, and should be; 0: nothing is asked."""

    must: float
    goal: float


@dataclass
class Side:
    """One contestant at one work."""

    contestant: Contestant | None  # None: it takes its turns elsewhere.
    event: str
    work: Work
    guess: float = 1e-4  # Seconds a call, before any was timed.
    seconds: list[float] = field(default_factory=list)  # A call, by round.

    def turn(self, length: float) -> None:
        """Work for about `length` seconds, going by the pace of the turn before."""
        if not self.seconds:
            self.seconds = [self._pace(self._pace(self.guess, length / 10), length / 10)]
            self.seconds = [self._pace(self.seconds[0], length)]
        else:
            self.seconds.append(self._pace(self.seconds[-1], length))

    def _pace(self, expected: float, length: float) -> float:
        assert self.contestant is not None, f"nobody takes a turn at {self.event}"
        times = max(1, round(length / expected))
        return self.contestant.seconds(self.event, self.work, times) / times


@dataclass(frozen=True)
class Contest:
    """One event and one work: what is asked, and both sides."""

    event: str
    size_bytes: int
    work: Work
    bar: Bar
    ours: Side
    peer: Side

    @property
    def ratio(self) -> float:
        """How many times as fast as the peer, of the medians."""
        return median(self.peer.seconds) / median(self.ours.seconds)

    @property
    def ratios(self) -> list[float]:
        return [peer / ours for peer, ours in zip(self.peer.seconds, self.ours.seconds, strict=True)]

    @property
    def holds(self) -> bool:
        return self.ratio >= self.bar.must

    @property
    def reaches(self) -> bool:
        return self.ratio >= self.bar.goal


def contest(
    sample: Sample,
    size_bytes: int,
    bar: Bar,
    ours: tuple[Contestant, Work],
    peer: tuple[Contestant, Work],
    guess: float,
) -> Contest:
    """A contest over a sample that both have loaded, shown to give the same on both sides. Raises SetUpFailed."""
    event = sample["event"]
    agree(event, ours[1], *(contestant.values(event, work) for contestant, work in (ours, peer)))
    sides = (Side(contestant, event, work, guess) for contestant, work in (ours, peer))
    return Contest(event, size_bytes, ours[1], bar, *sides)


def agree(event: str, work: Work, ours: Values, peer: Values) -> None:
    """Raises SetUpFailed unless both found the one thing there is, or the two in the log, and read the same values."""
    expected = [event] * (2 if work == "log" else 1)
    for name, values in (("ours", ours), ("peer", peer)):
        if (found := [name for name, _ in values]) != expected:
            raise SetUpFailed(f"{event}, {work}: {name} finds {found}, not {expected}")
    if ours != peer:
        raise SetUpFailed(f"{event}, {work}: ours reads {ours}, the peer {peer}")


def hold(held: Sequence[Contest], rounds: int, length: float) -> None:
    """Let both sides of every contest take a turn of `length` seconds, so many times."""
    for number in range(rounds):
        for contest in held:
            sides = [contest.ours, contest.peer]
            for side in sides if number % 2 == 0 else reversed(sides):
                side.turn(length)
