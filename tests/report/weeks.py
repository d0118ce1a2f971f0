"""Three protocols over nine days, small enough to know every number of their report by heart.

Days 0 to 8 of `aggregates.days`. On day 4 half of GMX-Solana's slots are missing, with its fill, and on day 5
the first ones, since nobody knows when the hole ends. Drift has no trade from day 1 on.

| | Jupiter Perps | GMX-Solana | Drift |
|---|---|---|---|
| volume of a day | 1000, day 8: 3000 | 100 | 50 on day 0, then 0 |
| fees of a fill | 6 per 10,000 | 0.05 | -0.01 (taker), 0.03 (maker) |
| TVL | 2000 (pool, told as a whole) | 10 tokens at 25 | 40 lent, 10 borrowed, 5 insured, at 25 |
| flows of a day | +300, -100 (JLP) | +50 (GM) | none |
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from indexer.core.record import Liquidation, Record
from tests.aggregates.days import STREAMS, Numbers, amount, at, price, whole
from tests.store.ledger import flow, key, trade

USD = 1_000_000
DAYS = 9
JLP = key(60)


async def fill(ledger: Numbers, *more: Record) -> None:
    """`more`: other records, those of GMX-Solana from day 5 on."""
    others = {name: [one for one in more if one.origin.protocol == name] for name in STREAMS}
    await ledger.settle(0, DAYS, *jupiter(), *others["jupiter_perps"], streams=["jupiter_perps"])
    await ledger.settle(0, DAYS, *drift(), *others["drift"], streams=["drift"])
    await ledger.settle(0, 4.5, *gmx(0, 4), streams=["gmx_solana"])
    await ledger.settle(5, DAYS, *gmx(5, DAYS), *others["gmx_solana"], streams=["gmx_solana"])
    await ledger.roll()
    for view in await ledger.aggregates.views():
        await ledger.aggregates.refresh(view)


def jupiter() -> Iterator[Record]:
    for day in range(DAYS):
        here = {"protocol": "jupiter_perps"}
        size = 3000 if day == 8 else 1000
        yield trade(
            at(day, 1, **here), market_key="sol", trader=key(20 + day), size_usd_e6=size * USD,
            fee_usd_e6=size * 600, base_fee_usd_e6=size * 600, direction="buy", action="open", liquidity_source="pool",
        )  # fmt: skip
        for hour in range(0, 24, 8):
            yield whole(at(day, hour, index=1, **here), "pool", 2000)
        for index, (way, dollars) in enumerate((("deposit", 300), ("withdraw", 100))):
            yield flow(
                at(day, 3, index=2 + index, **here), venue="jlp", venue_key="pool", flow=way,
                value_usd_e6=dollars * USD, provider=key(30), lp_mint=JLP,
                lp_amount=Decimal(100), lp_price_usd=Decimal(day + 100) / 100,
            )  # fmt: skip


def gmx(first: int, behind: int) -> Iterator[Record]:
    here = {"protocol": "gmx_solana"}
    for day in range(first, behind):
        yield trade(
            at(day, 2, **here), market_key="gm1", trader=key(40), size_usd_e6=100 * USD, fee_usd_e6=USD // 20,
            direction="sell", action="close", pnl_usd_e6=-3 * USD, is_liquidation=day == 7, liquidity_source="pool",
        )  # fmt: skip
        if day == 7:
            yield Liquidation(
                origin=at(day, 2, index=1, **here), liquidation_kind="perp", market_key="gm1", trader=key(40),
                value_usd_e6=100 * USD,
            )  # fmt: skip
        yield flow(
            at(day, 4, index=2, **here), venue="gm", venue_key="gm1", mint=key(50), amount=Decimal(2),
            value_usd_e6=50 * USD, provider=key(41), lp_mint=key(61), lp_amount=Decimal(50), lp_price_usd=Decimal(1),
        )  # fmt: skip
        yield amount(at(day, 0, index=3, **here), "pool", "10", component_key="gm1")
        for hour in range(0, 24, 6):
            yield price(at(day, hour, index=4, **here), "25")


def drift() -> Iterator[Record]:
    yield trade(
        at(0, 1), size_usd_e6=40 * USD, fee_usd_e6=-USD // 100, maker_fee_usd_e6=3 * USD // 100, counterparty=key(71),
        trader=key(70), direction="buy", liquidity_source="jit_auction",
    )  # fmt: skip
    yield trade(at(0, 1, index=1), size_usd_e6=10 * USD, fee_usd_e6=0, trader=key(72), liquidity_source="amm")
    yield trade(at(0, 1, index=2), size_usd_e6=9 * USD, trader=key(73), excluded="expiry", liquidity_source=None)
    yield amount(at(0, 0, index=3), "lending", "30", deposits=Decimal(40), borrows=Decimal(10))
    yield amount(at(0, 0, index=4), "insurance_fund", "5")
    for day in range(DAYS):
        for hour in range(0, 24, 6):
            yield price(at(day, hour, index=5), "25")
