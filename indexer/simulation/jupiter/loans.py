"""What moves tokens of the pool and has no row: loans against JLP, staked SOL, fees that are withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import msgspec

from indexer.simulation.instructions import fixed_key
from indexer.simulation.jupiter.pool import BPS, JLP, POOL, PROTOCOL_SHARE_BPS, Custody, Pool
from indexer.simulation.jupiter.trades import IDL
from indexer.simulation.packing import pack
from indexer.simulation.script import Emit

INTEREST_SCALE = 10**9
MARGIN_BPS = 8_000  # A loan is worth at most this part of its collateral.


class Loan(msgspec.Struct, eq=False):
    """One owner's loan of the stable token against JLP."""

    key: bytes
    owner: bytes
    collateral: int = 0  # JLP, 6 decimals.
    debt: int = 0  # Smallest units of the custody's token.


def put_in(loan: Loan, custody: Custody, amount: int, time: int) -> Emit:
    loan.collateral += amount
    values = {"depositAmount": amount, "userTokenAccount": loan.owner, "time": time}
    return _emit("DepositCollateralEvent", _of_loan(loan, custody) | values)


def take_out(pool: Pool, loan: Loan, custody: Custody, amount: int, time: int) -> Emit:
    before = loan.collateral
    loan.collateral -= amount
    values = {
        "withdrawAmount": amount,
        "userTokenAccount": loan.owner,
        "custody": custody.key,
        "previousCollateralAmount": before,
        "collateralAmount": loan.collateral,
        "time": time,
    }
    return _emit("WithdrawCollateralEvent", _of_loan(loan, custody) | values | _worth(pool, loan))


def borrow(pool: Pool, loan: Loan, custody: Custody, amount: int, time: int) -> Emit:
    loan.debt += amount
    custody.lent += amount
    custody.held -= amount
    values = {"sizeCustodyToken": amount, "collateralAmount": loan.collateral, "updateTime": time}
    return _emit("BorrowFromCustodyEvent", _of_loan(loan, custody) | values | _worth(pool, loan))


def repay(loan: Loan, custody: Custody, amount: int, end: str | None, time: int) -> Emit:
    interest = amount // 10_000
    loan.debt -= amount
    custody.lent -= amount
    custody.held += amount + interest
    values = {"sizeCustodyToken": amount, "updateTime": time, "interest": interest * INTEREST_SCALE}
    return _emit("RepayToCustodyEvent", _of_loan(loan, custody) | values, end)


def liquidate_loan(pool: Pool, loan: Loan, custody: Custody, time: int) -> Emit:
    """The liquidator pays the debt back and takes the collateral."""
    worth = _worth(pool, loan)["collateralAmountUsd"]
    values = {
        "positionKey": loan.key,
        "positionCustody": custody.key,
        "positionSizeUsd": custody.usd(loan.debt),
        "owner": loan.owner,
        "pool": POOL,
        "collateralLockedInUsd": worth,
        "collateralLockedInLp": loan.collateral,
        "custodyTokenPrice": custody.price_e6,
        "totalBorrowsInUsd": custody.usd(loan.debt),
        "liquidationFeeUsd": worth // 100,
        "liquidationTime": time,
    }
    custody.lent -= loan.debt
    custody.held += loan.debt
    loan.collateral = loan.debt = 0
    return _emit("LiquidateBorrowPositionEvent", values)


def _of_loan(loan: Loan, custody: Custody) -> dict[str, Any]:
    return {
        "owner": loan.owner,
        "pool": POOL,
        "positionKey": loan.key,
        "positionMint": JLP,
        "positionCustody": custody.key,
    }


def _worth(pool: Pool, loan: Loan) -> dict[str, Any]:
    worth = pool.value_e6() * loan.collateral // pool.supply
    return {"collateralAmountUsd": worth, "marginUsd": worth * MARGIN_BPS // BPS}


def stake(rng: Random, custody: Custody, kind: str, time: int) -> Emit:
    """`kind`: Delegate, Redeem or Withdraw. Staked SOL still belongs to the custody."""
    account, total = fixed_key(f"stake {rng.randrange(8)}"), custody.held // 2
    values: dict[str, Any] = {"custody": custody.key, "stakeAccount": account, "stakeInfo": account}
    values |= {"custodyTotalStakedAmount": total, f"{kind.lower()}Time": time}
    if kind == "Delegate":
        values |= {"stakeAmount": total // 1000, "validatorVoteAccount": fixed_key("validator")}
    else:
        values |= {"stakeRewards": total // 10_000, "totalStakingRewards": total // 1_000}
    return _emit(f"{kind}StakeEvent", values)


def withdraw_fees(custody: Custody, time: int) -> Emit:
    """The protocol takes its share of the fees since the last time out of the pool."""
    total, protocol = custody.trade_fees, custody.reserve
    custody.held -= custody.reserve
    custody.reserve = custody.trade_fees = 0
    assert protocol <= total * PROTOCOL_SHARE_BPS // BPS, "the protocol's share was rounded down each time"
    values = {
        "pool": POOL,
        "custody": custody.key,
        "custodyMint": custody.mint,
        "receivingTokenAccount": fixed_key("protocol fees"),
        "totalTradeSwapFees": total,
        "poolTradeSwapFees": total - protocol,
        "protocolTradeSwapFees": protocol,
        "poolTotalFeesUsd": custody.usd(total - protocol),
        "curtime": time,
    }
    return _emit("WithdrawFeesEvent", values)


def _emit(event: str, values: Mapping[str, Any], end: str | None = None) -> Emit:
    return Emit(pack(IDL, event, end=end, **values), event, "cpi")
