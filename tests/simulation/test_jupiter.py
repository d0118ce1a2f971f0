"""Jupiter's simulated market: what `process` reads in it is what was meant, and its books add up."""

from __future__ import annotations

from random import Random

import pytest

from indexer.core.protocol import process
from indexer.protocols.jupiter_perps import EVENT_AUTHORITY
from indexer.simulation.jupiter import JupiterActivity
from indexer.simulation.script import Script
from tests.simulation.scripts import found, meant, reference, transaction
from tests.unit.protocols.jupiter_world import protocol

SLOT, TIME = 300_000_000, 1_735_689_600


def scripts(seed: int, slots: int = 40, count: int = 5) -> list[Script]:
    activity = JupiterActivity(Random(seed), reference())
    return [script for n in range(slots) for script in activity.scripts(SLOT + n, TIME + n // 2, count)]


@pytest.mark.parametrize("seed", range(20))
def test_the_indexer_reads_exactly_the_rows_that_were_meant(seed: int) -> None:
    for script in scripts(seed):
        result = process(transaction(script, EVENT_AUTHORITY), [protocol()], reference())
        assert not result.failures
        assert found(result.records) == meant(script)
