"""Drift's accounts: lending markets, insurance vaults, perp markets, and what strategy vaults have lent.

Amounts follow as from events: deposits are rounded down, borrows up. Funding rates come from events alone, which are
one an hour. What a strategy vault holds on Drift is part of the lending markets: a component of its own, net of what
it borrowed there, without the profit of its open positions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from indexer.core import amount, base58
from indexer.core.account import Account, Listing, Observing, Scene, text_of
from indexer.core.idl import discriminator
from indexer.core.layout import compile_accounts
from indexer.core.record import (
    Counter,
    CounterKind,
    OpenInterest,
    PositionSide,
    PriceObservation,
    Record,
    TvlObservation,
)
from indexer.core.reference import Market
from indexer.core.reference import Token as ReferenceToken
from indexer.core.spl import TokenAccount
from indexer.protocols.drift.lending import token_amounts
from indexer.protocols.drift.programs import DRIFT, NAME, VAULTS
from indexer.protocols.drift.reading import BASE_DECIMALS, Token, oracle_price, perp_key, spot_key

SPOT_BYTES, PERP_BYTES = 776, 1_216
MOST_DECIMALS = 19  # A scaled balance times its interest has no more.
PRICE_MAX_AGE_S = 900
MARGIN_ONE = 10_000  # A margin ratio of 1.
PERP_SUFFIX = "-PERP"
DEPOSIT = 0  # SpotBalanceType.
# Which field has the number of the next record of a kind; the first one has number 1.
PERP_COUNTERS: Mapping[str, CounterKind] = {
    "nextFillRecordId": "perp_fills",
    "nextFundingRateRecordId": "fundings",
    "nextCurveRecordId": "curves",
}
SPOT_COUNTERS: Mapping[str, CounterKind] = {"nextFillRecordId": "spot_fills", "nextDepositRecordId": "deposits"}

LISTINGS = (
    Listing(DRIFT, discriminator("account", "SpotMarket"), SPOT_BYTES),
    Listing(DRIFT, discriminator("account", "PerpMarket"), PERP_BYTES),
    Listing(VAULTS, discriminator("account", "Vault")),
)


def build(idls: Mapping[str, str]) -> Observing:
    """From the texts of `drift.json` and `drift_vaults.json`."""
    layouts = {DRIFT: compile_accounts(idls["drift.json"]), VAULTS: compile_accounts(idls["drift_vaults.json"])}
    return Observing(NAME, layouts, listings=LISTINGS, named=named, observe=observe, refer=refer)


def named(account: Account) -> Iterable[bytes]:
    if account.kind == "SpotMarket":
        return (account.fields.insuranceFund.vault,)
    return (account.fields.user,) if account.kind == "Vault" else ()


def observe(scene: Scene) -> Iterator[Record]:
    spots = {account.fields.marketIndex: account for account in scene.of("SpotMarket")}
    for account in spots.values():
        yield _lending(scene, account)
        yield from _insurance(scene, account)
        yield from _token_price(scene, account)
        yield from _counters(scene, account, spot_key(account.fields.marketIndex), SPOT_COUNTERS)
    for account in scene.of("PerpMarket"):
        yield from _open_interest(scene, account)
        yield from _perp_price(scene, account)
        yield from _counters(scene, account, perp_key(account.fields.marketIndex), PERP_COUNTERS)
    for account in scene.of("Vault"):
        yield from _vault(scene, account, spots)


def refer(scene: Scene) -> Iterator[Market | ReferenceToken]:
    """Names as the program has them; what a name is the base asset of is kept where it is known."""
    for account in scene.of("SpotMarket"):
        yield from _spot_reference(scene, account)
    for account in scene.of("PerpMarket"):
        yield _perp_reference(scene, account)


def _spot_reference(scene: Scene, account: Account) -> Iterator[Market | ReferenceToken]:
    fields, key = account.fields, spot_key(account.fields.marketIndex)
    known, name = scene.reference.market(NAME, key), text_of(account.fields.name)
    if fields.decimals <= MOST_DECIMALS:
        yield Market(
            protocol=NAME,
            market_key=key,
            market_kind="spot",
            symbol=name or (known.symbol if known else key),
            base_asset=None if known else name,
            base_decimals=fields.decimals,
            mint=fields.mint,
            pool_id=fields.poolId,
        )
        yield ReferenceToken(mint=fields.mint, decimals=fields.decimals)


def _perp_reference(scene: Scene, account: Account) -> Market:
    fields, key = account.fields, perp_key(account.fields.marketIndex)
    known, name = scene.reference.market(NAME, key), text_of(account.fields.name)
    return Market(
        protocol=NAME,
        market_key=key,
        market_kind="perp",
        symbol=name or (known.symbol if known else key),
        base_asset=None if known or name is None else name.removesuffix(PERP_SUFFIX),
        base_decimals=BASE_DECIMALS,
        max_leverage=amount.quotient(MARGIN_ONE, fields.marginRatioInitial, places=2),
    )


def _token(fields: Any) -> Token:
    return Token(
        spot_key(fields.marketIndex), fields.mint, fields.decimals if fields.decimals <= MOST_DECIMALS else None
    )


def _lending(scene: Scene, account: Account) -> Record:
    fields, token = account.fields, _token(account.fields)
    lent, owed = token_amounts(
        fields.depositBalance * fields.cumulativeDepositInterest,
        fields.borrowBalance * fields.cumulativeBorrowInterest,
        token.decimals,
    )
    net = None if lent is None or owed is None else lent - owed
    return TvlObservation(
        origin=scene.origin(account),
        component="lending",
        component_key=token.key,
        mint=token.mint,
        amount=None if net is None else token.amount(net),
        value_usd_e6=None if net is None else token.usd_e6(net, _price_e6(scene, account, fields.historicalOracleData)),
        deposits=None if lent is None else token.amount(lent),
        borrows=None if owed is None else token.amount(owed),
        value_origin="account",
    )


def _insurance(scene: Scene, account: Account) -> Iterator[Record]:
    token, key = _token(account.fields), account.fields.insuranceFund.vault
    vault = scene.spl(key, TokenAccount)
    if vault is not None and vault.mint == token.mint:
        yield TvlObservation(
            origin=scene.origin(scene.accounts[key]),
            component="insurance_fund",
            component_key=token.key,
            mint=token.mint,
            amount=token.amount(vault.amount),
            value_origin="account",
        )


def _price_e6(scene: Scene, account: Account, oracle: Any) -> int | None:
    """The oracle's price as the market last saw it; None where that is long ago."""
    is_fresh = scene.is_fresh(account, oracle.lastOraclePriceTwapTs, PRICE_MAX_AGE_S)
    return int(oracle.lastOraclePrice) if is_fresh and oracle.lastOraclePrice > 0 else None


def _token_price(scene: Scene, account: Account) -> Iterator[Record]:
    price_e6 = _price_e6(scene, account, account.fields.historicalOracleData)
    price = None if price_e6 is None else oracle_price(price_e6)
    if price is not None:
        mint = account.fields.mint
        yield PriceObservation(origin=scene.origin(account), mint=mint, price_usd=price, value_origin="account")


def _perp_price(scene: Scene, account: Account) -> Iterator[Record]:
    price_e6 = _price_e6(scene, account, account.fields.amm.historicalOracleData)
    price = None if price_e6 is None else oracle_price(price_e6)
    if price is not None:
        key = perp_key(account.fields.marketIndex)
        yield PriceObservation(origin=scene.origin(account), market_key=key, price_usd=price, value_origin="account")


def _open_interest(scene: Scene, account: Account) -> Iterator[Record]:
    fields, amm = account.fields, account.fields.amm
    price_e6 = _price_e6(scene, account, amm.historicalOracleData)
    longs, shorts = amm.baseAssetAmountLong, -amm.baseAssetAmountShort
    sides: tuple[tuple[PositionSide, int], ...] = (("long", longs), ("short", shorts))
    base = Token(perp_key(fields.marketIndex), None, BASE_DECIMALS)
    for part, (side, size) in enumerate(sides):
        yield OpenInterest(
            origin=scene.origin(account),
            part=part,
            market_key=base.key,
            side=side,
            value_usd_e6=base.usd_e6(size, price_e6),
            size_base=base.amount(size),
        )


def _counters(scene: Scene, account: Account, key: str, counters: Mapping[str, CounterKind]) -> Iterator[Record]:
    """A market that is not set up yet has no next number."""
    for part, (field, kind) in enumerate(counters.items()):
        if following := getattr(account.fields, field):
            yield Counter(
                origin=scene.origin(account), part=part, counter_kind=kind, market_key=key, value=following - 1
            )


def _vault(scene: Scene, vault: Account, spots: Mapping[int, Account]) -> Iterator[Record]:
    """What its account on Drift has lent, less what it owes, by market."""
    user = scene.accounts.get(vault.fields.user)
    if user is None or user.kind != "User" or user.fields.authority != vault.image.key:
        return
    for part, position in enumerate(user.fields.spotPositions):
        market = spots.get(position.marketIndex)
        if position.scaledBalance and market is not None:
            token = _token(market.fields)
            net = _signed(position, market.fields, token.decimals)
            yield TvlObservation(
                origin=scene.origin(user),
                part=part,
                component="strategy_vault_spot",
                component_key=base58.encode(vault.image.key),
                mint=token.mint,
                amount=None if net is None else token.amount(net),
                value_origin="account",
            )


def _signed(position: Any, market: Any, decimals: int | None) -> int | None:
    is_deposit = position.balanceType == DEPOSIT
    lent, owed = token_amounts(
        position.scaledBalance * market.cumulativeDepositInterest if is_deposit else 0,
        0 if is_deposit else position.scaledBalance * market.cumulativeBorrowInterest,
        decimals,
    )
    return None if lent is None or owed is None else lent - owed
