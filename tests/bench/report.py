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

HEADER = (
    f"{'event':22} {'bytes':>5} {'work':6}"
    f" {'ours CPU us (range)':>24} {'peer CPU us (range)':>24} {'ratio (range)':>22} goal"
)


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


def lines(contests: Sequence[Contest], about: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, values in about.items():
        yield f"{name:8} " + ", ".join(f"{key} {value}" for key, value in values.items())
    yield ""
    yield HEADER
    for contest in contests:
        yield (
            f"{contest.event:22} {contest.payload_bytes:5} {contest.work:6}"
            f" {_spread([s * 1e6 for s in contest.ours.seconds], 2):>24}"
            f" {_spread([s * 1e6 for s in contest.peer.seconds], 1):>24}"
            f" {_ratio(contest):>22} {contest.goal:4.0f} {'ok' if contest.holds else 'BELOW'}"
        )


def _spread(values: Sequence[float], places: int) -> str:
    return f"{median(values):.{places}f} ({min(values):.{places}f}..{max(values):.{places}f})"


def _ratio(contest: Contest) -> str:
    return f"{contest.ratio:.1f} ({min(contest.ratios):.1f}..{max(contest.ratios):.1f})"


def document(contests: Sequence[Contest], about: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {**about, "contests": [_contest(contest) for contest in contests]}


def _contest(contest: Contest) -> dict[str, Any]:
    return {
        "event": contest.event,
        "payload_bytes": contest.payload_bytes,
        "work": contest.work,
        "ours_us": [seconds * 1e6 for seconds in contest.ours.seconds],
        "peer_us": [seconds * 1e6 for seconds in contest.peer.seconds],
        "ratio": contest.ratio,
        "ratios": contest.ratios,
        "goal": contest.goal,
        "holds": contest.holds,
    }
