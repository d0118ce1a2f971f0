"""GMX-Solana's simulated markets: what `process` reads in them is what was meant, and their books add up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import pytest

from indexer.core.record import Incentive, LpFlow, Swap, Trade
from indexer.protocols.gmx_solana import EVENT_AUTHORITY, evidence, swaps
from indexer.simulation.encoder import event_names
from indexer.simulation.gmx import GmxActivity, GmxRates
from indexer.simulation.gmx import market as books
from indexer.simulation.gmx.market import Market
from indexer.simulation.script import Script
from tests.simulation.gmx_kinds import KINDS, kinds
from tests.simulation.scripts import SLOT, TIME, decoded, differing, emits, played, reference, rows
from tests.unit.protocols.gmx_world import IDL, protocol

SEEDS = range(10)
WILD = 8  # Among the markets, the one whose funding eats collateral.
POOLED = (books.PRIMARY, books.SWAP_IMPACT, books.CLAIMABLE_FEE)
COLLATERAL = (books.collateral_sum(True), books.collateral_sum(False))


def activity(seed: int, **rates: Any) -> GmxActivity:
    return GmxActivity(Random(seed), reference(), GmxRates(**rates))


@cache
def course(seed: int) -> tuple[GmxActivity, list[Script]]:
    """An activity at the end of what it did."""
    simulated = activity(seed)
    return simulated, played(simulated)


def nothing_but(**rates: float) -> dict[str, float]:
    names = (
        "order", "liquidity", "glv", "keeper", "update", "cancel", "gt", "value", "upkeep",
        "deleverage", "rebalance", "foreign",
    )  # fmt: skip
    return dict.fromkeys(names, 0.0) | rates


# --- the truth -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_the_indexer_reads_exactly_the_rows_that_were_meant(seed: int) -> None:
    assert differing(course(seed)[1], protocol(), EVENT_AUTHORITY) == []


def test_a_seed_is_a_course_of_events() -> None:
    one, same, other = (played(activity(seed), slots=10) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def _any_later_commit(self: Any, event: Any) -> bool:
    """As a rule that looks for no revision would read it."""
    fields = event.fields
    return any(
        other.name == "MarketStateUpdated" and other.fields.market_token == fields.market_token
        for other in self.beside(event)
        if other.payload.index > event.payload.index
    )


MUTANTS = {
    "ghosts are real": (evidence.Evidence, "is_committed", lambda _self, _event: True),
    "any commit will do": (evidence.Evidence, "is_committed", _any_later_commit),
    "any commit will do for a GLV": (evidence.Evidence, "is_committed_pricing", _any_later_commit),
    "all Stores are ours": (evidence.Evidence, "_is_of_our_store", lambda _self, _event: True),
    "the owner is who signs": (evidence.Evidence, "owner", lambda self, event: event.payload.enclosing.accounts[0]),
    "every swap for its own sake": (swaps, "_purpose", lambda _evidence, _event: "swap"),
    "every swap a first hop": (swaps, "_hop", lambda _evidence, _event: 0),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_indexer_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, name, wrong = MUTANTS[mutant]
    monkeypatch.setattr(place, name, wrong)
    assert differing(played(activity(0, ghost=0.2), slots=60), protocol(), EVENT_AUTHORITY)


# --- the books -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_a_vault_holds_what_its_pools_say(seed: int) -> None:
    simulated = activity(seed)
    for n in range(40):
        simulated.scripts(SLOT + n, TIME + n // 2, 5)
        assert all(market.excess() == [0, 0] for market in simulated.stage.markets)


@pytest.mark.parametrize("slots_apart", [1, 60])
@pytest.mark.parametrize("seed", range(4))
def test_no_vault_runs_dry_however_much_funding_is_never_paid(seed: int, slots_apart: int) -> None:
    """Where blocks are rare, far more accrues than its payers have; and the market goes on all the same."""
    simulated = activity(seed, foreign=0.0)
    wild, trades = simulated.stage.markets[WILD], 0
    for first in range(0, 600, 150):
        assert all(_are_vaults_sound(simulated, range(first, first + 150), slots_apart))
        assert wild.trades > trades
        trades = wild.trades


def test_vaults_that_pay_whatever_is_claimed_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Market, "check_vault", lambda _self: None)
    assert not all(_are_vaults_sound(activity(0, foreign=0.0), range(400), 60))


def _are_vaults_sound(simulated: GmxActivity, blocks: Iterable[int], slots_apart: int) -> Iterator[bool]:
    """At the end of each block: whether every vault holds what is pooled, and what is collateral."""
    for place in blocks:
        simulated.scripts(SLOT + place * slots_apart, TIME + place * slots_apart * 2 // 5, 6)
        yield all(
            balance >= sum(market.pools[kind][half] for kind in kinds)
            for market in simulated.stage.markets
            for half, balance in enumerate(market.balance)
            for kinds in (POOLED, COLLATERAL)
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_trades_of_a_market_are_counted_without_a_hole(seed: int) -> None:
    simulated, scripts = course(seed)
    numbers = defaultdict(list)
    for trade in rows(scripts, Trade):
        numbers[trade.market_key].append(trade.sequence)
    counted = {market.address: market.trades for market in simulated.stage.markets if market.trades}
    assert {market: list(range(1, count + 1)) for market, count in counted.items()} == numbers


@pytest.mark.parametrize("seed", SEEDS)
def test_a_position_is_before_a_trade_what_it_was_after_the_last(seed: int) -> None:
    sizes: dict[bytes, Any] = {}
    for trade in _ours(course(seed)[1], "TradeEvent"):
        before = sizes.pop(trade.position, None)
        if before is not None:
            assert trade.before == before
        else:
            assert trade.before.size_in_usd == trade.before.collateral_amount == trade.before.size_in_tokens == 0
        if trade.after.size_in_usd:
            sizes[trade.position] = trade.after


def _ours(scripts: list[Script], name: str) -> Iterator[Any]:
    """Decoded events of our Store that are no ghosts."""
    for emit in (emit for script in scripts for emit in emits(script)):
        if emit.event == name and emit.rows:
            yield decoded(IDL, emit)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pool_is_told_as_it_is(seed: int) -> None:
    simulated, scripts = course(seed)
    last: dict[tuple[bytes, int], tuple[int, int]] = {}
    for emit in (emit for script in scripts for emit in emits(script)):
        if emit.event == "MarketStateUpdated":
            fields = decoded(IDL, emit)
            for kind, pool in zip(fields.pool_kinds, fields.pools, strict=True):
                last[fields.market_token, kind] = (pool.long_token_amount, pool.short_token_amount)
    for market in simulated.stage.markets:
        told = {kind: list(last[market.token, kind]) for kind in range(books.POOLS) if (market.token, kind) in last}
        assert told == {kind: market.pools[kind] for kind in told}


@pytest.mark.parametrize("seed", SEEDS)
def test_market_tokens_are_what_was_minted_less_what_was_burned(seed: int) -> None:
    simulated, scripts = course(seed)
    fresh = activity(seed).stage
    at_first = {market.address: market.supply for market in fresh.markets}
    glv_at_first = {glv.address: glv.supply for glv in fresh.glvs}
    changed: dict[str, Decimal] = defaultdict(Decimal)
    for flow in rows(scripts, LpFlow):
        changed[flow.venue_key] += (flow.lp_amount or 0) * (1 if flow.flow == "deposit" else -1)
    for market in simulated.stage.markets:
        assert Decimal(market.supply - at_first[market.address]).scaleb(-9) == changed[market.address]
    for glv in simulated.stage.glvs:
        assert Decimal(glv.supply - glv_at_first[glv.address]).scaleb(-9) == changed[glv.address]


@pytest.mark.parametrize("seed", SEEDS)
def test_pools_change_by_what_flows_where_nothing_is_charged(seed: int) -> None:
    rates = nothing_but(liquidity=1, glv=0.5, keeper=2, rebalance=0.2)
    simulated = activity(seed, **rates, is_free=True)
    markets = [market for market in simulated.stage.markets if market.is_known]
    held = {key: amount for market in markets for key, amount in _held(market)}
    scripts = played(simulated)
    for flow in rows(scripts, LpFlow):
        if flow.venue == "gm" and (flow.venue_key, flow.mint) in held:
            held[flow.venue_key, flow.mint] += (flow.amount or 0) * (1 if flow.flow == "deposit" else -1)
    for swap in rows(scripts, Swap):
        if swap.amount_in is not None:
            held[swap.market_key or "", swap.mint_in] += swap.amount_in
            held[swap.market_key or "", swap.mint_out] -= swap.amount_out or 0
    assert held == {key: amount for market in markets for key, amount in _held(market)}


def _held(market: Market) -> Iterator[tuple[tuple[str, bytes | None], Decimal]]:
    for asset, amount in zip((market.long, market.short), market.pools[books.PRIMARY], strict=True):
        if amount or not market.is_pure:
            yield (market.address, asset.mint), Decimal(amount).scaleb(-asset.decimals)


@pytest.mark.parametrize("seed", SEEDS)
def test_gt_is_what_was_given_less_what_was_burned(seed: int) -> None:
    simulated, scripts = course(seed)
    supply = Decimal(0)
    for row in rows(scripts, Incentive):
        supply += -row.amount if row.incentive_kind == "gt_burn" else row.amount
        assert row.supply_after == supply
    assert supply == Decimal(simulated.stage.gt.supply).scaleb(-7)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fee_is_the_sum_of_its_parts_and_of_its_shares(seed: int) -> None:
    for trade in rows(course(seed)[1], Trade):
        parts = (trade.base_fee_usd_e6, trade.borrow_fee_usd_e6, trade.liquidation_fee_usd_e6)
        assert abs((trade.fee_usd_e6 or 0) - sum(filter(None, parts))) <= 2  # Each is rounded once.
        assert trade.fee_usd_e6 == (trade.lp_fee_usd_e6 or 0) + (trade.protocol_fee_usd_e6 or 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_collateral_pays_for_what_an_increase_costs(seed: int) -> None:
    for script in course(seed)[1]:
        told = {emit.event: decoded(IDL, emit) for emit in emits(script) if emit.channel == "cpi"}
        if "PositionIncreased" not in told or "TradeEvent" not in told or len(script.calls) > 2:
            continue
        report, trade = told["PositionIncreased"].report, told["TradeEvent"]
        moved = trade.after.collateral_amount - trade.before.collateral_amount
        fees = trade.fees
        cost = fees.order_fee_for_receiver_amount + fees.order_fee_for_pool_amount + fees.total_borrowing_fee_amount
        assert moved == report.collateral_delta_amount
        assert moved == report.params.collateral_increment_amount - cost - fees.funding_fee_amount


# --- what occurs ---------------------------------------------------------------------------------------------------

LIVELY = {"unknown": 0.05, "ghost": 0.1, "leverage": 250, "volatility": 0.002}


def test_everything_occurs() -> None:
    counts: Counter[str] = Counter()
    for seed in range(8):
        simulated = activity(seed, **LIVELY)
        counts.update(kinds(played(simulated, slots=150)))
        counts["first deposit"] += simulated.stage.markets[-1].supply > 0
    expected = {*event_names(IDL), *KINDS, "first deposit"}
    print(*(f"{counts[kind]:6} {kind}" for kind in sorted(expected)), sep="\n")
    assert {kind for kind in expected if not counts[kind]} == set()
