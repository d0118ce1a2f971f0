"""Pool amounts, open interest, prices, GLV values. Synthetic events."""

from decimal import Decimal
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.protocol import process
from indexer.core.record import OpenInterest, PriceObservation, TvlObservation
from indexer.core.reference import Reference
from tests.unit.protocols.gmx_world import (
    E20,
    GLV,
    LONG,
    LONG_PRICE,
    MARKET,
    PRICES,
    PURE,
    REFERENCE,
    SHORT,
    committed,
    deposit,
    event,
    glv_pricing,
    instruction,
    only,
    protocol,
    pure_pool,
    swap,
    trade,
    transaction,
)
from tests.world import call, key

ORDER = "execute_increase_or_swap_order_v2"


def pools(*calls: Any, **kw: Any) -> list[TvlObservation]:
    return [one for one in only(TvlObservation, *calls, **kw) if one.component == "pool"]


def prices(*calls: Any, **kw: Any) -> dict[Any, Decimal]:
    return {one.mint or one.market_key: one.price_usd for one in only(PriceObservation, *calls, **kw)}


def test_a_primary_pool_is_one_row_for_each_token():
    long, short = pools(instruction(ORDER, committed(Primary=(10**9, 5 * 10**6))))
    assert (long.component_key, long.value_origin) == (base58.encode(MARKET), "event")
    assert (long.part, long.mint, long.amount) == (0, LONG, Decimal(1))
    assert (short.part, short.mint, short.amount) == (1, SHORT, Decimal(5))


def test_a_pool_has_a_value_only_where_the_transaction_tells_its_prices():
    state = committed(Primary=(10**9, 10**6))
    assert [one.value_usd_e6 for one in pools(instruction(ORDER, state))] == [None, None]
    assert [one.value_usd_e6 for one in pools(instruction(ORDER, state, trade()))] == [100_000_000, 1_000_000]
    assert [one.value_usd_e6 for one in pools(instruction(ORDER, swap(1, 1), state))] == [100_000_000, 1_000_000]


def test_a_committed_increase_tells_prices_too():
    told = event("PositionIncreased", rev=7, market_token=MARKET, report={"params": {"prices": PRICES}})
    state = committed(Primary=(10**9, 10**6))
    assert [one.value_usd_e6 for one in pools(instruction(ORDER, told, state))] == [100_000_000, 1_000_000]


def test_a_ghosts_prices_value_no_pool():
    state = committed(Primary=(10**9, 10**6))
    assert [one.value_usd_e6 for one in pools(instruction(ORDER, swap(1, 1, rev=6), state))] == [None, None]


def test_a_pure_pool_holds_everything_in_its_long_half():
    (one,) = pools(instruction(ORDER, pure_pool(7 * 10**6)))
    assert (one.component_key, one.mint, one.amount) == (base58.encode(PURE), SHORT, Decimal(7))


def test_a_pool_that_is_not_named_is_no_observation():
    assert not pools(instruction(ORDER, committed(SwapImpact=(1, 1))))


def test_an_empty_pool_is_an_amount_of_zero():
    assert [one.amount for one in pools(instruction(ORDER, committed(Primary=(0, 0))))] == [0, 0]


def test_an_unknown_market_has_pools_without_tokens():
    (long, _) = pools(instruction(ORDER, committed(Primary=(10**9, 1)), trade()), reference=Reference())
    assert (long.mint, long.amount, long.value_usd_e6) == (None, None, 100_000_000)


def test_open_interest_sums_both_collaterals_of_a_side():
    state = committed(
        OpenInterestForLong=(3 * E20, 4 * E20),
        OpenInterestForShort=(5 * E20, 0),
        OpenInterestInTokensForLong=(10**8, 10**8),
        OpenInterestInTokensForShort=(0, 5 * 10**7),
    )
    long, short = only(OpenInterest, instruction(ORDER, state))
    assert (long.side, long.value_usd_e6, long.size_base) == ("long", 7_000_000, Decimal(2))
    assert (short.side, short.value_usd_e6, short.size_base) == ("short", 5_000_000, Decimal("0.5"))
    assert (long.part, short.part) == (0, 1)


def test_a_side_that_is_not_named_is_unknown_never_zero():
    (one,) = only(OpenInterest, instruction(ORDER, committed(OpenInterestForShort=(E20, 0))))
    assert (one.side, one.value_usd_e6, one.size_base, one.part) == ("short", 1_000_000, None, 0)


# --- prices --------------------------------------------------------------------------------------------------------

MID_PRICES = {base58.encode(MARKET): Decimal(1000), LONG: Decimal(100), SHORT: Decimal(1)}


def test_a_trade_tells_mid_prices_of_the_index_and_both_tokens():
    told = only(PriceObservation, instruction(ORDER, trade()))
    assert prices(instruction(ORDER, trade())) == MID_PRICES
    assert [(one.part, one.value_origin) for one in told] == [(0, "event"), (1, "event"), (2, "event")]


def test_a_middle_between_two_steps_keeps_its_half():
    odd = {"index": {"min": 1, "max": 2}, "long": LONG_PRICE, "short": {"min": 10**12, "max": 10**12 + 1}}
    told = prices(instruction(ORDER, trade(prices=odd)))
    assert told[base58.encode(MARKET)] == Decimal("1.5e-12")
    (_, short) = pools(instruction(ORDER, trade(prices=odd), committed(Primary=(0, 10**14 + 10**8))))
    assert short.value_usd_e6 == 10**12 + 10**6 + 1  # Micro-dollars: a half and a little above 10**12 + 10**6.


def test_ghosts_tell_no_prices():
    assert prices(instruction(ORDER, swap(1, 1), committed())) == MID_PRICES
    assert prices(instruction("execute_deposit", deposit(1, 1), committed())) == MID_PRICES
    assert not prices(instruction(ORDER, swap(1, 1)))


def test_unknown_decimals_and_prices_of_zero_give_no_price():
    assert not prices(instruction(ORDER, trade()), reference=Reference())
    assert not prices(instruction(ORDER, trade(prices={})))


def test_a_pure_market_tells_its_one_token_once():
    told = only(PriceObservation, instruction(ORDER, trade(market_token=PURE)))
    assert [(one.part, one.mint) for one in told] == [(0, None), (1, SHORT)]


def test_a_price_has_the_time_of_its_trade_while_it_is_provisional():
    tx = msgspec.structs.replace(
        transaction(instruction(ORDER, trade(ts=1_750_000_000))), block_time=None, tx_index=None
    )
    rows = process(tx, [protocol()], REFERENCE).records
    assert [(one.kind, one.origin.block_time) for one in rows] == [
        ("trade", 1_750_000_000),
        *[("price_observation", 1_750_000_000)] * 3,
    ]


def test_a_market_tokens_value_is_a_price():
    value = event("MarketTokenValue", market_token=MARKET, supply=2 * 10**9, pool_value=3 * E20)
    assert prices(instruction("get_market_token_value", value)) == {MARKET: Decimal("1.5")}
    for broken in ({"supply": 0, "pool_value": E20}, {"supply": 1, "pool_value": -1}):
        assert not prices(instruction("get_market_token_value", event("MarketTokenValue", **broken)))


def test_a_glv_is_valued_as_a_whole_and_by_the_token():
    value = event("GlvTokenValue", glv_token=GLV, supply=4 * 10**9, glv_value=10 * E20)
    asked = instruction("get_glv_token_value", value)
    (one,) = only(TvlObservation, asked)
    assert (one.component, one.component_key, one.value_usd_e6) == ("glv", base58.encode(GLV), 10_000_000)
    assert prices(asked) == {GLV: Decimal("2.5")}


def test_a_glv_action_tells_the_glvs_value():
    pricing = glv_pricing("Deposit", gm=1, glv=1, value=10 * E20, supply=4 * 10**9)
    (one,) = only(TvlObservation, instruction("execute_glv_deposit", pricing, committed()))
    assert (one.component, one.value_usd_e6) == ("glv", 10_000_000)


def test_another_stores_state_gives_no_row():
    assert not only(TvlObservation, instruction(ORDER, committed(Primary=(1, 1)), store=key(50)))


def test_where_no_accounts_are_told_the_row_is_kept():
    state = committed(Primary=(1, 1))
    assert only(TvlObservation, instruction(ORDER, state, with_accounts=False))
    cut = instruction(ORDER, state, store=key(50))
    assert only(TvlObservation, call(cut.discriminator, cut.accounts[:1], *cut.payloads))
