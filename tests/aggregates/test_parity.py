"""Whatever is written, in whatever order, with runs in between: every aggregate is what plain Python makes of the rows.

`make parity` tries many worlds.
"""

from __future__ import annotations

import pytest

from tests.aggregates.days import Numbers
from tests.aggregates.parity import parity

SEEDS = 3

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_every_aggregate_is_what_plain_python_makes_of_the_rows(ledger: Numbers, seed: int) -> None:
    found = await parity(seed, ledger)
    assert not found, "\n".join(f"{name}: {line}" for name, lines in found.items() for line in lines[:6])
