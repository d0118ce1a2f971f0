"""The insurance fund: stakers who come, ask and go, revenue that fills it and deficits that drain it."""

from __future__ import annotations

from collections.abc import Callable

from indexer.core.record import LpFlow, Record, TvlObservation
from indexer.simulation.drift.books import Spot, User
from indexer.simulation.drift.stage import Stage
from indexer.simulation.script import NOWHERE, Emit, Script

# What an action does to the vault; one that is not here moves nothing and is no flow.
MOVES = {"Stake": 1, "Unstake": -1, "AdminDeposit": 1, "UnstakeTransfer": 0, "StakeTransfer": 0}
REQUESTS = ("UnstakeRequest", "UnstakeCancelRequest")


class Stakers:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def act(self) -> Script:
        moves: tuple[Callable[[], Script], ...] = (
            self._stake, self._stake, self._stake, self._moved_stake,
            self._revenue, self._rebalanced, self._to_revenue_pool, self._admin,
        )  # fmt: skip
        return self._stage.choice(moves)()

    def _market(self) -> Spot:
        return self._stage.choice(self._stage.books.spots)

    def _stake(self) -> Script:
        stage = self._stage
        user, spot = stage.some_users(1)[0], self._market()
        action = stage.choice(("Stake", "Stake", "Unstake", "AdminDeposit", *REQUESTS))
        emit = self._record(user, spot, action, self._amount(spot))
        name = "addInsuranceFundStake" if action == "Stake" else "removeInsuranceFundStake"
        return stage.script(stage.invoke(name, stage.transfer(), emit, accounts=(user.authority,)))

    def _moved_stake(self) -> Script:
        """From one owner to another: two records, and no token moves."""
        stage = self._stage
        (giver, taker), spot = stage.some_users(2), self._market()
        amount = self._amount(spot)
        taken = self._record(giver, spot, "UnstakeTransfer", amount)
        given = self._record(taker, spot, "StakeTransfer", amount)
        accounts = giver.authority, taker.authority
        return stage.script(stage.invoke("transferInsuranceFundStake", taken, given, accounts=accounts))

    def _amount(self, spot: Spot) -> int:
        return min(self._stage.raw(spot, 1_000 * self._stage.rates.flow_times), spot.insurance.amount // 2 + 1)

    def _record(self, user: User, spot: Spot, action: str, amount: int) -> Emit:
        stage, fund = self._stage, spot.insurance
        before = fund.amount
        moved = MOVES.get(action, 0) * amount
        fund.amount, fund.shares = fund.amount + moved, max(1, fund.shares + moved)
        rows: list[Record] = (
            [_flow(user, spot, action, amount), vault_row(spot, fund.amount)] if action in MOVES else []
        )
        return stage.event(
            "InsuranceFundStakeRecord",
            rows,
            ts=stage.time,
            userAuthority=user.authority,
            action=action,
            amount=amount,
            marketIndex=spot.index,
            insuranceVaultAmountBefore=before,
            totalIfSharesBefore=fund.shares - moved if fund.shares > moved else 0,
            totalIfSharesAfter=fund.shares,
        )

    # --- what the protocol moves: observations alone ---

    def _revenue(self) -> Script:
        """Revenue comes in, or a deficit of a perp market is paid for."""
        stage, spot = self._stage, self._market()
        amount = self._amount(spot) * stage.choice((1, 1, -1))
        emit = stage.event(
            "InsuranceFundRecord",
            [vault_row(spot, spot.insurance.amount + amount)],
            ts=stage.time,
            spotMarketIndex=spot.index,
            perpMarketIndex=0 if amount > 0 else stage.choice(stage.books.perps).index,
            insuranceVaultAmountBefore=spot.insurance.amount,
            amount=amount,
        )
        spot.insurance.amount += amount
        return stage.script(stage.invoke("settleRevenueToInsuranceFund", stage.transfer(), emit))

    def _rebalanced(self) -> Script:
        """Tokens of one vault for those of another."""
        stage = self._stage
        paid, bought = stage.rng.sample(stage.books.spots, 2)
        paid.insurance.amount += self._amount(paid)
        bought.insurance.amount -= self._amount(bought)
        rows = vault_row(paid, paid.insurance.amount), vault_row(bought, bought.insurance.amount, part=1)
        emit = stage.event(
            "InsuranceFundSwapRecord",
            rows,
            ts=stage.time,
            rebalanceConfig=stage.keepers[0],
            inFundVaultAmountAfter=paid.insurance.amount,
            outFundVaultAmountAfter=bought.insurance.amount,
            inMarketIndex=paid.index,
            outMarketIndex=bought.index,
            outOraclePrice=bought.price_e6,
        )
        return stage.script(stage.invoke("endInsuranceFundSwap", stage.transfer(), emit))

    def _to_revenue_pool(self) -> Script:
        """The protocol's own shares. `transferAmount` is a running sum."""
        stage, spot = self._stage, self._market()
        before, amount = spot.insurance.amount, self._amount(spot)
        spot.insurance.amount -= amount
        emit = stage.event(
            "TransferProtocolIfSharesToRevenuePoolRecord",
            [vault_row(spot, spot.insurance.amount)],
            ts=stage.time,
            marketIndex=spot.index,
            amount=amount,
            shares=amount,
            ifVaultAmountBefore=before,
            transferAmount=amount * 7,
        )
        return stage.script(stage.invoke("transferProtocolIfSharesToRevenuePool", emit))

    def _admin(self) -> Script:
        stage, spot = self._stage, self._market()
        before, amount = spot.insurance.amount, self._amount(spot)
        spot.insurance.amount -= amount
        emit = stage.event(
            "AdminWithdrawFromInsuranceFundRecord",
            [vault_row(spot, spot.insurance.amount)],
            ts=stage.time,
            marketIndex=spot.index,
            admin=stage.keepers[0],
            amount=amount,
            insuranceFundVaultAmountBefore=before,
        )
        return stage.script(stage.invoke("adminWithdrawFromInsuranceFund", stage.transfer(), emit))


def _flow(user: User, spot: Spot, action: str, amount: int) -> LpFlow:
    return LpFlow(
        origin=NOWHERE,
        venue="drift_insurance",
        venue_key=spot.key,
        flow="withdraw" if action.startswith("Unstake") else "deposit",
        provider=user.authority,
        mint=spot.mint,
        amount=spot.tokens(amount),
        explanation=action,
        internal=action in ("UnstakeTransfer", "StakeTransfer"),
    )


def vault_row(spot: Spot, amount: int, part: int = 0) -> TvlObservation:
    return TvlObservation(
        origin=NOWHERE,
        part=part,
        component="insurance_fund",
        component_key=spot.key,
        mint=spot.mint,
        amount=spot.tokens(amount),
        value_origin="event",
    )
