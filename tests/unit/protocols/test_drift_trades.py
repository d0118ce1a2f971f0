"""Fills, triggers and what they say of prices. Payloads are synthetic; real ones are in tests/golden."""

import pytest

from indexer.core import base58
from indexer.core.protocol import process
from indexer.core.record import Fee, PriceObservation, Record, Trade
from indexer.protocols.drift import DRIFT
from tests.unit.protocols.drift_world import (
    ALICE,
    BOB,
    DRIFT_PROTOCOL,
    KEEPER,
    REFERENCE,
    SOL,
    TS,
    UNKNOWN,
    dec,
    event,
    fill,
    processed,
    row,
    rows,
    world,
)
from tests.world import BLOCK_TIME, log_transaction

ACTIONS = ("Place", "Cancel", "Trigger", "Expire")


def test_a_fill_is_one_row_with_both_sides() -> None:
    trade = row(Trade, fill())
    assert (trade.market_kind, trade.market_key) == ("perp", "perp:0")
    assert (trade.trader, trade.counterparty, trade.direction) == (ALICE, BOB, "buy")
    assert (trade.size_usd_e6, trade.size_base, trade.price_usd) == (300_000_000, dec("2"), dec("150"))
    assert (trade.fee_usd_e6, trade.maker_fee_usd_e6, trade.filler_reward_usd_e6) == (105_000, -7_500, 10_000)
    assert (trade.sequence, trade.taker_order_id, trade.maker_order_id) == (77, 5, 6)
    assert (trade.oracle_price_usd, trade.explanation) == (dec("149.9"), "OrderFilledWithMatch")
    assert (trade.is_liquidation, trade.is_adl, trade.excluded) == (False, False, None)


def test_position_side_and_action_are_not_told_by_a_fill() -> None:
    trade = row(Trade, fill())
    assert (trade.position_side, trade.action, trade.pnl_usd_e6, trade.collateral_delta_usd_e6) == (None,) * 4


def test_shares_of_the_fee_that_are_told() -> None:
    trade = row(Trade, fill(referrerReward=3, builderIdx=0, builderFee=40, spotFulfillmentMethodFee=50))
    assert (trade.referrer_reward_usd_e6, trade.builder_fee_usd_e6, trade.venue_fee_usd_e6) == (3, 40, 50)
    assert trade.fee_usd_e6 == 105_000  # It contains them.


def test_shares_of_the_fee_that_are_not_told_are_unknown() -> None:
    trade = row(Trade, fill(fillerReward=None))
    parts = (trade.filler_reward_usd_e6, trade.referrer_reward_usd_e6, trade.builder_fee_usd_e6)
    assert (*parts, trade.venue_fee_usd_e6, trade.lp_fee_usd_e6, trade.protocol_fee_usd_e6) == (None,) * 6


@pytest.mark.parametrize(("direction", "expected"), [("Long", "buy"), ("Short", "sell"), (None, None)])
def test_direction_is_the_takers(direction: str | None, expected: str | None) -> None:
    assert row(Trade, fill(takerOrderDirection=direction)).direction == expected


def test_without_a_taker_the_maker_is_the_trader_and_nobody_stands_opposite() -> None:
    """The AMM took a post-only order: the user is written as the maker."""
    trade = row(Trade, fill(taker=None, takerOrderDirection=None, takerFee=0, actionExplanation="OrderFilledWithAMM"))
    assert (trade.trader, trade.counterparty, trade.direction) == (BOB, None, "sell")
    assert (trade.fee_usd_e6, trade.maker_fee_usd_e6) == (-7_500, None)


def test_a_maker_fee_that_is_not_told_is_no_zero() -> None:
    assert row(Trade, fill(taker=None, makerFee=None)).fee_usd_e6 is None
    assert row(Trade, fill(makerFee=None)).maker_fee_usd_e6 is None


def test_a_maker_fee_of_0_is_kept_where_nobody_stands_opposite() -> None:
    """As the program writes it for fills on external venues."""
    trade = row(Trade, fill(maker=None, makerFee=0))
    assert (trade.counterparty, trade.maker_fee_usd_e6) == (None, 0)


@pytest.mark.parametrize(
    ("explanation", "source"),
    [
        ("OrderFilledWithAMM", "amm"),
        ("OrderFilledWithAMMJit", "amm_jit"),
        ("OrderFilledWithAMMJitLPSplit", "amm_jit_lp"),
        ("OrderFilledWithLPJit", "lp_jit"),
        ("OrderFilledWithMatch", "order_book"),
        ("OrderFilledWithMatchJit", "jit_auction"),
        ("OrderFillWithSerum", "external"),
        ("OrderFillWithPhoenix", "external"),
        ("OrderFilledWithOpenbookV2", "external"),
        ("None", None),
    ],
)
def test_liquidity_source_follows_the_explanation(explanation: str, source: str | None) -> None:
    trade = row(Trade, fill(actionExplanation=explanation))
    assert (trade.liquidity_source, trade.is_liquidation) == (source, False)
    assert trade.explanation == (None if explanation == "None" else explanation)


def test_takeover_by_a_liquidator() -> None:
    """Taker fee 900 = liquidator's 600 and insurance 300; the protocol keeps what is left of both sides."""
    takeover = fill(actionExplanation="Liquidation", filler=None, takerFee=900, makerFee=-600)
    trade = row(Trade, takeover)
    assert (trade.liquidity_source, trade.is_liquidation, trade.execution) == ("takeover", True, "taker")
    assert (trade.fee_usd_e6, trade.liquidation_fee_usd_e6, trade.protocol_fee_usd_e6) == (900, 900, 300)


def test_what_the_protocol_keeps_of_a_takeover_is_unknown_where_one_side_is() -> None:
    takeover = fill(actionExplanation="Liquidation", filler=None, makerFee=None)
    assert row(Trade, takeover).protocol_fee_usd_e6 is None


@pytest.mark.parametrize(("maker", "source"), [(BOB, "order_book"), (None, "amm")])
def test_liquidation_filled_by_others(maker: bytes | None, source: str) -> None:
    trade = row(Trade, fill(actionExplanation="Liquidation", maker=maker))
    assert (trade.liquidity_source, trade.is_liquidation) == (source, True)
    assert (trade.liquidation_fee_usd_e6, trade.protocol_fee_usd_e6) == (None, None)


def test_liquidation_without_maker_and_filler_went_to_the_amm() -> None:
    assert row(Trade, fill(actionExplanation="Liquidation", maker=None, filler=None)).liquidity_source == "amm"


@pytest.mark.parametrize(
    ("explanation", "excluded"), [("MarketExpired", "expiry"), ("TransferPerpPosition", "transfer")]
)
def test_settlements_and_transfers_are_rows_outside_of_volume(explanation: str, excluded: str) -> None:
    trade = row(Trade, fill(actionExplanation=explanation))
    assert (trade.excluded, trade.liquidity_source, trade.is_liquidation) == (excluded, None, False)
    assert trade.size_usd_e6 == 300_000_000


@pytest.mark.parametrize(("filler", "execution"), [(KEEPER, "keeper"), (None, "taker")])
def test_execution_is_a_keepers_where_one_filled(filler: bytes | None, execution: str) -> None:
    assert row(Trade, fill(filler=filler)).execution == execution


def test_spot_fills_have_the_decimals_of_the_mint() -> None:
    trade = row(Trade, fill(marketType="Spot", marketIndex=0, baseAssetAmountFilled=300_060_000))
    assert (trade.market_kind, trade.market_key, trade.size_base) == ("spot", "spot:0", dec("300.06"))
    assert trade.price_usd == dec("0.999800039992")  # 12 decimals, half to even.


def test_spot_and_perp_markets_of_one_index_are_two_markets() -> None:
    keys = [trade.market_key for trade in rows(Trade, fill(marketType="Spot"), fill())]
    assert keys == ["spot:0", "perp:0"]


def test_an_unknown_spot_market_keeps_its_dollars() -> None:
    trade = row(Trade, fill(marketType="Spot", marketIndex=65535))
    assert (trade.market_key, trade.size_usd_e6) == ("spot:65535", 300_000_000)
    assert (trade.size_base, trade.price_usd) == (None, None)


def test_perp_base_has_nine_decimals_whether_or_not_the_market_is_known() -> None:
    assert row(Trade, fill(marketIndex=999), reference=UNKNOWN).size_base == dec("2")


def test_a_fill_of_nothing_has_no_price() -> None:
    trade = row(Trade, fill(baseAssetAmountFilled=0))
    assert (trade.size_base, trade.price_usd) == (dec("0"), None)


def test_a_size_that_is_not_told_is_unknown() -> None:
    trade = row(Trade, fill(baseAssetAmountFilled=None, quoteAssetAmountFilled=None))
    assert (trade.size_base, trade.size_usd_e6, trade.price_usd) == (None, None, None)


@pytest.mark.parametrize("action", ACTIONS)
def test_only_a_fill_is_a_trade(action: str) -> None:
    assert rows(Trade, fill(action=action)) == []


def test_a_trigger_is_a_fee() -> None:
    fee = row(Fee, fill(action="Trigger", actionExplanation="None", takerFee=3_000, maker=None))
    assert (fee.payer, fee.market_key, fee.fee_kind, fee.value_usd_e6) == (ALICE, "perp:0", "trigger", 3_000)


@pytest.mark.parametrize("paid", [0, None])
def test_a_trigger_that_costs_nothing_is_no_fee(paid: int | None) -> None:
    assert rows(Record, fill(action="Trigger", takerFee=paid)) == []


@pytest.mark.parametrize("action", ["Place", "Cancel", "Expire"])
def test_placing_and_cancelling_gives_no_row_and_stays_an_event(action: str) -> None:
    result = processed(fill(action=action))
    assert (result.records, len(result.events), result.failures) == ([], 1, [])


def test_a_perp_fill_tells_the_price_of_its_market() -> None:
    price = row(PriceObservation, fill())
    assert (price.market_key, price.mint, price.price_usd) == ("perp:0", None, dec("149.9"))


def test_a_spot_fill_tells_the_price_of_its_token() -> None:
    price = row(PriceObservation, fill(marketType="Spot", marketIndex=1))
    assert (price.market_key, price.mint, price.price_usd) == (None, SOL, dec("149.9"))


@pytest.mark.parametrize("price", [0, -1])
def test_a_price_that_is_not_positive_is_no_price(price: int) -> None:
    assert rows(PriceObservation, fill(oraclePrice=price)) == []
    assert row(Trade, fill(oraclePrice=price)).oracle_price_usd is None


def test_the_settlement_price_of_an_expired_market_is_no_oracle_price() -> None:
    assert rows(PriceObservation, fill(actionExplanation="MarketExpired")) == []


@pytest.mark.parametrize(
    "end", ["oraclePrice", "bitFlags", "makerExistingBaseAssetAmount", "triggerPrice", "builderFee"]
)
def test_a_payload_may_end_where_an_older_program_ended(end: str) -> None:
    trade = row(Trade, fill(end=end))
    assert (trade.size_usd_e6, trade.builder_fee_usd_e6) == (300_000_000, None)


@pytest.mark.parametrize("end", ["makerOrderDirection", "takerExistingQuoteEntryAmount", "builderIdx"])
def test_a_payload_may_end_nowhere_else(end: str) -> None:
    result = processed(fill(end=end))
    assert (result.records, [failure.reason for failure in result.failures]) == ([], ["short_payload"])


def test_a_fill_in_a_text_line_and_one_in_a_data_line_are_alike() -> None:
    """Drift writes the same event either way, and changed from one to the other."""
    data, text = (
        process(log_transaction(DRIFT, fill(), text=is_text), [DRIFT_PROTOCOL], REFERENCE).records
        for is_text in (False, True)
    )
    assert data == text
    assert len(data) == 2


def test_a_row_has_the_time_of_its_block_and_until_it_is_known_its_own() -> None:
    settled, provisional = (
        process(world(fill(), block_time=time, tx_index=index), [DRIFT_PROTOCOL], REFERENCE).records[0]
        for time, index in ((BLOCK_TIME, 4), (None, None))
    )
    assert (settled.origin.block_time, provisional.origin.block_time) == (BLOCK_TIME, TS)
    assert settled.origin.event == "OrderActionRecord"
    assert base58.encode(settled.origin.program_id) == "dRiftyHA39MWEi3m9aunc5MzRF1JYuBsbn6VPcn33UH"


def test_events_without_a_rule_give_no_row() -> None:
    result = processed(event("CurveRecord", baseAssetAmountLong=1, oraclePrice=5), event("NewUserRecord"))
    assert (result.records, len(result.events)) == ([], 2)
