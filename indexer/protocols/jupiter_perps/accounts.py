"""Jupiter's accounts: the pool's value, what each custody adds to it, the prices of their feeds, borrowing, JLP.

Two values of the pool stand beside each other. `Pool.aumUsd` is the program's own, written whenever somebody asks for
it, so it has an age. The recomputed one is the sum over all custodies; it is a component of its own, so that no sum
counts the pool twice, and where a custody or its price is missing there is none. A custody's own row says what of the
token is the pool's and what it adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from indexer.core import amount, base58
from indexer.core.account import Account, Observing, Scene
from indexer.core.layout import compile_accounts
from indexer.core.record import FundingRate, OpenInterest, PriceObservation, Record, TvlObservation
from indexer.core.reference import Market, Token
from indexer.core.spl import Mint
from indexer.protocols.jupiter_perps import custody as custodies
from indexer.protocols.jupiter_perps.program import JLP, JLP_DECIMALS, NAME, POOL, PROGRAM

IDL, FEEDS_IDL = "jupiter_perps.json", "doves.json"
FEEDS = base58.key("DoVEsk76QybCEHQGzkvYPWLQu9gzNoZZZt3TPiL597e")
AUM_MAX_AGE_S = 3_600
LEVERAGE_DECIMALS = 4


def build(idls: Mapping[str, str]) -> Observing:
    """From the texts of `jupiter_perps.json` and `doves.json`, by file name."""
    layouts = {PROGRAM: compile_accounts(idls[IDL]), FEEDS: compile_accounts(idls[FEEDS_IDL])}
    return Observing(NAME, layouts, roots=(POOL, JLP), named=named, observe=observe, refer=refer)


def named(account: Account) -> Iterable[bytes]:
    fields = account.fields
    if account.kind == "Pool" and account.image.key == POOL:
        return tuple(fields.custodies)
    return (fields.dovesAgOracle, fields.mint) if account.kind == "Custody" else ()


def observe(scene: Scene) -> Iterator[Record]:
    pool = scene.accounts.get(POOL)
    if pool is None or pool.kind != "Pool":
        return
    yield from _told(scene, pool)
    yield from _recomputed(scene, pool)
    yield from _supply(scene)
    for custody in _custodies(scene):
        yield _held(scene, custody)
        yield from _price(scene, custody)
        yield _shorts(scene, custody)
        yield from _borrowing(scene, custody)


def refer(scene: Scene) -> Iterator[Market | Token]:
    """Custodies are markets. A new one is called by its token's symbol, or by its key while that is unknown."""
    for custody in _custodies(scene):
        fields, key = custody.fields, base58.encode(custody.image.key)
        known = scene.reference.market(NAME, key)
        token = scene.reference.tokens.get(fields.mint)
        symbol = known.symbol if known else (token.symbol if token else None) or key
        yield Market(
            protocol=NAME,
            market_key=key,
            market_kind="custody" if fields.isStable else "perp",
            symbol=symbol,
            base_asset=None if known or symbol == key else symbol,
            base_decimals=None if known else fields.decimals,
            mint=fields.mint,
            max_leverage=None if fields.isStable else amount.exact(fields.pricing.maxLeverage, LEVERAGE_DECIMALS),
        )
        yield Token(mint=fields.mint, decimals=fields.decimals)


def _custodies(scene: Scene) -> list[Account]:
    """Those of the pool that are there, in its order."""
    pool = scene.accounts.get(POOL)
    keys = pool.fields.custodies if pool is not None and pool.kind == "Pool" else ()
    found = (scene.accounts.get(key) for key in dict.fromkeys(keys))
    return [one for one in found if one is not None and one.kind == "Custody"]


def _told(scene: Scene, pool: Account) -> Iterator[Record]:
    if scene.is_fresh(pool, pool.fields.aumUsdUpdatedAt, AUM_MAX_AGE_S):
        yield TvlObservation(
            origin=scene.origin(pool),
            component="pool",
            component_key=base58.encode(POOL),
            value_usd_e6=pool.fields.aumUsd,
            value_origin="account",
        )


def _recomputed(scene: Scene, pool: Account) -> Iterator[Record]:
    values = [_value_e6(scene, custody) for custody in _custodies(scene)]
    known = [value for value in values if value is not None]
    if known and len(known) == len(set(pool.fields.custodies)):
        yield TvlObservation(
            origin=scene.origin(pool),
            part=1,
            component="pool_recomputed",
            component_key=base58.encode(POOL),
            value_usd_e6=sum(known),
            value_origin="recomputed",
        )


def _value_e6(scene: Scene, custody: Account) -> int | None:
    told = custodies.price(scene, custody.fields)
    return custodies.value_e6(custody.fields, told[1] if told else None)


def _held(scene: Scene, custody: Account) -> Record:
    fields = custody.fields
    return TvlObservation(
        origin=scene.origin(custody),
        component="custody",
        component_key=base58.encode(custody.image.key),
        mint=fields.mint,
        amount=amount.exact(custodies.owned(fields), fields.decimals),
        value_usd_e6=_value_e6(scene, custody),
        value_origin="recomputed",
    )


def _supply(scene: Scene) -> Iterator[Record]:
    if (mint := scene.spl(JLP, Mint)) is not None:
        yield TvlObservation(
            origin=scene.origin(scene.accounts[JLP]),
            component="lp_supply",
            component_key=base58.encode(POOL),
            mint=JLP,
            amount=amount.exact(mint.supply, JLP_DECIMALS),
            value_origin="account",
        )


def _price(scene: Scene, custody: Account) -> Iterator[Record]:
    """Of the token and, unless it is a stable, of its market."""
    if told := custodies.price(scene, custody.fields):
        feed, price = told
        yield PriceObservation(
            origin=scene.origin(feed),
            mint=custody.fields.mint,
            market_key=None if custody.fields.isStable else base58.encode(custody.image.key),
            price_usd=price.usd,
            value_origin="account",
        )


def _shorts(scene: Scene, custody: Account) -> Record:
    """Shorts alone: of longs the account tells what they borrowed, not how large they are."""
    value, size = custodies.shorts(custody.fields)
    return OpenInterest(
        origin=scene.origin(custody),
        market_key=base58.encode(custody.image.key),
        side="short",
        value_usd_e6=value,
        size_base=size,
    )


def _borrowing(scene: Scene, custody: Account) -> Iterator[Record]:
    """Longs borrow their own token, shorts the stable that they put in."""
    rate = custodies.hourly_rate(custody.fields)
    if rate is not None:
        yield FundingRate(
            origin=scene.origin(custody),
            market_key=base58.encode(custody.image.key),
            rate_kind="borrow",
            rate=rate,
            rate_long=None if custody.fields.isStable else rate,
        )
