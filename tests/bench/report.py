"""What the benchmark says: the machine, then a line for each contest; the same as JSON for programs."""

from __future__ import annotations

import os
import platform
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.rounds import Contest


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "optimised_python": "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def header(clock: str) -> str:
    return (
        f"{'what':28} {'bytes':>9} {'work':11} {f'ours {clock} us (range)':>28} {f'peer {clock} us (range)':>31}"
        f" {'ratio (range)':>23} {'must':>5} {'goal':>5}"
    )


def lines(contests: Sequence[Contest], about: Mapping[str, Mapping[str, Any]], clock: str = "CPU") -> Iterator[str]:
    """`clock`: what time the microseconds are of."""
    for name, values in about.items():
        yield f"{name:8} " + ", ".join(f"{key} {value}" for key, value in values.items())
    yield ""
    yield header(clock)
    for contest in contests:
        yield (
            f"{contest.event:28} {contest.size_bytes:9,} {contest.work:11}"
            f" {_spread([s * 1e6 for s in contest.ours.seconds], 2):>28}"
            f" {_spread([s * 1e6 for s in contest.peer.seconds], 1):>31}"
            f" {_ratio(contest):>23} {_asked(contest.bar.must)} {_asked(contest.bar.goal)} {_verdict(contest)}"
        )


def _spread(values: Sequence[float], places: int) -> str:
    return f"{median(values):.{places}f} ({min(values):.{places}f}..{max(values):.{places}f})"


def _asked(ratio: float) -> str:
    return f"{ratio:5g}" if ratio else "    -"


def _verdict(contest: Contest) -> str:
    if not contest.bar.must:
        return ""
    if not contest.holds:
        return "BELOW"
    return "held" if contest.reaches else "goal missed"


def _ratio(contest: Contest) -> str:
    places = 1 if contest.ratio >= 4 else 2
    return f"{contest.ratio:.{places}f} ({min(contest.ratios):.{places}f}..{max(contest.ratios):.{places}f})"


def document(contests: Sequence[Contest], about: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {**about, "contests": [_contest(contest) for contest in contests]}


def _contest(contest: Contest) -> dict[str, Any]:
    return {
        "event": contest.event,
        "bytes": contest.size_bytes,
        "work": contest.work,
        "ours_us": [seconds * 1e6 for seconds in contest.ours.seconds],
        "peer_us": [seconds * 1e6 for seconds in contest.peer.seconds],
        "ratio": contest.ratio,
        "ratios": contest.ratios,
        "must": contest.bar.must,
        "goal": contest.bar.goal,
        "holds": contest.holds,
    }
