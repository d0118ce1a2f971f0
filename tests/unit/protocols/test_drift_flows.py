"""Deposits, swaps, insurance, BAL, DLP and strategy vaults. All payloads are synthetic."""

from typing import Any

import msgspec
import pytest

from indexer.core import base58
from indexer.core.record import LpFlow, PriceObservation, Record, Swap, TvlObservation
from indexer.core.reference import Market, Reference, Token
from tests.unit.protocols.drift_world import (
    ALICE,
    BOB,
    SOL,
    UNKNOWN,
    USDC,
    VAULT,
    dec,
    deposit,
    event,
    processed,
    row,
    rows,
    vault_event,
)
from tests.world import key

POOL = key(50)


# --- lending -------------------------------------------------------------------------------------------------------


def test_a_deposit_is_a_flow_at_its_own_price() -> None:
    flow = row(LpFlow, deposit())
    assert (flow.venue, flow.venue_key, flow.flow, flow.provider) == ("drift_lending", "spot:1", "deposit", ALICE)
    assert (flow.mint, flow.amount, flow.value_usd_e6, flow.sequence) == (SOL, dec("3"), 450_000_000, 9)
    assert (flow.explanation, flow.via, flow.internal) == (None, None, False)


def test_a_withdrawal_is_a_flow_out() -> None:
    assert row(LpFlow, deposit(direction="Withdraw")).flow == "withdraw"


@pytest.mark.parametrize(
    ("explanation", "internal"), [("Transfer", True), ("Borrow", False), ("RepayBorrow", False), ("Reward", False)]
)
def test_only_a_transfer_between_accounts_is_internal(explanation: str, internal: bool) -> None:
    flow = row(LpFlow, deposit(explanation=explanation))
    assert (flow.explanation, flow.internal) == (explanation, internal)


def test_a_deposit_tells_the_price_of_its_token() -> None:
    price = row(PriceObservation, deposit())
    assert (price.mint, price.market_key, price.price_usd) == (SOL, None, dec("150"))


@pytest.mark.parametrize("price", [0, -5])
def test_without_a_price_a_deposit_has_no_value(price: int) -> None:
    assert row(LpFlow, deposit(oraclePrice=price)).value_usd_e6 is None
    assert rows(PriceObservation, deposit(oraclePrice=price)) == []


def test_value_is_rounded_half_to_even() -> None:
    """1 lamport at 500 dollars is half a micro-dollar."""
    values = [row(LpFlow, deposit(amount=n, oraclePrice=500_000_000)).value_usd_e6 for n in (1, 3)]
    assert values == [0, 2]


def test_an_unknown_token_has_no_amount_and_keeps_its_market() -> None:
    flow = row(LpFlow, deposit(), reference=UNKNOWN)
    assert (flow.venue_key, flow.mint, flow.amount, flow.value_usd_e6) == ("spot:1", None, None, None)
    price = row(PriceObservation, deposit(), reference=UNKNOWN)
    assert (price.mint, price.market_key, price.price_usd) == (None, "spot:1", dec("150"))
    state = row(TvlObservation, deposit(), reference=UNKNOWN)
    assert (state.component_key, state.amount, state.deposits, state.borrows) == ("spot:1", None, None, None)


def test_a_market_without_decimals_has_those_of_its_token() -> None:
    bare = Market(protocol="drift", market_key="spot:1", market_kind="spot", symbol="SOL", mint=SOL)
    assert row(LpFlow, deposit(), reference=Reference([bare], [Token(mint=SOL, decimals=9)])).amount == dec("3")
    stated = msgspec.structs.replace(bare, base_decimals=9)
    assert row(LpFlow, deposit(), reference=Reference([stated])).amount == dec("3")


@pytest.mark.parametrize("end", ["transferUser", "userTokenAmountAfter"])
def test_a_deposit_may_end_where_an_older_program_ended(end: str) -> None:
    assert row(LpFlow, deposit(end=end)).amount == dec("3")


def test_a_deposit_that_ends_between_is_no_record() -> None:
    result = processed(deposit(end="signer"))
    assert (result.records, result.failures[0].reason) == ([], "short_payload")


def test_lending_state_after_a_deposit() -> None:
    """Balance x interest / 10^(19 - decimals): deposits are rounded down, borrows up."""
    state = row(
        TvlObservation,
        deposit(
            marketDepositBalance=1_000_000_001,
            marketCumulativeDepositInterest=15_000_000_000,
            marketWithdrawBalance=333_333_333,
            marketCumulativeBorrowInterest=10_000_000_001,
        ),
    )
    assert (state.component, state.component_key, state.mint, state.value_origin) == ("lending", "spot:1", SOL, "event")
    assert (state.deposits, state.borrows) == (dec("1.500000001"), dec("0.333333334"))
    assert state.amount == dec("1.166666667")


@pytest.mark.parametrize(
    ("price", "owed", "value"), [(150_000_000, 1, 150_000_000), (150_000_000, 3, -150_000_000), (0, 1, None)]
)
def test_lending_is_worth_what_the_price_of_its_event_says(price: int, owed: int, value: int | None) -> None:
    one = 10**10  # Interest of nothing yet: balances are amounts.
    interest = {"marketCumulativeDepositInterest": one, "marketCumulativeBorrowInterest": one}
    balances = {"marketDepositBalance": 2 * 10**9, "marketWithdrawBalance": owed * 10**9}
    assert row(TvlObservation, deposit(oraclePrice=price, **interest, **balances)).value_usd_e6 == value


def test_lending_state_after_interest() -> None:
    """Balances of the USDC market on 2026-03-13: 132,878,975.44 dollars of deposits."""
    interest = event(
        "SpotInterestRecord",
        marketIndex=0,
        depositBalance=110_620_005_629_232_962,
        cumulativeDepositInterest=12_012_201_110,
        borrowBalance=1,
        cumulativeBorrowInterest=1,
    )
    state = row(TvlObservation, interest)
    assert (state.component_key, state.deposits, state.borrows) == ("spot:0", dec("132878975.440767"), dec("0.000001"))
    assert state.value_usd_e6 is None  # The event has no price.


# --- swaps ---------------------------------------------------------------------------------------------------------


def swap(**values: Any) -> bytes:
    usual: dict[str, Any] = {"user": ALICE, "amountOut": 1_000_000_000, "amountIn": 151_000_000, "outMarketIndex": 1}
    prices: dict[str, Any] = {
        "inMarketIndex": 0,
        "outOraclePrice": 150_000_000,
        "inOraclePrice": 999_900,
        "fee": 2_000_000,
    }
    return event("SwapRecord", **(usual | prices | values))


def test_a_swap_is_valued_at_what_was_paid() -> None:
    only = row(Swap, swap())
    assert (only.venue, only.purpose, only.hop, only.trader) == ("drift", "swap", 0, ALICE)
    assert (only.mint_in, only.amount_in, only.mint_out, only.amount_out) == (USDC, dec("151"), SOL, dec("1"))
    assert (only.value_usd_e6, only.fee_usd_e6) == (150_984_900, 300_000)


def test_a_swap_tells_two_prices() -> None:
    told = [(price.part, price.mint, price.price_usd) for price in rows(PriceObservation, swap())]
    assert told == [(0, USDC, dec("0.9999")), (1, SOL, dec("150"))]


def test_the_part_of_a_price_does_not_depend_on_the_other() -> None:
    assert [(price.part, price.mint) for price in rows(PriceObservation, swap(inOraclePrice=0))] == [(1, SOL)]


# --- insurance -----------------------------------------------------------------------------------------------------


def stake(action: str, **values: Any) -> bytes:
    usual: dict[str, Any] = {"userAuthority": BOB, "amount": 2_500_000, "insuranceVaultAmountBefore": 10_000_000}
    return event("InsuranceFundStakeRecord", action=action, **(usual | values))


@pytest.mark.parametrize(
    ("action", "flow", "internal", "after"),
    [
        ("Stake", "deposit", False, "12.5"),
        ("Unstake", "withdraw", False, "7.5"),
        ("AdminDeposit", "deposit", False, "12.5"),
        ("UnstakeTransfer", "withdraw", True, "10"),
        ("StakeTransfer", "deposit", True, "10"),
    ],
)
def test_insurance_flows(action: str, flow: str, internal: bool, after: str) -> None:
    moved = row(LpFlow, stake(action))
    assert (moved.venue, moved.venue_key, moved.flow, moved.internal) == ("drift_insurance", "spot:0", flow, internal)
    assert (moved.provider, moved.mint, moved.amount, moved.value_usd_e6) == (BOB, USDC, dec("2.5"), None)
    assert moved.explanation == action
    state = row(TvlObservation, stake(action))
    assert (state.component, state.component_key, state.amount) == ("insurance_fund", "spot:0", dec(after))


@pytest.mark.parametrize("action", ["UnstakeRequest", "UnstakeCancelRequest"])
def test_insurance_requests_give_no_row(action: str) -> None:
    assert rows(Record, stake(action)) == []


@pytest.mark.parametrize(("amount", "after"), [(2_000_000, "12"), (-2_000_000, "8")])
def test_insurance_vault_after_revenue_and_after_a_payment(amount: int, after: str) -> None:
    moved = event("InsuranceFundRecord", insuranceVaultAmountBefore=10_000_000, vaultAmountBefore=1, amount=amount)
    assert [type(record) for record in rows(Record, moved)] == [TvlObservation]
    assert row(TvlObservation, moved).amount == dec(after)


def test_insurance_swap_tells_both_vaults() -> None:
    values: dict[str, Any] = {"inMarketIndex": 0, "inFundVaultAmountAfter": 99_960_000, "outMarketIndex": 1}
    states = rows(TvlObservation, event("InsuranceFundSwapRecord", outFundVaultAmountAfter=1_000_000_000, **values))
    told = [(state.part, state.component_key, state.mint, state.amount) for state in states]
    assert told == [(0, "spot:0", USDC, dec("99.96")), (1, "spot:1", SOL, dec("1"))]


def test_shares_that_the_protocol_or_an_admin_takes_out_leave_the_vault() -> None:
    name = "TransferProtocolIfSharesToRevenuePoolRecord"
    pool = event(name, amount=4_000_000, ifVaultAmountBefore=10_000_000, transferAmount=99_000_000)
    admin = event("AdminWithdrawFromInsuranceFundRecord", amount=3_000_000, insuranceFundVaultAmountBefore=10_000_000)
    assert [state.amount for state in rows(TvlObservation, pool, admin)] == [dec("6"), dec("7")]


# --- BAL and DLP ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "flow"),
    [("AddLiquidity", "deposit"), ("RemoveLiquidity", "withdraw"), ("RemoveLiquidityDerisk", "withdraw")],
)
def test_amm_shares_are_internal_and_have_no_dollars(action: str, flow: str) -> None:
    moved = row(LpFlow, event("LPRecord", user=ALICE, action=action, nShares=1_500_000_000, marketIndex=3))
    assert (moved.venue, moved.venue_key, moved.flow, moved.internal) == ("drift_bal", "perp:3", flow, True)
    assert (moved.provider, moved.lp_amount, moved.amount, moved.value_usd_e6) == (ALICE, dec("1.5"), None, None)


def test_settling_amm_shares_gives_no_row() -> None:
    assert rows(Record, event("LPRecord", action="SettleLiquidity", nShares=5)) == []


def dlp(**values: Any) -> bytes:
    usual: dict[str, Any] = {
        "authority": ALICE,
        "description": 1,
        "amount": 100_000_000,
        "fee": 1_000_000,
        "oraclePrice": 1_000_000,
    }
    tokens: dict[str, Any] = {"spotMarketIndex": 0, "mint": USDC, "lpAmount": 7, "lpPrice": 1_050_000}
    return event("LPMintRedeemRecord", mintRedeemId=4, lpPool=POOL, **(usual | tokens | values))


def test_a_dlp_deposit_is_what_was_given() -> None:
    flow = row(LpFlow, dlp())
    assert (flow.venue, flow.venue_key, flow.flow) == ("drift_dlp", base58.encode(POOL), "deposit")
    assert (flow.amount, flow.value_usd_e6, flow.fee_usd_e6) == (dec("100"), 100_000_000, 1_000_000)
    assert (flow.lp_amount, flow.lp_price_usd, flow.internal, flow.sequence) == (None, dec("1.05"), True, 4)
    assert (flow.provider, flow.mint) == (ALICE, USDC)


@pytest.mark.parametrize(("fee", "amount"), [(1_000_000, "99"), (-1_000_000, "101")])
def test_a_dlp_withdrawal_is_what_came_out_after_the_fee(fee: int, amount: str) -> None:
    flow = row(LpFlow, dlp(description=0, fee=fee))
    assert (flow.flow, flow.amount, flow.fee_usd_e6) == ("withdraw", dec(amount), fee)


def test_a_dlp_record_of_no_known_kind_gives_no_row() -> None:
    assert rows(Record, dlp(description=2)) == []


def test_a_dlp_token_of_an_unknown_market_is_known_by_its_mint() -> None:
    flow = row(LpFlow, dlp(spotMarketIndex=500))
    assert (flow.mint, flow.amount) == (USDC, dec("100"))


def test_moves_of_the_dlp_pool_itself_give_no_row() -> None:
    assert rows(Record, event("LPBorrowLendDepositRecord"), event("LPSwapRecord"), event("LPSettleRecord")) == []


# --- strategy vaults -----------------------------------------------------------------------------------------------

VERSIONS = pytest.mark.parametrize("name", ["VaultDepositorRecord", "VaultDepositorV1Record"])


def vault_row(name: str, action: str = "Deposit", **values: Any) -> bytes:
    usual: dict[str, Any] = {"vault": VAULT, "depositorAuthority": ALICE, "action": action, "amount": 3_000_000_000}
    return vault_event(name, **(usual | {"spotMarketIndex": 1, "vaultEquityBefore": 10_000_000_000} | values))


@VERSIONS
@pytest.mark.parametrize(("action", "flow", "after"), [("Deposit", "deposit", "13"), ("Withdraw", "withdraw", "7")])
def test_vault_flows_are_internal(name: str, action: str, flow: str, after: str) -> None:
    moved = row(LpFlow, vault=(vault_row(name, action),))
    assert (moved.venue, moved.venue_key, moved.flow) == ("drift_vault", base58.encode(VAULT), flow)
    assert (moved.provider, moved.mint, moved.amount, moved.internal) == (ALICE, SOL, dec("3"), True)
    assert moved.explanation == action
    state = row(TvlObservation, vault=(vault_row(name, action),))
    assert (state.component, state.component_key) == ("strategy_vault", base58.encode(VAULT))
    assert (state.mint, state.amount) == (SOL, dec(after))


@VERSIONS
def test_vault_flows_have_the_value_of_the_price_they_tell(name: str) -> None:
    assert row(LpFlow, vault=(vault_row(name, depositOraclePrice=150_000_000),)).value_usd_e6 == 450_000_000
    assert row(TvlObservation, vault=(vault_row(name, depositOraclePrice=150_000_000),)).value_usd_e6 == 1_950_000_000
    for kind in (LpFlow, TvlObservation):
        assert row(kind, vault=(vault_row(name, end="managementFeeShares"),)).value_usd_e6 is None


@VERSIONS
@pytest.mark.parametrize("action", ["WithdrawRequest", "CancelWithdrawRequest"])
def test_vault_requests_give_no_row(name: str, action: str) -> None:
    assert rows(Record, vault=(vault_row(name, action),)) == []


@VERSIONS
@pytest.mark.parametrize("action", ["FeePayment", "TokenizeShares", "RedeemTokens"])
def test_vault_actions_without_tokens_tell_equity_only(name: str, action: str) -> None:
    assert rows(LpFlow, vault=(vault_row(name, action),)) == []
    assert row(TvlObservation, vault=(vault_row(name, action),)).amount == dec("10")


@VERSIONS
def test_the_drift_deposit_of_a_vault_carries_via_and_is_the_one_that_counts(name: str) -> None:
    drift, strategy = rows(LpFlow, deposit(userAuthority=VAULT), vault=(vault_row(name),))
    assert (drift.venue, drift.via, drift.internal, drift.provider) == ("drift_lending", VAULT, False, VAULT)
    assert (strategy.venue, strategy.internal, strategy.provider) == ("drift_vault", True, ALICE)
    assert drift.amount == strategy.amount


def test_a_managers_borrowing_is_a_vault_that_acts() -> None:
    borrow = vault_event("ManagerBorrowRecord", vault=VAULT, manager=BOB, borrowAmount=1)
    only = row(LpFlow, deposit(userAuthority=VAULT, direction="Withdraw"), vault=(borrow,))
    assert (only.venue, only.via) == ("drift_lending", VAULT)


def test_other_deposits_beside_a_vaults_have_no_via() -> None:
    flows = rows(LpFlow, deposit(), vault=(vault_row("VaultDepositorRecord"),))
    assert [flow.via for flow in flows] == [None, None]


def test_share_transfers_and_fee_updates_of_vaults_give_no_row() -> None:
    quiet = (vault_event("ShareTransferRecord", vault=VAULT, value=5), vault_event("FeeUpdateRecord", vault=VAULT))
    assert rows(Record, vault=quiet) == []
