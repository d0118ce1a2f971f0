"""What is measured against peers, and what is asked of each: events, base58 texts, blocks.

`must` and `goal` are ratios of medians. A side's turn begins only after both were shown to give the same.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from indexer.app import protocols
from indexer.core import base58
from indexer.core.instructions import EVENT_TAG
from tests.bench import bodies
from tests.bench.contestant import Contestant
from tests.bench.rounds import Bar, Contest, contest
from tests.bench.samples import KINDS, Kind, sample
from tests.bench.turns import Sample, Work
from tests.shared import SHARED
from tests.world import SLOT

SEED = 5
UNASKED = Bar(0, 0)
DRIFT_SDK = Bar(4, 6)
FAST, FALLBACK = Bar(120, 170), Bar(5, 20)  # Of the text of 1,248 bytes.
WITH_OURS = {"packed": Bar(3, 4.5)}  # Read the same either way.
WITHOUT_OURS = {"packed": Bar(10, 14), "not packed": UNASKED}


def decoding_contests(ours: Contestant, peer: Contestant) -> Iterator[Contest]:
    for kind in KINDS:
        given, size = sample(kind), len(kind.payload())
        _load(given, ours, peer)
        yield contest(given, size, kind.decode, (ours, "decode"), (peer, "decode"), 1e-4)
        yield contest(given, size, kind.log, (ours, "log"), (peer, "log"), 1e-4)


def peer_contests(name: str, ours: Contestant, peer: Contestant) -> Iterator[Contest]:
    """Log parses by other clients: those of Drift read Drift's events alone."""
    for kind in KINDS:
        if name != "anchor" and kind.is_cpi:
            continue
        given, size = sample(kind), len(kind.payload())
        _load(given, ours, peer)
        asked = DRIFT_SDK if name == "drift" else UNASKED
        yield contest(given, size, asked, (ours, "log"), (peer, "log"), 1e-4)


def base58_contests(ours: Contestant, peer: Contestant) -> Iterator[Contest]:
    for kind in (one for one in KINDS if one.is_cpi):
        given, size = base58_sample(kind), len(EVENT_TAG + kind.payload())
        _load(given, ours, peer)
        for work, bar in (("fast", FAST), ("fallback", FALLBACK)):
            asked = bar if size > 1200 else UNASKED
            yield contest(given, size, asked, (ours, work), (peer, "decode"), 1e-4)


def base58_sample(kind: Kind) -> Sample:
    """The data of the instruction that emits the event."""
    return {"event": kind.event, "text": base58.encode(EVENT_TAG + kind.payload())}


def block_contests(ours: Contestant, peer: Contestant, folder: Path) -> Iterator[Contest]:
    for given, size, bars in block_samples(folder):
        _load(given, ours, peer)
        for work, bar in bars.items():
            yield contest(given, size, bar, (ours, work), (peer, "loads"), 5e-2)


def block_samples(folder: Path) -> Iterator[tuple[Sample, int, Mapping[Work, Bar]]]:
    """Blocks as files in the folder, each with our programs and with others in their place."""
    names = [base58.encode(program) for protocol in protocols() for program in protocol.programs]
    found = [("synthetic", SLOT, bodies.synthetic(SEED))]
    if SHARED is None:
        print("no shared material: the real block is left out", file=sys.stderr)
    else:
        path = SHARED / "data" / "blocks" / f"{bodies.REAL_SLOT}.json"
        found.append((str(bodies.REAL_SLOT), bodies.REAL_SLOT, bodies.real(path)))
    for name, slot, body in found:
        for event, shown, bars in (
            (name, body, WITH_OURS),
            (f"{name}, none ours", bodies.without(body, names), WITHOUT_OURS),
        ):
            path = folder / f"{event}.json"
            path.write_bytes(shown)
            yield {"event": event, "path": str(path), "slot": slot, "programs": names}, len(shown), bars


def _load(given: Sample, *contestants: Contestant) -> None:
    for contestant in contestants:
        contestant.load(given)
