"""Strategy vaults: a second program that deposits into Drift for others, so that one movement is told twice.

The vault's record comes first, then Drift is called with the vault as the depositor. The vault's own row is internal;
the deposit names the vault it came through.
"""

from __future__ import annotations

from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.record import LpFlow, Record, TvlObservation
from indexer.simulation.drift.books import Spot, User
from indexer.simulation.drift.lending import interest, movement
from indexer.simulation.drift.stage import Stage
from indexer.simulation.figures import decimal
from indexer.simulation.script import NOWHERE, Emit, Invoke, Script

SIGNS = {"Deposit": 1, "Withdraw": -1}
REQUESTS = ("WithdrawRequest", "CancelWithdrawRequest")
OTHERS = ("FeePayment", "TokenizeShares", "RedeemTokens")


class Vault(msgspec.Struct, eq=False):
    """`user`: its account on Drift, whose authority the vault is. `equity`: smallest units of the deposit token."""

    user: User
    spot: Spot
    is_v1: bool  # A vault with a protocol, which has records of its own.
    equity: int
    shares: int

    @property
    def key(self) -> bytes:
        return self.user.authority


class Depositors:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.vaults = [self._vault(n) for n in range(stage.rates.vaults)]

    def act(self) -> Script:
        """Most depositors come or go; some only ask to, pay fees or change the form of their shares."""
        stage = self._stage
        vault, owner = stage.choice(self.vaults), stage.some_users(1)[0]
        kind = stage.rng.random()
        if kind < 0.65:
            return self._move(vault, owner, 1 if kind < 0.4 else -1)
        if kind < 0.9:
            emit = self._record(vault, owner, stage.choice((*REQUESTS, *OTHERS)), stage.raw(vault.spot, 500))
            return stage.script(stage.vault_invoke("requestWithdraw", emit, accounts=(vault.key, owner.authority)))
        return stage.choice((self._share_transfer, self._fees, self._manager_borrows))(vault, owner)

    def _vault(self, number: int) -> Vault:
        stage = self._stage
        user = User(stage.rng.randbytes(32), stage.rng.randbytes(32))
        spot = stage.books.quote if number % 2 == 0 else stage.choice(stage.books.spots[1:])
        equity = min(stage.raw(spot, 500_000), spot.lent() // 20)
        user.balances[spot.index] = equity
        return Vault(user, spot, number % 3 == 1, equity, equity)

    def _move(self, vault: Vault, owner: User, sign: int) -> Script:
        """In or out, through Drift."""
        stage = self._stage
        amount = stage.raw(vault.spot, 2_000 * stage.rates.flow_times)
        amount = amount if sign > 0 else min(amount, vault.equity // 2 + 1)
        record = self._record(vault, owner, "Deposit" if sign > 0 else "Withdraw", amount)
        vault.equity = max(1, vault.equity + sign * amount)
        return stage.script(self._called(vault, owner, sign * amount, record))

    def _called(self, vault: Vault, owner: User, amount: int, record: Emit) -> Invoke:
        stage, name = self._stage, "deposit" if amount > 0 else "withdraw"
        is_loan = amount < 0 and -amount > vault.user.balances[vault.spot.index]
        is_repaid = amount > 0 and vault.user.balances[vault.spot.index] < 0
        explanation: Any = "Borrow" if is_loan else "RepayBorrow" if is_repaid else "None"
        before = interest(stage, vault.spot)
        moved = movement(stage, vault.user, vault.spot, amount, explanation, via=vault.key)
        drift = stage.invoke(name, before, stage.transfer(), moved, accounts=(vault.user.account, vault.key))
        accounts = vault.key, owner.authority, vault.user.account
        return stage.vault_invoke(name, record, stage.transfer(), drift, accounts=accounts)

    def _record(self, vault: Vault, owner: User, action: str, amount: int) -> Emit:
        """A VaultDepositorRecord of either version."""
        stage, name = self._stage, "VaultDepositorV1Record" if vault.is_v1 else "VaultDepositorRecord"
        end = stage.end(name)
        values: dict[str, Any] = {
            "ts": stage.time,
            "vault": vault.key,
            "depositorAuthority": owner.authority,
            "action": action,
            "amount": amount,
            "spotMarketIndex": vault.spot.index,
            "vaultSharesBefore": vault.shares,
            "vaultEquityBefore": vault.equity,
            "totalVaultSharesBefore": vault.shares,
            "managementFee": -amount // 100,
        }
        values |= {} if end else {"depositOraclePrice": vault.spot.price_e6}
        rows: list[Record] = [_flow(vault, owner, action, amount, is_priced=end is None)] if action in SIGNS else []
        rows += (
            []
            if action in REQUESTS
            else [_equity(vault, vault.equity + SIGNS.get(action, 0) * amount, is_priced=end is None)]
        )
        return stage.vault_event(name, rows, end=end, **values)

    # --- events without rows ---

    def _share_transfer(self, vault: Vault, owner: User) -> Script:
        stage = self._stage
        emit = stage.vault_event("ShareTransferRecord", ts=stage.time, vault=vault.key, shares=5, value=7)
        return stage.script(stage.vault_invoke("transferVaultDepositorShares", emit, accounts=(owner.authority,)))

    def _fees(self, vault: Vault, owner: User) -> Script:
        stage = self._stage
        emit = stage.vault_event("FeeUpdateRecord", ts=stage.time, vault=vault.key, newManagementFee=1)
        return stage.script(stage.vault_invoke("managerUpdateFees", emit, accounts=(owner.authority,)))

    def _manager_borrows(self, vault: Vault, owner: User) -> Script:
        stage = self._stage
        told: dict[str, Any] = {"ts": stage.time, "vault": vault.key, "manager": owner.authority}
        lent = stage.vault_event("ManagerBorrowRecord", borrowAmount=9, vaultEquity=vault.equity, **told)
        back = stage.vault_event("ManagerRepayRecord", repayAmount=9, vaultEquityBefore=vault.equity, **told)
        calls = (stage.vault_invoke("managerBorrow", lent), stage.vault_invoke("managerRepay", back))
        return stage.script(*calls)


def _flow(vault: Vault, owner: User, action: str, amount: int, *, is_priced: bool) -> LpFlow:
    return LpFlow(
        origin=NOWHERE,
        venue="drift_vault",
        venue_key=base58.encode(vault.key),
        flow="deposit" if action == "Deposit" else "withdraw",
        provider=owner.authority,
        mint=vault.spot.mint,
        amount=vault.spot.tokens(amount),
        value_usd_e6=vault.spot.usd_e6(amount) if is_priced else None,
        explanation=action,
        internal=True,
    )


def _equity(vault: Vault, after: int, *, is_priced: bool) -> TvlObservation:
    return TvlObservation(
        origin=NOWHERE,
        component="strategy_vault",
        component_key=base58.encode(vault.key),
        mint=vault.spot.mint,
        amount=decimal(after, vault.spot.decimals) if vault.spot.is_known else None,
        value_usd_e6=vault.spot.usd_e6(after) if is_priced else None,
        value_origin="event",
    )
