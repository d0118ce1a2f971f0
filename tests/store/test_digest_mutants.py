"""Changes that would make digests blind or wrong, each noticed by a named test on the ledger in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from indexer.store.memory import MemoryStore
from tests.ingest import test_same_digest as same
from tests.mutation import Mutant, mutant
from tests.store import test_digests as digests
from tests.unit import test_digest as numbers


def noticed(test: Callable[..., Awaitable[None]], *given: Any) -> Callable[[], None]:
    return lambda: asyncio.run(test(MemoryStore(lambda: 0.0), *given))  # type: ignore[arg-type]


MUTANTS = [
    mutant(
        "provisional payloads count",
        noticed(digests.test_a_provisional_payload_counts_from_when_its_slot_settles),
        "store.digesting",
        ("if settled and channel", "if channel"),
    ),
    mutant(
        "rows of accounts count",
        noticed(digests.test_records_and_rows_of_accounts_do_not_count),
        "store.digesting",
        (' and channel != "account"', ""),
    ),
    mutant(
        "an event that is also a failure counts twice",
        noticed(digests.test_an_event_that_is_longer_than_known_counts_once),
        "store.digesting",
        (' and reason != "unexpected_length"', ""),
    ),
    mutant(
        "the reason of a failure belongs to its payload",
        noticed(digests.test_an_unknown_event_that_becomes_known_does_not_move_it),
        "store.digesting",
        ('reason if index < 0 else ""', "reason"),
    ),
    mutant(
        "what goes is not taken off",
        noticed(digests.test_an_unknown_event_that_becomes_known_does_not_move_it),
        "store.table_change",
        ("change.add(self.table, self._came, self._went)", "change.add(self.table, self._came, ())"),
    ),
    mutant(
        "what mends does not count",
        noticed(digests.test_what_a_mending_page_adds_counts),
        "store.table_change",
        ("self._came += rows", "pass"),
    ),
    mutant(
        "buckets run into each other",
        noticed(digests.test_a_settled_payload_counts_in_its_stream_and_bucket),
        "store.digesting",
        ("slot // BUCKET_SLOTS", "slot // BUCKET_SLOTS // 2"),
    ),
    mutant(
        "bytes are not hashed",
        numbers.test_one_flipped_byte_gives_another_number,
        "core.digest",
        ('signature, payload or b""', 'signature, b""'),
    ),
    mutant(
        "the slot is not hashed",
        noticed(
            digests.test_whatever_identifies_a_payload_or_lies_in_it_moves_the_digest, {"origin": digests.origin(101)}
        ),
        "core.digest",
        ("_place(slot, index,", "_place(0, index,"),
    ),
    mutant(
        "fields have no lengths",
        numbers.test_no_byte_moves_between_neighbouring_fields,
        "core.digest",
        ('len(field).to_bytes(1, "big") + field', "field"),
    ),
    mutant(
        "a page that comes twice counts twice",
        partial(same.all_tell_the_truth_alike, "blocks"),
        "store.changes",
        ('        change.counts["unchanged"] += 1\n', "        change._came.append(row)\n"),
    ),
    mutant(
        "what was heard live is not counted when it settles",
        partial(same.all_tell_the_truth_alike, "live"),
        "store.table_change",
        ('self._come(row, "updated")', "self.new.append(row)"),
    ),
    mutant(
        "the place in the block stands for the place in the transaction",
        partial(same.all_tell_the_truth_alike, "signatures"),
        "store.digesting",
        ('"channel", "index"', '"channel", "tx_index"'),
    ),
    mutant(
        "buckets are equal that have as many payloads",
        partial(same.names_its_place, "flipped"),
        "report.manifest_comparison",
        ("one.payloads, one.digest", "one.payloads"),
        ("other.payloads, other.digest", "other.payloads"),
        ("are_told and one.transactions != other.transactions", "False"),
    ),
    mutant(
        "transactions that one of the two lacks are not told",
        partial(same.names_its_place, "lost"),
        "report.manifest_comparison",
        ("for key in sorted(left.keys() | right.keys())", "for key in sorted(left.keys() & right.keys())"),
    ),
    mutant(
        "transactions that both have are equal",
        partial(same.names_its_place, "doubled"),
        "report.manifest_comparison",
        ("if left.get(key) != right.get(key)", "if (key in left) != (key in right)"),
    ),
]


@pytest.mark.parametrize("planted", [pytest.param(one, id=one.name) for one in MUTANTS])
def test_a_mutant_is_noticed(planted: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    planted.check(monkeypatch)
