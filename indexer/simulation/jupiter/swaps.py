"""Tokens swapped against the pool: the two events, their row, and what moves in the books.

The fee is taken from what comes out or, where what comes out is fixed, from what goes in.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from indexer.core.record import Record, Swap
from indexer.simulation.figures import ceil_div, rounded
from indexer.simulation.jupiter.pool import BPS, POOL, Custody
from indexer.simulation.jupiter.trades import IDL
from indexer.simulation.packing import pack
from indexer.simulation.script import NOWHERE, Emit

Purpose = Literal["swap", "position", "lp"]


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A swap as it was meant. Amounts in smallest units; its owner gave `amount_in` and got `amount_out`."""

    owner: bytes
    taken: Custody  # The pool takes this token in,
    given: Custody  # and gives this one out.
    amount_in: int
    amount_out: int
    without_fee: int  # What would come out without a fee; what would go in where `is_exact_out`.
    usd_e6: int
    fee_bps: int
    is_exact_out: bool = False


def swapped(owner: bytes, taken: Custody, given: Custody, amount_in: int, fee_bps: int) -> Exchange:
    """What goes in is fixed."""
    usd = taken.usd(amount_in)
    gross = given.tokens(usd)
    fee = ceil_div(gross * fee_bps, BPS)
    taken.held += amount_in
    given.held -= gross - fee
    given.charge(fee)
    return Exchange(
        owner=owner,
        taken=taken,
        given=given,
        amount_in=amount_in,
        amount_out=gross - fee,
        without_fee=gross,
        usd_e6=usd,
        fee_bps=fee_bps,
    )


def swapped_exact_out(owner: bytes, taken: Custody, given: Custody, amount_out: int, fee_bps: int) -> Exchange:
    """What comes out is fixed."""
    usd = given.usd(amount_out)
    net = taken.tokens(usd) + 1
    amount_in = ceil_div(net * BPS, BPS - fee_bps)
    taken.held += amount_in
    taken.charge(amount_in - net)
    given.held -= amount_out
    return Exchange(
        owner=owner,
        taken=taken,
        given=given,
        amount_in=amount_in,
        amount_out=amount_out,
        without_fee=net,
        usd_e6=usd,
        fee_bps=fee_bps,
        is_exact_out=True,
    )


def pool_swap(exchange: Exchange, purpose: Purpose | None, hop: int = 0) -> Emit:
    """PoolSwap or PoolSwapExactOut. `hop`: how many swaps the same instruction made before."""
    values: dict[str, Any] = {
        "receivingCustodyKey": exchange.taken.key,
        "dispensingCustodyKey": exchange.given.key,
        "poolKey": POOL,
        "amountIn": exchange.amount_in,
        "swapUsdAmount": exchange.usd_e6,
        "feeBps": exchange.fee_bps,
        "ownerKey": exchange.owner,
        "receivingAccountKey": exchange.owner,
    }
    if exchange.is_exact_out:
        name = "PoolSwapExactOutEvent"
        values |= {"amountInAfterFees": exchange.without_fee, "amountOut": exchange.amount_out}
    else:
        name = "PoolSwapEvent"
        values |= {"amountOut": exchange.without_fee, "amountOutAfterFees": exchange.amount_out}
    return Emit(pack(IDL, name, **values), name, "cpi", rows=(_row(exchange, purpose, hop),))


def _row(exchange: Exchange, purpose: Purpose | None, hop: int) -> Record:
    taken, given = exchange.taken, exchange.given
    return Swap(
        origin=NOWHERE,
        trader=exchange.owner,
        mint_in=taken.shown_mint,
        mint_out=given.shown_mint,
        amount_in=taken.shown(exchange.amount_in),
        amount_out=given.shown(exchange.amount_out),
        value_usd_e6=exchange.usd_e6,
        fee_usd_e6=rounded(exchange.usd_e6 * exchange.fee_bps, BPS),
        venue="jlp",
        purpose=purpose,
        hop=hop,
    )
