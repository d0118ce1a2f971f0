"""Waiting for what may pass: ever more slowly, up to a bound, and never all at once."""

from __future__ import annotations

from itertools import islice
from random import Random

from indexer.ingest.patience import waits


def test_waits_grow_to_a_bound_and_are_spread() -> None:
    found = list(islice(waits(Random(1), 1.0, 8.0), 20))
    assert all(6 <= wait <= 10 for wait in found[3:])
    assert found[0] < 1.3
    assert len(set(found)) == 20
