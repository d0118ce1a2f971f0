"""GMX's captures: an increase of 2025-09-11, and the Market images and prices of 2025-04-08."""

import csv
import json
from base64 import b64decode
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import pytest

from indexer.core import base58
from indexer.core.layout import compile_accounts
from indexer.core.protocol import Processed, process
from indexer.core.record import OpenInterest, PriceObservation, Record, TvlObservation
from indexer.core.reference import Reference, parse_seed
from indexer.core.rpc import parse_transaction
from indexer.protocols import gmx_solana
from indexer.protocols.gmx_solana import EVENT_AUTHORITY, IDL, STORE_PROGRAM, scales
from tests.encoder import idl_text
from tests.shared import REPOSITORY, requires_shared, shared
from tests.world import EVENT_TAG, call, cpi_transaction

pytestmark = requires_shared

GMX_MARKET = "E6kfBQcdHL3fdWNaydrWViXVtQLTgpxzZicLy98ZNc5v"
WSOL = "So11111111111111111111111111111111111111112"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
MARKET_DISCRIMINATOR = bytes.fromhex("dbbed53700e3c69a")


def capture(*path: str) -> Any:
    return json.loads(shared("data", *path).read_text())


@cache
def reference() -> Reference:
    return parse_seed((REPOSITORY / "config" / "markets.json").read_bytes())


@cache
def protocol() -> Any:
    return gmx_solana.build({IDL: idl_text(IDL)})


# --- the trade -----------------------------------------------------------------------------------------------------


@cache
def increase() -> Processed:
    answer = capture("transactions", "gmx_trade_increase_2025-09-11.json")["result"]
    return process(parse_transaction(answer), [protocol()], reference())


def trade() -> Any:
    (row,) = (row for row in increase().records if row.kind == "trade")
    return row


def keys(row: Any, *names: str) -> list[str]:
    return [base58.encode(getattr(row, name)) for name in names]


def test_the_transaction_gives_one_trade_and_the_prices_it_used():
    assert [row.kind for row in increase().records] == ["trade"] + ["price_observation"] * 3
    assert len(increase().events) == 1
    assert not increase().failures


def test_the_trade_is_an_opened_short():
    row = trade()
    assert (row.market_key, row.market_kind) == (GMX_MARKET, "perp")
    assert (row.direction, row.position_side, row.action) == ("sell", "short", "open")
    assert (row.liquidity_source, row.execution, row.excluded) == ("pool", "keeper", None)
    assert (row.is_liquidation, row.is_adl) == (False, False)
    assert keys(row, "trader", "position_key", "order_key") == [
        "CWWvKsyQAzhcmnSXPQwf55hWFwyxpnM1541pVrMXPxge",
        "CrNdDigfYFk2okftABDki4M9uo2pFp6Bhpuui8sVnMcr",
        "8EBh4Scsk4829Ey4XxqXMtUwbfZYuyXDiYKbzYb3K3L3",
    ]
    assert (row.sequence, row.origin.slot, row.origin.block_time) == (1161, 366145810, 1757607800)
    assert (row.origin.channel, row.origin.index, row.part) == ("cpi", 1, 0)


def test_the_trades_numbers():
    row = trade()
    assert row.size_usd_e6 == 296_714_322  # 296.71432173268
    assert row.size_base == Decimal("20.01797479")
    assert row.price_usd == Decimal("14.8223946151")
    assert row.oracle_price_usd == Decimal("14.828252")
    assert row.entry_price_usd == Decimal("14.822394615109")
    assert row.price_impact_usd_e6 == 513
    assert (row.position_size_usd_e6, row.collateral_usd_e6) == (296_714_322, 93_429_622)
    assert (row.pnl_usd_e6, row.counterparty, row.collateral_delta_usd_e6) == (None, None, None)


def test_the_trades_fee_is_70_percent_the_receivers():
    row = trade()
    assert (row.fee_usd_e6, row.base_fee_usd_e6) == (115_125, 115_125)  # 115,153 raw USDC at 0.999758.
    assert (row.protocol_fee_usd_e6, row.lp_fee_usd_e6) == (80_587, 34_538)
    assert (row.borrow_fee_usd_e6, row.liquidation_fee_usd_e6, row.funding_usd_e6) == (0, None, 0)


def test_the_trades_prices():
    observed = [row for row in increase().records if isinstance(row, PriceObservation)]
    assert {row.mint or row.market_key: row.price_usd for row in observed} == {
        GMX_MARKET: Decimal("14.828252"),
        base58.key(WSOL): Decimal("227.467545"),
        base58.key(USDC): Decimal("0.9998425"),
    }


# --- market images, and what the program must have emitted when they were stored -----------------------------------


class Image(msgspec.Struct):
    market_token: str
    market: Any
    supply: int


@cache
def images() -> list[Image]:
    layout = compile_accounts(idl_text(IDL))[MARKET_DISCRIMINATOR]
    with shared("data", "accounts", "gmx_markets.csv").open(newline="") as lines:
        rows = [(token, b64decode(image), int(supply)) for token, image, supply in csv.reader(lines)]
    assert {len(image) for _, image, _ in rows} == {9176}
    return [Image(token, layout.decode(image), supply) for token, image, supply in rows]


@cache
def unit_prices() -> dict[bytes, Any]:
    with shared("data", "accounts", "gmx_prices.csv").open(newline="") as lines:
        rows = list(csv.reader(lines))
    return {base58.key(mint): _Price(int(low), int(high)) for _, mint, low, high in rows}


class _Price(msgspec.Struct):
    min: int
    max: int


def usd_e6(image: Image, long: int, short: int) -> int:
    meta = image.market.meta
    sides = (long, meta.long_token_mint), (short, meta.short_token_mint)
    return sum(scales.mid_usd(held, unit_prices()[mint]) for held, mint in sides)


EXPECTED_MARKETS = range(6)


def expected(n: int) -> Any:
    listed = capture("accounts", "gmx_expected_tvl.json")["markets"]
    assert len(listed) == len(images()) == len(EXPECTED_MARKETS)
    return listed[n]


@pytest.mark.parametrize("n", EXPECTED_MARKETS)
def test_a_market_image_decodes_to_its_asserted_values(n: int):
    image, told = images()[n], expected(n)
    market, pools = image.market, image.market.state.pools
    assert bytes(market.name).rstrip(b"\0").decode() == told["name"]
    assert base58.encode(market.meta.market_token_mint) == image.market_token == told["market_token"]
    assert (image.supply, market.buffer.rev) == (told["supply_gm_raw"], told["rev"])
    primary = pools.primary.pool
    assert (primary.long_token_amount, primary.short_token_amount) == (told["pool_long_raw"], told["pool_short_raw"])
    assert market.state.other.trade_count == told["trade_count"]
    assert market.state.clocks.borrowing == told["ts_borrowing"]


@pytest.mark.parametrize("n", EXPECTED_MARKETS)
def test_pool_and_vault_of_an_image_are_worth_what_was_computed(n: int):
    image, told = images()[n], expected(n)
    primary, other = image.market.state.pools.primary.pool, image.market.state.other
    pool = usd_e6(image, primary.long_token_amount, primary.short_token_amount)
    vault = usd_e6(image, other.long_token_balance, other.short_token_balance)
    assert pool / 1e6 == pytest.approx(told["tvl_pool_usd_mid"], rel=1e-6)
    assert vault / 1e6 == pytest.approx(told["vault_balance_usd_mid"], rel=1e-6)


def rebuilt() -> list[Any]:
    return list(capture("accounts", "gmx_reconstructed_market_state_updated.json")["events"])


def state_rows(told: Any) -> list[Record]:
    data = base58.decode(told["cpi_data_base58"])
    assert (len(data), data[:8]) == (told["bytes"], EVENT_TAG)
    tx = cpi_transaction(STORE_PROGRAM, EVENT_AUTHORITY, call(b"unknown!", (), data[8:]))
    result = process(tx, [protocol()], reference())
    assert not result.failures
    assert [row.origin.event for row in result.events] == ["MarketStateUpdated"]
    return result.records


def test_every_rebuilt_state_decodes_and_makes_rows_of_the_pools_it_names():
    assert rebuilt()
    for told in rebuilt():
        rows = state_rows(told)
        assert any(isinstance(row, TvlObservation) for row in rows) == ("Primary" in told["kinds"]), told["market"]
        has_interest = any(kind.startswith("OpenInterest") for kind in told["kinds"])
        assert any(isinstance(row, OpenInterest) for row in rows) == has_interest, told["market"]


def test_a_rebuilt_states_pool_amounts_are_those_of_the_image():
    (told,) = (told for told in rebuilt() if told["market"].startswith("BOME") and "Primary" in told["kinds"])
    long, short = (row for row in state_rows(told) if isinstance(row, TvlObservation))
    assert (long.amount, short.amount) == (Decimal("10345.370133"), Decimal("11.994118"))
    assert short.mint == base58.key(USDC)
