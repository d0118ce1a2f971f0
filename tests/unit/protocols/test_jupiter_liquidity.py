"""Jupiter's liquidity, swaps, requests, and what gives no row. Synthetic bytes: none of these was captured."""

from decimal import Decimal
from typing import Any

import pytest

from indexer.core import base58
from indexer.core.reference import Reference
from indexer.protocols.jupiter_perps import EVENTS, IDL
from tests.encoder import event_names
from tests.unit.protocols.jupiter_world import (
    ADD_LIQUIDITY,
    ADD_LIQUIDITY2,
    DECREASE4,
    DECREASE_TPSL,
    INCREASE4,
    INSTANT_DECREASE2,
    INSTANT_INCREASE,
    JLP,
    LIQUIDATE4,
    OWNER,
    POOL,
    REFERENCE,
    REMOVE_LIQUIDITY,
    REMOVE_LIQUIDITY2,
    REQUEST,
    SOL,
    SOL_CUSTODY,
    SWAP,
    SWAP2,
    SWAP_EXACT_OUT,
    SWAP_WITH_TOKEN_LEDGER,
    TRADE,
    UNKNOWN,
    USDC,
    USDC_CUSTODY,
    of,
    only,
    payload,
    processed,
    records,
)
from tests.world import call, key

# 2 SOL at 200 USD; 20 bps of fee; JLP at 4 USD.
ADDED = {
    "custodyKey": SOL_CUSTODY,
    "poolKey": POOL,
    "tokenAmountIn": 2_000_000_000,
    "prePoolAmountUsd": 10**15,
    "tokenAmountUsd": 400_000_000,
    "feeBps": 20,
    "tokenAmountAfterFee": 1_996_000_000,
    "mintAmountUsd": 399_200_000,
    "lpAmount": 99_800_000,
    "postPoolAmountUsd": 2**64 + 7,
}
REMOVED = {
    "custodyKey": SOL_CUSTODY,
    "poolKey": POOL,
    "lpAmountIn": 100_000_000,
    "removeAmountUsd": 400_000_000,
    "feeBps": 20,
    "removeTokenAmount": 2_000_000_000,
    "tokenAmountAfterFee": 1_996_000_000,
    "postPoolAmountUsd": 10**15,
}
SWAPPED = {
    "receivingCustodyKey": SOL_CUSTODY,
    "dispensingCustodyKey": USDC_CUSTODY,
    "poolKey": POOL,
    "ownerKey": OWNER,
    "amountIn": 1_000_000_000,
    "amountOut": 200_000_000,
    "swapUsdAmount": 200_000_000,
    "feeBps": 15,
}


def added(reference: Reference = REFERENCE, **values: Any) -> list[Any]:
    data = payload("AddLiquidityEvent", **{**ADDED, **values})
    return records(data, instruction=ADD_LIQUIDITY2, accounts=(OWNER, key(50)), reference=reference)


def removed(**values: Any) -> list[Any]:
    data = payload("RemoveLiquidityEvent", **{**REMOVED, **values})
    return records(data, instruction=REMOVE_LIQUIDITY2, accounts=(OWNER, key(50)))


def swap(event: str = "PoolSwapEvent", instruction: bytes = SWAP2, **values: Any) -> Any:
    return only("swap", records(payload(event, **{**SWAPPED, **values}), instruction=instruction))


# --- liquidity -----------------------------------------------------------------------------------------------------


def test_a_deposit_is_what_was_given_with_its_fee_beside():
    row = only("lp_flow", added())
    assert (row.venue, row.venue_key, row.flow, row.internal) == ("jlp", base58.encode(POOL), "deposit", False)
    assert (row.mint, row.amount, row.value_usd_e6, row.fee_usd_e6) == (SOL, 2, 400_000_000, 800_000)
    assert (row.lp_mint, row.lp_amount, row.lp_price_usd) == (JLP, Decimal("99.8"), 4)


def test_a_withdrawal_is_what_was_got_with_its_fee_beside():
    row = only("lp_flow", removed())
    assert (row.flow, row.internal, row.mint) == ("withdraw", False, SOL)
    assert (row.amount, row.value_usd_e6, row.fee_usd_e6) == (Decimal("1.996"), 399_200_000, 800_000)
    assert (row.lp_mint, row.lp_amount, row.lp_price_usd) == (JLP, 100, 4)


@pytest.mark.parametrize("rows", [added(), removed()], ids=["add", "remove"])
def test_the_provider_is_the_first_account_of_the_instruction(rows):
    assert only("lp_flow", rows).provider == OWNER


@pytest.mark.parametrize(
    ("event", "values", "instruction"),
    [("AddLiquidityEvent", ADDED, ADD_LIQUIDITY), ("RemoveLiquidityEvent", REMOVED, REMOVE_LIQUIDITY)],
)
def test_the_instructions_of_2024_tell_the_provider_too(event, values, instruction):
    row = only("lp_flow", records(payload(event, **values), instruction=instruction, accounts=(OWNER, key(50))))
    assert row.provider == OWNER


@pytest.mark.parametrize(("instruction", "accounts"), [(UNKNOWN, (OWNER,)), (SWAP2, (OWNER,)), (ADD_LIQUIDITY2, ())])
@pytest.mark.parametrize(("event", "values"), [("AddLiquidityEvent", ADDED), ("RemoveLiquidityEvent", REMOVED)])
def test_another_instruction_does_not_tell_the_provider(event, values, instruction, accounts):
    row = only("lp_flow", records(payload(event, **values), instruction=instruction, accounts=accounts))
    assert row.provider is None


@pytest.mark.parametrize(("rows", "value"), [(added(), 2**64 + 7), (removed(), 10**15)], ids=["add", "remove"])
def test_a_flow_observes_the_pool_after_it(rows, value):
    row = only("tvl_observation", rows)
    assert (row.component, row.component_key, row.mint, row.amount) == ("pool", base58.encode(POOL), None, None)
    assert (row.value_usd_e6, row.value_origin) == (value, "event")


@pytest.mark.parametrize("rows", [added(), removed()], ids=["add", "remove"])
def test_a_flow_says_the_price_of_its_token_and_of_jlp(rows):
    prices = [(row.part, row.mint, row.price_usd) for row in of("price_observation", rows)]
    assert prices == [(0, SOL, 200), (1, JLP, 4)]


def test_a_flow_below_a_dollar_says_no_price():
    rows = added(tokenAmountIn=5, tokenAmountUsd=1, mintAmountUsd=1, lpAmount=0)
    assert of("price_observation", rows) == []
    assert (only("lp_flow", rows).value_usd_e6, only("lp_flow", rows).lp_price_usd) == (1, None)


def test_a_withdrawal_of_nothing_has_no_price_and_so_no_value():
    row = only("lp_flow", removed(removeTokenAmount=0, tokenAmountAfterFee=0, lpAmountIn=0))
    assert (row.amount, row.value_usd_e6, row.fee_usd_e6, row.lp_price_usd) == (0, None, None, None)


def test_a_withdrawal_is_rounded_once_half_to_even():
    row = only("lp_flow", removed(removeAmountUsd=5, removeTokenAmount=10, tokenAmountAfterFee=3))  # 1.5 and 3.5.
    assert (row.value_usd_e6, row.fee_usd_e6) == (2, 4)


def test_the_fee_of_a_deposit_is_what_was_not_minted_whatever_its_rate_says():
    row = only("lp_flow", added(mintAmountUsd=399_100_001, feeBps=20))
    assert (row.value_usd_e6, row.fee_usd_e6) == (400_000_000, 899_999)


def test_the_price_of_jlp_keeps_twelve_decimals_half_to_even():
    deposit = added(mintAmountUsd=20_000_000, lpAmount=3_000_000)
    withdrawal = removed(removeAmountUsd=10_000_000, lpAmountIn=3_000_000)
    assert [str(only("lp_flow", rows).lp_price_usd) for rows in (deposit, withdrawal)] == [
        "6.666666666667",
        "3.333333333333",
    ]


def test_the_amount_of_an_unknown_custody_is_unknown_but_its_dollars_are_not():
    rows = added(reference=Reference())
    row = only("lp_flow", rows)
    assert (row.mint, row.amount, row.value_usd_e6, row.lp_amount) == (None, None, 400_000_000, Decimal("99.8"))
    assert [price.mint for price in of("price_observation", rows)] == [JLP]


def test_the_token_of_another_pool_is_not_jlp():
    rows = added(poolKey=key(60))
    assert (only("lp_flow", rows).venue_key, only("lp_flow", rows).lp_mint) == (base58.encode(key(60)), None)
    assert [price.mint for price in of("price_observation", rows)] == [SOL]


# --- swaps ---------------------------------------------------------------------------------------------------------


def test_a_swap_pays_out_after_its_fee():
    row = swap(amountOutAfterFees=199_700_000)
    assert (row.mint_in, row.amount_in, row.mint_out, row.amount_out) == (SOL, 1, USDC, Decimal("199.7"))
    assert (row.value_usd_e6, row.fee_usd_e6, row.price_impact_usd_e6) == (200_000_000, 300_000, None)
    assert (row.venue, row.market_key, row.trader, row.order_key) == ("jlp", None, OWNER, None)  # A pool is no market.


def test_an_exact_out_swap_takes_its_fee_from_what_goes_in():
    row = swap("PoolSwapExactOutEvent", amountInAfterFees=998_500_000)
    assert (row.amount_in, row.amount_out, row.fee_usd_e6) == (1, 200, 300_000)


def test_a_swap_fee_is_rounded_half_to_even():
    assert [swap(swapUsdAmount=n * 1_000, feeBps=5).fee_usd_e6 for n in (1, 3)] == [0, 2]  # 0.5 and 1.5.


@pytest.mark.parametrize("event", ["PoolSwapEvent", "PoolSwapExactOutEvent"])
@pytest.mark.parametrize(
    ("instruction", "purpose"),
    [
        (SWAP2, "swap"),
        (SWAP_WITH_TOKEN_LEDGER, "swap"),
        (SWAP, "swap"),
        (SWAP_EXACT_OUT, "swap"),
        *(
            (d, "position")
            for d in (INCREASE4, DECREASE4, DECREASE_TPSL, INSTANT_INCREASE, INSTANT_DECREASE2, LIQUIDATE4)
        ),
        (ADD_LIQUIDITY2, "lp"),
        (REMOVE_LIQUIDITY2, "lp"),
        (UNKNOWN, None),
    ],
)
def test_the_purpose_of_a_swap_is_its_instruction(event, instruction, purpose):
    assert swap(event, instruction).purpose == purpose


def test_hops_are_counted_within_one_instruction():
    one, two = payload("PoolSwapEvent", **SWAPPED), payload("PoolSwapExactOutEvent", **SWAPPED)
    result = processed(call(SWAP2, (), one, two), call(SWAP2, (), one))
    assert [row.hop for row in of("swap", result.records)] == [0, 1, 0]


def test_a_swap_of_an_unknown_custody_keeps_its_dollars():
    row = swap(receivingCustodyKey=key(70))
    assert (row.mint_in, row.amount_in, row.value_usd_e6) == (None, None, 200_000_000)


def test_a_swap_inside_a_trade_is_a_row_beside_it():
    data = payload("PoolSwapEvent", **SWAPPED), payload("IncreasePositionEvent", **TRADE, sizeUsdDelta=5)
    rows = records(*data, instruction=INCREASE4)
    assert (only("swap", rows).purpose, only("trade", rows).size_usd_e6) == ("position", 5)


# --- requests ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "kind"), [(1, "increase"), (2, "decrease"), (0, None), (9, None)])
def test_a_created_request_is_an_action(change, kind):
    values = {"positionRequestKey": REQUEST, "owner": OWNER, "positionCustody": SOL_CUSTODY, "requestChange": change}
    row = only("action", records(payload("CreatePositionRequestEvent", **values)))
    assert (row.action_key, row.action_kind, row.owner, row.state) == (REQUEST, "position_request", OWNER, "pending")
    assert (row.order_kind, row.market_key) == (kind, base58.encode(SOL_CUSTODY))


@pytest.mark.parametrize(("executed", "state"), [(True, "completed"), (False, "cancelled")])
def test_a_closed_request_says_whether_it_was_executed(executed, state):
    values = {"positionRequestKey": REQUEST, "owner": OWNER, "executed": executed, "requestChange": 1, "requestType": 0}
    row = only("action", records(payload("ClosePositionRequestEvent", **values)))
    assert (row.action_key, row.owner, row.state, row.order_kind) == (REQUEST, OWNER, state, "market_increase")


def test_the_time_of_a_closed_request_is_not_when_it_was_created():
    created, closed = (payload(f"{e}PositionRequestEvent", openTime=1_700_000_000) for e in ("Create", "Close"))
    result = processed(call(UNKNOWN, (), created, closed), block_time=None, tx_index=None)
    assert [row.origin.block_time for row in result.records] == [1_700_000_000, None]


# --- no rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", sorted(set(event_names(IDL)) - set(EVENTS)))
def test_orders_loans_stakes_and_withdrawn_fees_are_events_only(event):
    result = processed(call(UNKNOWN, (OWNER,), payload(event)))
    assert (len(result.events), result.records, result.failures) == (1, [], [])


def test_loans_are_among_the_events_without_rows():
    loans = {"DepositCollateralEvent", "WithdrawCollateralEvent", "BorrowFromCustodyEvent", "RepayToCustodyEvent"}
    assert not (loans | {"LiquidateBorrowPositionEvent", "InstantCreateTpslEvent", "WithdrawFeesEvent"}) & set(EVENTS)
