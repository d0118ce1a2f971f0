"""Liquidations: six kinds in one record, of which `liquidationType` says what is meant.

Only the part that belongs to the kind is read; the program leaves the others zero. The fill of a
perp liquidation is a trade of its own, with the same fill id. A bankruptcy is what is left when
nothing is: what neither insurance nor clawback pays is shared by the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from indexer.core.payload import Event
from indexer.core.record import Liquidation, Record
from indexer.protocols.drift.reading import Reading, perp_key


def liquidation(reading: Reading, event: Event) -> Iterator[Record]:
    fields = event.fields
    told = KINDS[reading.words.liquidation[fields.liquidationType]](reading, fields)
    yield Liquidation(origin=reading.origin(event), trader=fields.user, liquidator=fields.liquidator, **told)


def _perp(reading: Reading, fields: Any) -> dict[str, Any]:
    """A size of 0: cancelling the orders was enough. Fill ids begin at 1."""
    part = fields.liquidatePerp
    return {
        "liquidation_kind": "perp",
        "market_key": perp_key(part.marketIndex),
        "value_usd_e6": abs(part.quoteAssetAmount),
        "insurance_fee_usd_e6": part.ifFee,
        "sequence": part.fillRecordId or None,
    }


def _spot(reading: Reading, fields: Any) -> dict[str, Any]:
    """The liquidator repays the liability and takes the asset; the insurance fee is in the liability's token."""
    part = fields.liquidateSpot
    asset, liability = reading.token(part.assetMarketIndex), reading.token(part.liabilityMarketIndex)
    return {
        "liquidation_kind": "spot",
        "market_key": liability.key,
        "value_usd_e6": asset.usd_e6(part.assetTransfer, part.assetPrice),
        "insurance_fee_usd_e6": liability.usd_e6(part.ifFee, part.liabilityPrice),
        "insurance_fee_amount": liability.amount(part.ifFee),
    }


def _borrow_for_perp_pnl(reading: Reading, fields: Any) -> dict[str, Any]:
    part = fields.liquidateBorrowForPerpPnl
    return {
        "liquidation_kind": "borrow_for_perp_pnl",
        "market_key": perp_key(part.perpMarketIndex),
        "value_usd_e6": part.pnlTransfer,
    }


def _perp_pnl_for_deposit(reading: Reading, fields: Any) -> dict[str, Any]:
    part = fields.liquidatePerpPnlForDeposit
    return {
        "liquidation_kind": "perp_pnl_for_deposit",
        "market_key": perp_key(part.perpMarketIndex),
        "value_usd_e6": part.pnlTransfer,
    }


def _perp_bankruptcy(reading: Reading, fields: Any) -> dict[str, Any]:
    part = fields.perpBankruptcy
    clawback = part.clawbackUserPayment or 0  # None: nobody was asked to pay.
    return {
        "liquidation_kind": "perp_bankruptcy",
        "market_key": perp_key(part.marketIndex),
        "socialised_loss_usd_e6": -part.pnl - part.ifPayment - clawback,
    }


def _spot_bankruptcy(reading: Reading, fields: Any) -> dict[str, Any]:
    """In tokens: the event has no price."""
    part = fields.spotBankruptcy
    token = reading.token(part.marketIndex)
    return {
        "liquidation_kind": "spot_bankruptcy",
        "market_key": token.key,
        "socialised_loss_amount": token.amount(part.borrowAmount - part.ifPayment),
    }


KINDS: dict[str, Callable[[Reading, Any], dict[str, Any]]] = {
    "LiquidatePerp": _perp,
    "LiquidateSpot": _spot,
    "LiquidateBorrowForPerpPnl": _borrow_for_perp_pnl,
    "LiquidatePerpPnlForDeposit": _perp_pnl_for_deposit,
    "PerpBankruptcy": _perp_bankruptcy,
    "SpotBankruptcy": _spot_bankruptcy,
}
