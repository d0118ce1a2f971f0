"""Counters in real account images: what Drift's markets will number next, and how many trades GMX's markets counted."""

from __future__ import annotations

import pytest

from indexer.app import witnesses
from indexer.core.record import Counter
from indexer.protocols.drift import accounts as drift
from indexer.protocols.gmx_solana import accounts as gmx
from indexer.verify.chain import END
from tests.golden.test_accounts import drift_images, gmx_rows, rows
from tests.shared import requires_shared

pytestmark = requires_shared
TRADE_COUNT = 4112  # Offset in a Market image.


def counters(found) -> dict[tuple[str, str], int]:
    return {(row.counter_kind, row.market_key): row.value for row in found if isinstance(row, Counter)}


def test_drifts_markets_tell_how_many_records_they_have_numbered() -> None:
    for kind in ("SpotMarket", "PerpMarket"):
        told = 0
        for summary, image in drift_images(kind):
            found = counters(rows(drift, [image], None))
            for name, value in summary["summary"].items():
                if name.startswith("next") and value:
                    told += 1
                    assert int(value) - 1 in found.values(), (kind, name)
        assert told > 0, kind


@pytest.mark.parametrize("record_id", [10_985_956, 10_992_903, 11_789_881, 12_729_177])
def test_usdcs_deposits_are_numbered(record_id: int) -> None:
    found = [counters(rows(drift, [image], None)) for _, image in drift_images("SpotMarket")]
    assert record_id - 1 in {one.get(("deposits", "spot:0")) for one in found}


def test_a_gmx_market_tells_its_trade_count_and_a_chain_is_tied_down_by_it() -> None:
    counted = 0
    for token, image, _ in gmx_rows():
        (row,) = [one for one in rows(gmx, [image], None) if isinstance(one, Counter)]
        assert (row.counter_kind, row.market_key) == ("trades", token)
        assert row.value == int.from_bytes(image.data[TRADE_COUNT : TRADE_COUNT + 8], "little")
        link = witnesses()["gmx_solana"].reading(row)
        assert link is not None
        assert (link.chain.evidence, link.before, link.after) == ("trades", row.value, row.value)
        assert link.place.tx_index == END
        counted += row.value
    assert counted > 0
