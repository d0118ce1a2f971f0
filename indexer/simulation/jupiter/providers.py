"""Liquidity providers, people who swap, borrowers, and the protocol itself: everything but trading."""

from __future__ import annotations

from indexer.simulation.jupiter import loans
from indexer.simulation.jupiter.liquidity import deposit, withdrawal
from indexer.simulation.jupiter.loans import Loan
from indexer.simulation.jupiter.pool import Custody
from indexer.simulation.jupiter.stage import Stage
from indexer.simulation.jupiter.swaps import Exchange, Purpose, pool_swap, swapped, swapped_exact_out
from indexer.simulation.script import Emit, Invoke, Script

USUAL_FLOW, USUAL_SWAP = 5_000_000_000, 1_500_000_000  # Micro-dollars.
LARGEST_PART = 200  # One part in this many.


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
        owner, custody = stage.choice(stage.owners), stage.custody()
        usd, fee_bps = stage.amount(USUAL_FLOW * stage.rates.flow_times), stage.fee_bps(60)
        is_known = not stage.chance(stage.rates.unknown)
        provider = owner if is_known else None
        if stage.chance(0.55):
            name, emit = "addLiquidity", deposit(pool, custody, custody.tokens(usd), fee_bps, provider)
        else:
            burned = _within(custody, usd) * pool.supply // pool.value_e6()
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
        if stage.chance(stage.rates.unknown):
            given = stage.pool.unlisted
        usual = USUAL_SWAP * stage.rates.flow_times
        usd, is_known = _within(given, stage.amount(usual)), not stage.chance(stage.rates.unknown)
        name = stage.choice(("swap", "swap2", "swap2", "swapWithTokenLedger", "swapExactOut"))
        purpose: Purpose | None = "swap" if is_known else None
        emits = [pool_swap(self._exchange(name, owner, taken, given, usd), purpose)]
        if stage.chance(0.05):  # There, and half of it back.
            back = swapped(owner, given, taken, given.tokens(usd) // 2 + 1, stage.fee_bps(30))
            emits.append(pool_swap(back, purpose, hop=1))
        if not is_known:
            return stage.instructions.unknown("swap3", *emits, accounts=(owner,))
        return stage.invoke(name, *emits, owner=owner)

    def _exchange(self, name: str, owner: bytes, taken: Custody, given: Custody, usd: int) -> Exchange:
        fee_bps = self._stage.fee_bps(30)
        if name == "swapExactOut":
            return swapped_exact_out(owner, taken, given, given.tokens(usd) + 1, fee_bps)
        return swapped(owner, taken, given, taken.tokens(usd) + 1, fee_bps)

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
        if stage.chance(0.15):
            emit = loans.liquidate_loan(pool, loan, usdc, now)
            return stage.script(stage.invoke("liquidateBorrowPosition", emit))
        amount = -(-loan.debt // stage.rng.randint(1, 3))
        emit = loans.repay(loan, usdc, amount, stage.end("RepayToCustodyEvent"), now)
        return stage.script(stage.invoke("repayToCustody", emit, owner=loan.owner))

    def _silent(self, name: str, emit: Emit) -> Script:
        return self._stage.script(self._stage.instructions.unknown(name, emit))


def _within(custody: Custody, usd: int) -> int:
    """A single flow or swap takes only so much of what there is."""
    return min(usd, custody.usd(custody.held - custody.reserve) // LARGEST_PART)
