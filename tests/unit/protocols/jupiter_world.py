"""Synthetic Jupiter transactions: no capture exists of most of its events."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from indexer.core import base58
from indexer.core.protocol import Processed, Protocol, process
from indexer.core.record import Record
from indexer.core.reference import Market, Reference, Token
from indexer.protocols import jupiter_perps
from tests.encoder import encode_event, idl_text
from tests.world import Call, call, cpi_transaction, key

IDL = "jupiter_perps.json"
PROGRAM = base58.key("PERPHjGBqRHArX4DySjwM6UJHiR3sWAatqfdBS2qQJu")
EVENT_AUTHORITY = base58.key("37hJBDnntwqhGbK7L6M1bLyvccj4u55CCUiLPdYkiqBN")
POOL = base58.key("5BUwFW4nRbftYTDMbgxykoFWqWHPzahFSNAaaaJtVKsq")
JLP = base58.key("27G8MtK7VtTcCHkpASjSDdkWWYfoqT6ggEuKidVJidD4")
OWNER, POSITION, REQUEST = key(1), key(2), key(3)
SOL, USDC = key(10), key(11)
SOL_CUSTODY, USDC_CUSTODY = key(12), key(13)
LONG, SHORT = 1, 2

REFERENCE = Reference(
    markets=[
        Market(
            protocol="jupiter_perps",
            market_key=base58.encode(SOL_CUSTODY),
            market_kind="perp",
            symbol="SOL-PERP",
            base_decimals=9,
            mint=SOL,
        ),
        Market(
            protocol="jupiter_perps",
            market_key=base58.encode(USDC_CUSTODY),
            market_kind="custody",
            symbol="USDC",
            mint=USDC,
        ),
    ],
    tokens=[Token(mint=SOL, decimals=9), Token(mint=USDC, decimals=6)],
)

# sha256("global:<name>")[:8], as published and as seen on chain.
ADD_LIQUIDITY2 = bytes.fromhex("e4a24e1c46db7473")
REMOVE_LIQUIDITY2 = bytes.fromhex("e6d7527ff165e392")
SWAP2 = bytes.fromhex("414b3f4ceb5b5b88")
SWAP_WITH_TOKEN_LEDGER = bytes.fromhex("8b8deec529d3ac13")
INCREASE4 = bytes.fromhex("439335172b391043")
DECREASE4 = bytes.fromhex("b9a172af609403aa")
DECREASE_TPSL = bytes.fromhex("6c12cbd1e36741a5")
INSTANT_INCREASE = bytes.fromhex("a47e44b6dfa640b7")
INSTANT_DECREASE2 = bytes.fromhex("a2bfc83e8b3eb011")
LIQUIDATE4 = bytes.fromhex("40b05833a8bc9caf")
# Gone since 2025.
ADD_LIQUIDITY = bytes.fromhex("b59d59438fb63448")
REMOVE_LIQUIDITY = bytes.fromhex("5055d14818ceb16c")
SWAP = bytes.fromhex("f8c69e91e17587c8")
SWAP_EXACT_OUT = bytes.fromhex("fa49652126cf4bb8")
UNKNOWN = bytes.fromhex("0102030405060708")

TRADE = {
    "positionKey": POSITION,
    "positionSide": LONG,
    "positionCustody": SOL_CUSTODY,
    "owner": OWNER,
    "pool": POOL,
    "price": 200_000_000,
    "openTime": 1_735_689_601,
}


@cache
def protocol() -> Protocol:
    return jupiter_perps.build({IDL: idl_text(IDL)})


def payload(event: str, /, *, end: str | None = None, **values: Any) -> bytes:
    return encode_event(IDL, event, end=end, **values)


def processed(*calls: Call, reference: Reference = REFERENCE, **kw: Any) -> Processed:
    return process(cpi_transaction(PROGRAM, EVENT_AUTHORITY, *calls, **kw), [protocol()], reference)


def records(
    *payloads: bytes, instruction: bytes = UNKNOWN, accounts: Sequence[bytes] = (), reference: Reference = REFERENCE
) -> list[Record]:
    """The rows of one instruction's events; a payload that cannot be read fails the test."""
    result = processed(call(instruction, accounts, *payloads), reference=reference)
    assert result.failures == []
    return result.records


def of(kind: str, rows: Sequence[Any]) -> list[Any]:
    return [row for row in rows if row.kind == kind]


def only(kind: str, rows: Sequence[Any]) -> Any:
    (row,) = of(kind, rows)
    return row
