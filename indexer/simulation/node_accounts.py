"""Accounts of a node: getAccountInfo, getMultipleAccounts, getProgramAccounts, from a table of versions by slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pybase64
import zstandard

from indexer.core import base58
from indexer.simulation.chain import Chain
from indexer.simulation.cluster import View
from indexer.simulation.encodings import Json
from indexer.simulation.node_errors import invalid_params
from indexer.simulation.node_params import AccountConfig, Memcmp, Params, Slice, address, address_at, required

_MOST_ACCOUNTS = 100
_MOST_BASE58_BYTES = 128
_NEVER = 2**64 - 1  # The rent epoch of an account that pays no rent.


class Account(msgspec.Struct, frozen=True):
    """One version of an account."""

    owner: str
    data: bytes
    lamports: int = 1_000_000
    executable: bool = False
    slot: int = 0  # Since when.


Accounts = Mapping[str, Sequence[Account]]  # By address; versions in order of their slots.


def accounts_of(chain: Chain) -> Accounts:
    """What the chain's programs hold."""
    return {
        base58.encode(key): [Account(base58.encode(one.held.owner), one.held.data, slot=one.slot) for one in versions]
        for key, versions in chain.accounts.items()
    }


def account_info(view: View, accounts: Accounts, params: Params, config: AccountConfig) -> Json | None:
    return _shown(_at(view, accounts, address_at(params, 0), config), config)


def multiple_accounts(view: View, accounts: Accounts, params: Params, config: AccountConfig) -> list[Json | None]:
    named = required(params, 0)
    if not isinstance(named, list):
        raise invalid_params("Invalid params: expected a sequence.")
    if len(named) > _MOST_ACCOUNTS:
        raise invalid_params(f"Too many inputs provided; max {_MOST_ACCOUNTS}")
    return [_shown(_at(view, accounts, address(text), config), config) for text in named]


def program_accounts(view: View, accounts: Accounts, params: Params, config: AccountConfig) -> list[Json]:
    owner, found = address_at(params, 0), []
    for key in accounts:
        one = _at(view, accounts, key, config)
        if one is not None and one.owner == owner and all(_matches(one.data, f) for f in _filters(config)):
            found.append({"account": _shown(one, config), "pubkey": key})
    return found


def _at(view: View, accounts: Accounts, key: str, config: AccountConfig) -> Account | None:
    limit = view.limit(config.level)
    return next((one for one in reversed(accounts.get(key, ())) if one.slot <= limit), None)


def _shown(one: Account | None, config: AccountConfig) -> Json | None:
    if one is None:
        return None
    return {
        "data": _data(_part(one.data, config.data_slice), config.encoding),
        "executable": one.executable,
        "lamports": one.lamports,
        "owner": one.owner,
        "rentEpoch": _NEVER,
        "space": len(one.data),
    }


def _part(data: bytes, part: Slice | None) -> bytes:
    return data if part is None else data[part.offset : part.offset + part.length]


def _data(data: bytes, encoding: str | None) -> str | list[str]:
    """jsonParsed falls back to base64, as for every program that nodes have no parser of."""
    if encoding in ("base64", "jsonParsed"):
        return [pybase64.b64encode_as_string(data), "base64"]
    if encoding == "base64+zstd":
        return [pybase64.b64encode_as_string(zstandard.compress(data)), encoding]
    if len(data) > _MOST_BASE58_BYTES:
        words = f"Encoded binary (base 58) data should be less than {_MOST_BASE58_BYTES} bytes"
        raise invalid_params(f"{words}, please use Base64 encoding.")
    text = base58.encode(data)
    return text if encoding is None else [text, encoding]


Filter = int | tuple[int, bytes]  # A size, or the bytes that must lie at an offset.


def _filters(config: AccountConfig) -> list[Filter]:
    wanted = config.filters or ()
    sizes = [one.data_size for one in wanted if one.data_size is not None]
    return [*sizes, *(_compared(one.memcmp) for one in wanted if one.memcmp is not None)]


def _compared(memcmp: Memcmp) -> tuple[int, bytes]:
    decode = pybase64.b64decode if memcmp.encoding == "base64" else base58.decode
    try:
        return memcmp.offset, decode(memcmp.bytes)
    except ValueError:
        raise invalid_params("Invalid param: memcmp bytes are not of their encoding") from None


def _matches(data: bytes, wanted: Filter) -> bool:
    if isinstance(wanted, int):
        return len(data) == wanted
    offset, expected = wanted
    return data[offset : offset + len(expected)] == expected
