"""Tokens swapped against the pool: the two events, their row, and what moves in the books.

The fee is taken from what comes out or, where what comes out is fixed, from what goes in.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from indexer.core.record import Record, Swap
from indexer.simulation.figures import ceil_div, decimal, rounded
from indexer.simulation.jupiter.pool import BPS, POOL, Custody
from indexer.simulation.jupiter.trades import IDL
from indexer.simulation.packing import pack
from indexer.simulation.script import NOWHERE, Emit

Purpose = Literal["swap", "position", "lp"]


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A swap as it was meant. Amounts in smallest units, as its owner sees them."""

    owner: bytes
    taken: Custody  # The pool takes this token in,
    given: Custody  # and gives this one out.
    amount_in: int
    amount_out: int
    usd_e6: int
    fee_bps: int


def swapped(owner: bytes, taken: Custody, given: Custody, amount_in: int, fee_bps: int) -> Exchange:
    """What goes in is fixed; the pool gives what is left after the fee."""
    usd = taken.usd(amount_in)
    gross = given.tokens(usd)
    fee = ceil_div(gross * fee_bps, BPS)
    taken.held += amount_in
    given.held -= gross - fee
    given.charge(fee)
    return Exchange(
        owner=owner, taken=taken, given=given, amount_in=amount_in, amount_out=gross - fee, usd_e6=usd, fee_bps=fee_bps
    )


def pool_swap(exchange: Exchange, purpose: Purpose | None, hop: int = 0) -> Emit:
    """`hop`: how many swaps the same instruction made before."""
    gross = exchange.given.tokens(exchange.usd_e6)
    values = {"amountOut": gross, "amountOutAfterFees": exchange.amount_out}
    return _emit("PoolSwapEvent", exchange, values, _row(exchange, purpose, hop))


def pool_swap_exact_out(
    owner: bytes, taken: Custody, given: Custody, amount_out: int, fee_bps: int, purpose: Purpose | None
) -> Emit:
    """What comes out is fixed; the fee is added to what goes in."""
    usd = given.usd(amount_out)
    net = taken.tokens(usd) + 1
    amount_in = ceil_div(net * BPS, BPS - fee_bps)
    taken.held += amount_in
    taken.charge(amount_in - net)
    given.held -= amount_out
    exchange = Exchange(
        owner=owner, taken=taken, given=given, amount_in=amount_in, amount_out=amount_out, usd_e6=usd, fee_bps=fee_bps
    )
    values = {"amountInAfterFees": net, "amountOut": amount_out}
    return _emit("PoolSwapExactOutEvent", exchange, values, _row(exchange, purpose, 0))


def _emit(event: str, exchange: Exchange, values: dict[str, Any], row: Record) -> Emit:
    payload = pack(
        IDL,
        event,
        receivingCustodyKey=exchange.taken.key,
        dispensingCustodyKey=exchange.given.key,
        poolKey=POOL,
        amountIn=exchange.amount_in,
        swapUsdAmount=exchange.usd_e6,
        feeBps=exchange.fee_bps,
        ownerKey=exchange.owner,
        receivingAccountKey=exchange.owner,
        **values,
    )
    return Emit(payload, event, "cpi", rows=(row,))


def _row(exchange: Exchange, purpose: Purpose | None, hop: int) -> Record:
    return Swap(
        origin=NOWHERE,
        trader=exchange.owner,
        mint_in=exchange.taken.mint,
        mint_out=exchange.given.mint,
        amount_in=decimal(exchange.amount_in, exchange.taken.decimals),
        amount_out=decimal(exchange.amount_out, exchange.given.decimals),
        value_usd_e6=exchange.usd_e6,
        fee_usd_e6=rounded(exchange.usd_e6 * exchange.fee_bps, BPS),
        venue="jlp",
        purpose=purpose,
        hop=hop,
    )
