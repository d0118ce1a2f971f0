"""Drift numbers its fills, deposits, funding rates and curve updates, each market by itself, from 1 on.

Perp fills, takeovers, expired positions and transfers all take a number; a LiquidationRecord only looks at the next
one, so it is no link. The strategy vaults number nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from indexer.core.layout import enum_names
from indexer.core.payload import Event
from indexer.core.protocol import Scene
from indexer.protocols import drift
from indexer.protocols.drift.programs import DRIFT
from indexer.protocols.drift.reading import MARKET_KINDS, perp_key, spot_key
from indexer.verify.chain import Link
from indexer.verify.witness import Sieve, Told, Witness

EVENTS = ("OrderActionRecord", "DepositRecord", "FundingRateRecord", "CurveRecord")
ACTION_OFFSET = 16  # Behind the discriminator and the time.


def build(idls: Mapping[str, str]) -> Witness:
    fill = enum_names(idls["drift.json"], "OrderAction").index("Fill")
    sieve = Sieve("OrderActionRecord", ACTION_OFFSET, bytes([fill]))
    return Witness(drift.build(idls), EVENTS, partial(testify, fill), sieve=sieve)


def testify(fill: int, scene: Scene) -> Iterator[Link]:
    """`fill`: the ordinal of a fill among order actions."""
    told = Told(scene)
    for event in scene.events:
        if event.payload.program_id == DRIFT:
            yield from _numbered(told, event, fill)


def _numbered(told: Told, event: Event, fill: int) -> Iterator[Link]:
    fields = event.fields
    if event.name == "OrderActionRecord":
        if fields.action == fill and fields.fillRecordId is not None:
            is_perp = MARKET_KINDS[fields.marketType] == "perp"
            evidence, key = ("perp_fills", perp_key) if is_perp else ("spot_fills", spot_key)
            yield told.count(event, evidence, key(fields.marketIndex), fields.fillRecordId, row="trade")
    elif event.name == "DepositRecord":
        yield told.count(event, "deposits", spot_key(fields.marketIndex), fields.depositRecordId, row="lp_flow")
    elif event.name == "FundingRateRecord":
        yield told.count(event, "fundings", perp_key(fields.marketIndex), fields.recordId, row="funding_rate")
    elif event.name == "CurveRecord":
        yield told.count(event, "curves", perp_key(fields.marketIndex), fields.recordId)
