"""In what two manifests differ: which buckets, and which transactions of these. Pure.

What must stay true: only what both have settled alike is called different; nothing that one of them lacks is called
equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from indexer.errors import InputError
from indexer.report.manifest import Manifest, Part, TransactionDigest

Key = tuple[str, int, int]  # Protocol, first and last slot.


class Pair(msgspec.Struct, frozen=True):
    """A bucket that the two tell differently. `transactions`: that only one has, or that differ; None: unknown."""

    protocol: str
    first_slot: int
    last_slot: int
    payloads: tuple[int, int]
    digests: tuple[str, str]
    transactions: Sequence[Mapping[str, Any]] | None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """`alone`: buckets, or parts of buckets, that are in one of the two only."""

    equal: int
    differing: Sequence[Pair]
    unsettled: Sequence[Pair]  # Not settled, or not the same slots of them: their digests need not be equal.
    alone: int

    @property
    def is_equal(self) -> bool:
        return not (self.differing or self.unsettled or self.alone)


def compare(one: Manifest, other: Manifest) -> Compared:
    """Raises InputError where nothing can be compared."""
    if one.genesis_hash != other.genesis_hash:
        raise InputError(f"the manifests are of two clusters: {one.genesis_hash} and {other.genesis_hash}")
    left, right = _parts(one), _parts(other)
    both = sorted(left.keys() & right.keys())
    if not both:
        raise InputError(
            f"no bucket is in both: slots {one.first_slot} to {one.last_slot},"
            f" and {other.first_slot} to {other.last_slot}",
            remedy="make both with the same --slots and --protocol",
        )
    unlike = [key for key in both if not _is_equal(left[key], right[key])]
    pairs = [(_pair(key, left[key], right[key]), _is_settled_alike(left[key], right[key])) for key in unlike]
    return Compared(
        equal=len(both) - len(unlike),
        differing=[pair for pair, is_comparable in pairs if is_comparable],
        unsettled=[pair for pair, is_comparable in pairs if not is_comparable],
        alone=len(left.keys() ^ right.keys()),
    )


def _parts(manifest: Manifest) -> dict[Key, Part]:
    return {
        (stream.protocol, part.first_slot, part.last_slot): part
        for stream in manifest.streams
        for part in stream.buckets
    }


def _is_equal(one: Part, other: Part) -> bool:
    return (one.payloads, one.digest, one.unsettled) == (other.payloads, other.digest, other.unsettled)


def _is_settled_alike(one: Part, other: Part) -> bool:
    """Digests of the same settled slots must be equal, whatever else is not settled."""
    return one.unsettled == other.unsettled


def _pair(key: Key, one: Part, other: Part) -> Pair:
    transactions = None
    if one.transactions is not None and other.transactions is not None:
        transactions = _unlike(one.transactions, other.transactions)
    return Pair(*key, (one.payloads, other.payloads), (one.digest, other.digest), transactions)


def _unlike(
    some: Sequence[TransactionDigest], others: Sequence[TransactionDigest]
) -> Sequence[Mapping[str, int | str | None]]:
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
