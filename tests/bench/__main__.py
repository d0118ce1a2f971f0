"""`python -m tests.bench`: measure and print. Ends with 0, 1 (below what must be) or 2 (cannot be measured)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.bench import aggregates, digesting, flow_report, flows, inserting, loop, proving, report
from tests.bench.contestant import Contestant
from tests.bench.contests import base58_contests, block_contests, decoding_contests, peer_contests
from tests.bench.environment import ANCHORPY, BASE58, DRIFTPY, SetUpFailed, node_peers, peer_python
from tests.bench.rounds import Contest, hold


class Part(NamedTuple):
    """What one part of the benchmark found."""

    holds: bool
    lines: list[str]
    document: Any


def decoding(options: argparse.Namespace) -> Part:
    with (
        Contestant("the peer", peer_python(ANCHORPY), "-m", "tests.bench.peer_anchorpy") as peer,
        Contestant("ours", sys.executable, "-m", "tests.bench.ours") as ours,
    ):
        return held(decoding_contests(ours, peer), ours, peer, options)


def base58(options: argparse.Namespace) -> Part:
    with (
        Contestant("the peer", peer_python(BASE58), "-m", "tests.bench.peer_base58") as peer,
        Contestant("ours", sys.executable, "-m", "tests.bench.ours_base58") as ours,
    ):
        return held(base58_contests(ours, peer), ours, peer, options)


def blocks(options: argparse.Namespace) -> Part:
    with (
        Contestant("the peer", sys.executable, "-m", "tests.bench.peer_json") as peer,
        Contestant("ours", sys.executable, "-m", "tests.bench.ours_blocks") as ours,
        TemporaryDirectory() as folder,
    ):
        return held(block_contests(ours, peer, Path(folder)), ours, peer, options)


def peers(options: argparse.Namespace) -> Part:
    """Full log parses beside those of other clients; each is a part of its own."""
    with ExitStack() as running:
        ours = running.enter_context(Contestant("ours", sys.executable, "-m", "tests.bench.ours"))
        driftpy = Contestant("the peer", peer_python(DRIFTPY), "-m", "tests.bench.peer_driftpy")
        contestants = {"driftpy": running.enter_context(driftpy)}
        if (script := node_peers()) is None:
            print("no node and npm here: the JavaScript peers are left out", file=sys.stderr)
        else:
            for name in ("anchor", "drift"):
                peer = Contestant("the peer", "node", str(script), name)
                contestants[name] = running.enter_context(peer)
        parts = {name: held(peer_contests(name, ours, peer), ours, peer, options) for name, peer in contestants.items()}
    lines = [line for part in parts.values() for line in (*part.lines, "")]
    return Part(all(part.holds for part in parts.values()), lines[:-1], {n: p.document for n, p in parts.items()})


def held(found: Iterable[Contest], ours: Contestant, peer: Contestant, options: argparse.Namespace) -> Part:
    contests = list(found)
    about: dict[str, dict[str, Any]] = {"machine": report.machine(), "ours": ours.versions(), "peer": peer.versions()}
    about["rounds"] = {"count": options.rounds, "seconds a turn": options.seconds}
    hold(contests, options.rounds, options.seconds)
    holds = all(contest.holds for contest in contests)
    return Part(holds, list(report.lines(contests, about)), report.document(contests, about))


def running_aggregates(_: argparse.Namespace) -> Part:
    goals = aggregates.measured()
    holds = all(goal.holds for goal in goals)
    machine = ", ".join(f"{key} {value}" for key, value in report.machine().items())
    return Part(holds, [machine, *aggregates.lines(goals)], aggregates.document(goals))


def blocks_beside_live(options: argparse.Namespace) -> Part:
    found = loop.measured(options.rounds, 10 * options.seconds)
    machine = ", ".join(f"{key} {value}" for key, value in report.machine().items())
    return Part(all(one.holds for one in found), [machine, *loop.lines(found)], loop.document(found))


def insert(options: argparse.Namespace) -> Part:
    about = {"machine": report.machine(), "versions": inserting.versions(), "rounds": {"count": options.rounds}}
    contests = inserting.measured(options.rounds)
    holds = all(contest.holds for contest in contests)
    return Part(holds, list(report.lines(contests, about, "wall")), report.document(contests, about))


def digest(options: argparse.Namespace) -> Part:
    about = {"machine": report.machine(), "versions": inserting.versions(), "rounds": {"count": options.rounds}}
    contests = digesting.measured(options.rounds)
    holds = all(contest.holds for contest in contests)
    return Part(holds, list(report.lines(contests, about, "own")), report.document(contests, about))


def prove(options: argparse.Namespace) -> Part:
    about = {"machine": report.machine(), "versions": inserting.versions(), "rounds": {"count": options.rounds}}
    contests = proving.measured(options.rounds)
    holds = all(contest.holds for contest in contests)
    return Part(holds, list(report.lines(contests, about, "own")), report.document(contests, about))


def whole(measure: Callable[[int], flows.Found]) -> Callable[[argparse.Namespace], Part]:
    """A part that runs whole pipelines."""

    def part(options: argparse.Namespace) -> Part:
        about = {"machine": report.machine(), "rounds": {"count": options.rounds}}
        found = measure(options.rounds)
        return Part(found.holds, list(flow_report.lines(found, about)), flow_report.document(found, about))

    return part


PARTS = {
    "decoding": decoding,
    "base58": base58,
    "blocks": blocks,
    "loop": blocks_beside_live,
    "insert": insert,
    "digest": digest,
    "proving": prove,
    "peers": peers,
    "pipeline": whole(flows.pipeline),
    "growth": whole(flows.growth),
    "backfill": whole(flows.backfill),
    "aggregates": running_aggregates,
}


def main() -> int:
    options = arguments().parse_args()
    try:
        parts = {name: PARTS[name](options) for name in options.only or PARTS}
    except SetUpFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps({name: part.document for name, part in parts.items()}, indent=2))
    else:
        print("\n\n".join("\n".join(part.lines) for part in parts.values()))
    return 0 if all(part.holds for part in parts.values()) else 1


def arguments() -> argparse.ArgumentParser:
    about = "Our stages against peers; running aggregates against queries over all rows."
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=about)
    parser.add_argument("--only", action="append", choices=[*PARTS], help="this part; may be given again")
    parser.add_argument("--rounds", type=_rounds, default=5, help="turns of each side at each work (default 5)")
    parser.add_argument("--seconds", type=_seconds, default=0.3, help="length of a turn (default 0.3)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _rounds(text: str) -> int:
    if not 1 <= (value := int(text)) <= 1000:
        raise argparse.ArgumentTypeError(f"{value} is not 1 to 1000")
    return value


def _seconds(text: str) -> float:
    if not 0.001 <= (value := float(text)) <= 60:
        raise argparse.ArgumentTypeError(f"{value} is not 0.001 to 60")
    return value


if __name__ == "__main__":
    sys.exit(main())
