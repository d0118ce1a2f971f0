"""The certificate: what of a protocol is proven complete in a span of slots, what is missing, what cannot be proven."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from indexer.core.coverage import Span, Spans
from indexer.verify.chain import Chain, Segment
from indexer.verify.evidence import EVIDENCE, NOT_PROVABLE, ROWS, Evidence
from indexer.verify.gap import Cause, Gap

# From good to bad. open: without a gap, but nothing tells yet what follows the last event of some chain.
# bounded: of no gap more is known than that truncated logs may hide it.
State = Literal["nothing", "whole", "open", "not_provable", "truncated", "bounded", "unsettled", "broken"]
STATES: Sequence[State] = (
    "nothing", "whole", "open", "not_provable", "truncated", "bounded", "unsettled", "broken",
)  # fmt: skip
_OF_CAUSES: Mapping[Cause, State] = {"truncated": "truncated", "bounded": "bounded", "not_settled": "unsettled"}
ROWS_OF = Evidence(ROWS, "state", "records: every event above has the row that it must have")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Of one kind of evidence. `tied`: chains of which some value is known; `open`: whose last word is an event's."""

    chains: int = 0
    links: int = 0
    readings: int = 0
    tied: int = 0
    open: int = 0


class Line(msgspec.Struct, frozen=True, kw_only=True):
    evidence: Evidence
    counts: Counts
    gaps: int
    missing: int  # Numbers; what has none is not in it.
    state: State


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """`span`: what it speaks of; `unsettled`: of it, slots that no coverage proves."""

    protocol: str
    span: Span
    unsettled: Spans
    lines: Sequence[Line]
    gaps: Sequence[Gap]
    not_provable: Sequence[str]

    @property
    def state(self) -> State:
        worst = max(STATES.index(line.state) for line in self.lines)
        return STATES[max(worst, STATES.index("unsettled")) if self.unsettled else worst]

    @property
    def is_whole(self) -> bool:
        """Nothing is lost, as far as anything can tell; what truncation was shown to hide is nobody's."""
        return STATES.index(self.state) < STATES.index("bounded")


def certificate(
    protocol: str, span: Span, unsettled: Spans, counts: Mapping[str, Counts], gaps: Iterable[Gap]
) -> Certificate:
    """`counts`: by evidence. `gaps`: those that have something to do with the span."""
    listed = sorted(gaps, key=lambda gap: (gap.is_explained, gap.broken.before.place, gap.chain))
    lines = [
        _line(one, counts.get(one.name, Counts()), [gap for gap in listed if gap.chain.evidence == one.name])
        for one in (*EVIDENCE[protocol], ROWS_OF)
    ]
    return Certificate(
        protocol=protocol,
        span=span,
        unsettled=unsettled,
        lines=lines,
        gaps=listed,
        not_provable=NOT_PROVABLE[protocol],
    )


def counted(segments: Mapping[Chain, Segment]) -> dict[str, Counts]:
    """By evidence, of one protocol's chains."""
    found: dict[str, Counts] = {}
    for chain, segment in segments.items():
        old = found.get(chain.evidence, Counts())
        found[chain.evidence] = Counts(
            chains=old.chains + 1,
            links=old.links + segment.links,
            readings=old.readings + segment.readings,
            tied=old.tied + (segment.last is not None),
            open=old.open + is_open(segment),
        )
    return found


def is_open(segment: Segment) -> bool:
    """Whether something may have followed unseen: its last word is an event's, no reading's."""
    return segment.last is None or not segment.last.is_reading or bool(segment.trail)


def _line(evidence: Evidence, counts: Counts, gaps: Sequence[Gap]) -> Line:
    numbers = [gap.numbers for gap in gaps]
    missing = sum(last - first + 1 for first, last in filter(None, numbers))
    return Line(evidence=evidence, counts=counts, gaps=len(gaps), missing=missing, state=_state(evidence, counts, gaps))


def _state(evidence: Evidence, counts: Counts, gaps: Sequence[Gap]) -> State:
    if gaps:
        return max((_of_gap(gap) for gap in gaps), key=STATES.index)
    if not counts.chains:
        return "nothing"
    if evidence.form == "sum" and not counts.tied:
        return "not_provable"
    return "open" if counts.open and evidence.form != "state" else "whole"


def _of_gap(gap: Gap) -> State:
    return "broken" if gap.cause is None else _OF_CAUSES.get(gap.cause, "broken")
