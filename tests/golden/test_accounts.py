"""Account images of mainnet through `observed`: Jupiter's AUM, GMX's pools, Drift's lending and vault, as rows.

The bytes lie outside the repository (see tests/shared.py). That every field decodes is shown beside the events of
each protocol; here it is what rows say.
"""

import base64
import csv
import json
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from indexer.core import base58
from indexer.core.account import Image, Observing
from indexer.core.record import FundingRate, OpenInterest, PriceObservation, Record, TvlObservation
from indexer.core.reference import Market, Reference, Token, parse_seed
from indexer.core.spl import TOKEN_PROGRAMS
from indexer.protocols.drift import accounts as drift
from indexer.protocols.gmx_solana import accounts as gmx
from indexer.protocols.jupiter_perps import accounts as jupiter
from tests.encoder import encode_account, idl_text
from tests.shared import REPOSITORY, requires_shared, shared

pytestmark = requires_shared
SLOT = 400_000_000
TOKEN_PROGRAM = min(TOKEN_PROGRAMS)
IDLS = ("drift.json", "drift_vaults.json", "doves.json", "gmsol_store.json", "jupiter_perps.json")
SOL = base58.key("So11111111111111111111111111111111111111112")


def load(name: str) -> Any:
    return json.loads(shared("data", "accounts", name).read_bytes())


@cache
def seed() -> Reference:
    return parse_seed((REPOSITORY / "config" / "markets.json").read_bytes())


@cache
def observing(module: Any) -> Observing:
    return module.build({name: idl_text(name) for name in IDLS})  # type: ignore[no-any-return]


def rows(module: Any, images: Iterable[Image], time: int | None) -> list[Record]:
    times = {} if time is None else {SLOT: time}
    found = observing(module).observed(list(images), times, seed())
    assert found.failures == []
    assert {record.origin.channel for record in found.records} <= {"account"}
    return found.records


def tvl(records: Iterable[Record], component: str) -> list[TvlObservation]:
    return [record for record in records if isinstance(record, TvlObservation) and record.component == component]


# --- Jupiter ---


def jupiter_image(name: str) -> Image:
    held = load(name)["account"]
    return Image(bytes(held["pubkey"]), bytes(held["owner"]), SLOT, bytes(held["data"]))


def test_the_pool_image_tells_jupiters_assets() -> None:
    pool = jupiter_image("jupiter_pool_2026-02-19.json")
    (row,) = tvl(rows(jupiter, [pool], 1_771_515_610), "pool")
    assert (row.value_usd_e6, row.value_origin) == (1_133_521_743_352_874, "account")
    assert row.component_key == base58.encode(pool.key)
    origin = row.origin
    assert (origin.signature, origin.index, origin.slot, origin.event) == (pool.key, 0, SLOT, "Pool")
    assert (origin.block_time, origin.channel, origin.protocol) == (1_771_515_610, "account", "jupiter_perps")


@pytest.mark.parametrize("time", [1_771_515_604 + 3_601, None], ids=["an hour later", "at an unknown time"])
def test_a_value_of_long_ago_is_not_told_as_of_now(time: int | None) -> None:
    assert tvl(rows(jupiter, [jupiter_image("jupiter_pool_2026-02-19.json")], time), "pool") == []


def sol_feed(price: int, time: int) -> Image:
    custody = observing(jupiter).decoded(jupiter_image("jupiter_custody_sol_2026-02-23.json"))
    data = encode_account("doves.json", "AgPriceFeed", mint=SOL, price=price, expo=-8, timestamp=time)
    return Image(custody.fields.dovesAgOracle, jupiter.FEEDS, SLOT, data)  # type: ignore[union-attr]


def test_the_sol_custody_adds_what_is_free_what_longs_guarantee_and_what_shorts_lose() -> None:
    """At 84 dollars; 10.56 million of shorts at 83.486086 lose 0.6 percent. Worked out by hand from the image."""
    images = [jupiter_image(f"jupiter_{name}.json") for name in ("pool_2026-02-19", "custody_sol_2026-02-23")]
    found = rows(jupiter, [*images, sol_feed(8_400_000_000, 1_771_834_760)], 1_771_834_770)
    (row,) = tvl(found, "custody")
    owned, locked, guaranteed = 6_368_829_939_225_389, 398_908_550_717_247, 24_953_150_512_329
    lost = 10_560_791_260_461 * (84_000_000 - 83_486_086) / 83_486_086
    assert row.amount == Decimal(owned).scaleb(-9)
    assert row.value_usd_e6 == pytest.approx((owned - locked) * 84 / 1e3 + guaranteed + lost, rel=1e-12)
    assert tvl(found, "pool_recomputed") == []  # Four custodies are not there.
    (price,) = (record for record in found if isinstance(record, PriceObservation))
    assert (price.price_usd, price.mint, price.origin.event) == (84, SOL, "AgPriceFeed")
    (short,) = (record for record in found if isinstance(record, OpenInterest))
    assert (short.side, short.value_usd_e6, round(short.size_base or 0)) == ("short", 10_560_791_260_461, 126_498)
    (rate,) = (record for record in found if isinstance(record, FundingRate))
    # 6.263 percent used of 80: 10 + 25 x 0.0626 / 0.8 percent a year.
    assert float(rate.rate or 0) * 8_760 == pytest.approx(0.10 + 0.25 * (locked / owned) / 0.8, rel=1e-6)


# --- GMX ---


def gmx_rows() -> list[tuple[str, Image, int]]:
    with shared("data", "accounts", "gmx_markets.csv").open(newline="") as lines:
        found = list(csv.reader(lines))
    return [
        (token, Image(bytes([n]) * 32, gmx.STORE_PROGRAM, SLOT, base64.b64decode(image)), int(supply))
        for n, (token, image, supply) in enumerate(found)
    ]


def told_markets() -> list[Any]:
    return list(load("gmx_expected_tvl.json")["markets"])


def unit_prices() -> dict[bytes, Decimal]:
    """Micro-dollars per whole token, mid."""
    with shared("data", "accounts", "gmx_prices.csv").open(newline="") as lines:
        return {base58.key(mint): (Decimal(low) + Decimal(high)) / 2 for _, mint, low, high in csv.reader(lines)}


@pytest.mark.parametrize("n", range(6))
def test_a_markets_pool_rows_are_worth_its_tvl(n: int) -> None:
    told = told_markets()[n]
    token, image, _ = gmx_rows()[n]
    assert token == told["market_token"]
    pool = tvl(rows(gmx, [image], None), "pool")
    assert {row.component_key for row in pool} == {told["market_token"]}
    value = Decimal(0)
    for row in pool:
        assert row.amount is not None
        assert row.mint is not None
        decimals = seed().decimals(row.mint) or 0
        value += row.amount.scaleb(decimals) * unit_prices()[row.mint] / Decimal(10) ** 20
    assert float(value) == pytest.approx(told["tvl_pool_usd_mid"], rel=1e-6)


def test_supplies_are_those_of_the_mints() -> None:
    token, image, supply = gmx_rows()[0]
    mint = bytes(36) + supply.to_bytes(8, "little") + bytes([9, 1]) + bytes(36)
    found = rows(gmx, [image, Image(base58.key(token), TOKEN_PROGRAM, SLOT, mint)], None)
    (row,) = tvl(found, "lp_supply")
    assert (row.amount, row.mint) == (Decimal(supply).scaleb(-9), base58.key(token))


def test_markets_are_called_as_their_accounts_say() -> None:
    images = [image for _, image, _ in gmx_rows()]
    scene = observing(gmx).scene(images, {}, Reference())
    told = {market["market_token"]: market["name"] for market in told_markets()}
    markets = {row.market_key: row for row in observing(gmx).refer(scene) if isinstance(row, Market)}
    assert {key: market.symbol for key, market in markets.items()} == told
    for key, market in markets.items():
        known = seed().market("gmx_solana", key)
        assert known is not None
        assert (market.long_mint, market.short_mint) == (known.long_mint, known.short_mint)
        assert market.index_mint == known.index_mint
        assert market.base_asset == known.base_asset
        assert market.max_leverage is not None
        assert 1 <= market.max_leverage <= 1_000


# --- Drift ---

USDC = {
    10_985_956: ("242854706.933914", "168425523.274277"),
    10_992_903: ("248047358.366469", "175827454.939216"),
    11_789_881: ("159656761.850213", "99629930.933074"),
    12_729_177: ("143770369.334373", "74708262.889481"),
}


def drift_images(kind: str) -> list[tuple[Any, Image]]:
    listed = [image for image in load("drift_markets.json") if image["type"] == kind]
    return [
        (image, Image(bytes([n]) * 32, drift.DRIFT, SLOT, base64.b64decode(image["b64"])))
        for n, image in enumerate(listed)
    ]


@pytest.mark.parametrize("record_id", USDC)
def test_usdc_deposits_and_borrows(record_id: int) -> None:
    (image,) = (
        image
        for told, image in drift_images("SpotMarket")
        if observing(drift).decoded(image).fields.nextDepositRecordId == record_id  # type: ignore[union-attr]
        and told["summary"]["name"].strip() == "USDC"
    )
    (row,) = tvl(rows(drift, [image], None), "lending")
    deposits, borrows = map(Decimal, USDC[record_id])
    assert (row.component_key, row.deposits, row.borrows, row.amount) == (
        "spot:0",
        deposits,
        borrows,
        deposits - borrows,
    )
    assert row.value_usd_e6 is None  # No price is fresh where nobody knows the time.


def test_a_markets_oracle_price_is_told_while_it_is_fresh() -> None:
    for _, image in drift_images("PerpMarket"):
        fields = observing(drift).decoded(image).fields  # type: ignore[union-attr]
        oracle = fields.amm.historicalOracleData
        fresh, stale = (rows(drift, [image], oracle.lastOraclePriceTwapTs + age) for age in (0, 901))
        (price,) = (row for row in fresh if isinstance(row, PriceObservation))
        assert price.price_usd == Decimal(oracle.lastOraclePrice).scaleb(-6)
        assert price.market_key == f"perp:{fields.marketIndex}"
        assert not [row for row in stale if isinstance(row, PriceObservation)]
        long, short = (row for row in fresh if isinstance(row, OpenInterest))
        assert long.size_base == Decimal(fields.amm.baseAssetAmountLong).scaleb(-9)
        assert short.size_base == Decimal(-fields.amm.baseAssetAmountShort).scaleb(-9)
        assert short.size_base >= 0


def test_drifts_markets_are_those_of_the_seed() -> None:
    """Names and scales; three perp markets are devnet's, and one spot market is synthetic."""
    images = [image for kind in ("SpotMarket", "PerpMarket") for _, image in drift_images(kind)]
    found = [
        row for image in images for row in observing(drift).refer(observing(drift).scene([image], {}, Reference()))
    ]
    markets = [row for row in found if isinstance(row, Market)]
    same = [row for row in markets if (known := seed().market("drift", row.market_key)) and known.symbol == row.symbol]
    assert len(same) >= len(markets) - 5
    for row in same:
        known = seed().market("drift", row.market_key)
        assert known is not None
        assert (known.market_kind, known.base_decimals) == (row.market_kind, row.base_decimals)
        assert known.pool_id == row.pool_id
    assert {row.decimals for row in found if isinstance(row, Token)} <= {5, 6, 8, 9}


def test_a_vaults_row_is_what_its_account_on_drift_holds() -> None:
    """The Vault image is real, its account on Drift and the market synthetic."""
    told = next(image for image in load("drift_vaults.json") if image["type"] == "Vault")
    data = base64.b64decode(told["b64"])
    key = data[40:72]  # `pubkey`
    vault = Image(key, drift.VAULTS, SLOT, data)
    account = observing(drift).decoded(vault)
    market = next(image for _, image in drift_images("SpotMarket"))
    spot = observing(drift).decoded(market).fields  # type: ignore[union-attr]
    positions = [{"scaledBalance": 10**9 * 50, "marketIndex": spot.marketIndex}, *[{}] * 7]
    user = encode_account("drift.json", "User", authority=key, spotPositions=positions)
    (user_key,) = observing(drift).named(account)  # type: ignore[arg-type]
    (row,) = tvl(rows(drift, [vault, market, Image(user_key, drift.DRIFT, SLOT, user)], None), "strategy_vault_spot")
    lent = Decimal(50) * spot.cumulativeDepositInterest / 10**10
    assert row.component_key == base58.encode(key)
    assert row.amount == pytest.approx(lent, abs=Decimal(10) ** -spot.decimals)
