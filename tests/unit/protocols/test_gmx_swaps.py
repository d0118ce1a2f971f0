"""Swaps against GMX pools, and the rule that a ghost is no swap. Synthetic events."""

from decimal import Decimal

import pytest

from indexer.core.record import Swap
from indexer.core.reference import Reference
from tests.unit.protocols.gmx_world import (
    LONG,
    MARKET,
    ORDER,
    SECOND,
    SHORT,
    TRADER,
    committed,
    deposit,
    event,
    glv_pricing,
    instruction,
    only,
    removed,
    swap,
    trade,
    unknown_instruction,
)
from tests.world import key

SWAP_ORDER = "execute_increase_or_swap_order_v2"


def test_input_and_fee_are_valued_at_the_inputs_min_price():
    (one,) = only(Swap, instruction(SWAP_ORDER, swap(10**9, 95 * 10**6), committed(), order=ORDER, owner=TRADER))
    assert (one.mint_in, one.mint_out) == (LONG, SHORT)
    assert (one.amount_in, one.amount_out) == (Decimal(1), Decimal(95))
    assert (one.value_usd_e6, one.fee_usd_e6, one.price_impact_usd_e6) == (99_000_000, 297_000, -3_000_000)
    assert (one.venue, one.purpose, one.hop, one.order_key, one.trader) == ("gm", "swap", 0, ORDER, TRADER)


def test_short_in_is_long_out():
    (one,) = only(Swap, instruction(SWAP_ORDER, swap(10**6, 10**7, is_in_long=False), committed()))
    assert (one.mint_in, one.mint_out, one.value_usd_e6) == (SHORT, LONG, 990_000)


@pytest.mark.parametrize(
    "proof",
    [
        (),
        (committed(rev=8),),
        (committed(SECOND),),
    ],
    ids=["nothing", "another revision", "another market"],
)
def test_without_its_commit_proof_a_swap_is_a_ghost(proof):
    assert not only(Swap, instruction(SWAP_ORDER, swap(1, 1), *proof))


def test_a_commit_before_the_event_or_in_another_instruction_proves_nothing():
    assert not only(Swap, instruction(SWAP_ORDER, committed(), swap(1, 1)))
    assert not only(Swap, instruction(SWAP_ORDER, swap(1, 1)), instruction(SWAP_ORDER, committed()))


def test_hops_count_along_one_path_and_start_anew_with_another():
    path = swap(100, 200), swap(200, 300, market=SECOND), swap(7, 8)
    swaps = only(Swap, instruction("execute_deposit", *path, committed(), committed(SECOND)))
    assert [one.hop for one in swaps] == [0, 1, 0]


@pytest.mark.parametrize("name", [SWAP_ORDER, "execute_increase_or_swap_order"])
def test_a_swap_or_an_increase_has_one_path_whatever_the_amounts(name):
    path = swap(100, 200), swap(199, 300, market=SECOND)
    assert [one.hop for one in only(Swap, instruction(name, *path, committed(), committed(SECOND)))] == [0, 1]


def test_a_ghost_is_no_hop():
    swaps = only(Swap, instruction(SWAP_ORDER, swap(5, 100, rev=6), swap(100, 200), committed()))
    assert [one.hop for one in swaps] == [0]


def test_a_positions_own_swap_is_no_hop_of_a_path():
    own, path = swap(5, 100, ty="PnlTokenToCollateralToken"), swap(100, 200)
    swaps = only(Swap, instruction("execute_decrease_order_v2", own, path, committed()))
    assert [(one.purpose, one.hop) for one in swaps] == [("position", 0), ("position", 0)]


def test_a_positions_own_swap_is_no_next_hop_even_with_the_same_amount():
    path, own = swap(50, 100), swap(100, 200, ty="CollateralToPnlToken")
    assert [one.hop for one in only(Swap, instruction("liquidate", path, own, committed()))] == [0, 0]


@pytest.mark.parametrize(
    ("name", "beside", "purpose"),
    [
        (SWAP_ORDER, (), "swap"),
        (SWAP_ORDER, (trade(),), "position"),
        ("execute_increase_or_swap_order", (), "swap"),
        ("execute_decrease_order", (), "position"),
        ("liquidate", (), "position"),
        ("auto_deleverage", (), "position"),
        ("execute_deposit", (), "lp"),
        ("execute_withdrawal", (), "lp"),
        ("execute_shift", (), "lp"),
        ("execute_glv_shift", (), "lp"),
        ("execute_glv_deposit", (), "lp"),
        ("execute_glv_withdrawal", (), "lp"),
    ],
)
def test_purpose_is_what_the_instruction_was_for(name, beside, purpose):
    (one,) = only(Swap, instruction(name, swap(1, 1), *beside, committed()))
    assert one.purpose == purpose


@pytest.mark.parametrize(
    ("beside", "purpose"),
    [
        ((), None),
        ((trade(),), "position"),
        ((event("PositionIncreased"),), "position"),
        ((event("PositionDecreased"),), "position"),
        ((deposit(1, 1, rev=9),), "lp"),
        ((glv_pricing("Deposit", gm=1, glv=1),), "lp"),
    ],
)
def test_in_an_unknown_instruction_the_events_beside_tell_the_purpose(beside, purpose):
    (one,) = only(Swap, unknown_instruction(swap(1, 1), *beside, committed()))
    assert one.purpose == purpose


def test_the_trader_of_a_deposits_swap_is_the_deposits_owner():
    executed = instruction("execute_deposit", swap(1, 1), committed(), deposit=key(20))
    closed = instruction("close_deposit", removed("DepositRemoved", deposit=key(20), owner=TRADER))
    (one,) = only(Swap, executed, closed)
    assert (one.trader, one.order_key) == (TRADER, None)


def test_without_accounts_a_positions_swap_belongs_to_the_trade_beside():
    (one,) = only(Swap, instruction(SWAP_ORDER, swap(1, 1), committed(), trade(), with_accounts=False))
    assert (one.trader, one.order_key) == (TRADER, ORDER)


def test_an_unknown_market_keeps_usd_and_lacks_tokens():
    (one,) = only(Swap, instruction(SWAP_ORDER, swap(10**9, 1), committed(MARKET)), reference=Reference())
    assert (one.value_usd_e6, one.mint_in, one.amount_in, one.amount_out) == (99_000_000, None, None, None)


def test_another_stores_execution_gives_no_row():
    assert not only(Swap, instruction(SWAP_ORDER, swap(1, 1), committed(), store=key(50)))


def test_the_store_stands_elsewhere_in_a_liquidation():
    assert only(Swap, instruction("liquidate", swap(1, 1), committed(), owner=key(50)))
    assert not only(Swap, instruction("liquidate", swap(1, 1), committed(), store=key(50)))
