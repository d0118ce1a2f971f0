"""`make verify`: by seed, losses of each kind for each protocol, and chains without. A miss or a false alarm fails."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter as Count
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from indexer.verify.evidence import EVIDENCE
from tests.verify.campaign import false_alarms, tried
from tests.verify.losses import small_chain

EVERY = 25  # Seeds between two lines.
KINDS = ("row", "transaction", "slot")


class Outcome(NamedTuple):
    seed: int
    alarms: list[str]
    wrong: list[str]
    losses: Count[tuple[str, str]]
    found: Count[tuple[str, str]]


def main() -> int:
    words = argparse.ArgumentParser(prog="make verify VERIFY_ARGS=...")
    words.add_argument("--seeds", type=int, default=300)
    words.add_argument("--first", type=int, default=1)
    words.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = words.parse_args()
    began, losses, found, failed = time.monotonic(), Count[tuple[str, str]](), Count[tuple[str, str]](), 0
    with ProcessPoolExecutor(given.processes) as pool:
        seeds = range(given.first, given.first + given.seeds)
        for done, one in enumerate(pool.map(outcome, seeds, chunksize=4), start=1):
            losses.update(one.losses)
            found.update(one.found)
            failed += bool(one.alarms or one.wrong)
            for line in (*one.alarms, *one.wrong):
                print(f"seed {one.seed}: {line}", flush=True)
            if done % EVERY == 0:
                print(f"{done} seeds, {sum(losses.values())} losses", flush=True)
    for key in sorted(losses):
        print(f"{key[0]:<14} {key[1]:<12} {losses[key]:>5} losses, {found[key]:>5} of them show")
    never = [key for key in _promised() if not found[key]]
    for protocol, kind in never:
        print(f"never shown: {kind} of {protocol}")
    print(f"{given.seeds} seeds, {failed} with misses or false alarms, {time.monotonic() - began:.0f} s")
    return 1 if failed or never else 0


def outcome(seed: int) -> Outcome:
    some = tried(seed)
    losses, found = (
        Count((one.loss.protocol, one.loss.kind) for one in some if one.is_found or not shown)
        for shown in (False, True)
    )
    wrong = [f"{one.loss.kind} of {one.loss.protocol}: {line}" for one in some for line in one.wrong]
    result = Outcome(seed, false_alarms(small_chain(seed)), wrong, losses, found)
    small_chain.cache_clear()
    tried.cache_clear()
    return result


def _promised() -> list[tuple[str, str]]:
    return [*((name, kind) for name in EVIDENCE for kind in KINDS), ("drift", "truncated")]


if __name__ == "__main__":
    sys.exit(main())
