"""Drift's simulated market: its counters have no holes, its books add up, and every kind of event occurs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from random import Random
from types import ModuleType

import pytest

from indexer.core.record import FundingRate, Liquidation, LpFlow, Record, Swap, Trade
from indexer.protocols import drift
from indexer.protocols.drift import insurance, lending, liquidity, rates, trades, vaults
from indexer.protocols.drift.reading import perp_price
from indexer.simulation.drift import DriftActivity
from indexer.simulation.drift.books import Spot
from indexer.simulation.encoder import event_names
from indexer.simulation.profile import Profile
from indexer.simulation.script import Emit, Script
from indexer.simulation.streams import DRIFT, VAULTS
from tests.programs import layouts
from tests.simulation.chains import chain_of, differences, read
from tests.simulation.scripts import emits, reference

SEEDS = range(6)
WHOLE = Profile(slots=200, transactions=3.0, protocols=("drift",), ours=0.9, truncated=0.0)
# Declared, and never emitted; or of a time before the oldest layout that we read.
NEVER = {"VaultRecord", "NewUserRecord", "DeleteUserRecord", "SignedMsgOrderRecord", "RevenueShareSettleRecord"}
NEVER |= {"ManagerUpdateBorrowRecord"}


def _all_rounded_down(deposits: int, borrows: int, decimals: int | None) -> tuple[int | None, int | None]:
    if decimals is None:
        return None, None
    return deposits * 10**decimals // 10**19, borrows * 10**decimals // 10**19


@cache
def scripts(seed: int, slots: int = 120, count: int = 6) -> tuple[Script, ...]:
    activity = DriftActivity(Random(seed), reference())
    return tuple(one for slot in range(slots) for one in activity.scripts(10**8 + slot, 1_700_000_000 + slot, count))


def all_emits() -> Iterator[Emit]:
    return (emit for seed in SEEDS for script in scripts(seed) for emit in emits(script))


def all_rows(kind: type[Record]) -> Iterator[Record]:
    return (row for emit in all_emits() for row in emit.rows if isinstance(row, kind))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_counters_of_the_finalized_chain_have_no_holes(seed: int) -> None:
    """They are what proves completeness: fills of each market, movements of each deposit, funding, mints."""
    chain = chain_of(seed, WHOLE)
    counters: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in chain.truth.records:
        if isinstance(row, Trade | FundingRate):
            assert row.sequence is not None
            counters[row.kind, row.market_key].append(row.sequence)
        elif isinstance(row, LpFlow) and row.sequence is not None:
            counters[row.venue, row.venue_key].append(row.sequence)
    assert {kind for kind, _ in counters} == {"trade", "funding_rate", "drift_lending", "drift_dlp"}
    assert [place for place, ids in counters.items() if ids != list(range(1, len(ids) + 1))] == []
    assert differences(read(chain), chain) == []


MUTANTS: dict[str, tuple[ModuleType, str, object]] = {
    "every liquidation is against the AMM": (trades, "_liquidation_source", lambda _: "amm"),
    "what a takeover leaves is the fee alone": (trades, "_sum", lambda left, _: left),
    "no fill is excluded": (trades, "EXCLUDED", {}),
    "borrows are rounded down": (lending, "token_amounts", _all_rounded_down),
    "no deposit comes through a vault": (drift, "_acting_vaults", lambda _: ()),
    "an unstake fills the vault": (insurance, "SIGNS", {"Stake": 1, "Unstake": 1}),
    "settling is a flow": (liquidity, "FLOWS", {**liquidity.FLOWS, "SettleLiquidity": "deposit"}),
    "rates are not over prices": (rates, "RATE_OVER_PRICE", 1),
    "a withdrawal adds to a vault": (vaults, "SIGNS", {"Deposit": 1, "Withdraw": 1}),
    "prices at expiry are an oracle's": (trades, "_price", lambda reading, event: perp_price(reading, event, 0, 1)),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_indexer_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, name, wrong = MUTANTS[mutant]
    monkeypatch.setattr(place, name, wrong)
    assert differences(read(chain_of(1, WHOLE)), chain_of(1, WHOLE))


def test_every_event_is_emitted_but_those_that_never_are() -> None:
    emitted = {emit.event for emit in all_emits()}
    assert {*event_names("drift.json"), *event_names("drift_vaults.json")} - emitted == NEVER


def test_every_kind_of_fill_flow_and_liquidation_occurs() -> None:
    counted: Counter[str] = Counter()
    for trade in all_rows(Trade):
        assert isinstance(trade, Trade)
        counted[f"{trade.market_kind} {trade.explanation} {trade.liquidity_source}"] += 1
        counted["maker alone"] += trade.trader is not None and trade.taker_order_id is None
        counted["taker alone"] += trade.counterparty is None and trade.taker_order_id is not None
        counted["builder"] += trade.builder_fee_usd_e6 is not None
        counted["unknown token"] += trade.size_base is None
        counted[f"by {trade.execution}"] += 1
        counted[f"excluded {trade.excluded}"] += 1
    for flow in all_rows(LpFlow):
        assert isinstance(flow, LpFlow)
        counted[f"{flow.venue} {flow.flow} {flow.explanation}"] += 1
        counted["through a vault"] += flow.via is not None
    counted.update(row.liquidation_kind for row in all_rows(Liquidation) if isinstance(row, Liquidation))
    wanted = [
        "perp OrderFilledWithAMM amm", "perp OrderFilledWithAMMJit amm_jit", "perp OrderFilledWithMatch order_book",
        "perp OrderFilledWithAMMJitLPSplit amm_jit_lp", "perp OrderFilledWithLPJit lp_jit",
        "perp OrderFilledWithMatchJit jit_auction", "spot OrderFilledWithMatch order_book",
        "spot OrderFillWithSerum external", "spot OrderFillWithPhoenix external",
        "spot OrderFilledWithOpenbookV2 external", "perp Liquidation takeover", "perp Liquidation order_book",
        "perp Liquidation amm", "perp MarketExpired None", "perp TransferPerpPosition None", "maker alone",
        "taker alone", "builder", "unknown token", "by keeper", "by taker", "excluded expiry", "excluded transfer",
        "drift_lending deposit None", "drift_lending withdraw None", "drift_lending withdraw Borrow",
        "drift_lending deposit RepayBorrow", "drift_lending deposit Transfer", "drift_lending withdraw Transfer",
        "drift_lending deposit Reward", "through a vault", "drift_vault deposit Deposit",
        "drift_vault withdraw Withdraw", "drift_insurance deposit Stake", "drift_insurance withdraw Unstake",
        "drift_insurance deposit AdminDeposit", "drift_insurance deposit StakeTransfer",
        "drift_insurance withdraw UnstakeTransfer", "drift_bal deposit AddLiquidity",
        "drift_bal withdraw RemoveLiquidity", "drift_bal withdraw RemoveLiquidityDerisk", "drift_dlp deposit None",
        "drift_dlp withdraw None", "perp", "spot", "borrow_for_perp_pnl", "perp_pnl_for_deposit", "perp_bankruptcy",
        "spot_bankruptcy",
    ]  # fmt: skip
    assert not [word for word in wanted if counted[word] < 5], counted


def test_events_end_where_every_age_of_their_layout_ended() -> None:
    lengths: dict[str, set[int]] = defaultdict(set)
    styles: Counter[tuple[str, bool]] = Counter()
    for emit in all_emits():
        lengths[emit.event].add(len(emit.payload))
        styles[emit.event, emit.is_text] += 1
    assert styles["OrderActionRecord", True] > styles["OrderActionRecord", False] > 50
    assert lengths["VaultDepositorRecord"] == {219, 227}
    assert lengths["VaultDepositorV1Record"] == {275, 283}
    assert len(lengths["DepositRecord"]) > 2
    assert len(lengths["OrderActionRecord"]) > 8


def test_no_payload_is_longer_than_its_layout() -> None:
    known = {**layouts("drift.json"), **layouts("drift_vaults.json")}
    assert all(emit.payload[:8] in known for emit in all_emits())
    for emit in all_emits():
        known[emit.payload[:8]].decode(emit.payload)  # Raises where it is longer, shorter, or no value.


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_pool_holds_changes_by_what_flows(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without interest: lent less owed changes by deposits, withdrawals and swaps, to a unit or two for each."""
    monkeypatch.setattr(Spot, "accrue", lambda spot: None)
    activity = DriftActivity(Random(seed), reference())
    before, count = held(activity), 0
    moved: Counter[bytes | None] = Counter()
    for slot in range(100):
        for emit in (emit for script in activity.scripts(slot, 0, 6) for emit in emits(script)):
            count += 1
            for row in emit.rows:
                moved.update(flows(row, activity))
    after = held(activity)
    assert len(moved) > 10
    assert {mint: after[mint] - before[mint] for mint in moved} == pytest.approx(moved, abs=2 * count)


def held(activity: DriftActivity) -> Counter[bytes | None]:
    """Smallest units of each known token, over all markets that lend it."""
    total: Counter[bytes | None] = Counter()
    for spot in activity.books.spots:
        total[spot.mint] += spot.lent() - spot.owed() if spot.is_known else 0
    return total


def flows(row: Record, activity: DriftActivity) -> Counter[bytes | None]:
    """What a row says that came in (+) or went out. A swap may be between two pools of one token."""
    decimals = {spot.mint: spot.decimals for spot in activity.books.spots if spot.is_known}
    moved: Counter[bytes | None] = Counter()
    if isinstance(row, LpFlow) and row.venue == "drift_lending":
        moved[row.mint] += signed(row.amount, decimals.get(row.mint, 0), 1 if row.flow == "deposit" else -1)
    elif isinstance(row, Swap):
        moved[row.mint_in] += signed(row.amount_in, decimals.get(row.mint_in, 0), -1)
        moved[row.mint_out] += signed(row.amount_out, decimals.get(row.mint_out, 0), 1)
    return moved


def signed(amount: Decimal | None, decimals: int, sign: int) -> int:
    return sign * int((amount or Decimal(0)).scaleb(decimals))


def test_prices_move_every_slot() -> None:
    activity = DriftActivity(Random(1), reference())
    prices = set()
    for slot in range(50):
        activity.scripts(slot, 0, 0)
        prices.add(activity.books.perps[1].price_e6)
    assert len(prices) > 45


def test_both_programs_emit() -> None:
    chain = chain_of(1, WHOLE)
    assert {row.origin.program_id for row in chain.truth.events} == {DRIFT, VAULTS}
