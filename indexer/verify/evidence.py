"""Which evidence each protocol leaves, what form it has, and what nothing of it can show.

A counter numbers events one by one: a gap names the numbers that are missing. A state is what an event found and what
it left: a break says that something lies between. A sum is a supply that events move: without two readings of it,
nothing is proven.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

Form = Literal["counter", "state", "sum"]
ROWS = "rows"  # Beside the evidence of the chains: that every event has its row.


class Evidence(msgspec.Struct, frozen=True):
    name: str
    form: Form
    of: str  # What it shows the loss of.
    is_account: bool = False  # A chain's key is an account that every transaction with a link of it names.


EVIDENCE: Mapping[str, Sequence[Evidence]] = {
    "drift": (
        Evidence("perp_fills", "counter", "fills of perp markets, by fillRecordId"),
        Evidence("spot_fills", "counter", "fills of spot markets, by fillRecordId"),
        Evidence("deposits", "counter", "deposits and withdrawals of lending markets, by depositRecordId"),
        Evidence("fundings", "counter", "funding rates, by recordId"),
        Evidence("curves", "counter", "curve updates, by recordId"),
    ),
    "jupiter_perps": (
        Evidence("positions", "state", "changes of a position's size, each with the size before and after it", True),
        Evidence("lp_supply", "sum", "JLP minted and burned, between two readings of the supply"),
    ),
    "gmx_solana": (
        Evidence("trades", "counter", "fills, by trade_id of the market"),
        Evidence("positions", "state", "fills of a position, each with the trade_id that it found and left", True),
        Evidence("gt_supply", "state", "GT minted, given and burned, each with the supply before and after it"),
        Evidence("gt_minted", "state", "GT minted and given, by the total minted"),
        Evidence("lp_supply", "sum", "market tokens and GLV minted and burned, between two tellings of their supply"),
    ),
}
# unnumbered: it is no link of any chain. beginning, end: nothing tells yet what stood before the first link of a chain,
# or behind its last. unmoved: what is lost between two tellings comes to nothing. truncated: see there.
Why = Literal["unnumbered", "beginning", "end", "unmoved", "truncated"]


class Limit(msgspec.Struct, frozen=True):
    """Loss that goes unseen here: what it is of rests on settling alone. `events`: those it is of, if not of any."""

    why: Why
    words: str
    events: Sequence[str] = ()


LIMITS: Mapping[str, Sequence[Limit]] = {
    "drift": (
        Limit(
            "unnumbered",
            "swaps, liquidation records, insurance, AMM shares, DLP and strategy vaults: they have no number",
            (
                "SwapRecord", "LiquidationRecord", "InsuranceFundRecord", "InsuranceFundStakeRecord",
                "InsuranceFundSwapRecord", "TransferProtocolIfSharesToRevenuePoolRecord",
                "AdminWithdrawFromInsuranceFundRecord", "LPRecord", "LPSettleRecord", "LPSwapRecord",
                "LPMintRedeemRecord", "LPBorrowLendDepositRecord", "VaultRecord", "VaultDepositorRecord",
                "VaultDepositorV1Record", "ShareTransferRecord", "FeeUpdateRecord", "ManagerBorrowRecord",
                "ManagerRepayRecord", "ManagerUpdateBorrowRecord", "SpotMarketVaultDepositRecord",
            ),
        ),
        Limit(
            "unnumbered",
            "trigger fees, orders placed and cancelled, settled funding and pnl",
            (
                "OrderActionRecord", "OrderRecord", "SignedMsgOrderRecord", "FundingPaymentRecord", "SettlePnlRecord",
                "RevenueShareSettleRecord",
            ),
        ),
        Limit(
            "unnumbered",
            "interest of lending markets, fuel, users that come and go",
            ("SpotInterestRecord", "FuelSweepRecord", "FuelSeasonRecord", "NewUserRecord", "DeleteUserRecord"),
        ),
        Limit("beginning", "what stood before the first number of a market that the ledger has"),
        Limit("end", "what follows the last number of a market, until its account or a later event tells the next"),
        Limit("truncated", "what one truncated transaction hides is not told from what another hides in the same gap"),
    ),
    "jupiter_perps": (
        Limit("unmoved", "a change of collateral alone: the size stays"),
        Limit("unmoved", "a position that was opened and closed whole between two events: it begins and ends empty"),
        Limit("beginning", "what stood before the first event of a position, or the first reading of the supply"),
        Limit("end", "the last change of a position, until its next one; JLP since the last reading of its supply"),
        Limit(
            "unnumbered",
            "swaps, requests, loans and staking: they have neither number nor chain",
            (
                "PoolSwapEvent", "PoolSwapExactOutEvent", "CreatePositionRequestEvent", "ClosePositionRequestEvent",
                "IncreasePositionPreSwapEvent", "DecreasePositionPostSwapEvent", "InstantCreateTpslEvent",
                "InstantUpdateTpslEvent", "InstantCreateLimitOrderEvent", "DepositCollateralEvent",
                "WithdrawCollateralEvent", "BorrowFromCustodyEvent", "RepayToCustodyEvent",
                "LiquidateBorrowPositionEvent", "RedeemStakeEvent", "WithdrawStakeEvent", "DelegateStakeEvent",
                "WithdrawFeesEvent",
            ),
        ),
        Limit("unnumbered", "pool amounts in dollars: prices move between events"),
    ),
    "gmx_solana": (
        Limit(
            "unnumbered",
            "swaps, requests and market states: they have no number without holes",
            (
                "SwapExecuted", "OrderCreated", "OrderRemoved", "OrderUpdated", "DepositCreated", "DepositRemoved",
                "WithdrawalCreated", "WithdrawalRemoved", "ShiftRemoved", "GlvDepositRemoved", "GlvWithdrawalRemoved",
                "MarketStateUpdated", "MarketFeesUpdated", "BorrowingFeesUpdated",
            ),
        ),
        Limit(
            "unnumbered",
            "values of GM and GLV tokens, and pricings, deposits and withdrawals that were not committed",
            ("MarketTokenValue", "GlvTokenValue", "GlvPricing", "DepositExecuted", "WithdrawalExecuted"),
        ),
        Limit(
            "unnumbered",
            "what repeats a fill, builder fees, GT bought back, funding fees that could not be paid",
            (
                "PositionIncreased", "PositionDecreased", "BuilderFeeCharged", "BuilderFeeFactorSet",
                "BuilderFeeSettled", "GtBuyback", "InsufficientFundingFeePayment",
            ),
        ),
        Limit("unnumbered", "what other Stores of the program than GMX's own do", ("TradeEvent", "GtUpdated")),
        Limit("beginning", "what stood before a market's first trade_id, the first GT event or telling of a supply"),
        Limit("end", "what follows the last trade_id of a market, until its account, its state or a later fill tells"),
        Limit("end", "GT since its last event, and tokens since the last telling of their supply"),
        Limit("unmoved", "a mint and a burn of the same amount between two tellings of a supply; GT updates of 0"),
    ),
}  # fmt: skip
NOT_PROVABLE: Mapping[str, Sequence[str]] = {
    protocol: tuple(one.words for one in limits) for protocol, limits in LIMITS.items()
}


def form_of(protocol: str, evidence: str) -> Form:
    """Raises KeyError for evidence that the protocol does not leave."""
    return {one.name: one.form for one in EVIDENCE[protocol]}[evidence]


def has_account(protocol: str, evidence: str) -> bool:
    """Whether a chain's key is an account whose transactions hold all of its links."""
    return any(one.is_account for one in EVIDENCE[protocol] if one.name == evidence)
