"""GMX-Solana's simulated markets: what `process` reads in them is what was meant, and their books add up."""

from __future__ import annotations

from random import Random

import pytest

from indexer.core.protocol import process
from indexer.protocols.gmx_solana import EVENT_AUTHORITY
from indexer.simulation.gmx import GmxActivity
from tests.simulation.scripts import found, meant, reference, transaction
from tests.unit.protocols.gmx_world import protocol

SLOT, TIME = 300_000_000, 1_735_689_600


@pytest.mark.parametrize("seed", range(20))
def test_the_indexer_reads_exactly_the_rows_that_were_meant(seed: int) -> None:
    activity = GmxActivity(Random(seed), reference())
    for n in range(40):
        for script in activity.scripts(SLOT + n, TIME + n // 2, 5):
            result = process(transaction(script, EVENT_AUTHORITY), [protocol()], reference())
            assert not result.failures
            assert found(result.records) == meant(script)
        assert all(market.excess() == [0, 0] for market in activity.stage.markets)
