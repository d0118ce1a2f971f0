"""The insurance fund: one vault for each spot market, filled by stakers and by revenue.

Stake, Unstake and AdminDeposit move tokens; a request or its cancelling moves nothing and gives no
row; a transfer of a stake is a withdrawal of one owner and a deposit of another, and internal. Most
records say what the vault held before them, so the amount after is what it held, plus or minus what
moved.
"""

from __future__ import annotations

from collections.abc import Iterator

from indexer.core.payload import Event
from indexer.core.record import LpFlow, Record, TvlObservation
from indexer.protocols.drift.reading import Flow, Reading

FLOWS: dict[str, Flow] = {
    "Stake": "deposit",
    "Unstake": "withdraw",
    "UnstakeTransfer": "withdraw",
    "StakeTransfer": "deposit",
    "AdminDeposit": "deposit",
}
SIGNS = {"Stake": 1, "Unstake": -1, "AdminDeposit": 1}  # What a flow does to the vault; a transfer: nothing.


def stake(reading: Reading, event: Event) -> Iterator[Record]:
    fields = event.fields
    action = reading.words.stake[fields.action]
    if action not in FLOWS:
        return
    yield _flow(reading, event, action)
    after = fields.insuranceVaultAmountBefore + SIGNS.get(action, 0) * fields.amount
    yield _vault(reading, event, fields.marketIndex, after)


def fund(reading: Reading, event: Event) -> Iterator[Record]:
    """Revenue that comes in (+), or a deficit that is paid for (-)."""
    fields = event.fields
    yield _vault(reading, event, fields.spotMarketIndex, fields.insuranceVaultAmountBefore + fields.amount)


def fund_swap(reading: Reading, event: Event) -> Iterator[Record]:
    """Tokens of one vault exchanged for tokens of another."""
    fields = event.fields
    yield _vault(reading, event, fields.inMarketIndex, fields.inFundVaultAmountAfter)
    yield _vault(reading, event, fields.outMarketIndex, fields.outFundVaultAmountAfter, part=1)


def to_revenue_pool(reading: Reading, event: Event) -> Iterator[Record]:
    """The protocol's own shares leave the vault. `transferAmount` is a running sum, `amount` is what left."""
    fields = event.fields
    yield _vault(reading, event, fields.marketIndex, fields.ifVaultAmountBefore - fields.amount)


def admin_withdraw(reading: Reading, event: Event) -> Iterator[Record]:
    fields = event.fields
    yield _vault(reading, event, fields.marketIndex, fields.insuranceFundVaultAmountBefore - fields.amount)


def _flow(reading: Reading, event: Event, action: str) -> LpFlow:
    fields = event.fields
    token = reading.token(fields.marketIndex)
    return LpFlow(
        origin=reading.origin(event),
        venue="drift_insurance",
        venue_key=token.key,
        flow=FLOWS[action],
        provider=fields.userAuthority,
        mint=token.mint,
        amount=token.amount(fields.amount),
        explanation=action,
        internal=action in ("UnstakeTransfer", "StakeTransfer"),
    )


def _vault(reading: Reading, event: Event, index: int, after: int, part: int = 0) -> TvlObservation:
    token = reading.token(index)
    return TvlObservation(
        origin=reading.origin(event),
        part=part,
        component="insurance_fund",
        component_key=token.key,
        mint=token.mint,
        amount=token.amount(after),
        value_origin="event",
    )
