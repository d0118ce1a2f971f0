"""Fills of GMX positions. Synthetic events: the one real capture is in tests/golden/test_gmx.py."""

from decimal import Decimal
from typing import Any

import pytest

from indexer.core import base58
from indexer.core.record import Liquidation, Trade
from indexer.core.reference import Reference
from tests.unit.protocols.gmx_world import (
    E20,
    LONG_PRICE,
    MARKET,
    ORDER,
    POSITION,
    TRADER,
    UNKNOWN,
    instruction,
    only,
    removed,
    trade,
    unknown_instruction,
)
from tests.world import key

SIZED = {"size_in_usd": 2000 * E20, "size_in_tokens": 2 * 10**8, "collateral_amount": 500 * 10**6}
HALF = {"size_in_usd": 1000 * E20, "size_in_tokens": 10**8, "collateral_amount": 200 * 10**6}


def fill(payload: bytes, name: str = "execute_increase_or_swap_order_v2", **kw: Any) -> Any:
    (one,) = only(Trade, instruction(name, payload), **kw)
    return one


def test_a_fill_tells_market_parties_size_and_prices():
    one = fill(trade())
    assert (one.market_kind, one.market_key, one.trader) == ("perp", base58.encode(MARKET), TRADER)
    assert (one.size_usd_e6, one.size_base, one.price_usd) == (2_000_000_000, Decimal(2), Decimal(1000))
    assert (one.oracle_price_usd, one.entry_price_usd, one.position_size_usd_e6) == (1000, 1000, 2_000_000_000)
    assert (one.position_key, one.order_key, one.sequence) == (POSITION, ORDER, 42)
    assert (one.liquidity_source, one.execution, one.excluded, one.counterparty) == ("pool", "keeper", None, None)
    assert one.origin.event == "TradeEvent"


@pytest.mark.parametrize(
    ("flags", "before", "after", "direction", "side", "action"),
    [
        (1 | 4, {}, SIZED, "buy", "long", "open"),
        (1 | 4, HALF, SIZED, "buy", "long", "increase"),
        (1, SIZED, HALF, "sell", "long", "decrease"),
        (1, SIZED, {}, "sell", "long", "close"),
        (4, {}, SIZED, "sell", "short", "open"),
        (0, SIZED, {}, "buy", "short", "close"),
        (0, {}, {}, "buy", "short", "decrease"),
        (4, {}, {}, "sell", "short", "increase"),
    ],
)
def test_direction_side_and_action_come_from_flags_and_sizes(flags, before, after, direction, side, action):
    one = fill(trade(flags=flags, before=before, after=after))
    assert (one.direction, one.position_side, one.action) == (direction, side, action)


@pytest.mark.parametrize(("flags", "action"), [(1 | 4, "increase"), (1, "decrease")])
def test_moving_collateral_alone_is_a_fill_without_volume(flags, action):
    one = fill(trade(flags=flags, before=SIZED | {"collateral_amount": 1}, after=SIZED))
    assert (one.size_usd_e6, one.size_base, one.excluded, one.action) == (0, 0, "collateral_only", action)


def test_a_size_in_tokens_alone_is_no_volume():
    one = fill(trade(flags=1, before=SIZED | {"size_in_tokens": 2 * 10**8 + 1}, after=SIZED))
    assert (one.size_usd_e6, one.size_base, one.excluded) == (0, Decimal("0.00000001"), "collateral_only")


def test_the_size_in_base_of_a_decrease_is_the_change_of_tokens_not_a_quotient():
    one = fill(trade(flags=1, before=SIZED, after=HALF, execution_price=2000 * 10**12))
    assert (one.size_usd_e6, one.size_base, one.price_usd) == (1_000_000_000, Decimal(1), Decimal(2000))


FEES = {
    "order_fee_for_receiver_amount": 700_000,
    "order_fee_for_pool_amount": 300_000,
    "total_borrowing_fee_amount": 2_000_000,
    "borrowing_fee_for_receiver_amount": 500_000,
    "liquidation_fee_amount": 4_000_000,
    "liquidation_fee_for_receiver_amount": 1_000_000,
    "funding_fee_amount": 8_000_000,
}


def test_fees_are_collateral_at_its_min_price_split_into_receivers_and_pool():
    one = fill(trade(fees=FEES), "liquidate")  # The short token at 0.99.
    assert (one.base_fee_usd_e6, one.borrow_fee_usd_e6) == (990_000, 1_980_000)
    assert (one.liquidation_fee_usd_e6, one.fee_usd_e6) == (3_960_000, 6_930_000)
    assert (one.protocol_fee_usd_e6, one.lp_fee_usd_e6) == (2_178_000, 4_752_000)


def test_the_shares_of_receivers_and_pool_add_up_to_the_fee_after_rounding():
    split = {"order_fee_for_receiver_amount": 150, "order_fee_for_pool_amount": 50}  # 148.5 and 49.5 of 198.
    one = fill(trade(fees=split))
    assert (one.fee_usd_e6, one.protocol_fee_usd_e6, one.lp_fee_usd_e6) == (198, 148, 50)
    one = fill(trade(fees={"order_fee_for_receiver_amount": 50, "order_fee_for_pool_amount": 50}))
    assert (one.fee_usd_e6, one.protocol_fee_usd_e6, one.lp_fee_usd_e6) == (99, 50, 49)  # Not 50 and 50.


def test_long_collateral_is_valued_at_the_long_price():
    one = fill(trade(flags=1 | 2 | 4, fees={"order_fee_for_pool_amount": 10**9}))
    assert one.fee_usd_e6 == 99_000_000
    assert one.collateral_usd_e6 == 500 * 10**6 * LONG_PRICE["min"] // 10**14


def test_funding_is_no_fee_and_positive_when_the_trader_paid():
    assert fill(trade(fees={"funding_fee_amount": 10**6})).funding_usd_e6 == 990_000
    received = fill(trade(fees={"claimable_funding_fee_long_token_amount": 10**9}))
    assert (received.funding_usd_e6, received.fee_usd_e6) == (-99_000_000, 0)
    assert fill(trade(fees={"claimable_funding_fee_short_token_amount": 10**6})).funding_usd_e6 == -990_000


def test_pnl_is_told_on_decreases_only():
    pnl = {"pnl": -5 * E20, "uncapped_pnl": -6 * E20}
    assert fill(trade(flags=1, before=SIZED, after=HALF, pnl=pnl)).pnl_usd_e6 == -5_000_000
    assert fill(trade(pnl=pnl)).pnl_usd_e6 is None


def test_price_impact_is_positive_in_the_traders_favour_and_no_fee():
    one = fill(trade(price_impact_value=-7 * E20))
    assert (one.price_impact_usd_e6, one.fee_usd_e6, one.price_impact_fee_usd_e6) == (-7_000_000, 0, None)


def test_collateral_is_the_larger_of_before_and_after():
    assert fill(trade(flags=1, before=SIZED, after={})).collateral_usd_e6 == 495_000_000


# --- liquidations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "is_liquidation", "is_adl"),
    [
        ("liquidate", True, False),
        ("auto_deleverage", False, True),
        ("execute_decrease_order", False, False),
        ("execute_decrease_order_v2", False, False),
        ("execute_increase_or_swap_order", False, False),
    ],
)
def test_the_enclosing_instruction_tells_liquidation_and_adl(name, is_liquidation, is_adl):
    one = fill(trade(flags=1, before=SIZED, after={}), name)
    assert (one.is_liquidation, one.is_adl) == (is_liquidation, is_adl)


@pytest.mark.parametrize(("kind", "expected"), [(0, (True, False)), (1, (False, True)), (4, (False, False))])
def test_in_an_unknown_instruction_the_kind_of_the_removed_order_tells(kind, expected):
    other = removed("OrderRemoved", order=key(99), kind=0)
    end = removed("OrderRemoved", order=ORDER, kind=kind)
    (one,) = only(Trade, unknown_instruction(trade()), instruction("close_order_v2", other, end))
    assert (one.is_liquidation, one.is_adl) == expected


def test_in_an_unknown_instruction_a_liquidation_fee_is_enough_but_its_absence_says_nothing():
    (fined,) = only(Trade, unknown_instruction(trade(fees=FEES)))
    (silent,) = only(Trade, unknown_instruction(trade()))
    assert (fined.is_liquidation, fined.is_adl) == (True, False)
    assert (silent.is_liquidation, silent.is_adl, silent.liquidation_fee_usd_e6) == (None, None, None)


def test_a_liquidation_has_a_row_beside_its_trade_and_an_adl_has_none():
    closed = trade(flags=1, before=SIZED, after={})
    (one,) = only(Liquidation, instruction("liquidate", closed))
    assert (one.liquidation_kind, one.value_usd_e6, one.trader, one.liquidator) == ("perp", 2_000_000_000, TRADER, None)
    assert one.market_key == base58.encode(MARKET)
    assert not only(Liquidation, instruction("auto_deleverage", closed))


def test_no_liquidation_has_no_liquidation_fee():
    assert fill(trade(), "execute_decrease_order_v2").liquidation_fee_usd_e6 is None


# --- stores and markets ----------------------------------------------------------------------------------------------


def test_another_stores_trade_gives_no_row_whatever_the_instruction_says():
    assert not only(Trade, instruction("liquidate", trade(store=key(50))))


def test_a_trade_on_an_unknown_market_keeps_usd_and_lacks_what_needs_decimals():
    one = fill(trade(market_token=UNKNOWN), reference=Reference())
    assert (one.size_usd_e6, one.collateral_usd_e6) == (2_000_000_000, 495_000_000)
    assert (one.size_base, one.price_usd, one.oracle_price_usd, one.entry_price_usd) == (None, None, None, None)
