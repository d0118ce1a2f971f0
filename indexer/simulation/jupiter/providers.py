"""Liquidity providers, people who swap, borrowers, and the protocol itself: everything but trading."""

from __future__ import annotations

from indexer.simulation.jupiter import loans
from indexer.simulation.jupiter.liquidity import deposit, withdrawal
from indexer.simulation.jupiter.loans import Loan
from indexer.simulation.jupiter.pool import Custody
from indexer.simulation.jupiter.stage import Stage
from indexer.simulation.jupiter.swaps import Purpose, pool_swap, pool_swap_exact_out, swapped
from indexer.simulation.script import Emit, Invoke, Script

USUAL_FLOW, USUAL_SWAP = 5_000_000_000, 1_500_000_000  # Micro-dollars.
LARGEST_PART = 200  # A single flow or swap takes at most one part in this many.


class Providers:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._loans = [Loan(stage.new_key(), owner) for owner in stage.owners[:8]]

    # --- liquidity ---

    def liquidity(self) -> Script | None:
        """A deposit or a withdrawal, sometimes two in one transaction."""
        calls = [call for _ in range(2 if self._stage.chance(0.1) else 1) if (call := self._flow())]
        return self._stage.script(*calls) if calls else None

    def _flow(self) -> Invoke | None:
        stage, pool = self._stage, self._stage.pool
        owner, custody = stage.choice(stage.owners), stage.choice(pool.custodies)
        usd, is_known, fee_bps = (
            stage.amount(USUAL_FLOW),
            not stage.chance(stage.rates.unknown),
            stage.rng.randint(0, 60),
        )
        provider = owner if is_known else None
        if stage.chance(0.55):
            name, emit = "addLiquidity", deposit(pool, custody, custody.tokens(usd), fee_bps, provider)
        else:
            most = min(usd, custody.usd(custody.held - custody.reserve) // LARGEST_PART)
            burned = most * pool.supply // pool.value_e6()
            name, emit = "removeLiquidity", withdrawal(pool, custody, burned, fee_bps, provider)
        if emit is None:
            return None
        if not is_known:
            return stage.instructions.unknown(f"{name}3", emit, accounts=(owner, custody.key))
        return stage.invoke(stage.choice((name, f"{name}2")), emit, owner=owner, custody=custody.key)

    # --- swaps ---

    def swap(self) -> Script | None:
        """One swap, or a route of several through the same pool."""
        stage = self._stage
        owner = stage.choice(stage.owners)
        hops = 2 if stage.chance(0.1) else 1
        return stage.script(*(self._swap(owner) for _ in range(hops)))

    def _swap(self, owner: bytes) -> Invoke:
        stage = self._stage
        taken, given = stage.rng.sample(stage.pool.custodies, 2)
        usd, fee_bps = self._within(given, stage.amount(USUAL_SWAP)), stage.rng.randint(0, 30)
        name = stage.choice(("swap", "swap2", "swap2", "swapWithTokenLedger", "swapExactOut"))
        is_known = not stage.chance(stage.rates.unknown)
        purpose: Purpose | None = "swap" if is_known else None
        if name == "swapExactOut":
            emit = pool_swap_exact_out(owner, taken, given, given.tokens(usd) + 1, fee_bps, purpose)
        else:
            emit = pool_swap(swapped(owner, taken, given, taken.tokens(usd) + 1, fee_bps), purpose)
        if not is_known:
            return stage.instructions.unknown("swap3", emit, accounts=(owner,))
        return stage.invoke(name, emit, owner=owner)

    @staticmethod
    def _within(custody: Custody, usd: int) -> int:
        return min(usd, custody.usd(custody.held - custody.reserve) // LARGEST_PART)

    # --- without rows ---

    def loan(self) -> Script | None:
        stage = self._stage
        sol, usdc = stage.pool.markets[0], stage.pool.stables[0]
        kind = stage.rng.randrange(6)
        if kind < 3:
            return self._loan(stage.choice(self._loans), usdc)
        if kind < 5:
            name = stage.choice(("Delegate", "Redeem", "Withdraw"))
            return self._silent(f"{name.lower()}StakedSol", loans.stake(stage.rng, sol, name, stage.time))
        return self._silent("withdrawFees2", loans.withdraw_fees(stage.choice(stage.pool.custodies), stage.time))

    def _loan(self, loan: Loan, usdc: Custody) -> Script:
        """The next step in a loan's life: collateral, borrow, repay or be liquidated, take the collateral back."""
        stage, pool, now = self._stage, self._stage.pool, self._stage.time
        if not loan.collateral:
            emit = loans.put_in(loan, usdc, stage.amount(USUAL_FLOW), now)
            return stage.script(stage.invoke("depositCollateralForBorrows", emit, owner=loan.owner))
        if not loan.debt and stage.chance(0.3):
            emit = loans.take_out(pool, loan, usdc, loan.collateral // stage.rng.randint(1, 3), now)
            return stage.script(stage.invoke("withdrawCollateralForBorrows", emit, owner=loan.owner))
        if not loan.debt:
            emit = loans.borrow(pool, loan, usdc, loan.collateral // 2 + 1, now)
            return stage.script(stage.invoke("borrowFromCustody", emit, owner=loan.owner))
        if stage.chance(0.25):
            emit = loans.liquidate_loan(pool, loan, usdc, now)
            return stage.script(stage.invoke("liquidateBorrowPosition", emit))
        end = "updateTime" if stage.chance(stage.rates.older) else None
        emit = loans.repay(loan, usdc, loan.debt, end, now)
        return stage.script(stage.invoke("repayToCustody", emit, owner=loan.owner))

    def _silent(self, name: str, emit: Emit) -> Script:
        return self._stage.script(self._stage.instructions.unknown(name, emit))
