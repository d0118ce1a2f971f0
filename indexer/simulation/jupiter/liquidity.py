"""JLP minted and burned: the events, the rows, and what moves in the books.

A deposit is worth what was given, a withdrawal what was got; the fee stands beside, and most of it stays in the pool.
"""

from __future__ import annotations

from collections.abc import Sequence

from indexer.core.record import LpFlow, PriceObservation, Record, TvlObservation
from indexer.simulation.figures import ceil_div, decimal, ratio, rounded
from indexer.simulation.jupiter.pool import BPS, JLP, POOL, Custody, Pool
from indexer.simulation.jupiter.trades import IDL
from indexer.simulation.packing import pack
from indexer.simulation.script import NOWHERE, Emit

POOL_ADDRESS = "5BUwFW4nRbftYTDMbgxykoFWqWHPzahFSNAaaaJtVKsq"
DOLLAR = 1_000_000  # Flows below a dollar say nothing of prices.


def deposit(pool: Pool, custody: Custody, amount: int, fee_bps: int, provider: bytes | None) -> Emit | None:
    """`amount`: smallest units. None: too little to mint anything."""
    before, gross = pool.value_e6(), custody.usd(amount)
    fee = ceil_div(amount * fee_bps, BPS)
    net_usd = custody.usd(amount - fee)
    minted = net_usd * pool.supply // before
    if not minted:
        return None
    custody.held += amount
    custody.charge(fee)
    pool.supply += minted
    payload = pack(
        IDL,
        "AddLiquidityEvent",
        custodyKey=custody.key,
        poolKey=POOL,
        tokenAmountIn=amount,
        prePoolAmountUsd=before,
        tokenAmountUsd=gross,
        feeBps=fee_bps,
        tokenAmountAfterFee=amount - fee,
        mintAmountUsd=net_usd,
        lpAmount=minted,
        postPoolAmountUsd=(after := pool.value_e6()),
    )
    flow = LpFlow(
        origin=NOWHERE,
        venue="jlp",
        venue_key=POOL_ADDRESS,
        flow="deposit",
        provider=provider,
        mint=custody.shown_mint,
        amount=custody.shown(amount),
        value_usd_e6=gross,
        lp_mint=JLP,
        lp_amount=decimal(minted, 6),
        lp_price_usd=ratio(net_usd, minted),
        fee_usd_e6=gross - net_usd,
        internal=False,
    )
    rows = (flow, _pool_value(after), *_prices(custody, gross, amount, net_usd, minted))
    return Emit(payload, "AddLiquidityEvent", "cpi", rows=rows)


def withdrawal(pool: Pool, custody: Custody, burned: int, fee_bps: int, provider: bytes | None) -> Emit | None:
    """`burned`: JLP in smallest units. None: too little to get anything."""
    gross_usd = pool.value_e6() * burned // pool.supply
    gross = custody.tokens(gross_usd)
    fee = ceil_div(gross * fee_bps, BPS)
    net = gross - fee
    if net <= 0:
        return None
    custody.held -= net
    custody.charge(fee)
    pool.supply -= burned
    payload = pack(
        IDL,
        "RemoveLiquidityEvent",
        custodyKey=custody.key,
        poolKey=POOL,
        lpAmountIn=burned,
        removeAmountUsd=gross_usd,
        feeBps=fee_bps,
        removeTokenAmount=gross,
        tokenAmountAfterFee=net,
        postPoolAmountUsd=(after := pool.value_e6()),
    )
    flow = LpFlow(
        origin=NOWHERE,
        venue="jlp",
        venue_key=POOL_ADDRESS,
        flow="withdraw",
        provider=provider,
        mint=custody.shown_mint,
        amount=custody.shown(net),
        value_usd_e6=rounded(gross_usd * net, gross),
        lp_mint=JLP,
        lp_amount=decimal(burned, 6),
        lp_price_usd=ratio(gross_usd, burned),
        fee_usd_e6=rounded(gross_usd * fee, gross),
        internal=False,
    )
    rows = (flow, _pool_value(after), *_prices(custody, gross_usd, gross, gross_usd, burned))
    return Emit(payload, "RemoveLiquidityEvent", "cpi", rows=rows)


def _pool_value(value_e6: int) -> Record:
    return TvlObservation(
        origin=NOWHERE, component="pool", component_key=POOL_ADDRESS, value_usd_e6=value_e6, value_origin="event"
    )


def _prices(custody: Custody, usd: int, amount: int, lp_usd: int, lp_amount: int) -> Sequence[Record]:
    """The token's price (part 0) and that of JLP (part 1)."""
    told = (
        (0, custody.shown_mint, usd, usd * custody.unit, amount * DOLLAR),
        (1, JLP, lp_usd, lp_usd, lp_amount),
    )
    return [
        PriceObservation(origin=NOWHERE, part=part, mint=mint, price_usd=ratio(over, under), value_origin="event")
        for part, mint, value, over, under in told
        if value >= DOLLAR and mint is not None
    ]
