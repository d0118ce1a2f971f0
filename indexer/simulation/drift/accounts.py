"""Drift's accounts as its books have them: markets that the reference knows, insurance vaults, strategy vaults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Any

import msgspec

from indexer.core import base58
from indexer.core.record import (
    Counter,
    CounterKind,
    OpenInterest,
    PositionSide,
    PriceObservation,
    Record,
    TvlObservation,
)
from indexer.core.reference import Market as Known
from indexer.core.reference import Reference
from indexer.simulation.drift.books import BALANCE_AND_INTEREST, BASE, Books, Perp, Spot
from indexer.simulation.drift.insurance import vault_row
from indexer.simulation.drift.vaults import Vault
from indexer.simulation.figures import ceil_div, decimal, rounded
from indexer.simulation.held import Held, token_account
from indexer.simulation.instructions import fixed_key
from indexer.simulation.packing import pack_account
from indexer.simulation.script import NOWHERE
from indexer.simulation.streams import DRIFT, VAULTS

POSITIONS = 8
LEVERAGE = 20


def accounts(books: Books, vaults: Sequence[Vault], reference: Reference, time: int) -> Iterator[Held]:
    spots = {spot.index: spot for spot in books.spots if spot.is_known}
    for spot in spots.values():
        known = reference.markets["drift", spot.key]
        yield _spot(spot, known, time)
        yield _insurance(spot)
    for perp in books.perps:
        if (market := reference.market("drift", perp.key)) is not None:
            yield _perp(perp, market, time)
    for vault in vaults:
        yield Held(
            vault.key, VAULTS, "Vault", pack_account("drift_vaults.json", "Vault", pubkey=vault.key, user=_user(vault))
        )
        yield _positions(vault, spots)


def numbers(books: Books) -> dict[str, tuple[int, ...]]:
    """What every market has numbered so far."""
    perps = {perp.key: (perp.fills, perp.fundings, perp.curves) for perp in books.perps}
    return perps | {spot.key: (spot.fills, spot.deposits) for spot in books.spots}


def counted(books: Books, vaults: Sequence[Vault], reference: Reference, time: int, moved: Set[str]) -> Iterator[Held]:
    """Of the markets `moved` alone; what vaults have lent is told by all lending markets together."""
    spots = {spot.index: spot for spot in books.spots if spot.is_known}
    if any(spot.key in moved for spot in spots.values()):
        for spot in spots.values():
            yield _spot(spot, reference.markets["drift", spot.key], time)
        for vault in vaults:
            yield _positions(vault, spots)
    for perp in books.perps:
        market = reference.market("drift", perp.key)
        if perp.key in moved and market is not None:
            yield _perp(perp, market, time)


def _spot(spot: Spot, known: Known, time: int) -> Held:
    data = pack_account(
        "drift.json", "SpotMarket", mint=spot.mint, name=_name(known), decimals=spot.decimals, marketIndex=spot.index,
        poolId=known.pool_id or 0, depositBalance=spot.deposit_balance, borrowBalance=spot.borrow_balance,
        cumulativeDepositInterest=spot.deposit_interest, cumulativeBorrowInterest=spot.borrow_interest,
        insuranceFund={"vault": _insurance_key(spot)}, historicalOracleData=_oracle(spot.price_e6, time),
        nextFillRecordId=spot.fills + 1, nextDepositRecordId=spot.deposits + 1,
    )  # fmt: skip
    net = spot.lent() - spot.owed()
    lending = TvlObservation(
        origin=NOWHERE,
        component="lending",
        component_key=spot.key,
        mint=spot.mint,
        amount=spot.tokens(net),
        value_usd_e6=spot.usd_e6(net),
        deposits=spot.tokens(spot.lent()),
        borrows=spot.tokens(spot.owed()),
        value_origin="account",
    )
    price = PriceObservation(
        origin=NOWHERE, mint=spot.mint, price_usd=decimal(spot.price_e6, 6), value_origin="account"
    )
    unpriced = msgspec.structs.replace(lending, value_usd_e6=None)
    counters = _counters(spot.key, {"spot_fills": spot.fills, "deposits": spot.deposits})
    account = fixed_key(f"account of {spot.key}")
    return Held(account, DRIFT, "SpotMarket", data, (lending, price, *counters), (unpriced, *counters))


def _counters(key: str, numbers: dict[CounterKind, int]) -> list[Record]:
    return [
        Counter(origin=NOWHERE, part=part, counter_kind=kind, market_key=key, value=number)
        for part, (kind, number) in enumerate(numbers.items())
    ]


def _insurance(spot: Spot) -> Held:
    assert spot.mint is not None
    amount = max(0, spot.insurance.amount)
    row = msgspec.structs.replace(vault_row(spot, amount), value_origin="account")
    return token_account(_insurance_key(spot), spot.mint, amount, row)


def _perp(perp: Perp, known: Known, time: int) -> Held:
    """The books have no open interest: it is made of what they count."""
    sizes: tuple[tuple[PositionSide, int], ...] = (("long", perp.fills * perp.unit), ("short", perp.fills * 7))
    data = pack_account(
        "drift.json", "PerpMarket", name=_name(known), marketIndex=perp.index, marginRatioInitial=10_000 // LEVERAGE,
        amm={
            "baseAssetAmountLong": sizes[0][1], "baseAssetAmountShort": -sizes[1][1],
            "historicalOracleData": _oracle(perp.price_e6, time),
        },
        nextFillRecordId=perp.fills + 1, nextFundingRateRecordId=perp.fundings + 1, nextCurveRecordId=perp.curves + 1,
    )  # fmt: skip
    interest = [
        OpenInterest(
            origin=NOWHERE,
            part=part,
            market_key=perp.key,
            side=side,
            value_usd_e6=rounded(size * perp.price_e6, perp.unit),
            size_base=decimal(size, BASE),
        )
        for part, (side, size) in enumerate(sizes)
    ]
    price = PriceObservation(
        origin=NOWHERE, market_key=perp.key, price_usd=decimal(perp.price_e6, 6), value_origin="account"
    )
    unpriced = [msgspec.structs.replace(row, value_usd_e6=None) for row in interest]
    counters = _counters(perp.key, {"perp_fills": perp.fills, "fundings": perp.fundings, "curves": perp.curves})
    account = fixed_key(f"account of {perp.key}")
    return Held(account, DRIFT, "PerpMarket", data, (*interest, price, *counters), (*unpriced, *counters))


def _positions(vault: Vault, spots: dict[int, Spot]) -> Held:
    held = [(spots[n], amount) for n, amount in vault.user.balances.items() if n in spots and amount][:POSITIONS]
    scaled = [(spot, *_scaled(spot, amount)) for spot, amount in held]
    positions: list[dict[str, Any]] = [
        {"scaledBalance": balance, "marketIndex": spot.index, "balanceType": "Borrow" if is_borrow else "Deposit"}
        for spot, balance, is_borrow in scaled
    ]
    data = pack_account(
        "drift.json", "User", authority=vault.key, spotPositions=[*positions, *[{}] * (POSITIONS - len(positions))]
    )
    rows: list[Record] = [
        TvlObservation(
            origin=NOWHERE,
            part=part,
            component="strategy_vault_spot",
            component_key=base58.encode(vault.key),
            mint=spot.mint,
            amount=spot.tokens(_amount(spot, balance, is_borrow)),
            value_origin="account",
        )
        for part, (spot, balance, is_borrow) in enumerate(scaled)
        if balance
    ]
    return Held(_user(vault), DRIFT, "User", data, rows)


def _scaled(spot: Spot, amount: int) -> tuple[int, bool]:
    """(scaled balance, whether it is borrowed)."""
    interest = spot.borrow_interest if amount < 0 else spot.deposit_interest
    return min(2**64 - 1, abs(amount) * 10 ** (BALANCE_AND_INTEREST - spot.decimals) // interest), amount < 0


def _amount(spot: Spot, balance: int, is_borrow: bool) -> int:
    scale = 10 ** (BALANCE_AND_INTEREST - spot.decimals)
    return -ceil_div(balance * spot.borrow_interest, scale) if is_borrow else balance * spot.deposit_interest // scale


def _oracle(price_e6: int, time: int) -> dict[str, int]:
    return {"lastOraclePrice": price_e6, "lastOraclePriceTwapTs": time}


def _name(known: Known) -> bytes:
    return known.symbol.encode().ljust(32)


def _insurance_key(spot: Spot) -> bytes:
    return fixed_key(f"insurance vault of {spot.key}")


def _user(vault: Vault) -> bytes:
    return vault.user.account
