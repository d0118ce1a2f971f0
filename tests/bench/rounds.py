"""The contest: agreement first, then rounds in which both contestants take turns.

Only the ratio is judged. Turns alternate, and so does who begins, so that a slow minute of the machine strikes both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.bench.contestant import Contestant
from tests.bench.environment import SetUpFailed
from tests.bench.samples import LOG_GOAL, Kind, sample
from tests.bench.turns import WORKS, Values, Work

FIRST_GUESS = 1e-4  # Seconds a call.


@dataclass
class Side:
    """One contestant at one work."""

    contestant: Contestant
    event: str
    work: Work
    seconds: list[float] = field(default_factory=list)  # A call, by round.

    def turn(self, length: float) -> None:
        """Work for about `length` seconds, going by the pace of the turn before."""
        if not self.seconds:
            self.seconds = [self._pace(self._pace(FIRST_GUESS, length / 10), length / 10)]
            self.seconds = [self._pace(self.seconds[0], length)]
        else:
            self.seconds.append(self._pace(self.seconds[-1], length))

    def _pace(self, expected: float, length: float) -> float:
        times = max(1, round(length / expected))
        return self.contestant.seconds(self.event, self.work, times) / times


@dataclass(frozen=True)
class Contest:
    """One event and one work: the goal and both sides."""

    event: str
    payload_bytes: int
    work: Work
    goal: float
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
        return self.ratio >= self.goal


def contests(kinds: Sequence[Kind], ours: Contestant, peer: Contestant) -> Iterator[Contest]:
    """Every kind at every work, shown to give the same values on both sides. Raises SetUpFailed."""
    for kind in kinds:
        for contestant in (ours, peer):
            contestant.load(sample(kind))
        for work in WORKS:
            agree(kind.event, work, ours.values(kind.event, work), peer.values(kind.event, work))
            goal = kind.decode_goal if work == "decode" else LOG_GOAL
            sides = (Side(contestant, kind.event, work) for contestant in (ours, peer))
            yield Contest(kind.event, len(kind.payload()), work, goal, *sides)


def agree(event: str, work: Work, ours: Values, peer: Values) -> None:
    """Raises SetUpFailed unless both found the one payload, or the two in the log, and read the same values."""
    expected = [event] * (1 if work == "decode" else 2)
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
