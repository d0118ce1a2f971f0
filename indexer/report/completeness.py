"""What `verify` prints: for each protocol what is proven, what is missing, and what nothing can prove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from indexer.core import base58
from indexer.core.coverage import Spans
from indexer.ingest.repairing import Repaired
from indexer.report import records
from indexer.store.proofs import Opinion
from indexer.verify.certificate import Certificate, Line
from indexer.verify.chain import Known
from indexer.verify.gap import MEANINGS, Gap

MOST_LINES = 50  # Of gaps, for people; programs get all.
Row = Mapping[str, Any]
_STATES = {
    "nothing": "nothing was told",
    "whole": "whole",
    "open": "whole so far: what follows the last event is not told yet",
    "not_provable": "not provable: no account was read",
    "truncated": "whole but for what truncated logs hide",
    "bounded": "not proven: truncated logs may hide what is missing, or not (--repair tells)",
    "unsettled": "slots are not settled",
    "broken": "BROKEN",
}


def text(certificates: Sequence[Certificate]) -> str:
    return "\n".join("".join(f"{line}\n" for line in _block(one)) for one in certificates)


def notes(without: Sequence[str], repaired: Repaired | None, opinions: Sequence[Opinion], let_go_below: int = 0) -> str:
    """Below the certificates: protocols that have none, what was let go, what repair and opinions came to."""
    lines = [f"{name}: none of these slots is settled, so that there is nothing to prove" for name in without]
    if let_go_below:
        lines.append(f"the bytes of slots below {let_go_below} were let go: of these it says what was proven before")
    if repaired is not None:
        lines.append(
            f"repair: {repaired.slots} slots of {repaired.brackets} brackets were fetched once more and brought"
            f" {repaired.rows} rows, with the lists of {repaired.accounts} accounts;"
            f" {repaired.left} brackets nobody gave whole;"
            f" {repaired.reprocessed} slots were reprocessed"
        )
    lines += [
        f"{one.endpoint} on {one.protocol}: {one.differing} of {one.rows} rows in {one.slots} slots told otherwise"
        for one in opinions
    ]
    return "".join(f"\n{line}\n" for line in lines)


def rows(certificates: Sequence[Certificate]) -> Sequence[Row]:
    """One object a protocol, for programs."""
    return [_object(one) for one in certificates]


def _block(one: Certificate) -> Iterator[str]:
    yield f"{one.protocol}: slots {one.span.start} to {one.span.end - 1}: {_STATES[one.state]}"
    if one.unsettled:
        yield f"  {_size(one.unsettled)} slots are not settled, the first {one.unsettled[0].start} (see `gaps`)"
    yield ""
    yield records.table([_line(line) for line in one.lines]).rstrip("\n")
    yield ""
    if one.gaps:
        yield records.table([_shown(gap) for gap in one.gaps[:MOST_LINES]]).rstrip("\n")
        if len(one.gaps) > MOST_LINES:
            yield f"and {len(one.gaps) - MOST_LINES} more (--format json has all)"
        yield from (f"  {cause}: {MEANINGS[cause]}" for cause in sorted({gap.cause for gap in one.gaps if gap.cause}))
        yield ""
    yield "not provable:"
    yield from (f"  {words}" for words in one.not_provable)


def _line(line: Line) -> Row:
    counts = line.counts
    return {
        "evidence": line.evidence.name,
        "chains": counts.chains,
        "events": counts.links,
        "readings": counts.readings,
        "gaps": line.gaps,
        "missing": line.missing,
        "open": counts.open,
        "state": _STATES[line.state],
    }


def _shown(gap: Gap) -> Row:
    first, last = gap.numbers or (None, None)
    numbers = "" if first is None else str(first) if first == last else f"{first}-{last}"
    return {
        "evidence": gap.chain.evidence,
        "of": gap.chain.key,
        "missing": numbers or f"{gap.broken.expected} expected, {gap.broken.found} found",
        "after_slot": gap.broken.after.place.slot,
        "before_slot": gap.broken.before.place.slot,
        "cause": gap.cause or "not known: --repair asks again",
    }


def _object(one: Certificate) -> Row:
    return {
        "protocol": one.protocol,
        "first_slot": one.span.start,
        "last_slot": one.span.end - 1,
        "state": one.state,
        "unsettled_slots": _size(one.unsettled),
        "evidence": [{**_line(line), "of": line.evidence.of, "state": line.state} for line in one.lines],
        "gaps": [_gap(gap) for gap in one.gaps],
        "not_provable": list(one.not_provable),
    }


def _gap(gap: Gap) -> Row:
    first, last = gap.numbers or (None, None)
    return {
        "evidence": gap.chain.evidence,
        "chain": gap.chain.key,
        "first_missing": first,
        "last_missing": last,
        "expected": str(gap.broken.expected),
        "found": str(gap.broken.found),
        "after": _place(gap.broken.after),
        "before": _place(gap.broken.before),
        "cause": gap.cause,
        "refetched_from": gap.refetched_from,
    }


def _place(known: Known) -> Row:
    return {"slot": known.place.slot, "signature": base58.encode(known.signature), "is_reading": known.is_reading}


def _size(spans: Spans) -> int:
    return sum(map(len, spans))
