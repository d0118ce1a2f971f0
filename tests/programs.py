"""The three protocols as they run, and where their payloads may end: from the contract, a second time.

The allowed ends are written here again, so that a protocol that forgets one is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from indexer.core import base58
from indexer.core.layout import Layout
from indexer.core.protocol import Protocol
from indexer.protocols import drift, gmx_solana, jupiter_perps
from tests.encoder import IDL_FILES, idl_text, program_id

DRIFT, VAULTS, GMX, JUPITER = (base58.key(program_id(name)) for name in IDL_FILES)
GMX_AUTHORITY = base58.key("8a4wJ2bMiH6XWDZ7biTnejkss8VG7GMwd9Mg6F5fDfHF")
JUPITER_AUTHORITY = base58.key("37hJBDnntwqhGbK7L6M1bLyvccj4u55CCUiLPdYkiqBN")
PROGRAM_IDS = dict(zip(IDL_FILES, (DRIFT, VAULTS, GMX, JUPITER), strict=True))

# Fields after which a payload may end, besides the last one.
TAILS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "drift.json": {
        "OrderActionRecord": ("oraclePrice", "bitFlags", "makerExistingBaseAssetAmount", "triggerPrice"),
        "DepositRecord": ("transferUser",),
        "LiquidationRecord": ("spotBankruptcy",),
    },
    "drift_vaults.json": {
        "VaultDepositorRecord": ("managementFeeShares",),
        "VaultDepositorV1Record": ("managementFeeShares",),
    },
    "jupiter_perps.json": {
        "IncreasePositionEvent": ("referral",),
        "InstantIncreasePositionEvent": ("referral",),
        "DecreasePositionEvent": ("referral",),
        "InstantDecreasePositionEvent": ("referral", "positionPrice"),
        "LiquidateFullPositionEvent": ("liquidationFeeUsd", "openTime"),
        "LiquidatePositionEvent": ("feeUsd", "openTime"),
        "ClosePositionRequestEvent": ("amount",),
        "RepayToCustodyEvent": ("updateTime",),
    },
    "gmsol_store.json": {},
}
# Payloads of exactly this length (discriminator included) have another struct.
OLDER: Mapping[str, Mapping[int, str]] = {"ClosePositionRequestEvent": {112: "ClosePositionRequestEventV0"}}


@cache
def protocols() -> tuple[Protocol, ...]:
    """Drift and its vaults, Jupiter, GMX."""
    return built({name: idl_text(name) for name in IDL_FILES})


def built(idls: Mapping[str, str]) -> tuple[Protocol, ...]:
    return drift.build(idls), jupiter_perps.build(idls), gmx_solana.build(idls)


def layouts(idl_file: str) -> Mapping[bytes, Layout]:
    """The decoders of one program's events, by discriminator."""
    program = PROGRAM_IDS[idl_file]
    return next(protocol.programs[program].layouts for protocol in protocols() if program in protocol.programs)
