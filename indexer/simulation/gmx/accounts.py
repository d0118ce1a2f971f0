"""GMX-Solana's accounts as its books have them: markets that the reference knows, their tokens, GLV."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any

from indexer.core.record import Counter, FundingRate, OpenInterest, Record, TvlObservation
from indexer.core.reference import Market as Known
from indexer.core.reference import Reference
from indexer.simulation.figures import decimal, ratio, rounded
from indexer.simulation.gmx.glv import Glv
from indexer.simulation.gmx.market import POOLS, PRIMARY, Market, open_interest, open_interest_tokens
from indexer.simulation.gmx.stage import NAME, Stage
from indexer.simulation.held import Held, mint
from indexer.simulation.instructions import fixed_key
from indexer.simulation.packing import pack_account
from indexer.simulation.script import NOWHERE
from indexer.simulation.streams import GMX

IDL = "gmsol_store.json"
GM, USD = 9, 20
LEVERAGE = 100
# The kinds of pools in order of their numbers, as the account names them.
POOL_NAMES = (
    "primary", "swap_impact", "claimable_fee", "open_interest_for_long", "open_interest_for_short",
    "open_interest_in_tokens_for_long", "open_interest_in_tokens_for_short", "position_impact", "borrowing_factor",
    "funding_amount_per_size_for_long", "funding_amount_per_size_for_short",
    "claimable_funding_amount_per_size_for_long", "claimable_funding_amount_per_size_for_short",
    "collateral_sum_for_long", "collateral_sum_for_short", "total_borrowing",
)  # fmt: skip


def accounts(stage: Stage, reference: Reference) -> Iterator[Held]:
    for market in stage.markets:
        if (known := reference.market(NAME, market.address)) is not None:
            yield _market(stage, market, known)
            yield _token(market.token, market.address, market.supply)
    for glv in stage.glvs:
        yield _glv(stage, glv)
        yield _token(glv.token, glv.address, glv.supply)


def numbers(stage: Stage) -> dict[bytes, tuple[int, ...]]:
    """By token: trades and supply of every market, supply of every GLV."""
    markets = {market.token: (market.trades, market.supply) for market in stage.markets}
    return markets | {glv.token: (glv.supply,) for glv in stage.glvs}


def counted(stage: Stage, reference: Reference, moved: Set[bytes]) -> Iterator[Held]:
    """Of the tokens `moved` alone."""
    for market in stage.markets:
        known = reference.market(NAME, market.address)
        if market.token in moved and known is not None:
            yield _market(stage, market, known)
            yield _token(market.token, market.address, market.supply)
    for glv in stage.glvs:
        if glv.token in moved:
            yield _token(glv.token, glv.address, glv.supply)


def _market(stage: Stage, market: Market, known: Known) -> Held:
    assert len(POOL_NAMES) == POOLS
    pools = {
        name: {"pool": {"is_pure": market.is_pure, "long_token_amount": pool[0], "short_token_amount": pool[1]}}
        for name, pool in zip(POOL_NAMES, market.pools, strict=True)
    }
    other = {"trade_count": market.trades, "funding_factor_per_second": market.funding_factor}
    data = pack_account(
        IDL,
        "Market",
        name=known.symbol.encode().ljust(64, b"\0"),
        meta={
            "market_token_mint": market.token,
            "index_token_mint": known.index_mint or fixed_key(f"index of {known.symbol}"),
            "long_token_mint": known.long_mint,
            "short_token_mint": known.short_mint,
        },
        store=stage.store,
        config={"min_collateral_factor": 10**USD // LEVERAGE},
        state={"pools": pools, "other": other},
    )
    return Held(fixed_key(f"account of {known.symbol}"), GMX, "Market", data, tuple(_rows(market, known)))


def _rows(market: Market, known: Known) -> Iterator[Record]:
    sides = ((known.long_mint, market.long), (known.short_mint, market.short))
    for part, (token, asset) in enumerate(sides[:1] if market.is_pure else sides):
        yield _tvl("pool", market.address, part=part, mint=token, amount=asset.amount(market.pools[PRIMARY][part]))
    for part, is_long in enumerate((True, False)):
        size = sum(market.pools[open_interest_tokens(is_long)])
        yield OpenInterest(
            origin=NOWHERE,
            part=part,
            market_key=market.address,
            side="long" if is_long else "short",
            value_usd_e6=rounded(sum(market.pools[open_interest(is_long)]), 10 ** (USD - 6)),
            size_base=None if market.index_decimals is None else decimal(size, market.index_decimals),
        )
    rate = ratio(market.funding_factor * 3600, 10**USD)
    yield FundingRate(origin=NOWHERE, market_key=market.address, rate_kind="funding", rate=rate)
    yield Counter(origin=NOWHERE, counter_kind="trades", market_key=market.address, value=market.trades)


def _token(token: bytes, address: str, supply: int) -> Held:
    return mint(token, supply, GM, _tvl("lp_supply", address, mint=token, amount=decimal(supply, GM)))


def _glv(stage: Stage, glv: Glv) -> Held:
    entries: list[dict[str, Any]] = [
        {"key": market.token, "value": {"balance": glv.balances[market.token]}} for market in glv.markets
    ]
    markets = {"data": [*entries, *[{}] * (96 - len(entries))], "count": len(entries)}
    rows = tuple(
        _tvl("glv_holding", glv.address, part=part, mint=m.token, amount=decimal(glv.balances[m.token], GM))
        for part, m in enumerate(glv.markets)
    )
    data = pack_account(IDL, "Glv", store=stage.store, glv_token=glv.token, markets=markets)
    return Held(glv.account, GMX, "Glv", data, rows)


def _tvl(component: str, component_key: str, **values: Any) -> TvlObservation:
    return TvlObservation(
        origin=NOWHERE, component=component, component_key=component_key, value_origin="account", **values
    )
