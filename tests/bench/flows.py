"""Whole pipelines: from recorded bytes to committed rows, against the naive one, against ten times as much, and a day.

Everything is run in turns, each run in a fresh database of one server. What is judged are ratios of medians; how many
events a second a backfill makes, and how many a database alone could take, is told beside what it should, and fails
nothing: it is the machine's as well.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.bench import flow_places
from tests.bench.contestant import Contestant
from tests.bench.environment import DRIFTPY, SetUpFailed, peer_python
from tests.bench.flow_places import Server
from tests.bench.recording import Recorded, record_dense, record_drift, record_portal
from tests.bench.rounds import Bar

# A stretch of 300 slots, told twice; some blocks of today's density, seven transactions of theirs ours; a day of 24
# hours of 9,000 slots.
SLOTS, TRANSACTIONS, TIMES, TENFOLD = 300, 10.0, 2, 10
DENSE_SLOTS, DENSE_TRANSACTIONS, DENSE_IN_ALL = 40, 14.0, 1500
DAY_SLOTS, DAY_TRANSACTIONS, DAY_TIMES = 9_000, 0.5, 24
EVENTS_PER_S, CPU_PER_EVENT = Bar(20, 35), Bar(30, 60)
GROWTH, BACKFILL_PER_S = Bar(1.15, 1.05), Bar(10_000, 40_000)
OURS, NAIVE, COPY = "tests.bench.ours_flows", "tests.bench.peer_naive", "tests.bench.peer_copy"


class Ran(NamedTuple):
    """One run."""

    events: int
    wall_s: float
    cpu_s: float  # Of the contestant, or of all of them together.
    postgres_s: float  # CPU of the server's processes.
    most_mb: float

    @property
    def per_s(self) -> float:
        return self.events / self.wall_s

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.events * 1e6

    @property
    def postgres_us(self) -> float:
        return self.postgres_s / self.events * 1e6


class Side(NamedTuple):
    """What one side did in every round."""

    what: str
    runs: list[Ran]

    def values(self, of: Callable[[Ran], float]) -> list[float]:
        return [of(run) for run in self.runs]


class Judged(NamedTuple):
    """`values` by round, of which the median counts: at least what must be or, of a limit, at most."""

    what: str
    value: float
    values: list[float]
    bar: Bar
    is_limit: bool = False
    fails: bool = True  # False: told, and no reason to end with an error.

    @property
    def holds(self) -> bool:
        return self._is_within(self.bar.must) or not self.fails

    @property
    def verdict(self) -> str:
        if not self._is_within(self.bar.must):
            return "ABOVE" if self.is_limit else "BELOW"
        return "held" if self._is_within(self.bar.goal) else "goal missed"

    def _is_within(self, asked: float) -> bool:
        return self.value <= asked if self.is_limit else self.value >= asked


class Found(NamedTuple):
    sides: list[Side]
    judged: list[Judged]
    versions: dict[str, dict[str, str]]

    @property
    def holds(self) -> bool:
        return all(one.holds for one in self.judged)


# --- against the naive one -----------------------------------------------------------------------------------------


def pipeline(rounds: int) -> Found:
    """json + driftpy + executemany with the rows ready-made, and the limit: COPY of them by the server itself.

    Raises SetUpFailed unless all write the same ledger.
    """
    with _Place() as place:
        drift, dense = place.drift(TIMES), place.dense()
        frames = _lines(drift.folder / "notifications.jsonl")
        contestants = (
            place.contestant("ours", OURS),
            place.contestant("naive", NAIVE, peer_python(DRIFTPY)),
            place.contestant("COPY alone", COPY),
        )
        sides, judged = [], []
        # Large blocks come last: the most memory is that of a process since it began.
        for flow, recorded in (("blocks", drift), ("notifications", drift), ("dense", dense)):
            question = {"flow": flow, **recorded.question(), "notifications": frames}
            _agree(flow, {one.name: place.contents(one, question) for one in contestants})
            turns = [(Side(f"{flow}, {one.name}", []), one) for one in contestants]
            for number in range(rounds):
                for side, contestant in turns if number % 2 == 0 else reversed(turns):
                    side.runs.append(place.run([contestant], question))
            sides += [side for side, _ in turns]
            judged += _against(flow, *(side for side, _ in turns))
        return Found(sides, judged, {one.name: one.versions() for one in contestants})


def _against(flow: str, ours: Side, naive: Side, alone: Side) -> Iterator[Judged]:
    yield _ratio(f"{flow}: events/s", ours, naive, _per_s, EVENTS_PER_S)
    yield _ratio(f"{flow}: CPU per event, without PostgreSQL's", naive, ours, lambda run: run.cpu_us, CPU_PER_EVENT)
    limit = _ratio(f"{flow}: events/s of COPY alone, the limit", alone, naive, _per_s, EVENTS_PER_S)
    yield limit._replace(fails=False)


def _per_s(run: Ran) -> float:
    return run.per_s


def _agree(flow: str, contents: Mapping[str, dict[str, tuple[int, int]]]) -> None:
    ours = contents["ours"]
    for name, others in contents.items():
        if not ours or others != ours:
            raise SetUpFailed(f"{flow}: ours has written {ours}, {name} {others}")


# --- growth --------------------------------------------------------------------------------------------------------


def growth(rounds: int) -> Found:
    """One stretch, and ten of them: each run in a process of its own, that has run one before."""
    with _Place() as place:
        recorded = {1: place.drift(1, has_rows=False), TENFOLD: place.drift(TENFOLD, has_rows=False)}
        sides = {times: Side(f"blocks, {times} times", []) for times in recorded}
        for number in range(rounds):
            for times in (1, TENFOLD) if number % 2 == 0 else (TENFOLD, 1):
                with Contestant("ours", sys.executable, "-m", OURS) as ours:
                    versions = ours.versions()
                    place.run([ours], {"flow": "blocks", **recorded[1].question()})
                    sides[times].runs.append(place.run([ours], {"flow": "blocks", **recorded[times].question()}))
        judged = [
            _ratio(f"{what} at {TENFOLD} times / at once", sides[TENFOLD], sides[1], of, GROWTH, is_limit=True)
            for what, of in _GROWING.items()
        ]
        return Found([*sides.values()], judged, {"ours": versions})


_GROWING: dict[str, Callable[[Ran], float]] = {
    "CPU per event": lambda run: run.cpu_us,
    "PostgreSQL's CPU per event": lambda run: run.postgres_us,
    "memory in all": lambda run: run.most_mb,
}


# --- a day of history ----------------------------------------------------------------------------------------------


def backfill(rounds: int) -> Found:
    """A recorded day from the Portal's server on loopback, by one process and by two that share it."""
    with _Place() as place:
        day = place.day()
        address = place.resources.enter_context(flow_places.portal(day.folder))
        question = {"flow": "portal", **day.question(), "portal": address}
        fillers = [place.contestant(f"ours {number}", OURS) for number in (1, 2)]
        sides = [Side("a day, one process", []), Side("a day, two processes", [])]
        place.run(fillers[:1], question)  # The server has made its answers then.
        for number in range(rounds):
            for side, count in list(zip(sides, (1, 2), strict=True))[:: 1 if number % 2 == 0 else -1]:
                side.runs.append(place.run(fillers[:count], question))
        judged = []
        for side in sides:
            rates = side.values(lambda run: run.per_s)
            judged.append(Judged(f"{side.what}: events/s", median(rates), rates, BACKFILL_PER_S, fails=False))
        return Found(sides, judged, {"ours": fillers[0].versions()})


# --- how it is done ------------------------------------------------------------------------------------------------


class _Place:
    """A server, a folder for recordings, and the contestants, while it is entered."""

    def __init__(self) -> None:
        self.resources = ExitStack()
        self._number = 0

    def __enter__(self) -> _Place:
        self._folder = Path(self.resources.enter_context(TemporaryDirectory(prefix="perps-indexer-recorded-")))
        self._folder.chmod(0o755)  # The server, which reads files of it, may run as another user.
        self._server: Server = self.resources.enter_context(flow_places.server())
        return self

    def __exit__(self, *_: object) -> None:
        self.resources.close()

    def drift(self, times: int, *, has_rows: bool = True) -> Recorded:
        folder = self._folder / f"drift-{times}"
        return self._prepared(
            record_drift(folder, slots=SLOTS, transactions=TRANSACTIONS, times=times, has_rows=has_rows)
        )

    def dense(self) -> Recorded:
        folder = self._folder / "dense"
        return self._prepared(
            record_dense(folder, slots=DENSE_SLOTS, transactions=DENSE_TRANSACTIONS, in_all=DENSE_IN_ALL)
        )

    def day(self) -> Recorded:
        folder = self._folder / "day"
        return self._prepared(record_portal(folder, slots=DAY_SLOTS, transactions=DAY_TRANSACTIONS, times=DAY_TIMES))

    def _prepared(self, recorded: Recorded) -> Recorded:
        self._server.prepare(recorded.span)
        return recorded

    def contestant(self, name: str, module: str, python: str | Path = sys.executable) -> Contestant:
        return self.resources.enter_context(Contestant(name, python, "-m", module))

    def run(self, contestants: Sequence[Contestant], question: dict[str, Any]) -> Ran:
        """All of them at once, on one fresh ledger. Raises SetUpFailed where not every event was found."""
        return self._run(contestants, question)[0]

    def contents(self, contestant: Contestant, question: dict[str, Any]) -> dict[str, tuple[int, int]]:
        return self._run([contestant], question, looks=True)[1]

    def _run(
        self, contestants: Sequence[Contestant], question: dict[str, Any], *, looks: bool = False
    ) -> tuple[Ran, dict[str, tuple[int, int]]]:
        self._number += 1
        with self._server.fresh(f"bench_{self._number}") as url, ThreadPoolExecutor(len(contestants)) as asking:
            asked = {"url": url, "postmaster": self._server.postmaster, **question}
            done = list(asking.map(lambda one: one.run(**asked), contestants))
            contents = self._server.contents(url) if looks else {}
        found = sum(one["events"] for one in done)
        if found != question["events"]:
            raise SetUpFailed(f"{question['flow']}: {found} events were found of {question['events']}")
        wall, cpu, server, memory = (fold(one[name] for one in done) for name, fold in _FOLDS)
        return Ran(found, wall, cpu, server, memory), contents


_FOLDS: Sequence[tuple[str, Callable[[Iterator[float]], float]]] = (
    ("wall_s", max),
    ("cpu_s", sum),
    ("postgres_s", max),  # Each has seen the one server.
    ("most_mb", sum),
)


def _ratio(
    what: str, above: Side, below: Side, of: Callable[[Ran], float], bar: Bar, *, is_limit: bool = False
) -> Judged:
    upper, lower = above.values(of), below.values(of)
    ratios = [one / other for one, other in zip(upper, lower, strict=True)]
    return Judged(what, median(upper) / median(lower), ratios, bar, is_limit)


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)
