"""In what two manifests differ: which buckets, and which transactions of these. Pure.

What must stay true: only what both have settled is called different; nothing that one of them lacks is called equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Literal

import msgspec

from indexer.core.coverage import Span, Spans, covers, union
from indexer.errors import InputError
from indexer.report.manifest import Manifest, Part, TransactionDigest

Key = tuple[str, int, int]  # Protocol, first and last slot.
Transactions = Sequence[Mapping[str, Any]]


class Pair(msgspec.Struct, frozen=True):
    """A bucket that the two tell differently. `transactions`: that only one has, or that differ; None: unknown."""

    protocol: str
    first_slot: int
    last_slot: int
    payloads: tuple[int, int]
    unsettled_slots: tuple[int, int]
    digests: tuple[str, str]
    transactions: Transactions | None


class Alone(msgspec.Struct, frozen=True):
    """Buckets behind each other, or parts of some, that one manifest tells alone."""

    protocol: str
    first_slot: int
    last_slot: int
    told_by: Literal["first", "other"]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    equal: int
    differing: Sequence[Pair]
    unsettled: Sequence[Pair]  # Not the same slots of them are settled: their digests need not be equal.
    alone: Sequence[Alone]

    @property
    def is_equal(self) -> bool:
        return not (self.differing or self.unsettled or self.alone)


def compare(one: Manifest, other: Manifest, place: str | None = None) -> Compared:
    """Raises InputError where nothing can be compared. `place`: how people call the two."""
    if one.genesis_hash != other.genesis_hash:
        raise InputError(
            f"the manifests are of two clusters, with genesis {one.genesis_hash} and {other.genesis_hash}",
            place=place,
            remedy="compare ledgers of one cluster",
        )
    left, right = _parts(one), _parts(other)
    both = sorted(left.keys() & right.keys())
    if not both:
        raise InputError(
            f"no bucket is in both: one has {_range(one)}, the other {_range(other)}",
            place=place,
            remedy="make both with the same --slots and --protocol",
        )
    unlike = [key for key in both if not _is_equal(left[key], right[key])]
    pairs = [(_pair(key, left[key], right[key]), _is_settled_alike(left[key], right[key])) for key in unlike]
    return Compared(
        equal=len(both) - len(unlike),
        differing=[pair for pair, is_alike in pairs if is_alike or pair.transactions],
        unsettled=[pair for pair, is_alike in pairs if not (is_alike or pair.transactions)],
        alone=[*_alone(left.keys() - right.keys(), "first"), *_alone(right.keys() - left.keys(), "other")],
    )


def _range(manifest: Manifest) -> str:
    names = ", ".join(one.protocol for one in manifest.streams) or "no protocol"
    return f"slots {manifest.first_slot} to {manifest.last_slot} of {names}"


def _parts(manifest: Manifest) -> dict[Key, Part]:
    return {
        (stream.protocol, part.first_slot, part.last_slot): part
        for stream in manifest.streams
        for part in stream.buckets
    }


def _alone(keys: set[Key], told_by: Literal["first", "other"]) -> list[Alone]:
    return [
        Alone(protocol, span.start, span.end - 1, told_by)
        for protocol, some in groupby(sorted(keys), key=lambda key: key[0])
        for span in union(Span(first, last + 1) for _, first, last in some)
    ]


def _is_equal(one: Part, other: Part) -> bool:
    """Transactions are read from stored bytes: where the bytes are not those that were written, they tell it alone."""
    are_told = one.transactions is not None and other.transactions is not None
    return (one.payloads, one.digest, one.unsettled) == (other.payloads, other.digest, other.unsettled) and not (
        are_told and one.transactions != other.transactions
    )


def _is_settled_alike(one: Part, other: Part) -> bool:
    """Digests of the same settled slots must be equal, whatever else is not settled."""
    return one.unsettled == other.unsettled


def _pair(key: Key, one: Part, other: Part) -> Pair:
    transactions = None
    if one.transactions is not None and other.transactions is not None:
        open_slots = union(_open(one), _open(other))
        transactions = _unlike(*(_settled(part.transactions or (), open_slots) for part in (one, other)))
    return Pair(
        *key,
        (one.payloads, other.payloads),
        (sum(map(len, _open(one))), sum(map(len, _open(other)))),
        (one.digest, other.digest),
        transactions,
    )


def _open(part: Part) -> Spans:
    return tuple(Span(first, last + 1) for first, last in part.unsettled)


def _settled(told: Sequence[TransactionDigest], open_slots: Spans) -> Sequence[TransactionDigest]:
    """Those in slots that both have settled."""
    return [one for one in told if not covers(open_slots, one.slot)]


def _unlike(some: Sequence[TransactionDigest], others: Sequence[TransactionDigest]) -> Transactions:
    left, right = ({(one.slot, one.signature): one for one in each} for each in (some, others))
    return [
        {
            "slot": key[0],
            "signature": key[1],
            "payloads": left[key].payloads if key in left else None,
            "other_payloads": right[key].payloads if key in right else None,
        }
        for key in sorted(left.keys() | right.keys())
        if left.get(key) != right.get(key)
    ]
