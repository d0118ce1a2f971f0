"""The tables of the API: each a view of schema perps, in what order its rows come, and by what they may be filtered.

What must stay true: no two rows of a table have the same key, so that a page can begin behind the last row of the one
before. A test compares the list with the views there are, and the keys with the rows of a ledger.
"""

from __future__ import annotations

import msgspec

PROTOCOLS = ("drift", "gmx_solana", "jupiter_perps")
# Columns by which rows of any table may be filtered, where the table has them and the value must be the same.
FILTERS = (
    "protocol", "market", "market_key", "market_kind", "base_asset", "trader", "provider", "owner", "liquidator",
    "venue", "venue_key", "flow", "internal", "direction", "position_side", "action", "action_kind", "fee_kind",
    "liquidation_kind", "liquidity_source", "execution", "is_liquidation", "excluded", "side", "rate_kind", "component",
    "component_key", "mint", "symbol", "purpose", "event", "settled", "reason", "incentive_kind", "state", "coverage",
    "metric", "source", "kind", "name", "record", "difference", "endpoint", "method", "fee_source", "is_counted",
)  # fmt: skip


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """`key`: columns that tell its rows apart, in the order of rows; `?` behind one that may be NULL.

    `time`: the column that `from` and `to` speak of; None: the table has no time. `slotted`: rows have a slot, by which
    they lie in the ledger.
    """

    name: str
    key: tuple[str, ...]
    time: str | None = None
    slotted: bool = False


def _records(name: str, *more: str) -> Table:
    key = ("slot", "signature", "channel", "index", "part", *more)
    return Table(name=name, key=key, time="block_time", slotted=True)


def _hourly(name: str, *key: str) -> Table:
    return Table(name=name, key=("hour", *key), time="hour")


def _daily(name: str, *key: str) -> Table:
    return Table(name=name, key=("day", *key), time="day")


def _plain(name: str, *key: str, time: str | None = None) -> Table:
    return Table(name=name, key=key, time=time)


_MARKET = ("protocol", "market_key", "market_kind")
_HOLDING = ("protocol", "component", "component_key", "mint?", "mean_amount?", "tvl_usd?", "known_fraction?")

_LIST = (
    _records("trades"),
    _records("swaps"),
    _records("lp_flows"),
    _records("liquidations"),
    _records("fees"),
    _records("actions"),
    _records("incentives"),
    _records("funding_rates"),
    _records("open_interest"),
    _records("tvl_observations"),
    _records("price_observations"),
    _records("counters"),
    _records("failures", "reason", "protocol"),
    _plain("protocol_overview", "protocol"),
    _plain("today", "protocol"),
    _daily("volume_daily", "protocol"),
    _hourly("volume_hourly", "protocol"),
    _daily("market_volume_daily", *_MARKET),
    _hourly("market_volume_hourly", *_MARKET),
    _daily("liquidity_sources_daily", "protocol", "market_kind", "liquidity_source"),
    _daily("tvl_daily", "protocol"),
    _daily("tvl_components_daily", "protocol", "component", "component_key"),
    _daily("tvl_tokens_daily", *_HOLDING),
    _hourly("tvl_tokens_hourly", *_HOLDING),
    _daily("efficiency_daily", "protocol"),
    _daily("market_share_7d", "protocol"),
    _daily("fees_daily", "protocol"),
    _hourly("fees_hourly", "protocol", "market_key?", "fee_source"),
    _daily("lp_flows_daily", "protocol", "venue"),
    _hourly("lp_flows_hourly", "protocol", "venue", "venue_key", "mint?", "flow", "internal"),
    _daily("lp_yield_daily", "protocol", "venue", "venue_key", "lp_mint"),
    _hourly("swaps_hourly", "protocol", "market_key?", "venue", "purpose?", "is_first_hop"),
    _daily("liquidations_daily", "protocol", "market_key?", "liquidation_kind"),
    _daily("funding_daily", "protocol", "market_key", "rate_kind"),
    _daily("open_interest_daily", "protocol", "market_key"),
    _daily("incentives_daily", "protocol", "incentive_kind"),
    _hourly("token_prices_hourly", "mint"),
    _hourly("market_prices_hourly", "protocol", "market_key"),
    _plain("traders", "protocol", "trader"),
    _daily("traders_daily", *_MARKET, "trader?"),
    _plain("lp_providers", "protocol", "venue", "venue_key", "provider"),
    _daily("lp_providers_daily", "protocol", "venue", "venue_key", "provider?"),
    _daily("reconciliation", "protocol", "metric", "source"),
    _daily("coverage_daily", "protocol"),
    _daily("completeness_daily", "protocol", "evidence"),
    _plain(
        "completeness_gaps",
        "before_slot",
        "protocol",
        "evidence",
        "chain",
        "before_signature",
        "before_index",
        time="before_time",
    ),
    _plain("second_opinions", "endpoint", "protocol"),
    _plain("coverage", "first_slot", "protocol", "state"),
    _plain("gaps", "first_slot", "protocol", "state"),
    _plain("settlements", "at", "protocol", "first_slot", time="at"),
    Table(
        name="differences",
        key=("slot", "signature", "channel", "index", "part", "record", "protocol", "reason?", "difference"),
        time="at",
    ),
    _plain("status", "protocol"),
    _plain("unknown_events", "protocol", "program_id", "discriminator", "event?", "reason", time="last_time"),
    _plain("providers", "endpoint", "method", "holder"),
    _plain("workers", "holder", "protocol"),
    _plain("backfill", "protocol"),
    _plain("endpoint_shares", "budget"),
    _plain("storage", "first_slot", "record", "protocol"),
    _plain("digests", "first_slot", "protocol"),
    _plain("freshness", "name"),
    _plain("markets", "protocol", "market_key"),
    _plain("market_names", "protocol", "market_key", "since_slot"),
    _plain("tokens", "mint"),
    _plain("parameters", "protocol", "name"),
    _plain("row_estimates", "protocol", "kind"),
    _plain("cluster", "genesis_hash"),
    _plain("version", "version"),
)
TABLES = {table.name: table for table in _LIST}
