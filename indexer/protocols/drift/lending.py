"""The lending pool: deposits, withdrawals, interest, and swaps of one deposit for another.

DepositRecord and SpotInterestRecord carry the state of the market after them: scaled balances and
cumulative interest. Amounts follow as the program computes them: deposits are rounded down, borrows
up. A Transfer moves a deposit between accounts as a withdrawal and a deposit, so it is internal. A
deposit that a strategy vault makes is the depositors' money: `via` names the vault.
"""

from __future__ import annotations

from collections.abc import Iterator

from indexer.core import amount
from indexer.core.payload import Event
from indexer.core.record import LpFlow, Record, Swap, TvlObservation
from indexer.protocols.drift.reading import FLOWS, Reading, Token, named, token_price

# Balances have 9 decimals and cumulative interest 10, whatever the token.
SCALED_DECIMALS = 19


def deposit(reading: Reading, event: Event) -> Iterator[Record]:
    fields = event.fields
    token = reading.token(fields.marketIndex)
    yield _flow(reading, event, token)
    yield _state(
        reading,
        event,
        token,
        deposits=fields.marketDepositBalance * fields.marketCumulativeDepositInterest,
        borrows=fields.marketWithdrawBalance * fields.marketCumulativeBorrowInterest,
        price_e6=fields.oraclePrice,
    )
    yield from token_price(reading, event, token, fields.oraclePrice)


def spot_interest(reading: Reading, event: Event) -> Iterator[Record]:
    fields = event.fields
    yield _state(
        reading,
        event,
        reading.token(fields.marketIndex),
        deposits=fields.depositBalance * fields.cumulativeDepositInterest,
        borrows=fields.borrowBalance * fields.cumulativeBorrowInterest,
    )


def swap(reading: Reading, event: Event) -> Iterator[Record]:
    """A user's swap through an outside venue; its fee is in tokens that come out."""
    fields = event.fields
    paid, bought = reading.token(fields.inMarketIndex), reading.token(fields.outMarketIndex)
    yield Swap(
        origin=reading.origin(event),
        trader=fields.user,
        mint_in=paid.mint,
        mint_out=bought.mint,
        amount_in=paid.amount(fields.amountIn),
        amount_out=bought.amount(fields.amountOut),
        value_usd_e6=paid.usd_e6(fields.amountIn, fields.inOraclePrice),
        fee_usd_e6=bought.usd_e6(fields.fee, fields.outOraclePrice),
        venue="drift",
        purpose="swap",
        hop=0,
    )
    yield from token_price(reading, event, paid, fields.inOraclePrice)
    yield from token_price(reading, event, bought, fields.outOraclePrice, part=1)


def _flow(reading: Reading, event: Event, token: Token) -> LpFlow:
    fields = event.fields
    explanation = reading.words.deposit[fields.explanation]
    return LpFlow(
        origin=reading.origin(event),
        venue="drift_lending",
        venue_key=token.key,
        flow=FLOWS[fields.direction],
        provider=fields.userAuthority,
        mint=token.mint,
        amount=token.amount(fields.amount),
        value_usd_e6=token.usd_e6(fields.amount, fields.oraclePrice),
        explanation=named(explanation),
        via=fields.userAuthority if fields.userAuthority in reading.vaults else None,
        internal=explanation == "Transfer",
        sequence=fields.depositRecordId,
    )


def _state(
    reading: Reading, event: Event, token: Token, *, deposits: int, borrows: int, price_e6: int | None = None
) -> TvlObservation:
    """The market after the event; `deposits` and `borrows` are balance x cumulative interest."""
    lent, owed = token_amounts(deposits, borrows, token.decimals)
    net = None if lent is None or owed is None else lent - owed
    return TvlObservation(
        origin=reading.origin(event),
        component="lending",
        component_key=token.key,
        mint=token.mint,
        amount=None if net is None else token.amount(net),
        value_usd_e6=None if net is None else token.usd_e6(net, price_e6),
        deposits=None if lent is None else token.amount(lent),
        borrows=None if owed is None else token.amount(owed),
        value_origin="event",
    )


def token_amounts(deposits: int, borrows: int, decimals: int | None) -> tuple[int, int] | tuple[None, None]:
    """Smallest units of balance x cumulative interest: deposits rounded down, borrows up."""
    if decimals is None:
        return None, None
    scale, unit = amount.power(SCALED_DECIMALS), amount.power(decimals)
    return deposits * unit // scale, -(-borrows * unit // scale)
