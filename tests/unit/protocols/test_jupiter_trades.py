"""Jupiter's six trade events. Synthetic bytes: only a decrease by trigger was ever captured (see the golden test)."""

from decimal import Decimal
from typing import Any

import pytest

from indexer.core import base58
from indexer.core.reference import Reference
from tests.unit.protocols.jupiter_world import (
    LONG,
    OWNER,
    POSITION,
    REFERENCE,
    REQUEST,
    SHORT,
    SOL,
    SOL_CUSTODY,
    TRADE,
    UNKNOWN,
    of,
    only,
    payload,
    processed,
    records,
)
from tests.world import call, key

INCREASES = ("IncreasePositionEvent", "InstantIncreasePositionEvent")
DECREASES = ("DecreasePositionEvent", "InstantDecreasePositionEvent")
LIQUIDATIONS = ("LiquidateFullPositionEvent", "LiquidatePositionEvent")
PARTS = {"feeUsd": 1_000, "positionFeeUsd": 700, "fundingFeeUsd": 300, "priceImpactFeeUsd": 100}


def trade(event: str, /, *, end: str | None = None, reference: Reference = REFERENCE, **values: Any) -> Any:
    return only("trade", records(payload(event, end=end, **{**TRADE, **values}), reference=reference))


@pytest.mark.parametrize("event", INCREASES)
@pytest.mark.parametrize(("side", "name", "direction"), [(LONG, "long", "buy"), (SHORT, "short", "sell")])
def test_increasing_a_long_buys_and_a_short_sells(event, side, name, direction):
    row = trade(event, positionSide=side, sizeUsdDelta=5)
    assert (row.position_side, row.direction) == (name, direction)


@pytest.mark.parametrize("event", DECREASES + LIQUIDATIONS)
@pytest.mark.parametrize(("side", "name", "direction"), [(LONG, "long", "sell"), (SHORT, "short", "buy")])
def test_decreasing_a_long_sells_and_a_short_buys(event, side, name, direction):
    row = trade(event, positionSide=side)
    assert (row.position_side, row.direction) == (name, direction)


@pytest.mark.parametrize("side", [0, 3, 255])
def test_a_side_that_does_not_exist_is_unknown(side):
    row = trade("IncreasePositionEvent", positionSide=side, sizeUsdDelta=5)
    assert (row.position_side, row.direction) == (None, None)


@pytest.mark.parametrize("event", INCREASES)
@pytest.mark.parametrize(("after", "action"), [(5_000_000, "open"), (5_000_001, "increase")])
def test_an_increase_opens_where_the_size_after_is_its_own(event, after, action):
    row = trade(event, sizeUsdDelta=5_000_000, positionSizeUsd=after)
    assert (row.action, row.size_usd_e6, row.position_size_usd_e6) == (action, 5_000_000, after)


@pytest.mark.parametrize("event", DECREASES)
@pytest.mark.parametrize(("after", "action"), [(0, "close"), (1, "decrease")])
def test_a_decrease_closes_where_nothing_is_left(event, after, action):
    row = trade(event, sizeUsdDelta=5_000_000, positionSizeUsd=after)
    assert (row.action, row.position_size_usd_e6) == (action, after)


@pytest.mark.parametrize(
    ("event", "action"), [(e, "increase") for e in INCREASES] + [(e, "decrease") for e in DECREASES]
)
@pytest.mark.parametrize("after", [0, 7_000_000])
def test_a_change_of_collateral_alone_is_a_row_without_volume(event, action, after):
    row = trade(event, sizeUsdDelta=0, positionSizeUsd=after)
    assert (row.excluded, row.size_usd_e6, row.size_base, row.action) == ("collateral_only", 0, 0, action)


@pytest.mark.parametrize("event", INCREASES + DECREASES)
def test_a_trade_is_between_a_trader_and_the_pool(event):
    row = trade(event, sizeUsdDelta=5_000_000)
    assert (row.trader, row.counterparty, row.liquidity_source, row.excluded) == (OWNER, None, "pool", None)
    assert (row.is_liquidation, row.is_adl, row.position_key) == (False, False, POSITION)
    assert (row.market_kind, row.market_key) == ("perp", base58.encode(SOL_CUSTODY))


def test_the_size_in_base_units_is_derived_to_nine_decimals_half_to_even():
    row = trade("IncreasePositionEvent", sizeUsdDelta=1_000_000, price=3_000_000)
    assert (row.price_usd, str(row.size_base)) == (Decimal(3), "0.333333333")
    assert str(trade("IncreasePositionEvent", sizeUsdDelta=5, price=2_000_000_000).size_base) == "2E-9"  # 2.5


def test_a_price_of_zero_gives_no_base_size_and_no_observation():
    rows = records(payload("IncreasePositionEvent", **{**TRADE, "price": 0, "sizeUsdDelta": 5}))
    assert only("trade", rows).size_base is None
    assert of("price_observation", rows) == []


@pytest.mark.parametrize("event", INCREASES + DECREASES)
def test_the_fee_contains_its_parts(event):
    row = trade(event, **PARTS)
    assert (row.fee_usd_e6, row.base_fee_usd_e6, row.price_impact_fee_usd_e6, row.borrow_fee_usd_e6) == (
        1000,
        600,
        100,
        300,
    )
    assert row.base_fee_usd_e6 + row.price_impact_fee_usd_e6 + row.borrow_fee_usd_e6 == row.fee_usd_e6
    assert (row.liquidation_fee_usd_e6, row.funding_usd_e6, row.price_impact_usd_e6) == (None, None, None)
    assert (row.lp_fee_usd_e6, row.protocol_fee_usd_e6) == (None, None)  # The view splits them.


@pytest.mark.parametrize("event", INCREASES + DECREASES)
def test_without_the_tail_only_the_whole_fee_is_known(event):
    row = trade(event, end="referral", feeUsd=1_000)
    assert (row.fee_usd_e6, row.base_fee_usd_e6, row.price_impact_fee_usd_e6, row.borrow_fee_usd_e6) == (
        1000,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("event", DECREASES + LIQUIDATIONS)
@pytest.mark.parametrize(("has_profit", "pnl"), [(True, 17), (False, -17)])
def test_the_sign_of_the_pnl_stands_beside_it(event, has_profit, pnl):
    assert trade(event, hasProfit=has_profit, pnlDelta=17).pnl_usd_e6 == pnl


@pytest.mark.parametrize("event", INCREASES)
def test_an_increase_realises_nothing_and_puts_collateral_in(event):
    row = trade(event, sizeUsdDelta=5, collateralUsdDelta=9_000_000)
    assert (row.pnl_usd_e6, row.collateral_delta_usd_e6) == (None, 9_000_000)


@pytest.mark.parametrize("event", DECREASES + LIQUIDATIONS)
def test_what_a_decrease_pays_out_is_taken_out(event):
    assert trade(event, transferAmountUsd=9_000_000).collateral_delta_usd_e6 == -9_000_000


@pytest.mark.parametrize("event", DECREASES + LIQUIDATIONS)
def test_the_entry_price_is_in_the_newest_tail(event):
    assert trade(event, positionPrice=123_456_789).entry_price_usd == Decimal("123.456789")


@pytest.mark.parametrize("event", ["IncreasePositionEvent", "DecreasePositionEvent"])
@pytest.mark.parametrize(("request_type", "execution"), [(0, "keeper"), (1, "trigger"), (2, "keeper")])
def test_a_request_of_type_one_is_a_trigger(event, request_type, execution):
    row = trade(event, sizeUsdDelta=5, positionRequestType=request_type, positionRequestKey=REQUEST)
    assert (row.execution, row.order_key) == (execution, REQUEST)


@pytest.mark.parametrize("event", ["InstantIncreasePositionEvent", "InstantDecreasePositionEvent"])
def test_an_instant_trade_needs_no_request(event):
    row = trade(event, sizeUsdDelta=5)
    assert (row.execution, row.order_key) == ("instant", None)


def test_the_newest_instant_decrease_may_name_its_request():
    assert trade("InstantDecreasePositionEvent", sizeUsdDelta=5, positionRequest=REQUEST).order_key == REQUEST


def test_an_instant_decrease_has_its_price_impact_behind_the_collateral():
    tail = {"positionFeeUsd": 1, "fundingFeeUsd": 2, "originalPositionCollateralUsd": 3, "positionCollateralUsd": 4}
    written = payload("InstantDecreasePositionEvent", **TRADE, **tail, priceImpactFeeUsd=5, end="priceImpactFeeUsd")
    assert written[-40:] == b"".join(n.to_bytes(8, "little") for n in (1, 2, 3, 4, 5))  # The order of the bytes.
    assert trade("InstantDecreasePositionEvent", **tail, priceImpactFeeUsd=5).price_impact_fee_usd_e6 == 5


def test_a_liquidation_wipes_out_the_size_and_pays_a_fee_on_top():
    parts = {**PARTS, "liquidationFeeUsd": 50}
    row = trade("LiquidateFullPositionEvent", positionSizeUsd=8_000_000, **parts)
    assert (row.size_usd_e6, row.position_size_usd_e6, row.action) == (8_000_000, 0, "close")
    assert (row.fee_usd_e6, row.liquidation_fee_usd_e6, row.base_fee_usd_e6) == (1_050, 50, 600)
    assert (row.is_liquidation, row.execution, row.order_key, row.excluded) == (True, "keeper", None, None)


def test_a_liquidation_is_never_a_change_of_collateral():
    assert trade("LiquidateFullPositionEvent", positionSizeUsd=0).excluded is None


def test_the_historic_liquidation_tells_no_fee_of_its_own():
    row = trade("LiquidatePositionEvent", end="feeUsd", positionSizeUsd=8_000_000, feeUsd=1_000)
    assert (row.size_usd_e6, row.fee_usd_e6, row.liquidation_fee_usd_e6) == (8_000_000, 1_000, None)
    assert (row.is_liquidation, row.entry_price_usd) == (True, None)


@pytest.mark.parametrize("event", LIQUIDATIONS)
def test_every_liquidation_has_a_liquidation_row_beside_the_trade(event):
    rows = records(payload(event, **{**TRADE, "positionSizeUsd": 8_000_000}))
    row = only("liquidation", rows)
    assert (row.liquidation_kind, row.trader, row.liquidator, row.value_usd_e6) == ("perp", OWNER, None, 8_000_000)
    assert row.market_key == base58.encode(SOL_CUSTODY)
    assert row.origin == only("trade", rows).origin


@pytest.mark.parametrize("event", INCREASES + DECREASES)
def test_no_other_trade_is_a_liquidation(event):
    assert of("liquidation", records(payload(event, **TRADE))) == []


@pytest.mark.parametrize("event", INCREASES + DECREASES + LIQUIDATIONS)
def test_a_trade_says_the_price_of_its_market_and_of_the_token_behind_it(event):
    row = only("price_observation", records(payload(event, **TRADE)))
    assert (row.market_key, row.mint, row.price_usd) == (base58.encode(SOL_CUSTODY), SOL, Decimal(200))
    assert row.value_origin == "event"
    assert row.origin.event == event


@pytest.mark.parametrize("event", INCREASES + DECREASES + LIQUIDATIONS)
@pytest.mark.parametrize(
    ("block_time", "tx_index", "expected"),
    [(None, None, TRADE["openTime"]), (1_700_000_000, None, 1_700_000_000), (None, 3, None)],
)
def test_the_time_of_a_trade_stands_in_only_while_it_is_provisional(event, block_time, tx_index, expected):
    rows = processed(call(UNKNOWN, (), payload(event, **TRADE)), block_time=block_time, tx_index=tx_index).records
    assert {row.origin.block_time for row in rows} == {expected}


def test_a_trade_in_an_unknown_custody_is_kept_under_its_key():
    row = trade("IncreasePositionEvent", positionCustody=key(99), sizeUsdDelta=5_000_000)
    assert (row.market_key, row.size_base) == (base58.encode(key(99)), Decimal("0.025"))


def test_the_reference_is_not_needed_for_a_trade():
    row = trade("IncreasePositionEvent", reference=Reference(), sizeUsdDelta=5_000_000)
    assert row == trade("IncreasePositionEvent", sizeUsdDelta=5_000_000)
