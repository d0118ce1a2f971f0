"""The seed of markets and tokens, and what is said of one that does not fit."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.core import base58
from indexer.core.reference import InvalidSeed, Market, Reference, Token, parse_seed
from tests.shared import REPOSITORY, requires_shared, shared

SOL = "So11111111111111111111111111111111111111112"
SOL_CUSTODY = "7xS2gz2bTp3fwCC7knJvUWTEU9Tycczu6VhJYKgi1wdz"
MARKET = {"protocol": "drift", "market_key": "spot:1", "market_kind": "spot", "symbol": "SOL", "mint": SOL}
TOKEN = {"mint": SOL, "symbol": "SOL", "decimals": 9}


def seed(markets: Any = (MARKET,), tokens: Any = (TOKEN,), **more: Any) -> str:
    return json.dumps({"markets": list(markets), "tokens": list(tokens), **more})


@pytest.fixture(scope="module")
def shipped() -> Reference:
    return parse_seed((REPOSITORY / "config" / "markets.json").read_bytes())


def test_rows_become_markets_and_tokens():
    reference = parse_seed(seed())
    assert reference.market("drift", "spot:1") == Market(
        protocol="drift", market_key="spot:1", market_kind="spot", symbol="SOL", mint=base58.key(SOL)
    )
    assert reference.tokens == {base58.key(SOL): Token(mint=base58.key(SOL), symbol="SOL", decimals=9)}


def test_a_leverage_with_a_fraction_is_never_a_float():
    market = parse_seed('{"tokens": [], "markets": [' + json.dumps(MARKET)[:-1] + ', "max_leverage": 6.1}]}')
    assert market.market("drift", "spot:1").max_leverage == Decimal("6.1")


def test_an_amount_without_known_decimals_is_unknown():
    reference = parse_seed(seed())
    assert reference.token_amount(1_500_000_000, base58.key(SOL)) == Decimal("1.5")
    assert reference.token_amount(1, bytes(32)) is None
    assert reference.token_amount(None, base58.key(SOL)) is None
    assert reference.token_amount(1, None) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "seed: "),
        ("[]", "Expected `object`"),
        ("\ud800", "seed: "),
        (b"\xff", "seed: "),
        ('{"markets": []}', "tokens"),
        (seed(extra=1), "extra"),
        (seed(tokens=[TOKEN, {"symbol": "X"}]), r"tokens\[1\] \(X\).*mint"),
        (seed(tokens=[{**TOKEN, "mint": "0OIl"}]), r"tokens\[0\] \(SOL\).*0OIl"),
        (seed(tokens=[{**TOKEN, "decimals": -1}]), r"tokens\[0\] \(SOL\).*decimals"),
        (seed(tokens=[{**TOKEN, "decimls": 9}]), r"tokens\[0\] \(SOL\).*decimls"),
        (seed(tokens=[TOKEN, TOKEN]), r"tokens\[1\].*already tokens\[0\]"),
        (seed(tokens=[{}]), r"tokens\[0\] \(unnamed\)"),
        (seed([{**MARKET, "market_kind": "option"}]), r"markets\[0\] \(drift spot:1 SOL\).*market_kind"),
        (seed([MARKET, MARKET]), r"markets\[1\] \(drift spot:1\).*already markets\[0\]"),
    ],
)
def test_a_seed_that_does_not_fit_names_the_row(text, words):
    with pytest.raises(InvalidSeed, match=words):
        parse_seed(text)


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.just([]) | st.just(SOL)
rows = st.lists(st.dictionaries(st.sampled_from([*MARKET, *TOKEN, "max_leverage"]), values), max_size=3)


@given(rows, rows)
def test_no_row_can_raise_anything_else(markets, tokens):
    with suppress(InvalidSeed):
        parse_seed(seed(markets, tokens))


def test_the_shipped_seed_has_every_market(shipped):
    counted: dict[tuple[str, str], int] = {}
    for market in shipped.markets.values():
        counted[market.protocol, market.market_kind] = counted.get((market.protocol, market.market_kind), 0) + 1
    assert counted == {
        ("drift", "perp"): 86,
        ("drift", "spot"): 63,
        ("jupiter_perps", "perp"): 3,
        ("jupiter_perps", "custody"): 3,
        ("gmx_solana", "perp"): 9,
    }


def test_every_mint_of_a_shipped_market_is_a_shipped_token(shipped):
    for market in shipped.markets.values():
        for mint in (market.mint, market.index_mint, market.long_mint, market.short_mint):
            assert mint is None or mint in shipped.tokens, market.symbol


def test_a_shipped_spot_market_has_the_decimals_of_its_mint(shipped):
    for market in shipped.markets.values():
        if market.market_kind in ("spot", "custody"):
            assert market.base_decimals == shipped.decimals(market.mint), market.symbol


def test_jupiter_markets_are_named_after_what_is_traded(shipped):
    sol = shipped.market("jupiter_perps", SOL_CUSTODY)
    assert (sol.symbol, sol.base_asset, sol.mint, sol.max_leverage) == ("SOL-PERP", "SOL", base58.key(SOL), 500)
    traded = {m.symbol for m in shipped.markets.values() if m.protocol == "jupiter_perps" and m.market_kind == "perp"}
    assert traded == {"SOL-PERP", "ETH-PERP", "BTC-PERP"}


def test_a_gmx_base_asset_is_the_name_before_the_slash(shipped):
    market = shipped.market("gmx_solana", "BwN2FWixP5JyKjJNyD1YcRKN1XhgvFtnzrPrkfyb4DkW")
    assert (market.symbol, market.base_asset, market.base_decimals) == ("SOL/USD[WSOL-USDC]", "SOL", 9)


@requires_shared
def test_the_shipped_seed_says_what_the_facts_say(shipped):
    facts = json.loads(shared("facts", "markets", "drift.json").read_text())
    for perp in facts["perp"]:
        market = shipped.market("drift", f"perp:{perp['marketIndex']}")
        assert (market.symbol, market.base_asset) == (perp["symbol"], perp["baseAssetSymbol"])
    for spot in facts["spot"]:
        market = shipped.market("drift", f"spot:{spot['marketIndex']}")
        expected = (spot["symbol"], spot["decimals"], base58.key(spot["mint"]), spot["poolId"])
        assert (market.symbol, market.base_decimals, market.mint, market.pool_id) == expected
