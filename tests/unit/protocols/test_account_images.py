"""Rows of accounts that no capture shows whole, and that no bytes make a rule raise. All images are synthetic."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core import base58
from indexer.core.account import Image, Observing, text_of
from indexer.core.record import FundingRate, OpenInterest, PriceObservation, Record, TvlObservation
from indexer.core.reference import Market, Reference, Token
from indexer.core.spl import TOKEN_PROGRAMS, Mint, TokenAccount, decode_spl
from indexer.protocols.drift import accounts as drift
from indexer.protocols.gmx_solana import accounts as gmx
from indexer.protocols.gmx_solana.evidence import STORE
from indexer.protocols.jupiter_perps import accounts as jupiter
from indexer.protocols.jupiter_perps.program import JLP, POOL, PROGRAM
from tests.encoder import encode_account, idl_text

SLOT, NOW = 400_000_000, 1_771_515_604
TOKEN_PROGRAM = min(TOKEN_PROGRAMS)
MODULES = (drift, gmx, jupiter)
IDLS = ("drift.json", "drift_vaults.json", "doves.json", "gmsol_store.json", "jupiter_perps.json")


def key(n: int) -> bytes:
    return bytes([n]) * 32


SOL, USDC = key(1), key(2)
SOL_CUSTODY, USDC_CUSTODY, SOL_FEED, USDC_FEED = key(3), key(4), key(5), key(6)


@cache
def observing(module: Any) -> Observing:
    return module.build({name: idl_text(name) for name in IDLS})  # type: ignore[no-any-return]


def records(module: Any, images: list[Image], reference: Reference | None = None) -> list[Record]:
    found = observing(module).observed(images, {SLOT: NOW}, reference or Reference())
    assert found.failures == []
    return found.records


def tvl(found: list[Record], component: str) -> list[TvlObservation]:
    return [row for row in found if isinstance(row, TvlObservation) and row.component == component]


def image(at: bytes, owner: bytes, idl: str, kind: str, **values: Any) -> Image:
    return Image(at, owner, SLOT, encode_account(idl, kind, **values))


def mint(at: bytes, supply: int, decimals: int) -> Image:
    return Image(at, TOKEN_PROGRAM, SLOT, bytes(36) + supply.to_bytes(8, "little") + bytes([decimals, 1]) + bytes(36))


def vault(at: bytes, token: bytes, amount: int) -> Image:
    data = token + bytes(32) + amount.to_bytes(8, "little") + bytes(36) + b"\1" + bytes(56)
    return Image(at, TOKEN_PROGRAM, SLOT, data)


# --- Jupiter ---


def pool_of_two(*, told_at: int = NOW, sol: int = 100 * 10**8, usdc: int = 99 * 10**6) -> list[Image]:
    """100 SOL of which 40 are locked, at 100 dollars; 1,000 USDC and 500 lent out, at 0.99."""
    feeds = (SOL_FEED, SOL, sol), (USDC_FEED, USDC, usdc)
    return [
        image(POOL, PROGRAM, "jupiter_perps.json", "Pool", custodies=[SOL_CUSTODY, USDC_CUSTODY], aumUsdUpdatedAt=NOW,
              aumUsd=7_700_000_000),
        image(SOL_CUSTODY, PROGRAM, "jupiter_perps.json", "Custody", pool=POOL, mint=SOL, decimals=9,
              dovesAgOracle=SOL_FEED, pricing={"maxLeverage": 5_000_000},
              assets={"owned": 100 * 10**9, "locked": 40 * 10**9, "guaranteedUsd": 250_000_000,
                      "globalShortSizes": 400_000_000, "globalShortAveragePrices": 125_000_000},
              jumpRateState={"minRateBps": 0, "targetRateBps": 8_760, "maxRateBps": 17_520,
                             "targetUtilizationRate": 800_000_000}),
        image(USDC_CUSTODY, PROGRAM, "jupiter_perps.json", "Custody", pool=POOL, mint=USDC, decimals=6, isStable=True,
              dovesAgOracle=USDC_FEED, assets={"owned": 1_000 * 10**6}, debt=500 * 10**15 + 7,
              borrowLendInterestsAccured=6, fundingRateState={"hourlyFundingDbps": 10}),
        *(image(at, jupiter.FEEDS, "doves.json", "AgPriceFeed", mint=token, price=price, expo=-8, timestamp=told_at)
          for at, token, price in feeds),
        mint(JLP, 2_000 * 10**6, 6),
    ]  # fmt: skip


def test_the_pool_is_the_sum_of_its_custodies() -> None:
    """60 free SOL, 250 that longs guarantee, less the fifth of 400 that shorts gain; stables at a dollar or more."""
    found = records(jupiter, pool_of_two())
    (told,), (summed,) = tvl(found, "pool"), tvl(found, "pool_recomputed")
    sol, usdc = tvl(found, "custody")
    assert (sol.amount, sol.value_usd_e6) == (100, 6_000_000_000 + 250_000_000 - 80_000_000)
    assert (usdc.amount, usdc.value_usd_e6) == (Decimal("1500.000001"), 1_500_000_001)  # What is lent is rounded up.
    assert summed.value_usd_e6 == 6_170_000_000 + 1_500_000_001
    assert (told.value_usd_e6, told.value_origin, summed.value_origin) == (7_700_000_000, "account", "recomputed")


def test_shorts_that_lose_add_to_the_pool() -> None:
    (sol, _) = tvl(records(jupiter, pool_of_two(sol=150 * 10**8)), "custody")
    assert sol.value_usd_e6 == 60 * 150_000_000 + 250_000_000 + 80_000_000


def test_without_a_fresh_price_the_pool_is_not_recomputed_and_a_stable_is_a_dollar() -> None:
    found = records(jupiter, pool_of_two(told_at=NOW - 301))
    assert [row.value_usd_e6 for row in tvl(found, "custody")] == [None, 1_500_000_001]
    assert tvl(found, "pool_recomputed") == []
    assert not [row for row in found if isinstance(row, PriceObservation)]


def test_a_custody_that_is_not_there_is_not_left_out_of_the_sum() -> None:
    images = [one for one in pool_of_two() if one.key != USDC_CUSTODY]
    assert tvl(records(jupiter, images), "pool_recomputed") == []


def test_a_feed_of_another_token_is_no_price() -> None:
    images = [one for one in pool_of_two() if one.key != SOL_FEED]
    images.append(image(SOL_FEED, jupiter.FEEDS, "doves.json", "AgPriceFeed", mint=USDC, price=1, timestamp=NOW))
    assert [row.mint for row in records(jupiter, images) if isinstance(row, PriceObservation)] == [USDC]


def test_borrowing_follows_the_curve_or_the_line() -> None:
    """40 of 100 used where 80 are the target: half of 0.876 a year. 500 of 1,500 used, 10 of 100,000 an hour."""
    rates = [row for row in records(jupiter, pool_of_two()) if isinstance(row, FundingRate)]
    assert [(row.rate, row.rate_long) for row in rates] == [
        (Decimal("0.00005"), Decimal("0.00005")),
        (Decimal("0.000033333333"), None),
    ]


def test_jupiters_custodies_are_markets_and_jlp_has_a_supply() -> None:
    scene = observing(jupiter).scene(pool_of_two(), {SLOT: NOW}, Reference([], [Token(mint=SOL, symbol="SOL")]))
    rows = list(observing(jupiter).refer(scene))
    markets = [row for row in rows if isinstance(row, Market)]
    assert [(m.symbol, m.market_kind, m.max_leverage) for m in markets] == [
        ("SOL", "perp", 500),
        (base58.encode(USDC_CUSTODY), "custody", None),
    ]
    assert [row.amount for row in tvl(records(jupiter, pool_of_two()), "lp_supply")] == [2_000]


def test_what_is_read_next_is_named_by_what_was_read() -> None:
    named = [observing(jupiter).named(account) for account in observing(jupiter).scene(pool_of_two(), {}, Reference()).accounts.values()]  # fmt: skip # noqa: E501
    assert {one for some in named for one in some} == {SOL_CUSTODY, USDC_CUSTODY, SOL_FEED, USDC_FEED, SOL, USDC}


# --- GMX ---


def test_markets_of_another_store_give_no_row() -> None:
    ours, other = (image(key(7), gmx.STORE_PROGRAM, "gmsol_store.json", "Market", store=at) for at in (STORE, key(9)))
    assert records(gmx, [ours])
    assert not records(gmx, [other])
    assert observing(gmx).named(observing(gmx).decoded(other)) == ()  # type: ignore[arg-type]


def test_a_market_tells_both_sides_and_the_factor_of_an_hour() -> None:
    pool = {"pool": {"long_token_amount": 2 * 10**20, "short_token_amount": 10**20}}
    market = image(
        key(7), gmx.STORE_PROGRAM, "gmsol_store.json", "Market", store=STORE,
        meta={"market_token_mint": key(8), "long_token_mint": SOL, "short_token_mint": USDC},
        state={"pools": {"open_interest_for_long": pool}, "other": {"funding_factor_per_second": -(10**14)}},
    )  # fmt: skip
    found = records(gmx, [market])
    assert [(row.mint, row.part) for row in tvl(found, "pool")] == [(SOL, 0), (USDC, 1)]
    interest = [row for row in found if isinstance(row, OpenInterest)]
    assert [(row.side, row.value_usd_e6) for row in interest] == [("long", 3_000_000), ("short", 0)]
    assert [row.rate for row in found if isinstance(row, FundingRate)] == [Decimal("-0.0036")]


def test_a_pure_market_has_one_pool_row() -> None:
    pool = {"pool": {"is_pure": 1, "long_token_amount": 5 * 10**6}}
    market = image(
        key(7), gmx.STORE_PROGRAM, "gmsol_store.json", "Market", store=STORE,
        meta={"long_token_mint": USDC, "short_token_mint": USDC}, state={"pools": {"primary": pool}},
    )  # fmt: skip
    assert [row.amount for row in tvl(records(gmx, [market, mint(USDC, 1, 6)]), "pool")] == [5]


def test_what_a_glv_holds_is_a_component_of_its_own() -> None:
    entries = [{"key": key(8), "value": {"balance": 3 * 10**9}}, *[{}] * 95]
    glv = image(
        key(7), gmx.STORE_PROGRAM, "gmsol_store.json", "Glv", store=STORE, glv_token=key(9),
        markets={"data": entries, "count": 1},
    )  # fmt: skip
    found = records(gmx, [glv, mint(key(9), 7 * 10**9, 9)])
    assert [(row.component_key, row.mint, row.amount) for row in tvl(found, "glv_holding")] == [
        (base58.encode(key(9)), key(8), 3)
    ]
    assert [row.amount for row in tvl(found, "lp_supply")] == [7]


# --- Drift ---


def test_an_insurance_vault_tells_what_lies_in_it() -> None:
    spot = image(
        key(7), drift.DRIFT, "drift.json", "SpotMarket", mint=USDC, decimals=6, insuranceFund={"vault": key(8)}
    )
    (row,) = tvl(records(drift, [spot, vault(key(8), USDC, 12_345_678)]), "insurance_fund")
    assert (row.component_key, row.amount, row.origin.signature) == ("spot:0", Decimal("12.345678"), key(8))
    assert not tvl(records(drift, [spot, vault(key(8), SOL, 1)]), "insurance_fund")  # Of another token.


def test_what_a_strategy_vault_owes_is_negative() -> None:
    spot = image(
        key(7), drift.DRIFT, "drift.json", "SpotMarket", mint=USDC, decimals=6,
        cumulativeDepositInterest=10**10, cumulativeBorrowInterest=2 * 10**10,
    )  # fmt: skip
    strategy = image(key(8), drift.VAULTS, "drift_vaults.json", "Vault", user=key(9))
    positions = [{"scaledBalance": 10**9, "balanceType": "Borrow"}, *[{"marketIndex": 3}] * 7]
    user = image(key(9), drift.DRIFT, "drift.json", "User", authority=key(8), spotPositions=positions)
    assert [row.amount for row in tvl(records(drift, [spot, strategy, user]), "strategy_vault_spot")] == [-2]
    stranger = image(key(9), drift.DRIFT, "drift.json", "User", authority=key(1), spotPositions=positions)
    assert not tvl(records(drift, [spot, strategy, stranger]), "strategy_vault_spot")


# --- all ---


def test_an_image_that_ends_early_is_a_failure_with_its_bytes() -> None:
    whole = image(key(7), drift.DRIFT, "drift.json", "SpotMarket")
    cut = Image(whole.key, whole.owner, SLOT, whole.data[:100])
    (failure,) = observing(drift).observed([cut], {SLOT: NOW}, Reference()).failures
    assert (failure.reason, failure.payload, failure.origin.channel) == ("short_payload", cut.data, "account")


@pytest.mark.parametrize(
    ("name", "text"),
    [(b"SOL-PERP   \0\0", "SOL-PERP"), (b"\0" * 8, None), (b"\xff\xfe", None), (b"a\x1bb", None), (b"", None)],
)
def test_a_name_is_text_or_none(name: bytes, text: str | None) -> None:
    assert text_of(name) == text


def test_token_programs_accounts_are_told_apart_by_length_and_kind() -> None:
    assert decode_spl(mint(SOL, 5, 9).data) == Mint(5, 9)
    held = vault(SOL, USDC, 6).data
    assert decode_spl(held) == TokenAccount(USDC, bytes(32), 6)
    assert decode_spl(held + b"\2" + bytes(30)) == TokenAccount(USDC, bytes(32), 6)
    assert decode_spl(mint(SOL, 5, 9).data + bytes(83) + b"\1" + bytes(30)) == Mint(5, 9)
    assert decode_spl(held + b"\7") is None


KINDS = [
    (drift, drift.DRIFT, "drift.json", "SpotMarket", {"insuranceFund": {"vault": key(8)}}),
    (drift, drift.DRIFT, "drift.json", "PerpMarket", {}),
    (drift, drift.DRIFT, "drift.json", "User", {"authority": key(8)}),
    (drift, drift.VAULTS, "drift_vaults.json", "Vault", {"user": key(7)}),
    (gmx, gmx.STORE_PROGRAM, "gmsol_store.json", "Market", {"store": STORE}),
    (gmx, gmx.STORE_PROGRAM, "gmsol_store.json", "Glv", {"store": STORE}),
    (jupiter, PROGRAM, "jupiter_perps.json", "Pool", {"custodies": [SOL_CUSTODY]}),
    (jupiter, PROGRAM, "jupiter_perps.json", "Custody", {"dovesAgOracle": SOL_FEED}),
    (jupiter, jupiter.FEEDS, "doves.json", "AgPriceFeed", {"timestamp": NOW, "price": 1}),
]


@given(st.data())
def test_no_bytes_make_a_rule_raise(data: st.DataObject) -> None:
    """True images with bytes changed anywhere, cut anywhere, at keys that others name."""
    module = data.draw(st.sampled_from(MODULES))
    images = [data.draw(spoiled(*kind[1:])) for kind in KINDS if kind[0] is module]
    images.append(Image(key(8), TOKEN_PROGRAM, SLOT, data.draw(st.binary(max_size=200))))
    reference = data.draw(st.sampled_from([Reference(), Reference([], [Token(mint=bytes(32), decimals=6)])]))
    found = observing(module).observed(images, {SLOT: NOW}, reference)
    assert all(row.origin.signature for row in (*found.records, *found.failures))
    scene = observing(module).scene(images, {SLOT: NOW}, reference)
    list(observing(module).refer(scene))
    for account in scene.accounts.values():
        assert all(len(one) == 32 for one in observing(module).named(account))


PLACES = {"Pool": POOL, "Custody": SOL_CUSTODY, "AgPriceFeed": SOL_FEED, "Vault": key(8), "User": key(7)}


@st.composite
def spoiled(draw: st.DrawFn, owner: bytes, idl: str, kind: str, values: dict[str, Any]) -> Image:
    raw = bytearray(encode_account(idl, kind, **values))
    for _ in range(draw(st.integers(0, 6))):
        place, patch = draw(st.integers(8, len(raw) - 1)), draw(st.binary(min_size=1, max_size=16))
        raw[place : place + len(patch)] = patch
    end = draw(st.one_of(st.just(len(raw)), st.integers(0, len(raw))))
    return Image(PLACES.get(kind, key(9)), owner, SLOT, bytes(raw[:end]))
