"""The lending pool: deposits, withdrawals, borrowing, transfers between accounts, and interest.

A record of a movement carries the state of its market afterwards, and so does one of interest: both are observations.
"""

from __future__ import annotations

from typing import Any, Literal

from indexer.core.record import LpFlow, TvlObservation
from indexer.simulation.drift.books import Spot, User
from indexer.simulation.drift.fills import token_price_row
from indexer.simulation.drift.stage import Stage
from indexer.simulation.figures import decimal
from indexer.simulation.script import NOWHERE, Emit, Part, Script

Explanation = Literal["None", "Transfer", "Borrow", "RepayBorrow", "Reward"]
MEDIAN_USD = 1_500


class Lenders:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def act(self) -> Script:
        kinds = (
            self._deposit,
            self._deposit,
            self._withdraw,
            self._withdraw,
            self._transfer,
            self._interest,
            self._reward,
        )
        return self._stage.choice(kinds)()

    def _deposit(self) -> Script:
        """Who owes repays first."""
        stage = self._stage
        (user,) = stage.some_users(1)
        spot = stage.choice(user.spots)
        explanation: Explanation = "RepayBorrow" if user.balances.get(spot.index, 0) < 0 else "None"
        moved = movement(stage, user, spot, stage.raw(spot, MEDIAN_USD * stage.rates.flow_times), explanation)
        parts = (interest(stage, spot), stage.transfer(), moved)
        return stage.script(stage.invoke("deposit", *parts, accounts=(user.account, user.authority)))

    def _withdraw(self) -> Script:
        """Who takes out more than is there borrows the rest."""
        stage = self._stage
        (user,) = stage.some_users(1)
        spot = stage.choice(user.spots)
        amount = stage.raw(spot, MEDIAN_USD * stage.rates.flow_times)
        explanation: Explanation = "Borrow" if amount > user.balances.get(spot.index, 0) else "None"
        moved = movement(stage, user, spot, -amount, explanation)
        parts = (interest(stage, spot), moved, stage.transfer())
        return stage.script(stage.invoke("withdraw", *parts, accounts=(user.account, user.authority)))

    def _transfer(self) -> Script:
        """Between two accounts: a withdrawal and a deposit, and no token moves."""
        stage = self._stage
        (giver, taker), spot = stage.some_users(2), stage.choice(stage.books.spots)
        amount = stage.raw(spot, MEDIAN_USD * stage.rates.flow_times)
        taken = movement(stage, giver, spot, -amount, "Transfer", other=taker)
        given = movement(stage, taker, spot, amount, "Transfer", other=giver)
        return stage.script(stage.invoke("transferDeposit", taken, given, accounts=(giver.account, taker.account)))

    def _interest(self) -> Script:
        """Anyone may have interest accrue, in several markets at once."""
        stage = self._stage
        emits = [interest(stage, spot) for spot in stage.rng.sample(stage.books.spots, stage.rng.randint(1, 3))]
        return stage.script(*(stage.invoke("updateSpotMarketCumulativeInterest", emit) for emit in emits))

    def _reward(self) -> Script:
        """A gift to a user; or one to all lenders, which has no row."""
        stage = self._stage
        user, spot = stage.some_users(1)[0], stage.books.quote
        if stage.chance(0.5):
            moved = movement(stage, user, spot, stage.raw(spot, 20), "Reward")
            return stage.script(stage.invoke("adminDeposit", stage.transfer(), moved, accounts=(user.account,)))
        gift: Part = stage.event(
            "SpotMarketVaultDepositRecord", ts=stage.time, marketIndex=spot.index, amount=stage.raw(spot, 20)
        )
        return stage.script(stage.invoke("depositIntoSpotMarketVault", stage.transfer(), gift))


def movement(
    stage: Stage,
    user: User,
    spot: Spot,
    amount: int,
    explanation: Explanation,
    *,
    other: User | None = None,
    via: bytes | None = None,
) -> Emit:
    """A DepositRecord; a negative amount is taken out. `via`: the strategy vault that acts for others."""
    after, moved = user.move(spot, amount), abs(amount)
    number, end = spot.next_deposit(), stage.end("DepositRecord")
    flow = LpFlow(
        origin=NOWHERE,
        venue="drift_lending",
        venue_key=spot.key,
        flow="deposit" if amount > 0 else "withdraw",
        provider=user.authority,
        mint=spot.mint,
        amount=spot.tokens(moved),
        value_usd_e6=spot.usd_e6(moved),
        explanation=None if explanation == "None" else explanation,
        via=via,
        internal=explanation == "Transfer",
        sequence=number,
    )
    told: dict[str, Any] = {
        "userAuthority": user.authority,
        "user": user.account,
        "direction": "Deposit" if amount > 0 else "Withdraw",
        "depositRecordId": number,
        "amount": moved,
        "explanation": explanation,
        "transferUser": other.account if other else None,
    }
    told |= {} if end else {"signer": user.authority, "userTokenAmountAfter": after}
    rows = [flow, state_row(spot, is_priced=True), token_price_row(spot, spot.price_e6)]
    return stage.event("DepositRecord", rows, end=end, ts=stage.time, **told, **_state(spot))


def _state(spot: Spot) -> dict[str, Any]:
    """What a DepositRecord tells of its market."""
    return {
        "marketIndex": spot.index,
        "oraclePrice": spot.price_e6,
        "marketDepositBalance": spot.deposit_balance,
        "marketWithdrawBalance": spot.borrow_balance,
        "marketCumulativeDepositInterest": spot.deposit_interest,
        "marketCumulativeBorrowInterest": spot.borrow_interest,
        "totalDepositsAfter": spot.deposits,
    }


def interest(stage: Stage, spot: Spot) -> Emit:
    """A SpotInterestRecord."""
    return stage.event(
        "SpotInterestRecord",
        [state_row(spot, is_priced=False)],
        ts=stage.time,
        marketIndex=spot.index,
        depositBalance=spot.deposit_balance,
        cumulativeDepositInterest=spot.deposit_interest,
        borrowBalance=spot.borrow_balance,
        cumulativeBorrowInterest=spot.borrow_interest,
        optimalUtilization=700_000,
        optimalBorrowRate=60_000,
        maxBorrowRate=500_000,
    )


def state_row(spot: Spot, *, is_priced: bool) -> TvlObservation:
    """What is lent less what is owed, in dollars where the event has a price."""
    lent, owed = spot.lent(), spot.owed()
    return TvlObservation(
        origin=NOWHERE,
        component="lending",
        component_key=spot.key,
        mint=spot.mint,
        amount=decimal(lent - owed, spot.decimals) if spot.is_known else None,
        deposits=spot.tokens(lent),
        borrows=spot.tokens(owed),
        value_usd_e6=spot.usd_e6(lent - owed) if is_priced else None,
        value_origin="event",
    )
