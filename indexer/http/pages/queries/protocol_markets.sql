-- $1 last day, $2 days, $3 protocol. Markets of the window, the largest first; sums are of what was seen, and unknown where
-- a seen day is.
SELECT
    m.market,
    m.market_key,
    m.market_kind,
    CASE WHEN count(m.volume_usd) = count(*) THEN trim_scale(sum(m.volume_usd)) END AS volume_usd,
    perps.ratio(
        sum(m.volume_usd), sum(sum(m.volume_usd)) OVER (PARTITION BY m.market_kind), 6
    ) AS volume_share,
    CASE WHEN count(m.fees_usd) = count(*) THEN trim_scale(sum(m.fees_usd)) END AS fees_usd,
    sum(m.trades)::bigint AS trades,
    perps.ratio(sum(m.volume_usd), sum(m.trades), 6) AS average_trade_usd,
    CASE WHEN count(m.liquidation_volume_usd) = count(*) THEN trim_scale(sum(m.liquidation_volume_usd)) END AS liquidation_volume_usd
FROM perps.market_volume_daily AS m
WHERE m.protocol = $3 AND m.day > $1::date - $2::int AND m.day <= $1::date AND m.coverage <> 'none'
GROUP BY m.market, m.market_key, m.market_kind
ORDER BY m.market_kind, sum(m.volume_usd) DESC NULLS LAST, m.market_key
LIMIT 200
