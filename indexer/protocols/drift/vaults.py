"""Strategy vaults: a second program that deposits into Drift on behalf of others.

The tokens of a deposit into a vault also appear as a Drift DepositRecord of the same transaction, so
every row here is internal. Requests give no row; share fees and changes of form move no tokens. Each
record says what the vault was worth before it, in its deposit token: that, with what moved, is its
equity.
"""

from __future__ import annotations

from collections.abc import Iterator

from indexer.core import base58
from indexer.core.payload import Event
from indexer.core.record import LpFlow, Record, TvlObservation
from indexer.protocols.drift.reading import Flow, Reading

FLOWS: dict[str, Flow] = {"Deposit": "deposit", "Withdraw": "withdraw"}
SIGNS = {"Deposit": 1, "Withdraw": -1}
REQUESTS = ("WithdrawRequest", "CancelWithdrawRequest")


def vault_depositor(reading: Reading, event: Event) -> Iterator[Record]:
    """Both versions of the record: what they share is all that is read."""
    action = reading.words.vault[event.fields.action]
    if action in REQUESTS:
        return
    if action in FLOWS:
        yield _flow(reading, event, action)
    yield _equity(reading, event, action)


def _flow(reading: Reading, event: Event, action: str) -> LpFlow:
    fields = event.fields
    token = reading.token(fields.spotMarketIndex)
    return LpFlow(
        origin=reading.origin(event),
        venue="drift_vault",
        venue_key=base58.encode(fields.vault),
        flow=FLOWS[action],
        provider=fields.depositorAuthority,
        mint=token.mint,
        amount=token.amount(fields.amount),
        value_usd_e6=token.usd_e6(fields.amount, fields.depositOraclePrice),
        explanation=action,
        internal=True,
    )


def _equity(reading: Reading, event: Event, action: str) -> TvlObservation:
    fields = event.fields
    token = reading.token(fields.spotMarketIndex)
    equity = fields.vaultEquityBefore + SIGNS.get(action, 0) * fields.amount
    return TvlObservation(
        origin=reading.origin(event),
        component="strategy_vault",
        component_key=base58.encode(fields.vault),
        mint=token.mint,
        amount=token.amount(equity),
        value_usd_e6=token.usd_e6(equity, fields.depositOraclePrice),
        value_origin="event",
    )
