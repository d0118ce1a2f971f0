-- Who trades most, what do they pay, and what do they earn?
-- Look at: volume_usd beside net_pnl_usd; wash_days, days that our rule calls wash trading.
-- Pitfalls: makers' volume is the same fills seen from the other side: never add it. Drift's fills tell no profit, so
-- net_pnl_usd is NULL there; trades_without_pnl says how many fills are missing from it. Days that are not fully covered
-- lack fills: see the example coverage_of_days.
SELECT
    protocol,
    trader,
    volume_usd,
    maker_volume_usd,
    fees_usd,
    net_pnl_usd,
    trades_without_pnl,
    trades,
    markets,
    liquidations,
    wash_days,
    last_day
FROM perps.traders
ORDER BY volume_usd + coalesce(maker_volume_usd, 0) DESC NULLS LAST, protocol, trader
LIMIT 20;
