"""Jupiter's captures: a decrease by trigger of 2026-02-09, and the images of the pool and of the SOL custody."""

import json
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from indexer.core import base58
from indexer.core.layout import compile_accounts
from indexer.core.protocol import Processed, process
from indexer.core.reference import Reference, parse_seed
from indexer.core.rpc import parse_block, parse_transaction
from indexer.protocols import jupiter_perps
from tests.encoder import idl_text
from tests.shared import REPOSITORY, requires_shared, shared

pytestmark = requires_shared

IDL = "jupiter_perps.json"
SOL = "So11111111111111111111111111111111111111112"
SOL_CUSTODY = "7xS2gz2bTp3fwCC7knJvUWTEU9Tycczu6VhJYKgi1wdz"
OWNER = "AHjZmPJ3swFKz6nVhoeV3Y2zB94rd2QFbAoEPvNo6DXX"
POSITION = "2RPcEvVpLwVVxAPYn89np27pTC6keUGQ1Yf77qa7i1ok"
REQUEST = "GiHy9ixvdkzGQVoTVXkppg7FCMxx1gpwnB7Df9HEUuBM"
SIGNATURE = "3MnCnWjL83RBYGe8ADwhxFHTvbXmDEPyi2mxHQ2211kmQ4NAqBFvhjPexgiCy8o6mGPztnZwjbcxRi4WMGZDeah8"


def capture(*path: str) -> Any:
    return json.loads(shared("data", *path).read_text())


@cache
def result() -> Processed:
    answer = capture("transactions", "jupiter_decrease_tpsl_2026-02-09.json")["result"]
    reference = parse_seed((REPOSITORY / "config" / "markets.json").read_bytes())
    return process(parse_transaction(answer), [jupiter_perps.build({IDL: idl_text(IDL)})], reference)


def only(kind: str) -> Any:
    (row,) = (row for row in result().records if row.kind == kind)
    return row


def test_the_transaction_gives_these_rows_and_no_failure():
    rows = [(row.kind, row.origin.index, row.origin.event) for row in result().records]
    assert rows == [
        ("trade", 1, "DecreasePositionEvent"),
        ("price_observation", 1, "DecreasePositionEvent"),
        ("action", 3, "ClosePositionRequestEvent"),
    ]
    assert [(row.origin.channel, row.origin.index) for row in result().events] == [("cpi", 1), ("cpi", 3)]
    assert result().failures == []


def test_a_long_of_sol_was_closed_by_its_trigger():
    row = only("trade")
    assert (row.market_kind, row.market_key) == ("perp", SOL_CUSTODY)
    assert (row.position_side, row.direction, row.action, row.execution) == ("long", "sell", "close", "trigger")
    assert (row.size_usd_e6, row.position_size_usd_e6) == (3_285_360_000, 0)
    assert (str(row.price_usd), str(row.size_base)) == ("84.650000", "38.811104548")
    assert (str(row.entry_price_usd), row.excluded) == ("84.500000", None)
    assert (row.is_liquidation, row.is_adl, row.liquidity_source) == (False, False, "pool")
    assert (base58.encode(row.trader), row.counterparty) == (OWNER, None)
    assert (base58.encode(row.position_key), base58.encode(row.order_key)) == (POSITION, REQUEST)


def test_its_fee_contains_its_parts():
    row = only("trade")
    assert row.fee_usd_e6 == 2_323_578
    assert (row.base_fee_usd_e6, row.price_impact_fee_usd_e6, row.borrow_fee_usd_e6) == (1_971_216, 328_536, 23_826)
    assert row.base_fee_usd_e6 + row.price_impact_fee_usd_e6 + row.borrow_fee_usd_e6 == row.fee_usd_e6
    assert row.liquidation_fee_usd_e6 is None


def test_its_pnl_is_gross_and_its_payout_net():
    row = only("trade")
    assert (row.pnl_usd_e6, row.collateral_delta_usd_e6) == (5_832_000, -85_701_273)
    original_collateral = 82_192_851
    assert original_collateral + row.pnl_usd_e6 - row.fee_usd_e6 == -row.collateral_delta_usd_e6


def test_its_identity_is_the_raw_position():
    origin = only("trade").origin
    assert (origin.protocol, base58.encode(origin.signature)) == ("jupiter_perps", SIGNATURE)
    assert base58.encode(origin.program_id) == "PERPHjGBqRHArX4DySjwM6UJHiR3sWAatqfdBS2qQJu"
    assert (origin.slot, origin.channel, origin.block_time, origin.tx_index) == (0, "cpi", 1_770_650_409, None)


def test_the_price_is_observed_for_the_market_and_its_token():
    row = only("price_observation")
    assert (row.market_key, base58.encode(row.mint), row.price_usd) == (SOL_CUSTODY, SOL, Decimal("84.65"))


def test_the_request_was_executed():
    row = only("action")
    assert (base58.encode(row.action_key), base58.encode(row.owner)) == (REQUEST, OWNER)
    assert (row.action_kind, row.state, row.order_kind) == ("position_request", "completed", "trigger_decrease")


@pytest.mark.parametrize("position", [0, 1])
def test_every_field_of_the_event_is_as_decoded_elsewhere(position):
    expected = capture("transactions", "jupiter_decrease_tpsl_2026-02-09.json")["expected"]["decoded"][position]
    (program,) = jupiter_perps.build({IDL: idl_text(IDL)}).programs.values()
    payload = result().events[position].payload
    fields = program.layouts[payload[:8]].decode(payload)
    values = {name: getattr(fields, name) for name in expected}
    assert {n: base58.encode(v) if isinstance(v, bytes) else v for n, v in values.items()} == expected


def image(name: str, key: str) -> Any:
    held = capture("accounts", name)
    data = bytes(held["account"]["data"])
    assert len(data) == 2_000
    assert base58.encode(bytes(held["account"]["pubkey"])) == key
    layout = compile_accounts(idl_text(IDL))[data[:8]]
    return layout.name, layout.decode(data), held["expected"]


def test_the_pool_account_tells_the_assets_under_management():
    name, pool, expected = image("jupiter_pool_2026-02-19.json", "5BUwFW4nRbftYTDMbgxykoFWqWHPzahFSNAaaaJtVKsq")
    assert (name, pool.name, len(pool.custodies)) == ("Pool", "Pool", 5)
    assert pool.aumUsd == 1_133_521_743_352_874  # 1,133,521,743.352874 USD.
    assert (pool.fees.protocolShareBps, pool.fees.addRemoveLiquidityBps) == (2_500, 20)
    read = {
        "aum_usd": pool.aumUsd,
        "aum_usd_updated_at": pool.aumUsdUpdatedAt,
        "aum_usd_refreshed_at_slot": pool.aumUsdRefreshedAtSlot,
        "inception_time": pool.inceptionTime,
        "protocol_share_bps": pool.fees.protocolShareBps,
        "add_remove_liquidity_bps": pool.fees.addRemoveLiquidityBps,
    }
    assert read == expected


def test_the_pool_lists_custodies_of_the_seed_in_this_order():
    _, pool, _ = image("jupiter_pool_2026-02-19.json", "5BUwFW4nRbftYTDMbgxykoFWqWHPzahFSNAaaaJtVKsq")
    reference = parse_seed((REPOSITORY / "config" / "markets.json").read_bytes())
    symbols = [reference.market("jupiter_perps", base58.encode(custody)).symbol for custody in pool.custodies]
    assert symbols == ["SOL-PERP", "ETH-PERP", "BTC-PERP", "USDC", "USDT"]


def test_the_custody_account_tells_what_the_pool_owns_of_sol():
    name, custody, expected = image("jupiter_custody_sol_2026-02-23.json", SOL_CUSTODY)
    assert (name, base58.encode(custody.mint), custody.decimals, custody.isStable) == ("Custody", SOL, 9, False)
    assert base58.encode(custody.pool) == "5BUwFW4nRbftYTDMbgxykoFWqWHPzahFSNAaaaJtVKsq"
    assert (custody.increasePositionBps, custody.decreasePositionBps) == (6, 6)
    read = {
        "owned": custody.assets.owned,
        "locked": custody.assets.locked,
        "guaranteed_usd": custody.assets.guaranteedUsd,
        "global_short_sizes": custody.assets.globalShortSizes,
        "global_short_average_prices": custody.assets.globalShortAveragePrices,
        "cumulative_interest_rate": custody.fundingRateState.cumulativeInterestRate,
        "last_update": custody.fundingRateState.lastUpdate,
        "total_staked_amount_lamports": custody.totalStakedAmountLamports,
        "max_leverage": custody.pricing.maxLeverage,
    }
    assert read == expected


def test_the_failed_transactions_of_a_whole_block_give_nothing():
    held = capture("blocks", "254170887.json")
    block = parse_block(held["result"], held["slot"])
    protocol = jupiter_perps.build({IDL: idl_text(IDL)})
    touching = [n for n, tx in enumerate(block.transactions) if tx.keys and protocol.programs.keys() & tx.keys]
    assert touching == [92, 222]
    for n in touching:
        assert not block.transactions[n].succeeded
    assert [process(tx, [protocol], Reference()) for tx in block.transactions] == [Processed()] * 602
