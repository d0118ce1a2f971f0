"""Simulated chains: whatever they lose is found in its bracket, what is not lost is never found, and limits are said.

`make verify` does the same for 300 seeds.
"""

from __future__ import annotations

from collections import Counter as Count

import pytest

from indexer.app import protocols, witnesses
from indexer.verify.chain import summed
from indexer.verify.evidence import EVIDENCE, LIMITS
from tests.verify.campaign import WITNESSES, false_alarms, tried
from tests.verify.losses import ONLY_TELL, account_rows, events_of, links, small_chain

SEEDS = range(1, 7)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_chain_that_loses_nothing_has_no_gap_but_where_logs_were_cut(seed: int):
    assert false_alarms(small_chain(seed)) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_every_loss_is_found_where_it_lies_and_nowhere_else(seed: int):
    for one in tried(seed):
        assert one.wrong == [], (one.loss.kind, one.loss.protocol)


def test_every_kind_of_loss_is_found_for_each_protocol():
    found: Count[tuple[str, str]] = Count()
    for seed in SEEDS:
        found.update((one.loss.protocol, one.loss.kind) for one in tried(seed) if one.is_found)
    kinds = {(name, kind) for name in EVIDENCE for kind in ("row", "transaction", "slot")}
    assert found.keys() == kinds | {("drift", "truncated")}


@pytest.mark.parametrize("protocol", EVIDENCE)
def test_every_event_of_a_program_bears_witness_or_the_certificate_says_that_it_does_not(protocol: str):
    (stream,) = [one for one in protocols() if one.name == protocol]
    known = {layout.name for program in stream.programs.values() for layout in program.layouts.values()}
    named = {name for limit in LIMITS[protocol] if limit.why == "unnumbered" for name in limit.events}
    telling = {subject.partition(" ")[0] for subject in WITNESSES[protocol]}
    assert telling == witnesses()[protocol].events - ONLY_TELL
    assert known == telling | named


def test_a_numbered_row_of_drift_goes_unseen_only_at_the_ends_of_its_chain():
    unseen = Count(
        why
        for seed in SEEDS
        for one in tried(seed)
        if one.loss.protocol == "drift" and one.loss.of in WITNESSES["drift"]
        for why in one.unseen
    )
    assert unseen.keys() <= {"beginning", "end"}
    assert unseen.total() < len(SEEDS)


def test_all_evidence_occurs():
    told = set()
    for protocol in EVIDENCE:
        chain = small_chain(1)
        told |= {
            one[:2] for one in summed(links(protocol, events_of(chain, protocol), account_rows(chain, protocol)))[0]
        }
    assert told == {(name, one.name) for name, some in EVIDENCE.items() for one in some}


def test_without_readings_a_supply_that_only_moves_shows_no_loss():
    chain = small_chain(1)
    moves = [
        one
        for one in links("jupiter_perps", events_of(chain, "jupiter_perps"), ())
        if one.chain.evidence == "lp_supply"
    ]
    assert len(moves) > 1
    segments, breaks = summed(moves[1:])
    assert breaks == []
    assert [one.last for one in segments.values()] == [None]
