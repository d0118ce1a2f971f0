"""What both contestants read: one payload of each measured event, and an 18-line transaction with two of them.

Payloads have the newest layout, the only one that the peer can read, and no two values of a payload are alike, so
that a value in a wrong place is seen. Jupiter and GMX emit by self-CPI on chain; their events stand in log lines
here, since those are all that the peer reads. The texts between the frames are ones that the peer survives.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench.rounds import Bar
from tests.bench.turns import Sample
from tests.encoder import encode_event, program_id
from tests.shared import REPOSITORY
from tests.world import key

BUDGET, TOKEN, SYSTEM = (
    "ComputeBudget111111111111111111111111111111",
    "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
    "11111111111111111111111111111111",
)


@dataclass(frozen=True)
class Kind:
    """One measured event."""

    event: str
    idl_file: str
    decode: Bar
    log: Bar
    prefix: str  # How the program writes it; `Program data: ` for a self-CPI event.
    instruction: str
    values: Mapping[str, Any]

    @property
    def is_cpi(self) -> bool:
        """Whether it is decoded from an instruction's bytes instead of a line's base64."""
        return self.idl_file != "drift.json"

    def payload(self) -> bytes:
        return encode_event(self.idl_file, self.event, **self.values)


def sample(kind: Kind) -> Sample:
    """What the contestants are given, in words that JSON knows."""
    payload = b64encode(kind.payload()).decode()
    return Sample(
        event=kind.event,
        idl=str(REPOSITORY / "idl" / kind.idl_file),
        program=program_id(kind.idl_file),
        text=payload,
        is_cpi=kind.is_cpi,
        lines=list(_lines(program_id(kind.idl_file), kind.instruction, kind.prefix + payload)),
    )


def _lines(program: str, instruction: str, event: str) -> Iterator[str]:
    for _ in range(2):
        yield f"Program {BUDGET} invoke [1]"
        yield f"Program {BUDGET} success"
    yield f"Program {program} invoke [1]"
    yield f"Program log: Instruction: {instruction}"
    yield f"Program {TOKEN} invoke [2]"
    yield "Program log: Instruction: TransferChecked"
    yield f"Program {TOKEN} consumed 6238 of 361127 compute units"
    yield f"Program {TOKEN} success"
    yield event
    yield "Program log: Price updated to 204332308"
    yield event
    yield "Program log: pnl 792986"
    yield f"Program {program} consumed 138873 of 399700 compute units"
    yield f"Program {program} success"
    yield f"Program {SYSTEM} invoke [1]"
    yield f"Program {SYSTEM} success"


# A taker filled by the AMM: everything about a maker is absent.
ORDER_ACTION = {
    "ts": 1_756_622_092, "action": 2, "actionExplanation": 1, "marketIndex": 3, "marketType": 1, "filler": key(1),
    "fillerReward": 10_001, "fillRecordId": 5_436_875, "baseAssetAmountFilled": 42_500_000_000,
    "quoteAssetAmountFilled": 8_684_123_090, "takerFee": 3_039_443, "quoteAssetAmountSurplus": -81_233,
    "taker": key(2), "takerOrderId": 48_913, "takerOrderDirection": 0, "takerOrderBaseAssetAmount": 50_000_000_000,
    "takerOrderCumulativeBaseAssetAmountFilled": 47_500_000_000,
    "takerOrderCumulativeQuoteAssetAmountFilled": 9_705_784_630, "oraclePrice": 204_350_474, "bitFlags": 33,
    "takerExistingQuoteEntryAmount": 1_021_661_540, "takerExistingBaseAssetAmount": 5_000_000_000,
}  # fmt: skip
DEPOSIT = {
    "ts": 1_767_225_611, "userAuthority": key(3), "user": key(4), "direction": 0, "depositRecordId": 1_204_417,
    "amount": 250_000_000, "marketIndex": 1, "oraclePrice": 124_508_000,
    "marketDepositBalance": 2_917_345_009_112_804_331, "marketWithdrawBalance": 811_004_551_339_080_127,
    "marketCumulativeDepositInterest": 10_834_118_801, "marketCumulativeBorrowInterest": 11_920_447_103,
    "totalDepositsAfter": 77_125_440_000, "totalWithdrawsAfter": 12_000_450_000, "explanation": 0,
    "signer": key(5), "userTokenAmountAfter": 64_993_118_204,
}  # fmt: skip
INCREASE = {
    "positionKey": key(6), "positionSide": 1, "positionCustody": key(7), "positionCollateralCustody": key(8),
    "positionSizeUsd": 5_250_113_992, "positionMint": key(9), "positionRequestKey": key(10),
    "positionRequestMint": key(11), "positionRequestChange": 2, "positionRequestType": 0,
    "positionRequestCollateralDelta": 1_050_022_798, "owner": key(12), "pool": key(13), "sizeUsdDelta": 5_247_963_945,
    "collateralUsdDelta": 1_049_592_789, "collateralTokenDelta": 5_136_412_990, "price": 204_343_211,
    "priceSlippage": 206_386_643, "feeToken": 15_409_112, "feeUsd": 3_148_778, "openTime": 1_756_622_077,
    "referral": key(14), "positionFeeUsd": 3_148_771, "fundingFeeUsd": 4, "priceImpactFeeUsd": 3,
}  # fmt: skip
ADD_LIQUIDITY = {
    "custodyKey": key(15), "poolKey": key(16), "tokenAmountIn": 12_000_000_000,
    "prePoolAmountUsd": 1_710_220_481_119_003, "tokenAmountUsd": 2_452_118_532, "feeBps": 6,
    "tokenAmountAfterFee": 11_992_800_000, "mintAmountUsd": 2_450_647_261, "lpAmount": 471_278_319,
    "postPoolAmountUsd": 1_710_222_933_237_535,
}  # fmt: skip
USD = 10**20
BEFORE: Mapping[str, Any] = {
    "trade_id": 884_210, "increased_at": 1_757_500_001, "updated_at_slot": 365_900_002, "decreased_at": 1_757_400_003,
    "size_in_tokens": 12_500_000_004, "collateral_amount": 640_000_005, "size_in_usd": 2_531 * USD + 6,
    "borrowing_factor": 771_300_000_007, "funding_fee_amount_per_size": 19_230_008,
    "long_token_claimable_funding_amount_per_size": 4_410_009,
    "short_token_claimable_funding_amount_per_size": 3_300_010, "reserved": bytes(range(128)),
}  # fmt: skip
AFTER = {name: value + 100 if isinstance(value, int) else value[::-1] for name, value in BEFORE.items()}
TRADE = {
    "flags": 3, "padding_0": range(7), "trade_id": 884_211, "authority": key(17), "store": key(18),
    "market_token": key(19), "user": key(20), "position": key(21), "order": key(22), "final_output_token": key(23),
    "ts": 1_757_600_011, "slot": 366_100_012, "before": BEFORE, "after": AFTER,
    "transfer_out": {"executed": 1, "final_output_token": 40_000_013, "short_token": 500_014},
    "prices": {
        "index": {"min": 20_251_000_015, "max": 20_253_000_016},
        "long": {"min": 20_250_000_017, "max": 20_254_000_018},
        "short": {"min": 99_990_019, "max": 100_010_020},
    },
    "execution_price": 20_252_400_021, "price_impact_value": -3 * USD - 22, "price_impact_diff": 23,
    "pnl": {"pnl": -41 * USD - 24, "uncapped_pnl": -42 * USD - 25},
    "fees": {
        "order_fee_for_receiver_amount": 370_026, "order_fee_for_pool_amount": 630_027,
        "liquidation_fee_amount": 28, "liquidation_fee_for_receiver_amount": 29, "total_borrowing_fee_amount": 81_030,
        "borrowing_fee_for_receiver_amount": 30_031, "funding_fee_amount": 12_032,
        "claimable_funding_fee_long_token_amount": 33, "claimable_funding_fee_short_token_amount": 7_034,
    },
    "output_amounts": {"output_amount": 39_000_035, "secondary_output_amount": 36},
}  # fmt: skip

OTHERS = Bar(18, 28)
KINDS = (
    Kind("OrderActionRecord", "drift.json", Bar(90, 130), Bar(50, 75), "Program log: ", "FillPerpOrder2", ORDER_ACTION),
    Kind("DepositRecord", "drift.json", Bar(32, 45), OTHERS, "Program data: ", "Deposit", DEPOSIT),
    Kind(
        "IncreasePositionEvent",
        "jupiter_perps.json",
        Bar(25, 42),
        OTHERS,
        "Program data: ",
        "IncreasePosition4",
        INCREASE,
    ),
    Kind(
        "AddLiquidityEvent", "jupiter_perps.json", Bar(25, 38), OTHERS, "Program data: ", "AddLiquidity2", ADD_LIQUIDITY
    ),
    Kind("TradeEvent", "gmsol_store.json", Bar(28, 42), OTHERS, "Program data: ", "ExecuteIncreaseOrder", TRADE),
)
