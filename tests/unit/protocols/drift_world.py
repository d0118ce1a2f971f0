"""A small Drift: two tokens, one perp market, and payloads from the tests' own encoder.

All payloads here are synthetic: no capture exists of most of Drift's events.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

from indexer.core.protocol import Processed, Protocol, process
from indexer.core.record import Record
from indexer.core.reference import Market, Reference, Token
from indexer.core.transaction import Transaction
from indexer.protocols.drift import DRIFT, VAULTS, build
from tests.encoder import encode_event, idl_text
from tests.world import data_line, frame, key, transaction

USDC, SOL = key(101), key(102)
ALICE, BOB, KEEPER, VAULT = key(1), key(2), key(3), key(4)
TS = 1_700_000_000

DRIFT_PROTOCOL: Protocol = build({name: idl_text(name) for name in ("drift.json", "drift_vaults.json")})
REFERENCE = Reference(
    [
        Market(protocol="drift", market_key="perp:0", market_kind="perp", symbol="SOL-PERP", base_decimals=9),
        Market(protocol="drift", market_key="spot:0", market_kind="spot", symbol="USDC", base_decimals=6, mint=USDC),
        Market(protocol="drift", market_key="spot:1", market_kind="spot", symbol="SOL", base_decimals=9, mint=SOL),
    ],
    [Token(mint=USDC, symbol="USDC", decimals=6), Token(mint=SOL, symbol="SOL", decimals=9)],
)
UNKNOWN = Reference()

R = TypeVar("R", bound=Record)


def event(name: str, /, *, end: str | None = None, **values: Any) -> bytes:
    """An event of Drift itself."""
    return encode_event("drift.json", name, end=end, ts=TS, **values)


def vault_event(name: str, /, *, end: str | None = None, **values: Any) -> bytes:
    return encode_event("drift_vaults.json", name, end=end, ts=TS, **values)


def fill(**values: Any) -> bytes:
    """A fill of 2 SOL-PERP for 300 dollars: Alice buys from Bob, a keeper fills. Any field may be replaced."""
    usual: dict[str, Any] = {
        "action": "Fill",
        "actionExplanation": "OrderFilledWithMatch",
        "marketType": "Perp",
        "filler": KEEPER,
        "fillerReward": 10_000,
        "fillRecordId": 77,
        "baseAssetAmountFilled": 2_000_000_000,
        "quoteAssetAmountFilled": 300_000_000,
        "takerFee": 105_000,
        "makerFee": -7_500,
        "taker": ALICE,
        "takerOrderId": 5,
        "takerOrderDirection": "Long",
        "maker": BOB,
        "makerOrderId": 6,
        "makerOrderDirection": "Short",
        "oraclePrice": 149_900_000,
    }
    return event("OrderActionRecord", **(usual | values))


def deposit(**values: Any) -> bytes:
    """Alice deposits 3 SOL at 150 dollars."""
    usual: dict[str, Any] = {
        "userAuthority": ALICE,
        "marketIndex": 1,
        "amount": 3_000_000_000,
        "oraclePrice": 150_000_000,
    }
    return event("DepositRecord", **(usual | {"depositRecordId": 9} | values))


def world(*payloads: bytes, vault: tuple[bytes, ...] = (), **facts: Any) -> Transaction:
    """Drift logs these payloads; with `vault`, inside a call of the vault program, which logs its own after."""
    inner = frame(DRIFT, *(data_line(payload) for payload in payloads))
    if not vault:
        return transaction(inner, **facts)
    return transaction(frame(VAULTS, inner, *(data_line(payload) for payload in vault)), **facts)


def processed(*payloads: bytes, vault: tuple[bytes, ...] = (), reference: Reference = REFERENCE) -> Processed:
    return process(world(*payloads, vault=vault), [DRIFT_PROTOCOL], reference)


def rows(kind: type[R], *payloads: bytes, vault: tuple[bytes, ...] = (), reference: Reference = REFERENCE) -> list[R]:
    """The records of one kind; nothing may have failed."""
    result = processed(*payloads, vault=vault, reference=reference)
    assert not result.failures, result.failures
    return [record for record in result.records if isinstance(record, kind)]


def row(kind: type[R], *payloads: bytes, vault: tuple[bytes, ...] = (), reference: Reference = REFERENCE) -> R:
    """The only record of one kind."""
    (only,) = rows(kind, *payloads, vault=vault, reference=reference)
    return only


def dec(text: str) -> Decimal:
    return Decimal(text)
