"""Records: what happened, in our words. One class is one table.

Scales are in the names: a field that ends in `_e6` is whole micro-dollars and is shown without the
suffix, in dollars. `Decimal` fields keep every digit. `bytes` fields are 32-byte keys, shown in
base58. None is unknown, never zero. The meaning of every name is fixed by the contract in the
comments of the views (`perps.*`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, Literal

import msgspec

from indexer.core.payload import Enclosing

DECODER_VERSION = 1  # Goes up when the same bytes would give other rows; reprocess looks for older ones.

Channel = Literal["log", "cpi", "account"]
Direction = Literal["buy", "sell"]
PositionSide = Literal["long", "short"]
Action = Literal["open", "increase", "decrease", "close"]
LiquiditySource = Literal[
    "pool", "amm", "amm_jit", "amm_jit_lp", "lp_jit", "order_book", "jit_auction", "external", "takeover"
]
Execution = Literal["keeper", "instant", "trigger", "taker"]
Excluded = Literal["expiry", "transfer", "collateral_only"]
Venue = Literal["jlp", "gm", "glv", "drift_lending", "drift_insurance", "drift_bal", "drift_dlp", "drift_vault"]
CounterKind = Literal["perp_fills", "spot_fills", "deposits", "fundings", "curves", "trades"]
FailureReason = Literal[
    "truncated_logs", "unknown_event", "short_payload", "unexpected_length", "invalid_value", "attribution_mismatch"
]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a row comes from: one payload of one transaction."""

    protocol: str
    program_id: bytes
    slot: int
    signature: bytes  # 64 bytes. For channel `account` the account's key.
    channel: Channel
    index: int
    tx_index: int | None = None
    block_time: int | None = None  # Unix seconds, UTC.
    event: str | None = None  # The program's name for it.


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What every kind has. `kind` is the name in `decode`; `table` lies in schema `ledger`."""

    kind: ClassVar[str] = ""
    table: ClassVar[str] = ""

    origin: Origin
    part: int = 0  # 0, 1, ... where one payload gives several rows of one kind.


class Trade(Record, frozen=True, kw_only=True):
    """One fill."""

    kind: ClassVar[str] = "trade"
    table: ClassVar[str] = "trades"

    market_kind: Literal["perp", "spot"]
    market_key: str
    trader: bytes | None = None
    counterparty: bytes | None = None
    direction: Direction | None = None
    position_side: PositionSide | None = None
    action: Action | None = None
    size_usd_e6: int | None = None
    size_base: Decimal | None = None
    price_usd: Decimal | None = None
    fee_usd_e6: int | None = None  # What the trader paid to anyone; negative: a rebate.
    base_fee_usd_e6: int | None = None
    price_impact_fee_usd_e6: int | None = None
    borrow_fee_usd_e6: int | None = None
    liquidation_fee_usd_e6: int | None = None
    maker_fee_usd_e6: int | None = None  # The counterparty's; negative: rebate.
    filler_reward_usd_e6: int | None = None
    referrer_reward_usd_e6: int | None = None
    builder_fee_usd_e6: int | None = None
    venue_fee_usd_e6: int | None = None
    lp_fee_usd_e6: int | None = None
    protocol_fee_usd_e6: int | None = None
    funding_usd_e6: int | None = None  # Positive: the trader paid. Between traders, in no fee.
    price_impact_usd_e6: int | None = None  # Positive: in the trader's favour. Not a fee.
    pnl_usd_e6: int | None = None  # Realised, gross of fees.
    collateral_delta_usd_e6: int | None = None  # Put in (+) or taken out (-).
    liquidity_source: LiquiditySource | None = None
    execution: Execution | None = None
    is_liquidation: bool | None = None
    is_adl: bool | None = None
    excluded: Excluded | None = None  # None: a trade between parties.
    explanation: str | None = None  # Drift's own word for the fill; None for its `None`.
    position_key: bytes | None = None
    order_key: bytes | None = None
    sequence: int | None = None  # The protocol's own counter.
    taker_order_id: int | None = None
    maker_order_id: int | None = None
    oracle_price_usd: Decimal | None = None
    position_size_usd_e6: int | None = None  # Size of the position after the fill.
    entry_price_usd: Decimal | None = None
    collateral_usd_e6: int | None = None  # GMX: of the position, before or after the fill, whichever is more.


class Swap(Record, frozen=True, kw_only=True):
    """One exchange of two tokens."""

    kind: ClassVar[str] = "swap"
    table: ClassVar[str] = "swaps"

    market_key: str | None = None  # GMX: the market of the hop. Jupiter swaps in its one pool, which is no market.
    trader: bytes | None = None
    mint_in: bytes | None = None
    mint_out: bytes | None = None
    amount_in: Decimal | None = None
    amount_out: Decimal | None = None
    value_usd_e6: int | None = None
    fee_usd_e6: int | None = None
    price_impact_usd_e6: int | None = None
    venue: Literal["jlp", "gm", "drift"]
    purpose: Literal["swap", "position", "lp"] | None = None
    hop: int | None = None  # 0-based.
    order_key: bytes | None = None


class LpFlow(Record, frozen=True, kw_only=True):
    """One movement of liquidity."""

    kind: ClassVar[str] = "lp_flow"
    table: ClassVar[str] = "lp_flows"

    venue: Venue
    venue_key: str
    flow: Literal["deposit", "withdraw"]
    provider: bytes | None = None
    mint: bytes | None = None
    amount: Decimal | None = None
    value_usd_e6: int | None = None
    lp_mint: bytes | None = None
    lp_amount: Decimal | None = None
    lp_price_usd: Decimal | None = None
    fee_usd_e6: int | None = None
    action_key: bytes | None = None
    explanation: str | None = None
    via: bytes | None = None
    internal: bool  # True: does not change the protocol's TVL.
    sequence: int | None = None


class ActionRecord(Record, frozen=True, kw_only=True):
    """The life of a request that a later row refers to."""

    kind: ClassVar[str] = "action"
    table: ClassVar[str] = "actions"

    action_key: bytes
    action_kind: str
    owner: bytes | None = None
    receiver: bytes | None = None
    state: str | None = None
    order_kind: str | None = None
    market_key: str | None = None


class Fee(Record, frozen=True, kw_only=True):
    """A fee that belongs to no trade, swap or flow."""

    kind: ClassVar[str] = "fee"
    table: ClassVar[str] = "fees"

    payer: bytes | None = None
    market_key: str | None = None
    fee_kind: str
    value_usd_e6: int | None = None


class Liquidation(Record, frozen=True, kw_only=True):
    """What a liquidation was, beyond its fill."""

    kind: ClassVar[str] = "liquidation"
    table: ClassVar[str] = "liquidations"

    liquidation_kind: Literal[
        "perp", "spot", "borrow_for_perp_pnl", "perp_pnl_for_deposit", "perp_bankruptcy", "spot_bankruptcy"
    ]
    trader: bytes | None = None
    liquidator: bytes | None = None
    market_key: str | None = None
    value_usd_e6: int | None = None
    insurance_fee_usd_e6: int | None = None
    insurance_fee_amount: Decimal | None = None  # Where the event has no price for it.
    socialised_loss_usd_e6: int | None = None
    socialised_loss_amount: Decimal | None = None
    sequence: int | None = None  # Drift: the fill that belongs to it.


class FundingRate(Record, frozen=True, kw_only=True):
    kind: ClassVar[str] = "funding_rate"
    table: ClassVar[str] = "funding_rates"

    market_key: str
    rate_kind: Literal["funding", "borrow"]
    rate: Decimal | None = None  # Fraction of notional per hour; positive: longs pay.
    rate_long: Decimal | None = None
    rate_short: Decimal | None = None
    oracle_price_usd: Decimal | None = None
    sequence: int | None = None


class OpenInterest(Record, frozen=True, kw_only=True):
    kind: ClassVar[str] = "open_interest"
    table: ClassVar[str] = "open_interests"

    market_key: str
    side: PositionSide
    value_usd_e6: int | None = None
    size_base: Decimal | None = None


class TvlObservation(Record, frozen=True, kw_only=True):
    """An absolute amount or value at one moment; holds until the next one."""

    kind: ClassVar[str] = "tvl_observation"
    table: ClassVar[str] = "tvl_observations"

    component: str
    component_key: str
    mint: bytes | None = None
    amount: Decimal | None = None
    value_usd_e6: int | None = None
    deposits: Decimal | None = None  # Lending: amount = deposits - borrows.
    borrows: Decimal | None = None
    value_origin: Literal["event", "account", "recomputed"]  # Shown as `origin`.


class PriceObservation(Record, frozen=True, kw_only=True):
    kind: ClassVar[str] = "price_observation"
    table: ClassVar[str] = "price_observations"

    mint: bytes | None = None
    market_key: str | None = None
    price_usd: Decimal
    value_origin: Literal["event", "account", "recomputed"]  # Shown as `origin`; which event said so is in the origin.


class Incentive(Record, frozen=True, kw_only=True):
    kind: ClassVar[str] = "incentive"
    table: ClassVar[str] = "incentives"

    incentive_kind: Literal["gt_mint", "gt_reward", "gt_burn", "fuel"]
    account: bytes | None = None
    amount: Decimal  # Positive; the kind tells the sign.
    supply_after: Decimal | None = None


class Counter(Record, frozen=True, kw_only=True):
    """How many of something a program has numbered up to the slot, as its account tells it."""

    kind: ClassVar[str] = "counter"
    table: ClassVar[str] = "counters"

    counter_kind: CounterKind
    market_key: str
    value: int  # The number of the last one; 0: there was none yet.


class EventRow(Record, frozen=True, kw_only=True):
    """A decoded payload with everything that `process` reads, so that records can be made again without the chain."""

    kind: ClassVar[str] = "event"
    table: ClassVar[str] = "events"

    payload: bytes  # Discriminator and body.
    is_text: bool  # From a `Program log:` line.
    enclosing: Enclosing


class Failure(Record, frozen=True, kw_only=True):
    """What cannot be read, with its bytes and with everything that a later decoder needs to read it."""

    kind: ClassVar[str] = "failure"
    table: ClassVar[str] = "failures"

    reason: FailureReason
    discriminator: bytes | None = None  # 8 bytes.
    payload: bytes | None = None
    is_text: bool = False
    enclosing: Enclosing | None = None
    detail: str | None = None  # For people: what was expected and what came.


RECORD_KINDS: tuple[type[Record], ...] = (
    Trade,
    Swap,
    LpFlow,
    ActionRecord,
    Fee,
    Liquidation,
    FundingRate,
    OpenInterest,
    TvlObservation,
    PriceObservation,
    Incentive,
    Counter,
)
