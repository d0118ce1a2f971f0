"""Synthetic worlds of GMX-Solana: executions of a keeper with the events they emit.

Bytes come from the independent encoder, accounts of instructions from the IDL by name. The market has an index of 8
decimals, a long token of 9 and a short token of 6; prices have a spread, so that min, mid and max are told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Any

from indexer.core import base58
from indexer.core.protocol import process
from indexer.core.record import Record
from indexer.core.reference import Market, Reference, Token
from indexer.core.transaction import Transaction
from indexer.protocols.gmx_solana import EVENT_AUTHORITY, IDL, STORE, STORE_PROGRAM, build
from tests.encoder import document, encode_event, idl_text
from tests.world import Call, call, cpi_transaction, key

MARKET, PURE, SECOND, UNKNOWN = (key(n) for n in (1, 2, 3, 4))
LONG, SHORT, GLV = key(5), key(6), key(7)
TRADER, POSITION, ORDER = key(8), key(9), key(10)

E20 = 10**20
# Per smallest unit: index 1000 +- 10 at 8 decimals, long 100 +- 1 at 9, short 1.00 +- 0.01 at 6.
INDEX_PRICE = {"min": 990 * 10**12, "max": 1010 * 10**12}
LONG_PRICE = {"min": 99 * 10**11, "max": 101 * 10**11}
SHORT_PRICE = {"min": 99 * 10**12, "max": 101 * 10**12}
PRICES = {"index_token_price": INDEX_PRICE, "long_token_price": LONG_PRICE, "short_token_price": SHORT_PRICE}
PURE_PRICES = PRICES | {"long_token_price": SHORT_PRICE}


@cache
def protocol() -> Any:
    return build({IDL: idl_text(IDL)})


def _market(market_token: bytes, long_mint: bytes, short_mint: bytes) -> Market:
    return Market(
        protocol="gmx_solana",
        market_key=base58.encode(market_token),
        market_kind="perp",
        symbol="ETH/USD[LONG-SHORT]",
        base_decimals=8,
        long_mint=long_mint,
        short_mint=short_mint,
    )


REFERENCE = Reference(
    [_market(MARKET, LONG, SHORT), _market(SECOND, LONG, SHORT), _market(PURE, SHORT, SHORT)],
    [Token(mint=LONG, decimals=9), Token(mint=SHORT, decimals=6)],
)


def event(name: str, /, **values: Any) -> bytes:
    return encode_event(IDL, name, **values)


def instruction(name: str, *payloads: bytes, with_accounts: bool = True, **accounts: bytes) -> Call:
    """One store instruction that emits these payloads; accounts that are not given are arbitrary keys."""
    listed = next(i for i in document(IDL)["instructions"] if i["name"] == name)["accounts"]
    named = {"store": STORE} | accounts
    assert set(accounts) <= {a["name"] for a in listed}, f"{name} has no such account"
    keys = [named.get(account["name"], key(1000 + n)) for n, account in enumerate(listed)]
    return call(sha256(f"global:{name}".encode()).digest()[:8], keys if with_accounts else (), *payloads)


def unknown_instruction(*payloads: bytes) -> Call:
    return call(b"unknown!", (), *payloads)


def transaction(*calls: Call) -> Transaction:
    return cpi_transaction(STORE_PROGRAM, EVENT_AUTHORITY, *calls)


def records(*calls: Call, reference: Reference = REFERENCE) -> Sequence[Record]:
    result = process(transaction(*calls), [protocol()], reference)
    assert not result.failures, result.failures
    return result.records


def only(kind: type[Any], *calls: Call, reference: Reference = REFERENCE) -> list[Any]:
    return [record for record in records(*calls, reference=reference) if isinstance(record, kind)]


# --- events --------------------------------------------------------------------------------------------------------


def committed(market: bytes = MARKET, rev: int = 7, **pools: tuple[int, int]) -> bytes:
    """MarketStateUpdated with the pools that are given by PoolKind name: (long, short) amounts."""
    amounts = [{"long_token_amount": long, "short_token_amount": short} for long, short in pools.values()]
    return event("MarketStateUpdated", rev=rev, market_token=market, pool_kinds=list(pools), pools=amounts)


def pure_pool(amount: int, market: bytes = PURE, rev: int = 7) -> bytes:
    pool = {"is_pure": 1, "long_token_amount": amount}
    return event("MarketStateUpdated", rev=rev, market_token=market, pool_kinds=["Primary"], pools=[pool])


def trade(**values: Any) -> bytes:
    """A long of 2,000 USD opened with the short token as collateral: 2 of the index at 1,000."""
    opened = {
        "flags": 1 | 4,
        "trade_id": 42,
        "store": STORE,
        "market_token": MARKET,
        "user": TRADER,
        "position": POSITION,
        "order": ORDER,
        "after": {"size_in_usd": 2000 * E20, "size_in_tokens": 2 * 10**8, "collateral_amount": 500 * 10**6},
        "prices": {"index": INDEX_PRICE, "long": LONG_PRICE, "short": SHORT_PRICE},
        "execution_price": 1000 * 10**12,
    }
    return event("TradeEvent", **(opened | values))


def swap(
    amount_in: int, amount_out: int, *, market: bytes = MARKET, rev: int = 7, is_in_long: bool = True, ty: Any = None
) -> bytes:
    report = {
        "params": {"is_token_in_long": is_in_long, "token_in_amount": amount_in, "prices": PRICES},
        "result": {
            "token_in_fees": {"fee_amount_for_receiver": amount_in // 1000, "fee_amount_for_pool": amount_in // 500},
            "token_out_amount": amount_out,
            "price_impact_value": -3 * E20,
        },
    }
    return event("SwapExecuted", rev=rev, market_token=market, report=report, ty=ty)


def deposit(long: int, short: int, *, market: bytes = MARKET, rev: int = 7, minted: int = 0, **report: Any) -> bytes:
    params = {"long_token_amount": long, "short_token_amount": short, "prices": PRICES}
    told = {"params": params, "minted": minted} | report
    return event("DepositExecuted", rev=rev, market_token=market, report=told)


def withdrawal(long: int, short: int, *, market: bytes = MARKET, rev: int = 7, burned: int = 0, **report: Any) -> bytes:
    params = {"market_token_amount": burned, "prices": PRICES}
    told = {"params": params, "long_token_output": long, "short_token_output": short} | report
    return event("WithdrawalExecuted", rev=rev, market_token=market, report=told)


def glv_pricing(kind: str, *, gm: int, glv: int, value: int = 0, supply: int = 0, worth: int = 0) -> bytes:
    gives, gets = (gm, glv) if kind == "Deposit" else (glv, gm)
    return event(
        "GlvPricing",
        glv_token=GLV,
        market_token=MARKET,
        supply=supply,
        value=value,
        input_amount=gives,
        input_value=worth,
        output_amount=gets,
        kind=kind,
    )


def removed(name: str, **values: Any) -> bytes:
    return event(name, **({"store": STORE, "market_token": MARKET, "state": "Completed"} | values))
