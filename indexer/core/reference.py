"""Reference rows: what a market or a token is called and how it is scaled.

Only decimals, mints and market kinds enter `process`; symbols are joined where rows are shown. An
unknown market or token is a fact too: its rows are kept, and what would need its decimals is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from indexer.core import amount, base58

MarketKind = Literal["perp", "spot", "custody"]
Decimals = Annotated[int, msgspec.Meta(ge=0, le=30)]


class Token(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    mint: bytes
    symbol: str | None = None
    decimals: Decimals | None = None
    is_synthetic: bool = False  # A price index of GMX: a key without a mint account.
    is_inferred: bool = False  # The decimals follow from the size of its prices; no source states them.


class Market(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One market of one protocol.

    `market_key`: Drift `perp:0`, `spot:1`; Jupiter the custody, GMX the market token, in base58.
    """

    protocol: str
    market_key: str
    market_kind: MarketKind  # custody: of Jupiter, nobody trades it, a stable.
    symbol: str
    base_asset: str | None = None
    base_decimals: Decimals | None = None
    mint: bytes | None = None  # Spot market or custody: its token.
    index_mint: bytes | None = None
    long_mint: bytes | None = None
    short_mint: bytes | None = None
    pool_id: int | None = None
    max_leverage: Decimal | None = None  # As last seen on chain; it changes.
    symbol_since_slot: int | None = None  # At which an account was first read that says so; None: as shipped.


class Reference:
    """Markets and tokens by key. Immutable; the same rows give the same records.

    `version`: of the ledger they were read from. It goes up with every change that could give other records.
    """

    def __init__(self, markets: Iterable[Market] = (), tokens: Iterable[Token] = (), *, version: int = 0) -> None:
        self.markets: Mapping[tuple[str, str], Market] = {(m.protocol, m.market_key): m for m in markets}
        self.tokens: Mapping[bytes, Token] = {t.mint: t for t in tokens}
        self.version = version

    def market(self, protocol: str, market_key: str) -> Market | None:
        return self.markets.get((protocol, market_key))

    def decimals(self, mint: bytes | None) -> int | None:
        token = self.tokens.get(mint) if mint is not None else None
        return token.decimals if token is not None else None

    def token_amount(self, raw: int | None, mint: bytes | None) -> Decimal | None:
        """Tokens from the smallest unit; None where the amount or the decimals are unknown."""
        decimals = self.decimals(mint)
        return None if raw is None or decimals is None else amount.exact(raw, decimals)


class InvalidSeed(ValueError):
    """The seed is no JSON, or one of its rows does not fit. The message names the row."""


class _Seed(msgspec.Struct, forbid_unknown_fields=True):
    markets: list[dict[str, Any]]
    tokens: list[dict[str, Any]]


_SEED = msgspec.json.Decoder(_Seed, float_hook=Decimal)  # 6.5 in the file is 6.5, not its nearest float.
_KEYS = ("mint", "index_mint", "long_mint", "short_mint")
_Row = TypeVar("_Row", Market, Token)


def parse_seed(text: str | bytes) -> Reference:
    """Markets and tokens from `{"markets": [...], "tokens": [...]}`; keys in base58. Raises InvalidSeed."""
    try:
        seed = _SEED.decode(text)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidSeed(f"seed: {error}") from error
    markets = list(_rows("markets", seed.markets, Market))
    tokens = list(_rows("tokens", seed.tokens, Token))
    _each_once("markets", [f"{m.protocol} {m.market_key}" for m in markets])
    _each_once("tokens", [base58.encode(t.mint) for t in tokens])
    return Reference(markets, tokens)


def _rows(table: str, rows: Iterable[dict[str, Any]], kind: type[_Row]) -> Iterator[_Row]:
    for position, row in enumerate(rows):
        try:
            yield msgspec.convert(_with_keys(row), kind, builtin_types=(bytes,))
        except (msgspec.ValidationError, base58.NotBase58) as error:
            name = " ".join(str(row[part]) for part in ("protocol", "market_key", "symbol") if part in row)
            raise InvalidSeed(f"seed: {table}[{position}] ({name or 'unnamed'}): {error}") from error


def _with_keys(row: dict[str, Any]) -> dict[str, Any]:
    return row | {name: base58.key(row[name]) for name in _KEYS if isinstance(row.get(name), str)}


def _each_once(table: str, names: list[str]) -> None:
    first: dict[str, int] = {}
    for position, name in enumerate(names):
        if name in first:
            raise InvalidSeed(f"seed: {table}[{position}] ({name}): is already {table}[{first[name]}]")
        first[name] = position
