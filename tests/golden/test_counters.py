"""Counters in real account images: what Drift's markets will number next, and how many trades GMX's markets counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import msgspec
import pytest

from indexer.app import witnesses
from indexer.core.record import Counter
from indexer.protocols.drift import accounts as drift
from indexer.protocols.gmx_solana import accounts as gmx
from indexer.verify.chain import END
from tests.golden.test_accounts import drift_images, gmx_rows, observing, rows
from tests.mutation import Piece, mutant
from tests.shared import requires_shared

pytestmark = requires_shared
TRADE_COUNT = 4112  # Offset in a Market image.


def counters(found) -> dict[tuple[str, str], int]:
    return {(row.counter_kind, row.market_key): row.value for row in found if isinstance(row, Counter)}


# Where the images have the number of the next record of a kind. Those of `drift_markets.json` tell two of them as read
# by others; the others were found beside them.
OFFSETS = {
    "PerpMarket": {"perp_fills": 1096, "fundings": 1104, "curves": 1112},
    "SpotMarket": {"spot_fills": 624, "deposits": 632},
}
TOLD = {"nextFillRecordId": "perp_fills", "nextFundingRateRecordId": "fundings", "nextDepositRecordId": "deposits"}


def told_by_drift(kind: str, move: Callable[[bytes], bytes] = bytes) -> None:
    for summary, image in drift_images(kind):
        moved = msgspec.structs.replace(image, data=move(image.data))
        found = counters(rows(drift, [moved], None))
        key = f"{kind.removesuffix('Market').lower()}:{summary['summary']['marketIndex']}"
        for counter, offset in OFFSETS[kind].items():
            following = int.from_bytes(image.data[offset : offset + 8], "little")
            assert found.get((counter, key), -1) == following - 1, (counter, key)
        for name, counter in TOLD.items():
            if following := int(summary["summary"].get(name, 0)):
                assert found[counter, key] == following - 1, (name, key)


@pytest.mark.parametrize("kind", OFFSETS)
def test_drifts_markets_tell_how_many_records_they_have_numbered(kind: str) -> None:
    told_by_drift(kind)


@pytest.mark.parametrize("kind", OFFSETS)
@pytest.mark.parametrize("by", [8, -8])
def test_an_image_that_is_read_eight_bytes_off_is_noticed(kind: str, by: int) -> None:
    with pytest.raises(AssertionError):
        told_by_drift(kind, lambda data: moved_by(data, by))


def moved_by(data: bytes, by: int) -> bytes:
    """What lies behind the discriminator, so many bytes further on."""
    return data[:8] + (bytes(by) + data[8:-by] if by > 0 else data[8 - by :] + bytes(-by))


@pytest.fixture
def afresh() -> Iterator[None]:
    """Decoders that are made within the test."""
    observing.cache_clear()
    yield
    observing.cache_clear()


FILLS, DEPOSITS = '"nextFillRecordId": ', '"nextDepositRecordId": '
COUNTERS = [
    ("perp fills are taken for fundings", "PerpMarket", (f'{FILLS}"perp_fills"', f'{FILLS}"fundings"')),
    ("fundings are taken for curves", "PerpMarket", ('RateRecordId": "fundings"', 'RateRecordId": "curves"')),
    ("curves are not read", "PerpMarket", ('    "nextCurveRecordId": "curves",\n', "")),
    ("spot fills are not read", "SpotMarket", ('"nextFillRecordId": "spot_fills", ', "")),
    ("deposits are taken for spot fills", "SpotMarket", (f'{DEPOSITS}"deposits"', f'{DEPOSITS}"spot_fills"')),
    ("the next number is taken for the last", "PerpMarket", ("value=following - 1", "value=following")),
]  # fmt: skip


@pytest.mark.usefixtures("afresh")
@pytest.mark.parametrize(("name", "kind", "piece"), COUNTERS, ids=[name for name, _, _ in COUNTERS])
def test_a_counter_that_is_misread_is_noticed(
    name: str, kind: str, piece: Piece, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(name, partial(told_by_drift, kind), "protocols.drift.accounts", piece).check(monkeypatch)


@pytest.mark.usefixtures("afresh")
def test_a_trade_count_that_is_read_elsewhere_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    one = mutant(
        "the indexer's own count",
        test_a_gmx_market_tells_its_trade_count_and_a_chain_is_tied_down_by_it,
        "protocols.gmx_solana.accounts",
        ("account.fields.state.other.trade_count", "account.fields.indexer.trade_count"),
    )
    one.check(monkeypatch)


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
