-- Volume by day. Each fill counts once. Gross: every perp fill; net, the headline: without those that are no trade
-- between parties; organic: net without wallets that wash, by our rule (see ledger.parameters). Spot and swap volume stand
-- beside it, never in it.

CREATE MATERIALIZED VIEW perps.volume_daily AS
WITH fills AS (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol,
        sum(trades) FILTER (WHERE market_kind = 'perp') AS perp_rows,
        sum(trades) FILTER (WHERE market_kind = 'perp' AND excluded = '') AS trades,
        sum(trades) FILTER (WHERE market_kind = 'spot' AND excluded = '') AS spot_trades,
        sum(unsized) FILTER (WHERE market_kind = 'perp') AS unsized,
        count(DISTINCT market_key) FILTER (WHERE market_kind = 'perp' AND excluded = '') AS markets_traded,
        sum(volume_e6) FILTER (WHERE market_kind = 'perp') AS gross_e6,
        sum(volume_e6) FILTER (WHERE market_kind = 'perp' AND excluded = '') AS net_e6,
        sum(volume_e6) FILTER (WHERE market_kind = 'spot' AND excluded = '') AS spot_e6,
        sum(buy_volume_e6) FILTER (WHERE market_kind = 'perp' AND excluded = '') AS buy_e6,
        sum(sell_volume_e6) FILTER (WHERE market_kind = 'perp' AND excluded = '') AS sell_e6,
        sum(trades) FILTER (WHERE market_kind = 'perp' AND excluded = '' AND is_liquidation) AS liquidations,
        sum(volume_e6) FILTER (WHERE market_kind = 'perp' AND excluded = '' AND is_liquidation) AS liquidation_e6
    FROM ledger.hourly_trades
    GROUP BY 1, 2
),
swaps AS (
    SELECT (hour AT TIME ZONE 'UTC')::date AS day, protocol,
        sum(swaps - suspect) FILTER (WHERE purpose = 'swap' AND is_first_hop) AS swaps,
        sum(volume_e6) FILTER (WHERE purpose = 'swap' AND is_first_hop) AS volume_e6,
        sum(suspect) AS suspect
    FROM ledger.hourly_swaps
    GROUP BY 1, 2
),
traders AS (
    SELECT day, protocol,
        count(DISTINCT trader) FILTER (WHERE trades > 0 AND trader <> '') AS traders,
        sum(trades) FILTER (WHERE is_wash) AS wash_trades,
        sum(volume_e6) FILTER (WHERE is_wash) AS wash_e6,
        sum(trades) FILTER (WHERE is_judged) AS judged_trades,
        sum(volume_e6) FILTER (WHERE is_judged) AS judged_e6,
        count(DISTINCT trader) FILTER (WHERE is_wash) AS wash_traders
    FROM ledger.daily_traders
    WHERE market_kind = 'perp'
    GROUP BY 1, 2
),
day AS (
    SELECT c.day, c.protocol, c.coverage, c.covered_fraction,
        ledger.total(f.trades, f.net_e6) AS net_e6,
        ledger.total(f.perp_rows, f.gross_e6) AS gross_e6,
        ledger.total(f.trades, f.net_e6) - ledger.total(t.wash_trades, t.wash_e6) AS organic_e6,
        ledger.total(t.wash_trades, t.wash_e6) AS wash_e6,
        ledger.total(t.judged_trades, t.judged_e6) AS judged_e6,
        ledger.total(f.spot_trades, f.spot_e6) AS spot_e6,
        ledger.total(s.swaps, s.volume_e6) AS swap_e6,
        ledger.total(f.trades, ledger.side(f.buy_e6, f.sell_e6)) AS buy_e6,
        ledger.total(f.trades, ledger.side(f.sell_e6, f.buy_e6)) AS sell_e6,
        ledger.total(f.liquidations, f.liquidation_e6) AS liquidation_e6,
        coalesce(f.trades, 0)::bigint AS trades,
        coalesce(f.unsized, 0)::bigint AS unsized,
        coalesce(t.traders, 0) AS traders,
        coalesce(t.wash_traders, 0) AS wash_traders,
        coalesce(f.markets_traded, 0) AS markets_traded,
        coalesce(f.liquidations, 0)::bigint AS liquidations,
        coalesce(f.spot_trades, 0)::bigint AS spot_trades,
        coalesce(s.swaps, 0)::bigint AS swaps,
        coalesce(s.suspect, 0)::bigint AS suspect
    FROM perps.coverage_daily AS c
    LEFT JOIN fills AS f USING (day, protocol)
    LEFT JOIN swaps AS s USING (day, protocol)
    LEFT JOIN traders AS t USING (day, protocol)
),
known AS (  -- Of a day that nobody saw, nothing is known.
    SELECT * FROM day WHERE coverage <> 'none'
)
SELECT
    d.day,
    d.protocol,
    d.coverage,
    d.covered_fraction,
    ledger.dollars(k.net_e6) AS volume_usd,
    ledger.dollars(k.gross_e6) AS gross_volume_usd,
    ledger.dollars(k.organic_e6) AS organic_volume_usd,
    ledger.dollars(k.wash_e6) AS wash_volume_usd,
    ledger.ratio(k.judged_e6, k.net_e6, 6) AS judged_fraction,
    ledger.dollars(k.spot_e6) AS spot_volume_usd,
    ledger.dollars(k.swap_e6) AS swap_volume_usd,
    ledger.dollars(k.buy_e6) AS buy_volume_usd,
    ledger.dollars(k.sell_e6) AS sell_volume_usd,
    ledger.dollars(k.liquidation_e6) AS liquidation_volume_usd,
    ledger.dollars(sum(k.net_e6) OVER past) AS cumulative_volume_usd,
    count(*) FILTER (WHERE d.coverage <> 'full') OVER past AS cumulative_missing_days,
    k.trades,
    k.traders,
    ledger.ratio(ledger.dollars(k.net_e6), k.trades, 6) AS average_trade_usd,
    k.markets_traded,
    k.liquidations,
    k.spot_trades,
    k.swaps,
    k.wash_traders,
    k.unsized AS unsized_trades,
    k.suspect AS suspect_swaps
FROM day AS d
LEFT JOIN known AS k USING (day, protocol)
WINDOW past AS (PARTITION BY d.protocol ORDER BY d.day);

CREATE UNIQUE INDEX volume_daily_key ON perps.volume_daily (day, protocol);

COMMENT ON MATERIALIZED VIEW perps.volume_daily IS 'Volume and activity by UTC day and protocol. NULL: nothing is known of the day; 0: it was seen, and there was none.';
COMMENT ON COLUMN perps.volume_daily.day IS 'UTC day of block time.';
COMMENT ON COLUMN perps.volume_daily.protocol IS 'drift, jupiter_perps or gmx_solana.';
COMMENT ON COLUMN perps.volume_daily.coverage IS 'full, partial (the numbers are of what was seen) or none.';
COMMENT ON COLUMN perps.volume_daily.covered_fraction IS 'Part of the day''s seconds in which every slot is settled.';
COMMENT ON COLUMN perps.volume_daily.volume_usd IS 'The headline: notional of perp fills, each once, opening, closing and liquidation alike, without expiry settlement, transfers of positions and changes of collateral alone (net).';
COMMENT ON COLUMN perps.volume_daily.gross_volume_usd IS 'Of all perp fills, the excluded ones too: what others often count.';
COMMENT ON COLUMN perps.volume_daily.organic_volume_usd IS 'volume_usd without wallets that our rule calls wash trading that day.';
COMMENT ON COLUMN perps.volume_daily.wash_volume_usd IS 'volume_usd of those wallets. Our reading of a published rule: turnover of 20 times the largest collateral, and balanced or in 8 positions.';
COMMENT ON COLUMN perps.volume_daily.judged_fraction IS 'Part of volume_usd whose traders'' collateral is known, so that the rule can tell; only GMX-Solana tells it with every fill.';
COMMENT ON COLUMN perps.volume_daily.spot_volume_usd IS 'Fills of Drift''s spot order books. Not in volume_usd.';
COMMENT ON COLUMN perps.volume_daily.swap_volume_usd IS 'Swaps for their own sake, first hop, without suspect ones. Not in volume_usd.';
COMMENT ON COLUMN perps.volume_daily.buy_volume_usd IS 'Of volume_usd: the trader bought.';
COMMENT ON COLUMN perps.volume_daily.sell_volume_usd IS 'Of volume_usd: the trader sold.';
COMMENT ON COLUMN perps.volume_daily.liquidation_volume_usd IS 'Of volume_usd: fills of liquidations.';
COMMENT ON COLUMN perps.volume_daily.cumulative_volume_usd IS 'Sum of volume_usd up to this day, as far as days were seen.';
COMMENT ON COLUMN perps.volume_daily.cumulative_missing_days IS 'Days up to this one that are not full, so that the cumulative volume may be too low.';
COMMENT ON COLUMN perps.volume_daily.trades IS 'Fills in volume_usd.';
COMMENT ON COLUMN perps.volume_daily.traders IS 'Different traders in volume_usd.';
COMMENT ON COLUMN perps.volume_daily.average_trade_usd IS 'volume_usd / trades.';
COMMENT ON COLUMN perps.volume_daily.markets_traded IS 'Different markets in volume_usd.';
COMMENT ON COLUMN perps.volume_daily.liquidations IS 'Fills of liquidations in volume_usd.';
COMMENT ON COLUMN perps.volume_daily.spot_trades IS 'Fills in spot_volume_usd.';
COMMENT ON COLUMN perps.volume_daily.swaps IS 'Swaps in swap_volume_usd.';
COMMENT ON COLUMN perps.volume_daily.wash_traders IS 'Wallets in wash_volume_usd.';
COMMENT ON COLUMN perps.volume_daily.unsized_trades IS 'Perp fills whose notional is unknown: they are in no volume.';
COMMENT ON COLUMN perps.volume_daily.suspect_swaps IS 'Swaps whose value does not fit the price of that hour: they are in no volume.';
