"""What a report holds: its tables in order, what each says, and what their columns are called.

A table's numbers are made by the query of its name in `queries/`, over views of `perps` alone. A column's name means
the same in every table, so each has one label and one unit.
"""

from __future__ import annotations

import msgspec


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """A table. `views`: what its query reads, of which the oldest tells the table's age."""

    name: str
    title: str
    says: str
    views: tuple[str, ...]
    keys: tuple[str, ...] = ()  # What beside the protocol a row is of; (): one row for each protocol.
    unseen: tuple[str, ...] = ()  # Columns for programs alone.
    of_all: bool = False  # Its numbers depend on days of protocols that are not shown.


class Column(msgspec.Struct, frozen=True):
    """`unit`: USD, price, count, days, ratio, % (a fraction of 1), bp, date or text."""

    label: str
    unit: str


TABLES = (
    Contents(
        name="efficiency",
        title="Capital efficiency and fee yield",
        says="Mean daily volume, and fees, over mean daily TVL: of exactly the days that are full and known in both.",
        views=("volume_daily", "tvl_daily", "fees_daily"),
    ),
    Contents(
        name="market_share",
        title="Market share",
        of_all=True,
        says="Part of the net perp volume of all three protocols, over the days that are full in all of them.",
        views=("volume_daily",),
    ),
    Contents(
        name="volume",
        title="Volume",
        says="Notional of perp fills, each once. Sums are of what was seen, the mean of full days.",
        views=("volume_daily",),
    ),
    Contents(
        name="tvl",
        title="TVL by component",
        says="Means of daily values over full days. What stands beside it is never added: they contain each other.",
        views=("tvl_daily",),
    ),
    Contents(
        name="tvl_components",
        title="Components of the TVL",
        says="Each pool, lending market and insurance fund that is part of a TVL, the largest first.",
        views=("tvl_components_daily",),
        keys=("component", "name"),
        unseen=("component_key",),
    ),
    Contents(
        name="fees",
        title="Fees",
        says="What users paid, and who got it. Sums are of what was seen, the mean of full days.",
        views=("fees_daily",),
    ),
    Contents(
        name="effective_fee",
        title="Effective fee",
        says="Fees of perp fills over their net volume, and the parts of it that fills tell.",
        views=("market_volume_daily", "fees_daily"),
    ),
    Contents(
        name="activity",
        title="Activity",
        says="Traders and markets are counted once over the whole window.",
        views=("volume_daily", "market_volume_daily"),
    ),
    Contents(
        name="lp_yield",
        title="LP yield",
        says="Return of the LP token's price, and its fees of seven days for a year. Drift has no token that tells it.",
        views=("lp_yield_daily",),
        keys=("venue", "name"),
        unseen=("venue", "price_return_annual", "days", "venue_key", "lp_mint"),
    ),
    Contents(
        name="lp_flows",
        title="Liquidity in and out",
        says="Venues contain each other: only net external flows change a protocol's TVL, and only they may be added.",
        views=("lp_flows_daily",),
        keys=("venue",),
        unseen=("days", "fees_usd", "deposits", "withdrawals"),
    ),
    Contents(
        name="liquidity_sources",
        title="Liquidity sources of Drift",
        says="Net volume by who stood opposite; every fill of a liquidation counts as that.",
        views=("volume_daily",),
        keys=("market_kind", "liquidity_source"),
    ),
)

COLUMNS = {
    "protocol": Column("protocol", "text"),
    "venue": Column("venue", "text"),
    "venue_key": Column("venue key", "text"),
    "component": Column("component", "text"),
    "component_key": Column("component key", "text"),
    "name": Column("pool", "text"),
    "lp_mint": Column("LP mint", "text"),
    "market_kind": Column("kind", "text"),
    "liquidity_source": Column("source", "text"),
    "origin": Column("told by", "text"),
    "days": Column("full days", "days"),
    "known_days": Column("days known", "days"),
    "fee_days": Column("full days of fees", "days"),
    "cumulative_missing_days": Column("days it lacks", "days"),
    "last_trade_day": Column("last trade", "date"),
    # --- volume
    "mean_volume_usd": Column("mean daily volume", "USD"),
    "volume_usd": Column("net volume", "USD"),
    "all_volume_usd": Column("net volume of all three", "USD"),
    "gross_volume_usd": Column("gross volume", "USD"),
    "organic_volume_usd": Column("organic volume", "USD"),
    "wash_volume_usd": Column("wash volume, by our rule", "USD"),
    "judged_fraction": Column("part that the rule can judge", "%"),
    "buy_volume_usd": Column("bought", "USD"),
    "sell_volume_usd": Column("sold", "USD"),
    "liquidation_volume_usd": Column("volume of liquidations", "USD"),
    "spot_volume_usd": Column("spot volume, beside", "USD"),
    "swap_volume_usd": Column("swap volume, beside", "USD"),
    "cumulative_volume_usd": Column("cumulative volume", "USD"),
    "market_share": Column("market share", "%"),
    "volume_share": Column("share", "%"),
    "unsized_trades": Column("fills of unknown size", "count"),
    "suspect_swaps": Column("suspect swaps", "count"),
    # --- liquidity
    "last_tvl_usd": Column("TVL of the last day", "USD"),
    "mean_tvl_usd": Column("mean TVL", "USD"),
    "pool_usd": Column("pools", "USD"),
    "lending_usd": Column("deposits less borrows", "USD"),
    "insurance_fund_usd": Column("insurance fund", "USD"),
    "mean_tvl_ex_vaults_usd": Column("mean TVL without vaults", "USD"),
    "strategy_vaults_usd": Column("strategy vaults, beside", "USD"),
    "glv_usd": Column("GLV, beside", "USD"),
    "known_fraction": Column("part known, least", "%"),
    "components_known": Column("components known", "count"),
    "components_total": Column("components", "count"),
    "components_unpriced": Column("components without a price", "count"),
    "capital_efficiency": Column("capital efficiency", "ratio"),
    "fee_yield": Column("fee yield a day", "%"),
    "fee_yield_annual": Column("fee yield a year", "%"),
    "lp_price_usd": Column("LP price", "price"),
    "price_return": Column("return of price", "%"),
    "price_return_annual": Column("return of price a year", "%"),
    "price_return_30d": Column("return of 30 days", "%"),
    "mean_lp_fees_7d_usd": Column("mean daily LP fees", "USD"),
    "mean_tvl_7d_usd": Column("mean TVL", "USD"),
    "fee_yield_7d_annual": Column("fee yield a year", "%"),
    "deposits_usd": Column("deposits", "USD"),
    "withdrawals_usd": Column("withdrawals", "USD"),
    "net_flow_usd": Column("net", "USD"),
    "external_net_flow_usd": Column("net external", "USD"),
    "deposits": Column("deposits", "count"),
    "withdrawals": Column("withdrawals", "count"),
    "unvalued_flows": Column("flows without a value", "count"),
    # --- fees
    "mean_fees_usd": Column("mean daily fees", "USD"),
    "fees_usd": Column("fees", "USD"),
    "net_fees_usd": Column("net fees", "USD"),
    "lp_fees_usd": Column("to liquidity providers", "USD"),
    "protocol_fees_usd": Column("to the protocol", "USD"),
    "unsplit_fees_usd": Column("to others, or not told", "USD"),
    "trading_fees_usd": Column("of fills", "USD"),
    "base_fees_usd": Column("of fills: opening, closing", "USD"),
    "price_impact_fees_usd": Column("of fills: price impact", "USD"),
    "borrow_fees_usd": Column("of fills: borrowing", "USD"),
    "liquidation_fees_usd": Column("of fills: liquidation", "USD"),
    "venue_fees_usd": Column("of fills: external venues", "USD"),
    "swap_fees_usd": Column("of swaps", "USD"),
    "mint_burn_fees_usd": Column("of mint and burn", "USD"),
    "trigger_fees_usd": Column("of triggers", "USD"),
    "insurance_fees_usd": Column("insurance, of liquidations", "USD"),
    "rebates_usd": Column("rebates", "USD"),
    "rewards_usd": Column("rewards to third parties", "USD"),
    "trades_without_fee": Column("fills that tell no fee", "count"),
    "other_rows_without_fee": Column("others that tell no fee", "count"),
    "effective_fee_bps": Column("effective fee", "bp"),
    "base_fee_bps": Column("opening and closing", "bp"),
    "price_impact_fee_bps": Column("price impact", "bp"),
    "borrow_fee_bps": Column("borrowing", "bp"),
    # --- activity
    "trades": Column("fills", "count"),
    "traders": Column("traders", "count"),
    "average_trade_usd": Column("average fill", "USD"),
    "markets_traded": Column("markets traded", "count"),
    "liquidations": Column("fills of liquidations", "count"),
    "spot_trades": Column("spot fills, beside", "count"),
    "swaps": Column("swaps, beside", "count"),
}
