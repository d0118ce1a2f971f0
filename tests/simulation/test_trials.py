"""The whole daemon against a cluster in a box: whatever the weather, the ledger ends as the truth of the chain.

A sample of `make chaos`. That a wrong ledger is noticed is shown by taking rows and coverage from a true one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pytest
from msgspec.structs import replace

from indexer.core.coverage import Span
from indexer.simulation import campaign
from indexer.simulation.build import build_chain
from indexer.simulation.chain import Chain
from indexer.simulation.digests import wrong_digests
from indexer.simulation.fault_kinds import PROFILES
from indexer.simulation.profile import Profile
from indexer.simulation.trial import Outcome, Plan
from indexer.simulation.verdict import verdict
from indexer.store.base import Page
from indexer.store.memory import MemoryStore
from indexer.store.rows import BY_CLASS, Row
from indexer.trials import run

SEEDS = {profile: seed for seed, profile in enumerate(PROFILES)}


@pytest.mark.parametrize("profile", PROFILES)
def test_any_weather_ends_in_the_truth(profile: str) -> None:
    outcome = run(Plan(seed=SEEDS[profile], profile=profile))
    assert outcome.is_true, outcome.details
    assert outcome.kills == 2
    assert outcome.snapshots >= 3
    assert profile == "calm" or sum(outcome.struck.values()) > 0


def test_a_profile_whose_faults_never_struck_is_told() -> None:
    outcome = run(Plan(seed=1, profile="calm", slots=150, history_slots=60))
    assert campaign.unstruck([outcome]) == {}
    idle = msgspec.structs.replace(outcome, profile="portal")
    assert "portal_cut" in campaign.unstruck([idle])["portal"]


def test_the_last_line_counts_what_was_lost_and_doubled() -> None:
    outcome = _outcome(lost=2, doubled=1, wrong_digests=1)
    assert campaign.summary([outcome, outcome]) == "lost 4, doubled 2, wrong digests 2, 2 seeds"
    assert not outcome.is_true


# --- the verdict can fail ---


@pytest.fixture(scope="module")
def chain() -> Chain:
    return build_chain(3, Profile(slots=120))


def test_a_true_ledger_is_true(chain: Chain) -> None:
    assert _judged(chain, _rows(chain)).is_true


def test_a_row_that_is_absent_is_lost(chain: Chain) -> None:
    rows = _rows(chain)
    found = _judged(chain, {**rows, "trade": rows["trade"][1:]})
    assert len(found.lost) == 1
    assert not found.is_true


def test_a_row_that_the_chain_does_not_have_is_doubled(chain: Chain) -> None:
    rows = _rows(chain)
    place = BY_CLASS[type(chain.truth.events[0])].position["index"]
    row = rows["event"][0]
    other = (*row[:place], row[place] + 100, *row[place + 1 :])
    assert len(_judged(chain, {**rows, "event": [*rows["event"], other]}).doubled) == 1


def test_a_column_that_differs_is_named(chain: Chain) -> None:
    rows = _rows(chain)
    table = next(table for table in BY_CLASS.values() if table.kind == "trade")
    place = table.position["size_usd_e6"]
    row = rows["trade"][0]
    other = (*row[:place], (row[place] or 0) + 1, *row[place + 1 :])
    ((kind, _, columns),) = _judged(chain, {**rows, "trade": [other, *rows["trade"][1:]]}).differing
    assert (kind, columns) == ("trade", ("size_usd_e6",))


def test_a_slot_that_is_not_settled_is_told(chain: Chain) -> None:
    span = _span(chain)
    found = verdict(chain.truth, _rows(chain), {"drift": (Span(span.start, span.end - 1),)}, span)
    assert found.uncovered == {"drift": (Span(span.end - 1, span.end),)}
    assert not found.is_true


async def test_a_digest_that_is_not_the_truths_is_told(chain: Chain) -> None:
    """One payload that is absent, one byte that is another: in the rows, or in the digest alone."""
    span, streams = _span(chain), sorted({row.origin.protocol for row in chain.truth.events})
    settled = dict.fromkeys(streams, (span,))
    honest = Page(events=chain.truth.events, failures=chain.truth.failures, settled=settled, source="test")
    flipped = [
        replace(chain.truth.events[0], payload=b"\1" + chain.truth.events[0].payload[1:]),
        *chain.truth.events[1:],
    ]
    for page, wrong in (
        (honest, 0),
        (replace(honest, events=flipped), 1),
        (replace(honest, events=chain.truth.events[1:]), 1),
        (replace(honest, failures=[]), 1 if chain.truth.failures else 0),
    ):
        store = MemoryStore(lambda: 0.0)
        await store.write(page)
        found = await wrong_digests(store, chain.truth, streams)
        assert len(found) == wrong, found
    assert chain.truth.failures


def _judged(chain: Chain, rows: Mapping[str, Sequence[Row]]):  # type: ignore[no-untyped-def]
    return verdict(chain.truth, rows, {"drift": (_span(chain),)}, _span(chain))


def _span(chain: Chain) -> Span:
    return Span(chain.first_slot, chain.end_slot)


def _rows(chain: Chain) -> dict[str, list[Row]]:
    """The truth as a ledger would hold it."""
    found: dict[str, list[Row]] = {table.kind: [] for table in BY_CLASS.values()}
    for record in (*chain.truth.records, *chain.truth.events, *chain.truth.failures):
        table = BY_CLASS[type(record)]
        found[table.kind].append(table.row(record, settled=True))
    return found


def _outcome(**values: int) -> Outcome:
    given = dict.fromkeys(("kills", "lost", "doubled", "differing", "unsettled", "truncated", "differences", "rows"), 0)
    return Outcome(seed=1, profile="calm", strategies="", struck={}, recovered_s=1.0, **{**given, **values})
