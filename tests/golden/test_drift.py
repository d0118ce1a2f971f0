"""Drift on real mainnet bytes: exact rows of every capture, and account images with their asserted values.

The bytes lie outside the repository (see tests/shared.py) and name their own sources. Expected values are those
that the sources assert, and otherwise numbers worked out by hand from the bytes.
"""

import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from indexer.core import amount, base58
from indexer.core.layout import Layout, compile_accounts, enum_names
from indexer.core.protocol import Processed, process
from indexer.core.record import (
    FundingRate,
    PriceObservation,
    Record,
    Swap,
    Trade,
    TvlObservation,
)
from indexer.core.reference import Reference, parse_seed
from indexer.core.rpc import parse_block, parse_transaction
from indexer.protocols.drift import DRIFT, VAULTS, build
from indexer.protocols.drift.lending import token_amounts
from tests.encoder import idl_text
from tests.shared import REPOSITORY, requires_shared, shared

pytestmark = requires_shared

PROTOCOL = build({name: idl_text(name) for name in ("drift.json", "drift_vaults.json")})
USDC = base58.key("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")
SOL = base58.key("So11111111111111111111111111111111111111112")


@cache
def seed() -> Reference:
    return parse_seed((REPOSITORY / "config" / "markets.json").read_bytes())


def load(*parts: str) -> Any:
    return json.loads(shared("data", *parts).read_bytes())


def capture(name: str) -> Processed:
    return process(parse_transaction(load("transactions", name)["result"]), [PROTOCOL], seed())


@cache
def block() -> Mapping[int, Processed]:
    """What each transaction of the block gave, by position, where it gave anything."""
    document = load("blocks", "254170887.json")
    parsed = parse_block(document["result"], document["slot"])
    given = {position: process(tx, [PROTOCOL], seed()) for position, tx in enumerate(parsed.transactions)}
    return {position: out for position, out in given.items() if out.events or out.records or out.failures}


def told(record: Record) -> dict[str, Any]:
    """What a row says beyond its identity: None is left out, keys are base58, numbers are plain."""
    values = {name: getattr(record, name) for name in record.__struct_fields__ if name not in ("origin", "part")}
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return amount.plain(value)
    return base58.encode(value) if isinstance(value, bytes) else value


def at(result: Processed, index: int, kind: type[Record]) -> dict[str, Any]:
    (only,) = [record for record in result.records if record.origin.index == index and isinstance(record, kind)]
    return told(only)


def kinds(result: Processed) -> list[tuple[int, str]]:
    assert result.failures == []
    return [(record.origin.index, record.kind) for record in result.records]


FILL = {"is_liquidation": False, "is_adl": False, "execution": "keeper"}
TAKER = "5iqawn52cdBmsjC4hDegyFnX1iNRTNDV5mRsGzgqbuyD"
JIT_TAKER = "6XdGedW2xiS1jH5SCpx7fe9TX5MfMMXPLjYuXF5rCLpp"


def test_arbitrage_through_the_jit_proxy() -> None:
    result = capture("drift_perp_arb_jit_proxy_2024-03-20.json")
    prices = [(line, "price_observation") for line in (9, 17, 18)]
    trades = [(line, "trade") for line in (9, 17, 18)]
    assert kinds(result) == [row for pair in zip(trades, prices, strict=True) for row in pair]
    market = {"market_kind": "perp", "market_key": "perp:24", "oracle_price_usd": "1.137555", "filler_reward_usd_e6": 0}
    assert at(result, 9, Trade) == FILL | market | {
        "trader": TAKER,
        "counterparty": "GgZkrSFgTAXZn1rNtZ533wpZi6nxx8whJC9bxRESB22c",
        "direction": "sell",
        "size_usd_e6": 248_324_100,
        "size_base": "219",
        "price_usd": "1.1339",
        "fee_usd_e6": 74_498,
        "maker_fee_usd_e6": -49_664,
        "liquidity_source": "order_book",
        "explanation": "OrderFilledWithMatch",
        "sequence": 236_231,
        "taker_order_id": 3_568_025,
        "maker_order_id": 15_923,
    }
    assert at(result, 17, Trade) == FILL | market | {
        "trader": TAKER,
        "direction": "buy",
        "size_usd_e6": 54_220_800,
        "size_base": "48",
        "price_usd": "1.1296",
        "fee_usd_e6": 16_267,
        "liquidity_source": "amm_jit_lp",
        "explanation": "OrderFilledWithAMMJitLPSplit",
        "sequence": 236_232,
        "taker_order_id": 3_568_026,
    }
    assert at(result, 18, Trade) == FILL | market | {
        "trader": TAKER,
        "counterparty": "7tA8fYQGs5c1Jza9E2xqhLNCFDeJPoq5sxC6AiWoCM9Z",
        "direction": "buy",
        "size_usd_e6": 193_161_600,
        "size_base": "171",
        "price_usd": "1.1296",
        "fee_usd_e6": 57_949,
        "maker_fee_usd_e6": -38_632,
        "liquidity_source": "order_book",
        "explanation": "OrderFilledWithMatch",
        "sequence": 236_233,
        "taker_order_id": 3_568_026,
        "maker_order_id": 127_598_326,
    }


def test_the_assertions_of_the_source_hold_for_the_arbitrage() -> None:
    expected = load("transactions", "drift_perp_arb_jit_proxy_2024-03-20.json")["expected"]
    trade = at(capture("drift_perp_arb_jit_proxy_2024-03-20.json"), expected["log_index"], Trade)
    assert (trade["trader"], trade["counterparty"]) == (expected["taker"], expected["maker"])
    assert (trade["fee_usd_e6"], trade["maker_fee_usd_e6"]) == (expected["taker_fee"], expected["maker_fee"])
    assert trade["size_usd_e6"] == expected["quote_asset_amount_filled"]
    assert Decimal(trade["size_base"]).scaleb(9) == expected["base_asset_amount_filled"]
    assert Decimal(trade["oracle_price_usd"]).scaleb(6) == expected["oracle_price"]
    assert trade["market_key"] == f"perp:{expected['market_index']}"


def test_a_match_in_the_layout_of_2024() -> None:
    result = capture("drift_perp_match_2024-01-25.json")
    assert kinds(result) == [(1, "trade"), (1, "price_observation")]
    assert at(result, 1, Trade) == FILL | {
        "market_kind": "perp",
        "market_key": "perp:0",
        "trader": "C13FZykQfLXKuMAMh2iuG7JxhQqd8otujNRAgVETU6id",
        "counterparty": "7xv3kL5RRs5CB2vBWchXNdcDoSvw5AJdMHVbAtsDRzf1",
        "direction": "sell",
        "size_usd_e6": 17_420_440,
        "size_base": "0.2",
        "price_usd": "87.1022",
        "fee_usd_e6": 5_227,
        "maker_fee_usd_e6": -3_484,
        "filler_reward_usd_e6": 522,
        "liquidity_source": "order_book",
        "explanation": "OrderFilledWithMatch",
        "sequence": 2_253_218,
        "taker_order_id": 237_575_726,
        "maker_order_id": 2_544,
        "oracle_price_usd": "86.992701",
    }


def test_a_jit_auction_in_the_layout_of_2025() -> None:
    result = capture("drift_perp_place_and_make_jit_2025-07-07.json")
    assert kinds(result) == [(n, kind) for n in (3, 4) for kind in ("trade", "price_observation")]
    both = FILL | {
        "market_kind": "perp",
        "market_key": "perp:1",
        "trader": JIT_TAKER,
        "direction": "sell",
        "size_usd_e6": 98_200_890,
        "size_base": "0.0009",
        "price_usd": "109112.1",
        "fee_usd_e6": 0,
        "filler_reward_usd_e6": 0,
        "taker_order_id": 287_285,
        "oracle_price_usd": "109120.829869",
    }
    amm = {"liquidity_source": "amm_jit", "explanation": "OrderFilledWithAMMJit", "sequence": 5_435_851}
    assert at(result, 3, Trade) == both | amm
    assert at(result, 4, Trade) == both | {
        "counterparty": "HFq8BNL2UNqHqaASthr4q9JF4xbaG8ehEk26UTtVTnPp",
        "maker_fee_usd_e6": 0,
        "liquidity_source": "jit_auction",
        "explanation": "OrderFilledWithMatchJit",
        "sequence": 5_435_852,
        "maker_order_id": 1_432_564,
    }


def test_settling_pnl_is_an_event_and_no_row() -> None:
    result = capture("drift_settle_pnl_2024-07-24.json")
    assert kinds(result) == []
    assert [(row.origin.index, row.origin.event) for row in result.events] == [(2, "SettlePnlRecord")]


def test_a_swap_through_an_aggregator() -> None:
    result = capture("drift_spot_swap_2025-05-05.json")
    assert kinds(result) == [(4, "tvl_observation"), (44, "swap"), *[(44, "price_observation")] * 2]
    assert at(result, 44, Swap) == {
        "trader": "7q6FkeUEvTDS6DaM2WTHw6s1gTzbBasGTPATLzMZW41S",
        "mint_in": base58.encode(USDC),
        "mint_out": base58.encode(SOL),
        "amount_in": "2",
        "amount_out": "0.013814365",
        "value_usd_e6": 2_000_000,
        "fee_usd_e6": 0,
        "venue": "drift",
        "purpose": "swap",
        "hop": 0,
    }
    prices = [record for record in result.records if isinstance(record, PriceObservation)]
    assert [(p.part, p.mint, p.price_usd) for p in prices] == [(0, USDC, Decimal(1)), (1, SOL, Decimal("144.76"))]
    assert at(result, 4, TvlObservation)["amount"] == "104981.75921683"


def test_an_hourly_funding_rate() -> None:
    """24,277,250 / (620,724 x 1,000); the CurveRecord beside it gives no row."""
    result = capture("drift_update_funding_rate_2025-08-30.json")
    assert kinds(result) == [(8, "funding_rate")]
    assert len(result.events) == 2
    assert at(result, 8, FundingRate) == {
        "market_key": "perp:30",
        "rate_kind": "funding",
        **dict.fromkeys(("rate", "rate_long", "rate_short"), "0.000152778046"),
        "oracle_price_usd": "0.620724",
        "sequence": 11_021,
    }


def test_a_crank_without_events_gives_nothing_and_no_failure() -> None:
    result = capture("drift_twap_crank_no_events_2025-08-31.json")
    assert (result.events, result.records, result.failures) == ([], [], [])


# --- a whole block -------------------------------------------------------------------------------------------------


def test_only_two_transactions_of_the_block_speak_of_drift() -> None:
    assert sorted(block()) == load("blocks", "254170887.json")["expected"]["drift"]["transactions"] == [201, 335]
    assert all(result.failures == [] for result in block().values())


def test_transaction_201_only_places_an_order() -> None:
    result = block()[201]
    assert result.records == []
    assert [(row.origin.index, row.origin.event) for row in result.events] == [
        (10, "OrderActionRecord"),
        (11, "OrderRecord"),
    ]


def test_transaction_335_trades_sol_twice() -> None:
    result = block()[335]
    expected = [(14, "tvl_observation"), (15, "tvl_observation")]
    assert kinds(result) == expected + [(n, kind) for n in (16, 45) for kind in ("trade", "price_observation")]
    market = {"market_kind": "spot", "market_key": "spot:1", "direction": "buy", "oracle_price_usd": "165.58847"}
    both = FILL | market | {"size_base": "1.5", "filler_reward_usd_e6": 0}
    assert at(result, 16, Trade) == both | {
        "trader": "FPMWfMBQp81PkMEBSyaVwadzesfkTkYFbegaaoGBcpPB",
        "counterparty": "783ripvU8pKS4Husjvx3nFkpzenjv6ThPVRwxKqx6cJ4",
        "size_usd_e6": 248_673_450,
        "price_usd": "165.7823",
        "fee_usd_e6": 124_337,
        "maker_fee_usd_e6": -49_734,
        "venue_fee_usd_e6": 0,
        "liquidity_source": "jit_auction",
        "explanation": "OrderFilledWithMatchJit",
        "sequence": 1_744_155,
        "taker_order_id": 4_949_639,
        "maker_order_id": 11_985,
    }
    assert at(result, 45, Trade) == both | {
        "trader": "783ripvU8pKS4Husjvx3nFkpzenjv6ThPVRwxKqx6cJ4",
        "size_usd_e6": 248_463_000,
        "price_usd": "165.642",
        "fee_usd_e6": 124_232,
        "maker_fee_usd_e6": 0,
        "venue_fee_usd_e6": 49_693,
        "liquidity_source": "external",
        "explanation": "OrderFillWithPhoenix",
        "sequence": 1_744_156,
        "taker_order_id": 11_986,
    }


def test_the_block_agrees_with_what_its_file_expects() -> None:
    explanations = enum_names(idl_text("drift.json"), "OrderActionExplanation")
    for expected in load("blocks", "254170887.json")["expected"]["drift"]["trades"]:
        trade = at(block()[expected["transaction"]], expected["log"], Trade)
        for column in ("market_kind", "market_key", "liquidity_source"):
            assert trade[column] == expected[column]
        for column in ("size_usd", "fee_usd", "maker_fee_usd", "venue_fee_usd"):
            if column in expected:
                assert trade[f"{column}_e6"] == Decimal(expected[column]).scaleb(6)
        assert Decimal(trade["size_base"]) == Decimal(expected["size_base"])
        assert trade["sequence"] == int(expected["sequence"])
        assert trade["explanation"] == explanations[expected["explanation"]]


def test_interest_in_transaction_335_tells_two_lending_markets() -> None:
    common = {"component": "lending", "value_origin": "event"}
    assert at(block()[335], 14, TvlObservation) == common | {
        "component_key": "spot:0",
        "mint": base58.encode(USDC),
        "deposits": "71652829.977264",
        "borrows": "50575040.839488",
        "amount": "21077789.137776",
    }
    assert at(block()[335], 15, TvlObservation) == common | {
        "component_key": "spot:1",
        "mint": base58.encode(SOL),
        "deposits": "665193.520609695",
        "borrows": "57140.474660142",
        "amount": "608053.045949553",
    }


def test_rows_of_the_block_have_its_identity() -> None:
    origins = {record.origin for record in block()[335].records}
    assert {(o.slot, o.tx_index, o.channel, o.program_id, o.block_time) for o in origins} == {
        (254_170_887, 335, "log", DRIFT, load("blocks", "254170887.json")["result"]["blockTime"])
    }


# --- account images ------------------------------------------------------------------------------------------------

LAYOUTS: dict[str, Mapping[bytes, Layout]] = {
    name: compile_accounts(idl_text(name)) for name in ("drift.json", "drift_vaults.json")
}
# How the summaries call the fields of the accounts.
SPOT_MARKET = {
    "ifShares": "insuranceFund.totalShares",
    "ifUserShares": "insuranceFund.userShares",
    "ifVault": "insuranceFund.vault",
    "oracleTwap": "historicalOracleData.lastOraclePriceTwap",
    "oraclePrice": "historicalOracleData.lastOraclePrice",
    "lastOracleTs": "historicalOracleData.lastOraclePriceTwapTs",
    "revenuePoolScaled": "revenuePool.scaledBalance",
}
PERP_MARKET = {
    "lastOraclePrice": "amm.historicalOracleData.lastOraclePrice",
    "lastOracleTs": "amm.historicalOracleData.lastOraclePriceTwapTs",
} | {
    name: f"amm.{name}"
    for name in (
        "baseAssetAmountLong",
        "baseAssetAmountShort",
        "baseAssetAmountWithAmm",
        "userLpShares",
        "totalFee",
        "totalExchangeFee",
        "lastTradeTs",
        "volume24h",
    )
}
RENAMED = {"SpotMarket": SPOT_MARKET, "PerpMarket": PERP_MARKET}


def images() -> list[dict[str, Any]]:
    return load("accounts", "drift_markets.json")  # type: ignore[no-any-return]


def decoded(idl: str, image: Mapping[str, Any]) -> Any:
    data = base64.b64decode(image["b64"])
    layout = LAYOUTS[idl][data[:8]]
    assert (layout.name, len(data)) == (image["type"], image["len"])
    return layout.decode(data)


def field(account: Any, path: str) -> Any:
    for name in path.split("."):
        account = getattr(account, name)
    return account


def asserted(value: Any, expected: Any) -> Any:
    """A value in the form in which the summary has it."""
    if not isinstance(value, bytes):
        return value
    return base58.encode(value) if _is_key(expected) else value.decode().rstrip(" ")


def _is_key(text: Any) -> bool:
    try:
        return len(base58.key(text)) == 32
    except base58.NotBase58:
        return False


@pytest.mark.parametrize("kind", ["SpotMarket", "PerpMarket"])
def test_market_images_decode_to_their_summaries(kind: str) -> None:
    statuses = enum_names(idl_text("drift.json"), "MarketStatus")
    compared = 0
    for image in (image for image in images() if image["type"] == kind):
        account = decoded("drift.json", image)
        for name, expected in image["summary"].items():
            value = asserted(field(account, RENAMED[kind].get(name, name)), expected)
            assert (statuses[value] if name == "status" else value) == expected, (image["sha"], name)
            compared += 1
    assert compared > 200


USDC_MARKET = {
    10985956: ("242854706.933914", "168425523.274277"),
    10992903: ("248047358.366469", "175827454.939216"),
    11789881: ("159656761.850213", "99629930.933074"),
    12729177: ("143770369.334373", "74708262.889481"),
}


def test_usdc_deposits_and_borrows_by_the_formula() -> None:
    markets = [decoded("drift.json", image) for image in images() if image["type"] == "SpotMarket"]
    found = {m.nextDepositRecordId: _balances(m) for m in markets if m.marketIndex == 0}
    assert found == USDC_MARKET


def _balances(market: Any) -> tuple[str, ...]:
    raw = token_amounts(
        market.depositBalance * market.cumulativeDepositInterest,
        market.borrowBalance * market.cumulativeBorrowInterest,
        market.decimals,
    )
    return tuple(amount.plain(amount.exact(value, market.decimals)) for value in raw if value is not None)


def test_markets_of_the_seed_have_the_decimals_and_mints_of_the_images() -> None:
    for market in (decoded("drift.json", image) for image in images() if image["type"] == "SpotMarket"):
        known = seed().market("drift", f"spot:{market.marketIndex}")
        assert known is not None
        if any(market.pubkey):  # One image is synthetic: all its keys are zero.
            assert (known.mint, known.base_decimals) == (market.mint, market.decimals)


def test_vault_images_decode_to_the_asserted_values() -> None:
    for image in load("accounts", "drift_vaults.json"):
        account = decoded("drift_vaults.json", image)
        for name, expected in image["decoded"].items():
            value = getattr(account, name)
            if isinstance(expected, dict):
                assert {part: getattr(value, part) for part in expected} == expected, name
            else:
                assert asserted(value, expected) == expected, name


def test_a_depositors_share_of_the_vault() -> None:
    """196,332,992 of 5,106,149,526,983 shares, from the two images alone."""
    vault, depositor = (decoded("drift_vaults.json", image) for image in load("accounts", "drift_vaults.json"))
    assert depositor.vault == vault.pubkey
    assert amount.quotient(depositor.vaultShares, vault.totalShares) == Decimal("0.000038450302")


def test_the_programs_are_the_known_ones() -> None:
    assert [base58.encode(program) for program in (DRIFT, VAULTS)] == [
        "dRiftyHA39MWEi3m9aunc5MzRF1JYuBsbn6VPcn33UH",
        "vAuLTsyrvSfZRuRB3XgvkPwNGgYSs9YRYymVebLKoxR",
    ]
