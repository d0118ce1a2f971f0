"""GMX-Solana's accounts: what each market's pool holds, open interest, funding, supplies, what each GLV holds.

Only accounts of GMX's own Store count. A pure market keeps both tokens' amounts in the long half. Pools have no
prices, so their values are for whoever knows prices of that time. What a GLV holds is market tokens, which are
counted where they lie: a component of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from indexer.core import amount, base58
from indexer.core.account import Account, Listing, Observing, Scene, text_of
from indexer.core.idl import discriminator
from indexer.core.layout import compile_accounts
from indexer.core.record import Counter, FundingRate, OpenInterest, PositionSide, Record, TvlObservation
from indexer.core.reference import Market, Token
from indexer.core.spl import Mint
from indexer.protocols.gmx_solana import scales
from indexer.protocols.gmx_solana.evidence import STORE, STORE_PROGRAM

NAME = "gmx_solana"
IDL = "gmsol_store.json"
MARKET_BYTES = 9_176
HOUR_S = 3_600
MOST_DECIMALS = 30

LISTINGS = (
    Listing(STORE_PROGRAM, discriminator("account", "Market"), MARKET_BYTES),
    Listing(STORE_PROGRAM, discriminator("account", "Glv")),
)


def build(idls: Mapping[str, str]) -> Observing:
    """From the text of `gmsol_store.json`."""
    layouts = {STORE_PROGRAM: compile_accounts(idls[IDL])}
    return Observing(NAME, layouts, listings=LISTINGS, named=named, observe=observe, refer=refer)


def named(account: Account) -> Iterable[bytes]:
    """Mints: of an index without a token there is none."""
    fields = account.fields
    if not _is_ours(account):
        return ()
    if account.kind == "Market":
        meta = fields.meta
        return (meta.market_token_mint, meta.index_token_mint, meta.long_token_mint, meta.short_token_mint)
    return (fields.glv_token,)


def observe(scene: Scene) -> Iterator[Record]:
    for market in scene.of("Market"):
        if _is_ours(market):
            yield from _pool(scene, market)
            yield from _open_interest(scene, market)
            yield _funding(scene, market)
            yield _trades(scene, market)
            yield from _supply(scene, market.fields.meta.market_token_mint)
    for glv in scene.of("Glv"):
        if _is_ours(glv):
            yield from _holdings(scene, glv)
            yield from _supply(scene, glv.fields.glv_token)


def refer(scene: Scene) -> Iterator[Market | Token]:
    """Decimals are those of the mints; an index that has none keeps what is known of it."""
    for market in scene.of("Market"):
        if _is_ours(market):
            yield _market(scene, market)
            yield from _tokens(scene, named(market))
    for glv in scene.of("Glv"):
        if _is_ours(glv):
            yield from _tokens(scene, named(glv))


def _is_ours(account: Account) -> bool:
    return account.kind in ("Market", "Glv") and account.fields.store == STORE


def _market(scene: Scene, account: Account) -> Market:
    meta = account.fields.meta
    key = base58.encode(meta.market_token_mint)
    known, name = scene.reference.market(NAME, key), text_of(account.fields.name)
    index, factor = scene.spl(meta.index_token_mint, Mint), account.fields.config.min_collateral_factor
    return Market(
        protocol=NAME,
        market_key=key,
        market_kind="perp",
        symbol=name or (known.symbol if known else key),
        base_asset=None if known or name is None else name.partition("/")[0],
        base_decimals=index.decimals if index is not None and (known is None or known.base_decimals is None) else None,
        index_mint=meta.index_token_mint,
        long_mint=meta.long_token_mint,
        short_mint=meta.short_token_mint,
        max_leverage=amount.quotient(amount.power(scales.USD), factor, places=2),
    )


def _tokens(scene: Scene, mints: Iterable[bytes]) -> Iterator[Token]:
    for key in mints:
        mint = scene.spl(key, Mint)
        if mint is not None and mint.decimals <= MOST_DECIMALS:
            yield Token(mint=key, decimals=mint.decimals)


def _pool(scene: Scene, account: Account) -> Iterator[Record]:
    meta, pool = account.fields.meta, account.fields.state.pools.primary.pool
    sides = ((meta.long_token_mint, pool.long_token_amount), (meta.short_token_mint, pool.short_token_amount))
    for part, (mint, held) in enumerate(sides[:1] if pool.is_pure else sides):
        yield TvlObservation(
            origin=scene.origin(account),
            part=part,
            component="pool",
            component_key=base58.encode(meta.market_token_mint),
            mint=mint,
            amount=_token_amount(scene, held, mint),
            value_origin="account",
        )


def _open_interest(scene: Scene, account: Account) -> Iterator[Record]:
    key, pools = base58.encode(account.fields.meta.market_token_mint), account.fields.state.pools
    market = scene.reference.market(NAME, key)
    sides: tuple[tuple[PositionSide, Any, Any], ...] = (
        ("long", pools.open_interest_for_long, pools.open_interest_in_tokens_for_long),
        ("short", pools.open_interest_for_short, pools.open_interest_in_tokens_for_short),
    )
    for part, (side, usd, size) in enumerate(sides):
        yield OpenInterest(
            origin=scene.origin(account),
            part=part,
            market_key=key,
            side=side,
            value_usd_e6=scales.usd(_total(usd)),
            size_base=scales.tokens(_total(size), market.base_decimals if market else None),
        )


def _total(storage: Any) -> int:
    return int(storage.pool.long_token_amount + storage.pool.short_token_amount)


def _funding(scene: Scene, account: Account) -> Record:
    """The factor of a second, of the larger side's size; positive: longs pay."""
    factor = account.fields.state.other.funding_factor_per_second
    return FundingRate(
        origin=scene.origin(account),
        market_key=base58.encode(account.fields.meta.market_token_mint),
        rate_kind="funding",
        rate=amount.quotient(factor * HOUR_S, amount.power(scales.USD)),
    )


def _trades(scene: Scene, account: Account) -> Record:
    """`state.other.trade_count` is the number of the last trade; `indexer.trade_count` is 0 in every image."""
    return Counter(
        origin=scene.origin(account),
        counter_kind="trades",
        market_key=base58.encode(account.fields.meta.market_token_mint),
        value=account.fields.state.other.trade_count,
    )


def _supply(scene: Scene, token: bytes) -> Iterator[Record]:
    if (mint := scene.spl(token, Mint)) is not None:
        yield TvlObservation(
            origin=scene.origin(scene.accounts[token]),
            component="lp_supply",
            component_key=base58.encode(token),
            mint=token,
            amount=amount.exact(mint.supply, mint.decimals),
            value_origin="account",
        )


def _holdings(scene: Scene, glv: Account) -> Iterator[Record]:
    markets = glv.fields.markets
    for part, entry in enumerate(markets.data[: markets.count]):
        yield TvlObservation(
            origin=scene.origin(glv),
            part=part,
            component="glv_holding",
            component_key=base58.encode(glv.fields.glv_token),
            mint=bytes(entry.key),
            amount=amount.exact(entry.value.balance, scales.GM),
            value_origin="account",
        )


def _token_amount(scene: Scene, raw: int, key: bytes) -> Any:
    """By the mint, where it was read; else by the reference."""
    mint = scene.spl(key, Mint)
    return scene.reference.token_amount(raw, key) if mint is None else amount.exact(raw, mint.decimals)
