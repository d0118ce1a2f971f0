"""GM flows, GLV actions over them, and shifts. Synthetic events."""

from decimal import Decimal
from typing import Any

import pytest

from indexer.core import base58
from indexer.core.record import LpFlow
from indexer.core.reference import Reference
from tests.unit.protocols.gmx_world import (
    E20,
    GLV,
    LONG,
    MARKET,
    PURE,
    PURE_PRICES,
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
    unknown_instruction,
    withdrawal,
)
from tests.world import key

ACTION = key(20)
FEES = {"fee_amount_for_receiver": 6 * 10**6, "fee_amount_for_pool": 4 * 10**6}  # 0.01 of the long token.


def flows(*calls: Any, **kw: Any) -> list[LpFlow]:
    return only(LpFlow, *calls, **kw)


def test_a_deposit_in_two_tokens_is_two_rows_with_the_gm_on_the_first():
    paid = deposit(10**9, 50 * 10**6, minted=3 * 10**9, fees=[FEES, {}])
    long, short = flows(instruction("execute_deposit", paid, committed(), deposit=ACTION))
    assert (long.part, long.mint, long.amount, long.value_usd_e6) == (0, LONG, Decimal(1), 100_000_000)
    assert (short.part, short.mint, short.amount, short.value_usd_e6) == (1, SHORT, Decimal(50), 50_000_000)
    assert (long.lp_amount, short.lp_amount, long.lp_mint, short.lp_mint) == (Decimal(3), None, MARKET, MARKET)
    assert (long.fee_usd_e6, short.fee_usd_e6) == (1_000_000, 0)
    assert (long.venue, long.venue_key, long.flow, long.internal) == ("gm", base58.encode(MARKET), "deposit", False)
    assert long.action_key == short.action_key == ACTION


def test_a_zero_amount_gives_no_row():
    (one,) = flows(instruction("execute_deposit", deposit(0, 10**6, minted=10**9), committed()))
    assert (one.part, one.mint, one.lp_amount) == (0, SHORT, Decimal(1))


def test_the_gm_price_of_a_deposit_is_the_one_it_was_minted_at():
    paid = deposit(10**9, 0, minted=2 * 10**9, fees=[FEES, {}], price_impact=-E20)
    (one,) = flows(instruction("execute_deposit", paid, committed()))
    assert one.lp_price_usd == Decimal("48.505")  # (0.99 x 99 - 1) / 2


def test_gm_that_was_minted_for_less_than_nothing_has_no_price():
    (one,) = flows(instruction("execute_deposit", deposit(1, 0, minted=1, price_impact=-E20), committed()))
    assert one.lp_price_usd is None


def test_a_withdrawal_is_what_came_out_after_fees():
    taken = withdrawal(10**9, 0, burned=4 * 10**9, long_token_fees=FEES)
    (one,) = flows(instruction("execute_withdrawal", taken, committed(), withdrawal=ACTION))
    assert (one.flow, one.amount, one.value_usd_e6, one.fee_usd_e6) == ("withdraw", Decimal(1), 100_000_000, 1_000_000)
    assert (one.lp_amount, one.action_key) == (Decimal(4), ACTION)
    assert one.lp_price_usd == Decimal("25.5025")  # 1.01 x 101 / 4


def test_a_pure_markets_deposit_is_in_its_one_token():
    params = {"long_token_amount": 10**6, "prices": PURE_PRICES}
    paid = event("DepositExecuted", rev=7, market_token=PURE, report={"params": params})
    (one,) = flows(instruction("execute_deposit", paid, committed(PURE)))
    assert (one.mint, one.amount, one.value_usd_e6) == (SHORT, Decimal(1), 1_000_000)


def test_an_unknown_market_keeps_usd_and_the_gm_side():
    paid = deposit(10**9, 0, minted=10**9)
    (one,) = flows(instruction("execute_deposit", paid, committed()), reference=Reference())
    assert (one.mint, one.amount, one.value_usd_e6, one.lp_amount) == (None, None, 100_000_000, Decimal(1))


@pytest.mark.parametrize("ghost", [deposit(1, 1), withdrawal(1, 1)])
def test_without_its_commit_proof_a_flow_is_a_ghost(ghost):
    assert not flows(instruction("execute_deposit", committed(rev=6), ghost, committed(rev=8)))


# --- who -----------------------------------------------------------------------------------------------------------


def test_the_provider_is_the_owner_that_the_same_transaction_names():
    executed = instruction("execute_deposit", deposit(1, 0), committed(), deposit=ACTION)
    closed = instruction("close_deposit", removed("DepositRemoved", deposit=ACTION, owner=TRADER))
    stranger = instruction("close_deposit", removed("DepositRemoved", deposit=key(21), owner=key(22)))
    assert [one.provider for one in flows(executed, stranger, closed)] == [TRADER]
    assert [one.provider for one in flows(executed, stranger)] == [None]


# --- shifts --------------------------------------------------------------------------------------------------------


def shift_legs() -> tuple[bytes, ...]:
    return withdrawal(10**9, 0), deposit(10**9, 0, market=SECOND), committed(), committed(SECOND)


def test_both_legs_of_a_shift_are_internal():
    executed = instruction("execute_shift", *shift_legs(), shift=ACTION)
    closed = instruction("close_shift", removed("ShiftRemoved", shift=ACTION, owner=TRADER))
    out, back = flows(executed, closed)
    assert [(out.flow, out.internal), (back.flow, back.internal)] == [("withdraw", True), ("deposit", True)]
    assert out.provider == back.provider == TRADER
    assert out.action_key == back.action_key == ACTION


def test_a_glv_shift_is_internal_and_belongs_to_the_glv():
    legs = flows(instruction("execute_glv_shift", *shift_legs(), glv=key(30), glv_shift=ACTION))
    assert [(one.internal, one.provider, one.action_key) for one in legs] == [(True, key(30), ACTION)] * 2


def test_in_an_unknown_instruction_both_legs_together_are_a_shift():
    assert [one.internal for one in flows(unknown_instruction(*shift_legs()))] == [True, True]
    assert [one.internal for one in flows(unknown_instruction(deposit(1, 0), committed()))] == [False]


# --- GLV -----------------------------------------------------------------------------------------------------------


def test_a_glv_deposit_is_an_internal_glv_row_beside_the_gm_flow_it_causes():
    events = (
        deposit(10**9, 0, minted=90 * 10**9),
        glv_pricing("Deposit", gm=90 * 10**9, glv=45 * 10**9, value=400 * E20, supply=200 * 10**9, worth=89 * E20),
        committed(),
    )
    closed = instruction("close_glv_deposit", removed("GlvDepositRemoved", glv_deposit=ACTION, owner=TRADER))
    gm, glv = flows(instruction("execute_glv_deposit", *events, glv_deposit=ACTION), closed)
    assert (gm.venue, gm.internal, gm.mint) == ("gm", False, LONG)
    assert (glv.venue, glv.venue_key, glv.internal, glv.flow) == ("glv", base58.encode(GLV), True, "deposit")
    assert (glv.mint, glv.amount, glv.value_usd_e6) == (MARKET, Decimal(90), 89_000_000)
    assert (glv.lp_mint, glv.lp_amount, glv.lp_price_usd) == (GLV, Decimal(45), Decimal(2))
    assert gm.provider == glv.provider == TRADER
    assert gm.action_key == glv.action_key == ACTION


def test_a_glv_withdrawal_burns_glv_and_gives_gm():
    events = glv_pricing("Withdrawal", gm=9 * 10**9, glv=4 * 10**9), withdrawal(10**9, 0), committed()
    glv, gm = flows(instruction("execute_glv_withdrawal", *events, glv_withdrawal=ACTION))
    assert glv.action_key == gm.action_key == ACTION
    assert (glv.flow, glv.amount, glv.lp_amount, glv.internal) == ("withdraw", Decimal(9), Decimal(4), True)
    assert (gm.flow, gm.internal) == ("withdraw", False)


def test_a_glv_deposit_of_gm_alone_is_proved_by_any_later_commit_of_its_market():
    pricing = glv_pricing("Deposit", gm=1, glv=1)
    assert len(flows(instruction("execute_glv_deposit", pricing, committed()))) == 1
    assert not flows(instruction("execute_glv_deposit", committed(), pricing))
    assert not flows(instruction("execute_glv_deposit", pricing, committed(SECOND)))
    assert not flows(instruction("execute_glv_deposit", pricing), instruction("market_transfer_in", committed()))


def test_tokens_returned_after_a_failed_glv_deposit_do_not_commit_it():
    failed = committed(rev=6), deposit(1, 1, rev=7), glv_pricing("Deposit", gm=1, glv=1), committed(rev=8)
    assert not flows(instruction("execute_glv_deposit", *failed))


def test_the_gm_leg_of_another_market_neither_proves_nor_disproves_a_glv_row():
    hop = swap(1, 1, market=SECOND)
    executed = instruction("execute_glv_deposit", hop, deposit(1, 0), glv_pricing("Deposit", gm=1, glv=1), committed())
    assert [one.venue for one in flows(executed)] == ["gm", "glv"]


def test_another_stores_flows_give_no_row():
    assert not flows(instruction("execute_deposit", deposit(1, 1), committed(), store=key(50)))
