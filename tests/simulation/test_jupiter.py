"""Jupiter's simulated market: what `process` reads in it is what was meant, and its books add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import pytest

from indexer.core.record import LpFlow, Swap, Trade, TvlObservation
from indexer.protocols.jupiter_perps import EVENT_AUTHORITY, liquidity, swaps, trades
from indexer.simulation.encoder import event_names
from indexer.simulation.jupiter import JupiterActivity, JupiterRates
from indexer.simulation.jupiter.pool import JLP_START
from indexer.simulation.script import Script
from tests.simulation.jupiter_kinds import KINDS, kinds
from tests.simulation.scripts import decoded, differing, emits, played, reference, rows, told
from tests.unit.protocols.jupiter_world import IDL, protocol

SEEDS = range(10)
INCREASES = ("IncreasePositionEvent", "InstantIncreasePositionEvent")
DECREASES = ("DecreasePositionEvent", "InstantDecreasePositionEvent")


def activity(seed: int, **rates: Any) -> JupiterActivity:
    return JupiterActivity(Random(seed), reference(), JupiterRates(**rates))


@cache
def course(seed: int) -> tuple[JupiterActivity, list[Script]]:
    """An activity at the end of what it did."""
    simulated = activity(seed)
    return simulated, played(simulated)


def nothing_but(**rates: float) -> dict[str, float]:
    names = ("instant", "request", "keeper", "cancel", "order", "collateral", "liquidity", "swap", "loan")
    return dict.fromkeys(names, 0.0) | rates


# --- the truth -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_the_indexer_reads_exactly_the_rows_that_were_meant(seed: int) -> None:
    assert differing(course(seed)[1], protocol(), EVENT_AUTHORITY) == []


def test_a_seed_is_a_course_of_events() -> None:
    one, same, other = (played(activity(seed), slots=10) for seed in (1, 1, 2))
    assert one == same
    assert one != other


MUTANTS = {
    "a part of the fee counted twice": (trades, "_fees", lambda f: {"fee_usd_e6": f.feeUsd + (f.fundingFeeUsd or 0)}),
    "a loss taken for a profit": (trades, "_pnl", lambda fields: fields.pnlDelta),
    "every trade a keeper's": (trades, "_execution", lambda _event: "keeper"),
    "the provider in another account": (liquidity, "_provider", lambda e: e.accounts[1] if e.accounts else None),
    "every swap a first hop": (swaps, "_hop", lambda _scene, _event: 0),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_indexer_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, name, wrong = MUTANTS[mutant]
    monkeypatch.setattr(module, name, wrong)
    assert differing(played(activity(0)), protocol(), EVENT_AUTHORITY)


# --- the books -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_sizes_follow_from_trade_to_trade(seed: int) -> None:
    sizes: dict[bytes | None, int] = {}
    for trade in rows(course(seed)[1], Trade):
        before, moved = sizes.get(trade.position_key, 0), trade.size_usd_e6 or 0
        assert trade.action != "open" or before == 0
        after = before + moved if trade.action in ("open", "increase") else before - moved
        assert trade.position_size_usd_e6 == after
        assert (trade.action == "close") == (moved > 0 == after and trade.action in ("close", "decrease"))
        sizes[trade.position_key] = after


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fee_is_the_sum_of_its_parts(seed: int) -> None:
    parts = 0
    for trade in rows(course(seed)[1], Trade):
        told_parts = (trade.base_fee_usd_e6, trade.price_impact_fee_usd_e6, trade.borrow_fee_usd_e6)
        if None not in told_parts:
            assert trade.fee_usd_e6 == sum(filter(None, told_parts)) + (trade.liquidation_fee_usd_e6 or 0)
            parts += 1
    assert parts


@pytest.mark.parametrize("seed", SEEDS)
def test_collateral_and_profit_are_paid_out_or_stay(seed: int) -> None:
    scripts = course(seed)[1]
    for event in (event for name in DECREASES for event in told(scripts, IDL, name)):
        if event.positionFeeUsd is not None:
            gained = event.pnlDelta if event.hasProfit else -event.pnlDelta
            had = event.originalPositionCollateralUsd + gained - event.feeUsd
            assert had == event.transferAmountUsd + event.positionCollateralUsd


@pytest.mark.parametrize("seed", SEEDS)
def test_collateral_follows_from_event_to_event(seed: int) -> None:
    held: dict[bytes, int] = {}
    for name, event in _trade_events(played(activity(seed, older=0))):
        before = held.get(event.positionKey, 0)
        if name in INCREASES:
            held[event.positionKey] = before + event.collateralUsdDelta - event.feeUsd
        else:
            assert event.originalPositionCollateralUsd == before
            held[event.positionKey] = event.positionCollateralUsd


def _trade_events(scripts: list[Script]) -> Iterator[tuple[str, Any]]:
    names = (*INCREASES, *DECREASES, "LiquidateFullPositionEvent")
    for emit in (emit for script in scripts for emit in emits(script)):
        if emit.event in names:
            yield emit.event, decoded(IDL, emit)


@pytest.mark.parametrize("seed", SEEDS)
def test_jlp_are_what_was_minted_less_what_was_burned(seed: int) -> None:
    simulated, scripts = course(seed)
    flows = rows(scripts, LpFlow)
    minted = sum((flow.lp_amount or 0) * (1 if flow.flow == "deposit" else -1) for flow in flows)
    assert Decimal(simulated.pool.supply - JLP_START).scaleb(-6) == minted


@pytest.mark.parametrize("seed", SEEDS)
def test_the_pool_holds_what_was_brought_less_what_was_taken(seed: int) -> None:
    simulated = activity(seed, **nothing_but(liquidity=1, swap=1), unknown=0)
    before = {custody.mint: custody.shown(custody.held) or 0 for custody in simulated.pool.custodies}
    scripts = played(simulated)
    for flow in rows(scripts, LpFlow):
        before[flow.mint or b""] += (flow.amount or 0) * (1 if flow.flow == "deposit" else -1)
    for swap in rows(scripts, Swap):
        before[swap.mint_in or b""] += swap.amount_in or 0
        before[swap.mint_out or b""] -= swap.amount_out or 0
    assert before == {custody.mint: custody.shown(custody.held) for custody in simulated.pool.custodies}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_pools_value_changes_by_what_flows_where_nothing_is_charged_and_no_price_moves(seed: int) -> None:
    simulated = activity(seed, **nothing_but(liquidity=1), unknown=0, is_free=True, volatility=0)
    at_first = simulated.pool.value_e6()
    scripts = played(simulated)
    flows, values = rows(scripts, LpFlow), rows(scripts, TvlObservation)
    flowed = sum((flow.value_usd_e6 or 0) * (1 if flow.flow == "deposit" else -1) for flow in flows)
    assert values[-1].value_usd_e6 == simulated.pool.value_e6()
    assert abs(simulated.pool.value_e6() - at_first - flowed) <= 1_000 * len(flows)  # By a smallest unit, in BTC.


@pytest.mark.parametrize("seed", SEEDS)
def test_no_custody_owes_more_than_it_holds(seed: int) -> None:
    simulated, _ = course(seed)
    pool = simulated.pool
    assert all(0 <= custody.reserve <= custody.held for custody in pool.custodies)
    assert pool.value_e6() > 0


# --- what occurs ---------------------------------------------------------------------------------------------------

LIVELY = {"older": 0.4, "unknown": 0.05, "leverage": 400, "volatility": 0.002}


def test_everything_occurs() -> None:
    scripts = [script for seed in range(8) for script in played(activity(seed, **LIVELY), slots=150)]
    counts = Counter(kinds(scripts))
    expected = {*event_names(IDL), *KINDS}
    print(*(f"{counts[kind]:6} {kind}" for kind in sorted(expected)), sep="\n")
    assert {kind for kind in expected if not counts[kind]} == set()
