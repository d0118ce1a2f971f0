-- $1 last day, $2 days, $3 protocols. Traders and markets are counted once over the window.
SELECT
    p.protocol,
    day.days,
    day.trades,
    trader.traders,
    day.average_trade_usd,
    market.markets_traded,
    day.liquidations,
    day.liquidation_volume_usd,
    day.spot_trades,
    day.swaps,
    traded.last_trade_day
FROM unnest($3::text[]) WITH ORDINALITY AS p (protocol, place)
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE v.coverage = 'full') AS days,
        sum(v.trades)::bigint AS trades,
        perps.ratio(sum(v.volume_usd), sum(v.trades), 6) AS average_trade_usd,
        sum(v.liquidations)::bigint AS liquidations,
        CASE WHEN count(v.liquidation_volume_usd) = count(*) THEN trim_scale(sum(v.liquidation_volume_usd)) END AS liquidation_volume_usd,
        sum(v.spot_trades)::bigint AS spot_trades,
        sum(v.swaps)::bigint AS swaps
    FROM perps.volume_daily AS v
    WHERE v.protocol = p.protocol AND v.day > $1::date - $2::int AND v.day <= $1::date AND v.coverage <> 'none'
) AS day ON true
LEFT JOIN LATERAL (  -- Of days that somebody saw: else nothing is known.
    SELECT CASE WHEN day.trades IS NOT NULL THEN count(DISTINCT t.trader_bytes) END AS traders
    FROM perps.traders_daily AS t
    JOIN perps.volume_daily AS seen ON seen.day = t.day AND seen.protocol = t.protocol AND seen.coverage <> 'none'
    WHERE t.protocol = p.protocol AND t.day > $1::date - $2::int AND t.day <= $1::date AND t.market_kind = 'perp'
        AND t.trades > 0 AND t.trader_bytes <> ''
) AS trader ON true
LEFT JOIN LATERAL (
    SELECT CASE WHEN day.trades IS NOT NULL THEN count(DISTINCT m.market_key) END AS markets_traded
    FROM perps.market_volume_daily AS m
    WHERE m.protocol = p.protocol AND m.day > $1::date - $2::int AND m.day <= $1::date AND m.market_kind = 'perp' AND m.trades > 0
) AS market ON true
LEFT JOIN LATERAL (
    SELECT max(v.day) AS last_trade_day FROM perps.volume_daily AS v
    WHERE v.protocol = p.protocol AND v.day <= $1::date AND v.trades > 0
) AS traded ON true
ORDER BY p.place
