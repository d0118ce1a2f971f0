"""Ledgers that daemons wrote in any weather, with the accounts that they read: nothing in them looks lost."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from indexer.core.record import Counter, EventRow, Failure, TvlObservation
from indexer.simulation import virtual_time
from indexer.simulation.trial import Plan, trial
from indexer.store.memory import MemoryStore
from indexer.store.rows import BY_CLASS, EVENTS, FAILURES
from indexer.trials import TheProgram
from indexer.verify.chain import summed
from indexer.verify.evidence import EVIDENCE
from tests.verify.ledgers import EVERYTHING
from tests.verify.losses import links, unexplained


@pytest.fixture(autouse=True)
def _quiet():
    """Their world is full of errors."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("seed", [3, 8])
def test_a_ledger_written_through_faults_and_kills_shows_no_gap(seed: int):
    store = MemoryStore()
    outcome = virtual_time.run(trial(Plan(seed=seed, profile="everything"), TheProgram(), store))
    assert outcome.is_true
    rows = asyncio.run(store.rows(EVERYTHING))
    events = [one for row in rows["event"] if isinstance(one := EVENTS.record(row), EventRow)]
    failures = [one for row in rows["failure"] if isinstance(one := FAILURES.record(row), Failure)]
    accounts = [
        BY_CLASS[cls].record(row) for cls in (Counter, TvlObservation) for row in rows[cls.kind] if "account" in row
    ]
    cut = [(one.origin.slot, one.origin.tx_index or 0) for one in failures if one.reason == "truncated_logs"]
    readings = 0
    for name in EVIDENCE:
        mine = [row for row in accounts if row.origin.protocol == name]
        told = links(name, (one for one in events if one.origin.protocol == name), mine)
        assert unexplained(summed(told)[1], cut if name == "drift" else []) == []
        readings += sum(link.is_reading for link in told)
    assert readings > 100
