"""Liquidity that stands beside the traders: shares of a perp market's AMM (BAL) and the DLP pool.

Both are made of deposits that the lending pool already counts, so every row is internal. A BAL
record tells shares and no dollars, and of its owner only the user account. A DLP record tells tokens
before the fee: a redeemer gets the amount less the fee, and more where the fee is negative.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from indexer.core import amount, base58
from indexer.core.payload import Event
from indexer.core.record import LpFlow, Record
from indexer.protocols.drift.reading import BASE_DECIMALS, Flow, Reading, Token, oracle_price, perp_key

FLOWS: dict[str, Flow] = {
    "AddLiquidity": "deposit",
    "RemoveLiquidity": "withdraw",
    "RemoveLiquidityDerisk": "withdraw",
}
REDEEM, MINT = 0, 1  # `description`.


def amm_shares(reading: Reading, event: Event) -> Iterator[Record]:
    """Settling changes no shares and gives no row."""
    fields = event.fields
    action = reading.words.liquidity[fields.action]
    if action in FLOWS:
        yield LpFlow(
            origin=reading.origin(event),
            venue="drift_bal",
            venue_key=perp_key(fields.marketIndex),
            flow=FLOWS[action],
            provider=fields.user,
            lp_amount=amount.exact(fields.nShares, BASE_DECIMALS),
            explanation=action,
            internal=True,
        )


def mint_redeem(reading: Reading, event: Event) -> Iterator[Record]:
    fields = event.fields
    if fields.description not in (REDEEM, MINT):
        return
    token = _constituent(reading, event)
    is_mint = fields.description == MINT
    moved = fields.amount if is_mint else fields.amount - fields.fee
    yield LpFlow(
        origin=reading.origin(event),
        venue="drift_dlp",
        venue_key=base58.encode(fields.lpPool),
        flow="deposit" if is_mint else "withdraw",
        provider=fields.authority,
        mint=token.mint,
        amount=token.amount(moved),
        value_usd_e6=token.usd_e6(moved, fields.oraclePrice),
        lp_price_usd=oracle_price(fields.lpPrice),
        fee_usd_e6=token.usd_e6(fields.fee, fields.oraclePrice),
        internal=True,
        sequence=fields.mintRedeemId,
    )


def _constituent(reading: Reading, event: Event) -> Token:
    """The token as the event names it; its decimals from the market, else from the mint."""
    market, mint = reading.token(event.fields.spotMarketIndex), event.fields.mint
    known = market.decimals
    decimals = reading.scene.reference.decimals(mint) if known is None else known
    return msgspec.structs.replace(market, mint=mint, decimals=decimals)
