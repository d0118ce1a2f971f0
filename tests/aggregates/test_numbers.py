"""What the numbers mean: each rule of volume, TVL, fees and ratios in the smallest world in which it can break."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from indexer.core.coverage import Span
from indexer.core.record import Fee, Liquidation
from tests.aggregates.days import Numbers, amount, at, price, slot, whole
from tests.store.ledger import action, flow, key, swap, trade

USD = 1_000_000
ALL = ("drift", "gmx_solana", "jupiter_perps")


pytestmark = pytest.mark.asyncio(loop_scope="module")


# --- days ------------------------------------------------------------------------------------------------------------


async def test_a_full_day_without_a_trade_is_zero_and_a_day_that_nobody_saw_is_null(ledger: Numbers) -> None:
    await ledger.settle(0, 1)
    await ledger.settle(4, 5, trade(at(4, 5), size_usd_e6=7 * USD))
    await ledger.refresh()
    assert [await ledger.day("volume_daily", n, "coverage volume_usd") for n in (0, 2, 4)] == [
        ("full", "0"), ("none", None), ("full", "7"),
    ]  # fmt: skip


async def test_a_day_is_full_only_if_slots_on_both_sides_of_its_edges_are_settled(ledger: Numbers) -> None:
    """One that begins at midnight may lack a slot of the same second before."""
    await ledger.write(settled={"drift": [Span(slot(0), slot(1) + 1)]}, times=range(slot(0), slot(1) + 1, 150))
    await ledger.refresh()
    assert await ledger.day("volume_daily", 0, "coverage covered_fraction") == ("partial", "0.999988")
    await ledger.settle(0, 1)
    await ledger.refresh()
    assert await ledger.day("volume_daily", 0, "coverage covered_fraction") == ("full", "1")


async def test_a_gap_makes_a_day_partial_and_its_number_stays_shown(ledger: Numbers) -> None:
    await ledger.settle(0, 0.5, trade(at(0, 5), size_usd_e6=7 * USD))
    await ledger.settle(0.75, 1)
    await ledger.refresh()
    word, fraction, volume = await ledger.day("volume_daily", 0, "coverage covered_fraction volume_usd")
    assert (word, volume) == ("partial", "7")
    assert Decimal("0.74") < Decimal(fraction) < Decimal("0.76")


async def test_provisional_rows_are_in_the_numbers_of_a_day_that_is_seen_in_part(ledger: Numbers) -> None:
    await ledger.settle(0, 0.5)
    await ledger.write(trade(at(0, 20, tx_index=None), size_usd_e6=3 * USD))
    await ledger.refresh()
    assert await ledger.day("volume_daily", 0, "volume_usd") == "3"


# --- volume ----------------------------------------------------------------------------------------------------------


async def test_gross_counts_what_net_leaves_out_and_spot_stands_beside(ledger: Numbers) -> None:
    await ledger.settle(
        0,
        1,
        trade(at(0, 1), size_usd_e6=10 * USD),
        trade(at(0, 1, index=1), size_usd_e6=4 * USD, excluded="expiry"),
        trade(at(0, 1, index=2), size_usd_e6=2 * USD, market_kind="spot", market_key="spot:1"),
        swap(at(0, 1, index=3), venue="drift", purpose="swap", hop=0, value_usd_e6=USD),
        swap(at(0, 1, index=4), venue="drift", purpose="swap", hop=1, value_usd_e6=USD),
    )
    await ledger.refresh()
    columns = "volume_usd gross_volume_usd spot_volume_usd swap_volume_usd trades"
    assert await ledger.day("volume_daily", 0, columns) == ("10", "14", "2", "1", "1")


async def test_fills_of_unknown_size_are_counted_and_never_taken_for_zero(ledger: Numbers) -> None:
    await ledger.settle(0, 1, trade(at(0, 1), size_usd_e6=None))
    await ledger.refresh()
    assert await ledger.day("volume_daily", 0, "volume_usd trades unsized_trades") == (None, "1", "1")


@pytest.mark.parametrize(
    ("sizes", "collateral", "positions", "organic"),
    [
        ([("buy", 60), ("sell", 50)], 5, 1, "0"),  # Turnover 22, balanced.
        ([("buy", 60), ("sell", 50)], 6, 1, "110"),  # Turnover 18.
        ([("buy", 80), ("sell", 30)], 5, 1, "110"),  # One-sided, in two positions.
        ([("buy", 14)] * 8, 5, 8, "0"),  # One-sided, in eight.
        ([("buy", 60), ("sell", 50)], None, 1, "110"),  # Nobody can tell.
    ],
)
async def test_organic_volume_leaves_out_wallets_that_wash(
    ledger: Numbers, sizes: list[tuple[str, int]], collateral: int | None, positions: int, organic: str
) -> None:
    fills = [
        trade(
            at(0, 1, protocol="gmx_solana", index=n),
            direction=direction,
            size_usd_e6=size * USD,
            collateral_usd_e6=None if collateral is None else collateral * USD,
            position_key=key(80 + n % positions),
        )
        for n, (direction, size) in enumerate(sizes)
    ]
    await ledger.settle(0, 1, *fills, streams=["gmx_solana"])
    await ledger.refresh()
    shown = await ledger.day("volume_daily", 0, "organic_volume_usd judged_fraction", "gmx_solana")
    assert shown == (organic, "0" if collateral is None else "1")


async def test_a_late_price_judges_the_swaps_of_the_hour_behind_it(ledger: Numbers) -> None:
    absurd = {"mint_in": key(50), "amount_in": Decimal(10), "value_usd_e6": 10**9 * USD, "purpose": "swap", "hop": 0}
    here = {"protocol": "jupiter_perps"}
    await ledger.settle(0, 1, swap(at(0, 5.2, **here), venue="jlp", **absurd), streams=["jupiter_perps"])
    await ledger.refresh()
    columns = "swap_volume_usd suspect_swaps"
    assert await ledger.day("volume_daily", 0, columns, "jupiter_perps") == ("1000000000", "0")
    await ledger.write(price(at(0, 4.8, tx=9), "10"))  # Of another protocol, in the hour before.
    await ledger.refresh()
    assert await ledger.day("volume_daily", 0, columns, "jupiter_perps") == ("0", "1")


async def test_market_share_uses_days_that_are_full_in_all_three(ledger: Numbers) -> None:
    fills = [
        trade(at(n, 1, protocol=name), size_usd_e6=size * USD)
        for n in range(7)
        for name, size in zip(ALL, (1, 2, 5), strict=True)
    ]
    await ledger.settle(0, 7, *[t for t in fills if t.origin.protocol != "drift"], streams=ALL[1:])
    await ledger.settle(0, 5, *[t for t in fills if t.origin.protocol == "drift"][:5])
    await ledger.refresh()
    assert await ledger.day("market_share_7d", 6, "days market_share volume_usd", "gmx_solana") == ("5", "0.25", "10")
    assert await ledger.day("market_share_7d", 3, "days market_share", "gmx_solana") == ("4", None)


# --- TVL -------------------------------------------------------------------------------------------------------------


async def test_tvl_is_weighted_by_time(ledger: Numbers) -> None:
    """100 tokens for 18 hours, 200 for 6; at 1 dollar, in the last 12 hours 2."""
    await ledger.settle(
        0,
        1,
        amount(at(0), "lending", "100"),
        amount(at(0, 18), "lending", "200"),
        price(at(0, index=1), "1"),
        price(at(0, 12), "2"),
    )
    await ledger.refresh()
    expected = (100 * 12 + 200 * 6 + 400 * 6) / 24
    assert await ledger.day("tvl_daily", 0, "tvl_usd known_fraction") == (str(round(expected)), "1")


async def test_an_amount_holds_for_days_of_settled_slots_and_not_across_a_gap(ledger: Numbers) -> None:
    prices = [price(at(n, 1), "1") for n in range(10)]
    await ledger.settle(0, 5, amount(at(0, 0.5), "lending", "100"), *prices[:5])
    await ledger.settle(7, 10, *prices[7:])
    await ledger.refresh()
    shown = [await ledger.day("tvl_daily", n, "tvl_usd components_known components_total") for n in (4, 8)]
    assert shown == [("100", "1", "1"), (None, "0", "1")]
    await ledger.settle(5, 7, *prices[5:7])
    await ledger.refresh()
    assert await ledger.day("tvl_daily", 8, "tvl_usd") == "100"


async def test_a_price_grows_old_and_what_has_none_is_counted(ledger: Numbers) -> None:
    await ledger.settle(0, 4, amount(at(0), "lending", "100"), price(at(0), "1", part=1))
    await ledger.refresh()
    assert [await ledger.day("tvl_daily", n, "tvl_usd components_unpriced") for n in (0, 2)] == [
        ("100", "0"), (None, "1"),
    ]  # fmt: skip
    assert await ledger.day("tvl_tokens_daily", 2, "mean_amount unpriced_fraction") == ("100", "1")


async def test_nothing_is_worth_nothing_at_any_price(ledger: Numbers) -> None:
    await ledger.settle(0, 1, amount(at(0), "lending", "0"))
    await ledger.refresh()
    assert await ledger.day("tvl_daily", 0, "tvl_usd components_known") == ("0", "1")


async def test_a_day_that_is_known_less_than_half_has_no_tvl(ledger: Numbers) -> None:
    await ledger.settle(0, 1, amount(at(0, 13), "lending", "100"), price(at(0, 13, index=1), "1"))
    await ledger.refresh()
    assert await ledger.day("tvl_daily", 0, "tvl_usd known_fraction") == (None, "0.458333")


async def test_a_value_told_as_a_whole_grows_old(ledger: Numbers) -> None:
    await ledger.settle(0, 4, whole(at(0, protocol="jupiter_perps"), "pool", 900), streams=["jupiter_perps"])
    await ledger.refresh()
    shown = [await ledger.day("tvl_daily", n, "tvl_usd", "jupiter_perps") for n in range(3)]
    assert shown == ["900", None, None]


async def test_what_contains_or_is_contained_stands_beside_and_vaults_are_taken_off(ledger: Numbers) -> None:
    await ledger.settle(
        0,
        1,
        amount(at(0), "lending", "100"),
        amount(at(0, index=1), "insurance_fund", "7"),
        amount(at(0, index=2), "strategy_vault", "30", component_key="vault"),
        price(at(0, index=3), "1"),
    )
    gmx = {"protocol": "gmx_solana"}
    await ledger.settle(
        0,
        1,
        amount(at(0, **gmx), "pool", "5", component_key="gm1"),
        whole(at(0, index=1, **gmx), "glv", 4, component_key="glv1"),
        price(at(0, index=2, **gmx), "1"),
        streams=["gmx_solana"],
    )
    await ledger.refresh()
    assert await ledger.day("tvl_daily", 0, "tvl_usd tvl_ex_vaults_usd strategy_vaults_usd") == ("107", "77", "30")
    assert await ledger.day("tvl_daily", 0, "tvl_usd tvl_ex_vaults_usd glv_usd", "gmx_solana") == ("5", "5", "4")


async def test_late_prices_and_amounts_change_the_hours_that_they_reach(ledger: Numbers) -> None:
    await ledger.settle(0, 2, amount(at(0), "lending", "100"), price(at(0, index=1), "1"))
    await ledger.refresh()
    assert await ledger.day("tvl_daily", 1, "tvl_usd") is None
    reading = {"channel": "account", "signature": bytes(64)}
    await ledger.write(price(at(0, 20, **reading), "3"), amount(at(0, 22, index=1, **reading), "lending", "10"))
    await ledger.refresh()
    assert await ledger.day("tvl_daily", 0, "tvl_usd") == str(round((100 * 20 + 300 * 2 + 30 * 2) / 24, 6)).rstrip("0")
    assert await ledger.day("tvl_daily", 1, "tvl_usd known_fraction") == ("30", "0.833333")


# --- fees and flows --------------------------------------------------------------------------------------------------


async def test_fees_are_what_users_paid_and_net_fees_what_is_left_of_them(ledger: Numbers) -> None:
    paid = {"fee_usd_e6": 10 * USD, "maker_fee_usd_e6": -2 * USD, "filler_reward_usd_e6": USD}
    await ledger.settle(
        0,
        1,
        trade(at(0, 1), size_usd_e6=1000 * USD, **paid),
        Fee(origin=at(0, 1, index=1), fee_kind="trigger", value_usd_e6=3 * USD),
        flow(at(0, 1, index=2), fee_usd_e6=USD),
    )
    await ledger.refresh()
    columns = "fees_usd net_fees_usd trading_fees_usd rebates_usd rewards_usd effective_fee_bps"
    assert await ledger.day("fees_daily", 0, columns) == ("14", "8", "10", "-2", "4", "100")


async def test_an_insurance_fee_that_a_takeover_charged_is_counted_once(ledger: Numbers) -> None:
    def forced(index: int, sequence: int | None) -> list[Any]:
        here = at(0, 1, index=index)
        return [Liquidation(
            origin=here, liquidation_kind="perp", market_key="perp:0", insurance_fee_usd_e6=USD, sequence=sequence
        )]  # fmt: skip

    takeover = trade(at(0, 1), fee_usd_e6=5 * USD, liquidity_source="takeover", is_liquidation=True, sequence=77)
    await ledger.settle(0, 1, takeover, *forced(1, 77), *forced(2, 78))
    await ledger.refresh()
    assert await ledger.day("fees_daily", 0, "fees_usd insurance_fees_usd") == ("6", "1")


async def test_a_protocols_flows_leave_out_what_is_internal(ledger: Numbers) -> None:
    await ledger.settle(
        0,
        1,
        flow(at(0, 1), venue="drift_lending", value_usd_e6=9 * USD),
        flow(at(0, 1, index=1), venue="drift_vault", value_usd_e6=9 * USD, internal=True),
        flow(at(0, 2), venue="drift_lending", flow="withdraw", value_usd_e6=4 * USD),
    )
    await ledger.refresh()
    columns = "net_flow_usd external_net_flow_usd"
    assert await ledger.day("lp_flows_daily", 0, columns, where="venue = 'drift_lending'") == ("5", "5")
    assert await ledger.day("lp_flows_daily", 0, columns, where="venue = 'drift_vault'") == ("9", "0")


async def test_a_provider_told_later_or_no_more_is_healed_in_the_sums(ledger: Numbers) -> None:
    gmx = {"protocol": "gmx_solana"}
    await ledger.write(flow(at(0, 1, **gmx), value_usd_e6=USD, action_key=key(5)))
    await ledger.refresh()
    providers = "SELECT count(provider) FROM perps.lp_providers_daily"
    assert await ledger.connection.fetchval(providers) == 0
    await ledger.write(action(at(3, 1, **gmx), owner=key(8)))
    await ledger.refresh()
    assert await ledger.connection.fetchval(providers) == 1
    await ledger.settle(3, 4, streams=["gmx_solana"])  # The finalized chain does not have it.
    await ledger.refresh()
    assert await ledger.connection.fetchval(providers) == 0


async def test_capital_efficiency_needs_five_days_that_are_full_in_both_terms(ledger: Numbers) -> None:
    records = [trade(at(n, 1), size_usd_e6=50 * USD, fee_usd_e6=USD) for n in range(7)]
    records += [price(at(n, hours, index=1), "1") for n in range(7) for hours in (0, 12)]  # type: ignore[misc]
    await ledger.settle(0, 4, amount(at(0), "lending", "100"), *[r for r in records if r.origin.slot < slot(4)])
    await ledger.refresh()
    assert await ledger.day("efficiency_daily", 3, "days capital_efficiency") == ("4", None)
    await ledger.settle(4, 7, *[r for r in records if r.origin.slot >= slot(4)])
    await ledger.refresh()
    columns = "days mean_volume_usd mean_tvl_ex_vaults_usd capital_efficiency fee_yield"
    assert await ledger.day("efficiency_daily", 6, columns) == ("7", "50", "100", "0.5", "0.01")


async def test_an_lp_tokens_return_is_that_of_its_price(ledger: Numbers) -> None:
    here = {"protocol": "jupiter_perps"}
    jlp = {"venue": "jlp", "venue_key": "pool", "lp_mint": key(60)}
    flows = [flow(at(n, 20, **here), lp_price_usd=Decimal(told), **jlp) for n, told in ((0, "4"), (7, "5"))]
    await ledger.settle(0, 8, *flows, streams=["jupiter_perps"])
    await ledger.refresh()
    columns = "lp_price_usd price_return_7d price_return_30d"
    assert await ledger.day("lp_yield_daily", 7, columns, "jupiter_perps") == ("5", "0.25", None)
    assert await ledger.day("lp_yield_daily", 3, columns, "jupiter_perps") == (None, None, None)


async def test_realised_profit_is_shown_after_fees(ledger: Numbers) -> None:
    here = {"protocol": "gmx_solana"}
    await ledger.write(
        trade(at(0, 1, **here), action="open", fee_usd_e6=2 * USD),
        trade(at(1, 1, **here), action="close", fee_usd_e6=3 * USD, pnl_usd_e6=20 * USD),
    )
    await ledger.refresh()
    await ledger.aggregates.refresh("traders")
    row = await ledger.connection.fetchrow(
        "SELECT days, pnl_usd::text, fees_usd::text, net_pnl_usd::text FROM perps.traders"
    )
    assert row is not None
    assert tuple(row) == (2, "20", "5", "15")


async def test_others_numbers_are_made_of_our_rows_by_their_definition(ledger: Numbers) -> None:
    await ledger.settle(
        0,
        1,
        trade(at(0, 1), size_usd_e6=10 * USD),
        trade(at(0, 1, index=1), size_usd_e6=4 * USD, excluded="transfer"),
    )
    await ledger.refresh()
    columns = "source ours_usd theirs_usd difference_usd"
    assert await ledger.day("reconciliation", 0, columns, where="metric = 'volume'") == ("DefiLlama", "10", "14", "4")
