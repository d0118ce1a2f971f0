"""What `digest compare` prints: where two ledgers differ, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from indexer.report import records
from indexer.report.digests import MOST_LINES
from indexer.report.manifest_comparison import Compared, Pair

Row = Mapping[str, Any]
GUIDE = "OPERATING.md, When two ledgers differ"


def text(found: Compared, first: str, other: str) -> str:
    """`first` and `other`: how people call the two."""
    head = (
        f"{found.equal} buckets are equal, {len(found.differing)} differ, {len(found.unsettled)} are not settled alike"
    )
    lines = [f"first: {first}\nother: {other}\n\n{head}\n"]
    lines += _told("differing", [_pair(one) for one in found.differing])
    rows = [{"protocol": one.protocol, **row} for one in found.differing for row in one.transactions or ()]
    lines += _told("transactions", rows)
    lines += _told("not settled alike", [_pair(one) for one in found.unsettled])
    lines += _told("in one of the two only", [msgspec.structs.asdict(one) for one in found.alone])
    return "\n".join([*lines, *_remedies(found)])


def _told(title: str, rows: Sequence[Row]) -> Iterator[str]:
    if rows:
        more = f"and {len(rows) - MOST_LINES} more (--json has all)\n" if len(rows) > MOST_LINES else ""
        yield f"{title}:\n{records.table(rows[:MOST_LINES])}{more}"


def _pair(one: Pair) -> Row:
    columns = {"payloads": one.payloads, "unsettled_slots": one.unsettled_slots, "digest": one.digests}
    row: dict[str, Any] = {"protocol": one.protocol, "first_slot": one.first_slot, "last_slot": one.last_slot}
    for name, (first, other) in columns.items():
        row |= {name: str(first)[:16], f"other_{name}": str(other)[:16]}
    return row


def _remedies(found: Compared) -> Iterator[str]:
    if unnamed := [one for one in found.differing if one.transactions is None]:
        slots = f"{unnamed[0].first_slot}-{unnamed[0].last_slot}"
        yield (
            "which transactions: let both make a manifest of a bucket that differs, as with `perps-indexer digest"
            f" --slots {slots} --protocol {unnamed[0].protocol} --transactions --manifest FILE`, and compare these\n"
        )
    if found.differing:
        yield (
            "which of the two is wrong: `perps-indexer digest --recompute` on each tells whether it still has what it"
            f" wrote, `record SIGNATURE` what a node has; see {GUIDE}\n"
        )
    if found.unsettled:
        yield "not settled: `perps-indexer gaps` lists it and `backfill` settles it; compare again then\n"
    if found.alone:
        yield "in one only: make both manifests with the same --slots and --protocol\n"
