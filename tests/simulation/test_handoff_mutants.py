"""The handoff defects planted, each noticed by its own test; and each of the sixteen has a test and a mutant.

A mutant is a piece of source and what stands there instead. Where the piece is gone, write the mutant anew: its name
says which rule the piece stood for.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from functools import partial

import pytest

from tests.mutation import Mutant, exchanged, mutant
from tests.simulation import test_handoff_history as history
from tests.simulation import test_handoff_ledger as ledger
from tests.simulation import test_handoff_progress as progress
from tests.simulation import test_handoff_tail as tail

DEFECTS = range(1, 17)
FILES = (history, ledger, progress, tail)
MUTANTS = [
    mutant(
        "1. what could not be fetched settles",
        partial(progress.test_a_failed_fetch_moves_no_coverage, "signatures", "transaction_lost"),
        "sources.signatures",
        ("[*of_slots(lacking), *stretch.doubts]", "stretch.doubts"),
    ),
    mutant(
        "2. all below the highest slot is done",
        progress.test_newer_rows_say_nothing_about_older_slots,
        "ingest.filling",
        (
            "return union(await self._store.coverage(stream), missing(nowhere, due))",
            "return tuple(Span(0, span.end) for span in (await self._store.coverage(stream))[-1:])",
        ),
    ),
    mutant(
        "3. history ends where it ended at the start",
        progress.test_no_slot_is_lost_between_a_tail_and_a_history_that_begin_at_other_heads,
        "ingest.heads",
        ("Span(0, edge) if edge else None", "Span(0, self.__dict__.setdefault('edge', edge))"),
    ),
    mutant(
        "4. what was missed is asked for before the subscription stands, and not afterwards",
        tail.test_what_happens_until_a_subscription_stands_again_is_asked_for_afterwards,
        "ingest.listening",
        ("self._standing.add((one.stream, one.endpoint))\n                        self._fall_behind(one.stream)",
         "self._standing.add((one.stream, one.endpoint))"),
    ),
    mutant(
        "5. a gap that could not be filled is done",
        partial(tail.test_what_cannot_be_asked_for_is_not_settled_though_notifications_come, "rate_limited_dear"),
        "ingest.filling",
        ("from indexer.sources.base import", "from indexer.sources.base import RawPage,"),
        (
            "interrupted = error\n",
            "interrupted = error; await self._writer.settling(RawPage(settled=left), task.streams, 'blocks')\n",
        ),
    ),
    mutant(
        "6. a later start is taken",
        progress.test_a_start_that_would_skip_slots_is_refused,
        "ingest.heads",
        ("    if skipped:\n", "    if False:\n"),
    ),
    mutant(
        "7. a block that nobody gives was skipped",
        partial(history.test_no_error_makes_a_slot_empty, "skipped_lie"),
        "sources.blocks",
        ("lacks(self._told + 1, link.floor + 1)", "settles(self._told + 1, link.floor + 1)"),
    ),
    mutant(
        "7. what lies between two blocks that came is empty",
        partial(history.test_no_error_makes_a_slot_empty, "not_available"),
        "sources.blocks",
        ("settles(max(self._told, link.floor) + 1, link.slot)", "settles(self._told + 1, link.slot)"),
    ),
    mutant(
        "7. a history that a node does not keep is empty",
        partial(history.test_what_lies_below_the_history_of_a_node_is_missing_and_not_empty, "signatures"),
        "sources.listing",
        ("floor = None if page else await self._rpc.first_block(lane=self._lane, only=endpoint)",
         "floor = None if page else 0"),
    ),
    mutant(
        "8. a transaction without meta emits nothing",
        partial(history.test_a_transaction_without_meta_is_not_one_without_events, "blocks"),
        "sources.fetched",
        ("        if block.unavailable:\n", "        if False:\n"),
    ),
    mutant(
        "9. a row for each transaction",
        partial(history.test_every_event_of_a_transaction_is_a_row, "blocks"),
        "store.changes",
        ("        rows[table][table.key(row)] = row", "        rows[table][table.key(row)[:-2]] = row"),
    ),
    mutant(
        "10. a block of which only the head came is empty",
        partial(history.test_a_block_of_another_version_is_missing_and_not_empty, "blocks"),
        "sources.blocks",
        ("self._page.lacks(link.slot, link.slot + 1)", "self._page.settles(link.slot, link.slot + 1)"),
    ),
    mutant(
        "11. any list counts, however far its node has come",
        progress.test_a_list_of_a_node_that_is_behind_says_nothing_of_newer_slots,
        "sources.listing",
        ("past=top - 1, ", ""),
        ("past=self._span.end - 1,", "past=None,"),
    ),
    mutant(
        "12. there is no seam",
        history.test_slots_around_the_archive_seam_are_left_to_another_way,
        "sources.listing",
        ("is_seam = floor is not None and floor > first", "is_seam = False"),
    ),
    mutant(
        "13. a page without a success is the last one",
        history.test_a_page_of_failures_does_not_end_a_history,
        "sources.listing",
        ("floor = None if page else", "floor = None if any(one.succeeded for one in page) else"),
    ),
    mutant(
        "14. a notification without a signature is dropped",
        partial(tail.test_a_wrong_notification_adds_no_row_and_hides_none, "placeholder_signature"),
        "ingest.listening",
        ("if hint.transaction is None:\n            self._fall_behind(hint.stream)",
         "if hint.transaction is None:\n            pass"),
    ),
    mutant(
        "14. the placeholder is a signature",
        partial(tail.test_a_wrong_notification_adds_no_row_and_hides_none, "placeholder_signature"),
        "core.rpc.notification",
        ("if signature == bytes(64):", "if False:"),
    ),
    mutant(
        "15. rows that come mark nothing",
        ledger.test_late_history_marks_its_hours_in_memory,
        "store.table_change",
        ("self.counts[change] += 1\n        self._came.append(row)", "self.counts[change] += 1"),
        ("self._came += rows", "pass"),
    ),
    mutant(
        "15. rows that go mark nothing",
        ledger.test_a_dropped_fork_marks_its_hours_in_memory,
        "store.table_change",
        ("self.gone.append(key)\n        self._went.append(old)", "self.gone.append(key)"),
    ),
    mutant(
        "15. rows of a dropped fork stay",
        ledger.test_a_dropped_fork_marks_its_hours_in_memory,
        "store.changes",
        ("            change.delete(key, old)\n        elif", "            pass\n        elif"),
    ),
    mutant(
        "16. the old rows go first",
        ledger.test_a_reprocess_that_fails_leaves_what_was_there,
        "ingest.reprocess",
        (
            "stored = await store.stored(span)\n",
            "stored = await store.stored(span); await store.replace(span, stored, Processed(), reference.version)\n",
        ),
    ),
]  # fmt: skip

_APPLY = "            await writing.apply(session, made, page.source, page.endpoint)\n"
_LATER = f"        async with self._transaction() as session:\n{_APPLY}        self._keep_in_mind"
COVERAGE_FIRST = exchanged(
    "store.postgres", (f"{_APPLY}            newly", "            newly"), ("        self._keep_in_mind", _LATER)
)


@pytest.mark.parametrize("planted", [pytest.param(one, id=one.name) for one in MUTANTS])
def test_a_mutant_is_noticed(planted: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    planted.check(monkeypatch)


async def test_coverage_before_its_rows_is_noticed(emptied_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 on PostgreSQL: the checkpoint moves, and then there is no room for the rows."""
    COVERAGE_FIRST(monkeypatch)
    with pytest.raises(ExceptionGroup) as noticed:
        await ledger.test_rows_marks_and_coverage_come_together_or_not_at_all(emptied_database_url, "trades", "INSERT")
    assert [type(error) for error in noticed.value.exceptions] == [AssertionError]


def test_every_defect_has_a_test_and_a_mutant() -> None:
    assert numbers(inspect.getdoc(one) or "" for one in named_tests()) == set(DEFECTS)
    assert numbers(one.name for one in MUTANTS) == set(DEFECTS)


def numbers(texts: Iterable[str]) -> set[int]:
    return {int(found[1]) for text in texts if (found := re.match(r"(\d+)\. ", text))}


def named_tests() -> Iterator[object]:
    for file in FILES:
        yield from (one for name, one in vars(file).items() if name.startswith("test_"))
