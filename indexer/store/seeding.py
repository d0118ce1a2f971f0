"""What a seed changes in the reference rows, and which rows were made from what has changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

import msgspec

from indexer.core.coverage import Span, Spans, union
from indexer.core.reference import Market, Reference, Token
from indexer.store.rows import RECORD_TABLES, Row, Table

BUCKET_SLOTS = 216_000  # About a day: what is marked for reprocess at once.
# What a market or a token is called, and what is only shown, does not enter `process`.
_ONLY_SHOWN = frozenset({"symbol", "base_asset", "max_leverage", "symbol_since_slot", "is_synthetic", "is_inferred"})
_MARKET_COLUMNS = ("market_key", "venue_key", "component_key")
_MINT_COLUMNS = ("mint", "mint_in", "mint_out", "lp_mint")
# Where an unknown market leaves no mint in the row.
_MINTS_BY_MARKET = ("swaps", "lp_flows", "tvl_observations")

_Row = TypeVar("_Row", Market, Token)


class Seeding(NamedTuple):
    """Rows to write, and the markets (protocol, key) and mints whose records may now be others."""

    markets: list[Market]
    tokens: list[Token]
    altered_markets: set[tuple[str, str]]
    altered_mints: set[bytes]

    @property
    def alters_records(self) -> bool:
        return bool(self.altered_markets or self.altered_mints)


def seeding(old: Reference, new: Reference) -> Seeding:
    """What of `new` is not in `old` yet. None erases nothing."""
    markets = [_merged(old.markets.get(key), market) for key, market in new.markets.items()]
    tokens = [_merged(old.tokens.get(mint), token) for mint, token in new.tokens.items()]
    mints = {token.mint for token in tokens if _alters(old.tokens.get(token.mint), token)}
    altered = {(m.protocol, m.market_key) for m in markets if _alters(old.market(m.protocol, m.market_key), m)}
    known = {**old.markets, **{(m.protocol, m.market_key): m for m in markets}}
    altered |= {key for key, m in known.items() if mints & {m.mint, m.index_mint, m.long_mint, m.short_mint}}
    return Seeding(
        [market for market in markets if old.market(market.protocol, market.market_key) != market],
        [token for token in tokens if old.tokens.get(token.mint) != token],
        altered,
        mints,
    )


def _merged(old: _Row | None, new: _Row) -> _Row:
    if old is None:
        return new
    kept = {name: getattr(old, name) for name in new.__struct_fields__ if getattr(new, name) is None}
    return msgspec.structs.replace(new, **{**kept, **_better(old, new)})


def _better(old: Market | Token, new: Market | Token) -> dict[str, Any]:
    """What is shipped does not replace what an account said: a market's name, the decimals of a mint."""
    if isinstance(old, Market) and old.symbol_since_slot is not None:
        return {"symbol": old.symbol} if getattr(new, "symbol_since_slot", None) is None else {}
    if (
        isinstance(old, Token)
        and old.decimals is not None
        and not old.is_inferred
        and getattr(new, "is_inferred", False)
    ):
        return {"decimals": old.decimals, "is_inferred": False}
    return {}


def _alters(old: Market | Token | None, new: Market | Token) -> bool:
    names = [name for name in new.__struct_fields__ if name not in _ONLY_SHOWN]
    return old is None or any(getattr(old, name) != getattr(new, name) for name in names)


def is_altered(table: Table, row: Row, seeding: Seeding) -> bool:
    """Whether a row speaks of an altered market or mint. `altered_condition` says the same in SQL."""
    values = dict(zip(table.names, row, strict=True))
    protocol = values["protocol"]
    if any((protocol, values[name]) in seeding.altered_markets for name in _MARKET_COLUMNS if name in values):
        return True
    mints = [values[name] for name in _MINT_COLUMNS if name in values]
    if any(mint in seeding.altered_mints for mint in mints):
        return True
    has_unknown = table.name in _MINTS_BY_MARKET and None in mints
    return has_unknown and protocol in {name for name, _ in seeding.altered_markets}


def altered_condition(table: Table) -> str | None:
    """SQL of `is_altered`: $2 and $3 are the protocols and keys of markets, $4 are mints. None: never."""
    return " OR ".join(_conditions(table)) or None


def _conditions(table: Table) -> Iterator[str]:
    for name in _MARKET_COLUMNS:
        if name in table.names:
            yield f"(t.protocol, t.{name}) IN (SELECT * FROM unnest($2::text[], $3::text[]))"  # noqa: S608 (our names)
    for name in _MINT_COLUMNS:
        if name in table.names:
            yield f"t.{name} = ANY ($4::bytea[])"
            if table.name in _MINTS_BY_MARKET:
                yield f"(t.{name} IS NULL AND t.protocol = ANY ($2::text[]))"


SEEDED_TABLES = tuple(table for table in RECORD_TABLES if altered_condition(table))


def bucket_spans(buckets: set[int]) -> Spans:
    """Spans of slots of these buckets."""
    return union(Span(n * BUCKET_SLOTS, (n + 1) * BUCKET_SLOTS) for n in buckets)
