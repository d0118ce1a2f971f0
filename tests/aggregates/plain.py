"""Every rollup and every view, recomputed in plain Python from the ledger's rows: what the SQL must equal.

No line of it is shared with the queries. `today` and `freshness` tell of the clock and have tests of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.aggregates import plain_days, plain_hours, plain_money, plain_ratios, plain_tvl, plain_volume
from tests.aggregates.book import Book
from tests.aggregates.plain_hours import Rollup
from tests.aggregates.plain_ratios import Plain
from tests.aggregates.plain_volume import View

# Rollup -> the columns of its key, in the order of the recomputed keys.
KEYS: dict[str, tuple[str, ...]] = {
    "hourly_trades": (
        "hour", "protocol", "market_key", "market_kind", "liquidity_source", "execution", "is_liquidation", "excluded",
    ),
    "hourly_swaps": ("hour", "protocol", "market_key", "venue", "purpose", "is_first_hop"),
    "hourly_lp_flows": ("hour", "protocol", "venue", "venue_key", "mint", "flow", "internal"),
    "hourly_fees": ("hour", "protocol", "market_key", "fee_kind"),
    "hourly_liquidations": ("hour", "protocol", "market_key", "liquidation_kind"),
    "hourly_token_prices": ("hour", "mint"),
    "hourly_market_prices": ("hour", "protocol", "market_key"),
    "hourly_funding_rates": ("hour", "protocol", "market_key", "rate_kind"),
    "hourly_open_interest": ("hour", "protocol", "market_key", "side"),
    "hourly_incentives": ("hour", "protocol", "incentive_kind"),
    "hourly_observations": ("protocol", "component", "component_key", "holding", "hour"),
    "daily_traders": ("day", "protocol", "market_key", "market_kind", "trader"),
    "daily_providers": ("day", "protocol", "venue", "venue_key", "provider"),
    "active_days": ("day", "protocol"),
    "covered_spans": ("stream", "first_slot"),
    "tvl_holdings": ("protocol", "component", "component_key", "holding"),
    "hourly_tvl": ("protocol", "component", "component_key", "holding", "hour"),
    "daily_tvl": ("protocol", "component", "component_key", "holding", "day"),
}  # fmt: skip
ROLLUPS: dict[str, Callable[[Book], Rollup]] = {
    name: getattr(module, name)
    for module in (plain_hours, plain_days, plain_tvl)
    for name in KEYS
    if hasattr(module, name) and name != "daily_tvl"
}
VIEWS: dict[str, Callable[[Book], View]] = {
    name: getattr(module, name)
    for module, names in (
        (
            plain_volume,
            (
                "volume_daily", "market_volume_daily", "market_volume_hourly", "volume_hourly",
                "liquidity_sources_daily", "traders_daily", "traders", "lp_providers_daily", "lp_providers",
            ),
        ),
        (
            plain_money,
            (
                "fees_hourly", "fees_daily", "lp_flows_hourly", "lp_flows_daily", "token_prices_hourly",
                "market_prices_hourly", "funding_daily", "open_interest_daily", "liquidations_daily", "swaps_hourly",
                "incentives_daily",
            ),
        ),
    )
    for name in names
}  # fmt: skip
OF_SEVERAL: dict[str, Callable[[Plain], View]] = {
    name: getattr(plain_ratios, name)
    for name in (
        "tvl_tokens_hourly", "tvl_tokens_daily", "tvl_components_daily", "tvl_daily", "efficiency_daily",
        "market_share_7d", "lp_yield_daily", "protocol_overview", "reconciliation",
    )
}  # fmt: skip


def rollups(book: Book) -> dict[str, Rollup]:
    made = {name: recompute(book) for name, recompute in ROLLUPS.items()}
    return made | {"daily_tvl": plain_tvl.daily_tvl(book, made["hourly_tvl"])}


def views(book: Book, hourly_tvl: Rollup | None = None) -> dict[str, View]:
    """`hourly_tvl`: of the rollups, if they were made before; it is the dearest."""
    plain = Plain(book, plain_tvl.hourly_tvl(book) if hourly_tvl is None else hourly_tvl)
    covered: Any = [
        {"day": day, "protocol": protocol, "coverage": word, "covered_fraction": fraction}
        for (day, protocol), (word, fraction) in plain.covered.items()
    ]
    return (
        {"coverage_daily": covered}
        | {name: recompute(book) for name, recompute in VIEWS.items()}
        | {name: recompute(plain) for name, recompute in OF_SEVERAL.items()}
    )
