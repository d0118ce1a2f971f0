"""Six kinds of liquidation, funding and fuel. All payloads are synthetic."""

from typing import Any

import pytest

from indexer.core.record import FundingRate, Incentive, Liquidation, Record, Trade
from tests.unit.protocols.drift_world import (
    ALICE,
    BOB,
    KEEPER,
    UNKNOWN,
    dec,
    event,
    fill,
    processed,
    row,
    rows,
    vault_event,
)


def liquidation(kind: str, *, end: str | None = None, **parts: dict[str, Any]) -> bytes:
    return event("LiquidationRecord", end=end, liquidationType=kind, user=ALICE, liquidator=BOB, **parts)


PERP: dict[str, Any] = {
    "marketIndex": 2,
    "quoteAssetAmount": -300_000_000,
    "baseAssetAmount": 5,
    "fillRecordId": 77,
    "ifFee": 400,
}


def test_perp_liquidation_is_the_notional_that_changed_hands() -> None:
    only = row(Liquidation, liquidation("LiquidatePerp", liquidatePerp=PERP))
    assert (only.liquidation_kind, only.market_key, only.value_usd_e6) == ("perp", "perp:2", 300_000_000)
    assert (only.trader, only.liquidator, only.sequence) == (ALICE, BOB, 77)
    assert (only.insurance_fee_usd_e6, only.insurance_fee_amount, only.socialised_loss_usd_e6) == (400, None, None)


def test_a_liquidation_that_only_cancelled_orders_has_no_size_and_no_fill() -> None:
    only = row(Liquidation, liquidation("LiquidatePerp", liquidatePerp={"marketIndex": 2, "oraclePrice": 5}))
    assert (only.value_usd_e6, only.sequence) == (0, None)


def test_a_takeover_is_one_trade_and_one_liquidation_that_name_each_other() -> None:
    takeover = fill(actionExplanation="Liquidation", filler=None)
    result = processed(takeover, liquidation("LiquidatePerp", liquidatePerp=PERP))
    trades = [record for record in result.records if isinstance(record, Trade)]
    liquidations = [record for record in result.records if isinstance(record, Liquidation)]
    assert [record.sequence for record in trades] == [record.sequence for record in liquidations] == [77]


SPOT: dict[str, Any] = {
    "assetMarketIndex": 1,
    "assetPrice": 150_000_000,
    "assetTransfer": 2_000_000_000,
    "liabilityMarketIndex": 0,
    "liabilityPrice": 999_000,
    "liabilityTransfer": 290_000_000,
    "ifFee": 1_000_000,
}


def test_spot_liquidation_is_valued_by_the_asset_and_belongs_to_the_liability() -> None:
    only = row(Liquidation, liquidation("LiquidateSpot", liquidateSpot=SPOT))
    assert (only.liquidation_kind, only.market_key, only.value_usd_e6) == ("spot", "spot:0", 300_000_000)
    assert (only.insurance_fee_amount, only.insurance_fee_usd_e6) == (dec("1"), 999_000)


def test_spot_liquidation_of_unknown_tokens_is_kept_without_numbers() -> None:
    only = row(Liquidation, liquidation("LiquidateSpot", liquidateSpot=SPOT), reference=UNKNOWN)
    assert (only.market_key, only.value_usd_e6, only.insurance_fee_amount) == ("spot:0", None, None)


@pytest.mark.parametrize(
    ("kind", "part", "name"),
    [
        ("LiquidateBorrowForPerpPnl", "liquidateBorrowForPerpPnl", "borrow_for_perp_pnl"),
        ("LiquidatePerpPnlForDeposit", "liquidatePerpPnlForDeposit", "perp_pnl_for_deposit"),
    ],
)
def test_pnl_liquidations_are_the_pnl_that_moved(kind: str, part: str, name: str) -> None:
    values: dict[str, Any] = {part: {"perpMarketIndex": 4, "pnlTransfer": 123_456_789}}
    only = row(Liquidation, liquidation(kind, **values))
    assert (only.liquidation_kind, only.market_key, only.value_usd_e6) == (name, "perp:4", 123_456_789)
    assert only.insurance_fee_usd_e6 is None


@pytest.mark.parametrize(("clawback", "loss"), [(None, 700), (200, 500)])
def test_perp_bankruptcy_leaves_what_nobody_paid(clawback: int | None, loss: int) -> None:
    part: dict[str, Any] = {"marketIndex": 4, "pnl": -1_000, "ifPayment": 300, "clawbackUserPayment": clawback}
    only = row(Liquidation, liquidation("PerpBankruptcy", perpBankruptcy=part))
    assert (only.liquidation_kind, only.market_key) == ("perp_bankruptcy", "perp:4")
    assert (only.socialised_loss_usd_e6, only.socialised_loss_amount) == (loss, None)


def test_spot_bankruptcy_has_no_price_and_leaves_tokens() -> None:
    part: dict[str, Any] = {"marketIndex": 1, "borrowAmount": 5_000_000_000, "ifPayment": 3_500_000_000}
    only = row(Liquidation, liquidation("SpotBankruptcy", spotBankruptcy=part))
    assert (only.liquidation_kind, only.market_key, only.value_usd_e6) == ("spot_bankruptcy", "spot:1", None)
    assert (only.socialised_loss_amount, only.socialised_loss_usd_e6) == (dec("1.5"), None)


def test_only_the_part_of_its_kind_is_read() -> None:
    only = row(Liquidation, liquidation("SpotBankruptcy", liquidatePerp=PERP))
    assert (only.value_usd_e6, only.insurance_fee_usd_e6, only.sequence) == (None, None, None)


@pytest.mark.parametrize("end", ["spotBankruptcy", "bitFlags"])
def test_a_liquidation_may_end_where_an_older_program_ended(end: str) -> None:
    assert row(Liquidation, liquidation("LiquidatePerp", liquidatePerp=PERP, end=end)).sequence == 77


# --- funding and fuel ----------------------------------------------------------------------------------------------


def funding(**values: int) -> bytes:
    rates: dict[str, Any] = {"fundingRate": 1_500_000, "fundingRateLong": 1_500_000, "fundingRateShort": -300_000}
    return event("FundingRateRecord", marketIndex=5, recordId=11, **({"oraclePriceTwap": 150_000_000} | rates | values))


def test_a_funding_rate_is_a_fraction_of_the_notional() -> None:
    only = row(FundingRate, funding())
    assert (only.market_key, only.rate_kind, only.sequence) == ("perp:5", "funding", 11)
    assert (only.rate, only.rate_long, only.rate_short) == (dec("0.00001"), dec("0.00001"), dec("-0.000002"))
    assert only.oracle_price_usd == dec("150")


def test_a_rate_keeps_twelve_decimals_half_to_even() -> None:
    assert row(FundingRate, funding(fundingRate=1, oraclePriceTwap=7)).rate == dec("0.000142857143")


@pytest.mark.parametrize("twap", [0, -1])
def test_without_a_price_a_rate_is_no_fraction(twap: int) -> None:
    only = row(FundingRate, funding(oraclePriceTwap=twap))
    assert (only.rate, only.rate_long, only.rate_short, only.oracle_price_usd) == (None,) * 4


def test_the_fuel_of_a_season_is_an_incentive() -> None:
    only = row(Incentive, event("FuelSeasonRecord", authority=KEEPER, fuelTaker=40, fuelTotal=50))
    assert (only.incentive_kind, only.account, only.amount, only.supply_after) == ("fuel", KEEPER, dec("50"), None)


def test_fuel_is_counted_once() -> None:
    """A sweep lies inside its season, and a depositor's fuel inside that of the vault."""
    assert rows(Record, event("FuelSweepRecord", userStatsFuelTaker=40)) == []
    assert rows(Record, vault=(vault_event("FuelSeasonRecord", authority=ALICE, fuelTotal=50),)) == []
    assert rows(Record, event("FuelSeasonRecord", authority=ALICE)) == []
