"""Requests and GT. Synthetic events."""

from decimal import Decimal

import msgspec
import pytest

from indexer.core import base58
from indexer.core.protocol import process
from indexer.core.record import ActionRecord, Incentive
from indexer.protocols.gmx_solana import STORE
from tests.unit.protocols.gmx_world import (
    MARKET,
    REFERENCE,
    TRADER,
    event,
    instruction,
    only,
    protocol,
    records,
    removed,
    transaction,
)
from tests.world import key

ACTION = key(20)


@pytest.mark.parametrize(
    ("name", "field", "closing"),
    [
        ("OrderRemoved", "order", "close_order_v2"),
        ("DepositRemoved", "deposit", "close_deposit"),
        ("WithdrawalRemoved", "withdrawal", "close_withdrawal"),
        ("ShiftRemoved", "shift", "close_shift"),
        ("GlvDepositRemoved", "glv_deposit", "close_glv_deposit"),
        ("GlvWithdrawalRemoved", "glv_withdrawal", "close_glv_withdrawal"),
    ],
)
def test_the_end_of_a_request_names_its_owner_and_receiver(name, field, closing):
    end = removed(name, owner=TRADER, **{field: ACTION})
    (one,) = only(ActionRecord, instruction(closing, end, receiver=key(21)))
    assert (one.action_key, one.action_kind, one.owner, one.receiver) == (ACTION, field, TRADER, key(21))
    assert (one.state, one.market_key) == ("completed", base58.encode(MARKET))


def test_a_removed_glv_shift_is_told_from_a_shift_by_its_instruction():
    (one,) = only(ActionRecord, instruction("close_glv_shift", removed("ShiftRemoved", shift=ACTION)))
    assert one.action_kind == "glv_shift"


def test_a_removed_order_tells_its_kind_and_state():
    end = removed("OrderRemoved", order=ACTION, kind="StopLossDecrease", state="Cancelled")
    (one,) = only(ActionRecord, instruction("close_order_v2", end))
    assert (one.order_kind, one.state) == ("stop_loss_decrease", "cancelled")


@pytest.mark.parametrize(
    ("told", "state"), [("Pending", "cancelled"), ("Completed", "completed"), ("Cancelled", "cancelled")]
)
def test_a_removed_request_is_completed_or_cancelled_and_never_pending(told, state):
    (one,) = only(ActionRecord, instruction("close_deposit", removed("DepositRemoved", deposit=ACTION, state=told)))
    assert one.state == state


@pytest.mark.parametrize("is_create", [True, False])
def test_an_order_is_pending_when_it_is_created_and_when_it_is_changed(is_create):
    values = {"store": STORE, "order": ACTION, "owner": TRADER, "params": {"kind": "LimitIncrease"}}
    (one,) = only(ActionRecord, instruction("create_order_v2", event("OrderUpdated", is_create=is_create, **values)))
    assert (one.action_kind, one.order_kind, one.state, one.owner) == ("order", "limit_increase", "pending", TRADER)


def test_a_request_has_its_own_time_while_it_is_provisional():
    end = instruction("close_order_v2", removed("OrderRemoved", order=ACTION, ts=1_750_000_000))
    tx = msgspec.structs.replace(transaction(end), block_time=None, tx_index=None)
    (one,) = process(tx, [protocol()], REFERENCE).records
    assert one.origin.block_time == 1_750_000_000


def test_a_request_of_a_block_without_a_time_has_none():
    end = instruction("close_order_v2", removed("OrderRemoved", order=ACTION, ts=1_750_000_000))
    tx = msgspec.structs.replace(transaction(end), block_time=None, tx_index=3)
    (one,) = process(tx, [protocol()], REFERENCE).records
    assert one.origin.block_time is None


def test_another_stores_request_gives_no_row():
    assert not records(instruction("close_order_v2", removed("OrderRemoved", store=key(50))))


@pytest.mark.parametrize(("kind", "ours"), [("Reward", "gt_reward"), ("Mint", "gt_mint"), ("Burn", "gt_burn")])
def test_gt_has_7_decimals_and_its_kind_tells_the_sign(kind, ours):
    told = event("GtUpdated", kind=kind, receiver=TRADER, receiver_delta=15_000_000, supply=20_000_000)
    (one,) = only(Incentive, instruction("mint_gt_reward", told))
    assert (one.incentive_kind, one.account) == (ours, TRADER)
    assert (one.amount, one.supply_after) == (Decimal("1.5"), Decimal(2))


def test_gt_without_a_receiver_has_no_account():
    (one,) = only(Incentive, instruction("confirm_gt_exchange_vault", event("GtUpdated")))
    assert (one.account, one.amount) == (None, 0)


@pytest.mark.parametrize(
    "name",
    [
        "MarketFeesUpdated",
        "BorrowingFeesUpdated",
        "GtBuyback",
        "InsufficientFundingFeePayment",
        "BuilderFeeCharged",
        "BuilderFeeSettled",
        "BuilderFeeFactorSet",
        "PositionIncreased",
        "PositionDecreased",
    ],
)
def test_some_events_have_no_record_of_their_own(name):
    assert not records(instruction("execute_decrease_order_v2", event(name)))
