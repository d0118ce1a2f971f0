"""Stretches and gaps of chains as rows, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from indexer.verify.chain import Break, Chain, Known, Place, Segment
from indexer.verify.gap import Gap

_EPOCH = date(1970, 1, 1)
_KNOWN = ("slot", "tx_index", "index", "signature", "time", "value", "is_reading")
_NOTHING = (None,) * len(_KNOWN)
SEGMENT_COLUMNS = (
    "protocol", "evidence", "chain", "bucket", "day", "links", "readings", "lead", "trail",
    *(f"first_{name}" for name in _KNOWN), *(f"last_{name}" for name in _KNOWN),
)  # fmt: skip
GAP_COLUMNS = (
    "protocol", "evidence", "chain", *(f"after_{name}" for name in _KNOWN), *(f"before_{name}" for name in _KNOWN),
    "expected", "found",
)  # fmt: skip


def segment_row(chain: Chain, bucket: int, day: int, one: Segment) -> tuple[Any, ...]:
    """`day`: since 1970."""
    when = _EPOCH + timedelta(days=day)
    return (*chain, bucket, when, one.links, one.readings, one.lead, one.trail, *_known(one.first), *_known(one.last))


def segment_of(row: Mapping[str, Any]) -> Segment:
    return Segment(
        links=row["links"],
        readings=row["readings"],
        first=_known_of(row, "first"),
        lead=int(row["lead"]),
        last=_known_of(row, "last"),
        trail=int(row["trail"]),
    )


def gap_row(broken: Break) -> tuple[Any, ...]:
    return (*broken.chain, *_known(broken.after), *_known(broken.before), broken.expected, broken.found)


def gap_key(broken: Break) -> tuple[Any, ...]:
    """Evidence, chain, and the place behind the gap; of one protocol."""
    place = broken.before.place
    return (*broken.chain[1:], place.slot, broken.before.signature, place.tx_index, place.position)


def gap_of(row: Mapping[str, Any]) -> Gap:
    after, before = _known_of(row, "after"), _known_of(row, "before")
    assert after is not None, "a gap has a place before it"
    assert before is not None, "a gap has a place behind it"
    broken = Break(
        chain=chain_of(row), after=after, before=before, expected=int(row["expected"]), found=int(row["found"])
    )
    return Gap(broken=broken, cause=row["cause"], refetched_from=row["refetched_from"])


def chain_of(row: Mapping[str, Any]) -> Chain:
    return Chain(row["protocol"], row["evidence"], row["chain"])


def _known(one: Known | None) -> tuple[Any, ...]:
    return _NOTHING if one is None else (*one.place, one.signature, one.time, one.value, one.is_reading)


def _known_of(row: Mapping[str, Any], side: str) -> Known | None:
    slot, tx_index, index, signature, time, value, is_reading = (row[f"{side}_{name}"] for name in _KNOWN)
    return None if slot is None else Known(Place(slot, tx_index, index), signature, time, int(value), is_reading)
