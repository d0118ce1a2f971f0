-- $1 last day, $2 days, $3 protocols. Sums are of what was seen, and unknown where a seen day is;
-- means are over full days.
SELECT
    p.protocol,
    count(v.volume_usd) FILTER (WHERE v.coverage = 'full') AS days,
    perps.ratio(
        sum(v.volume_usd) FILTER (WHERE v.coverage = 'full'), count(v.volume_usd) FILTER (WHERE v.coverage = 'full'), 6
    ) AS mean_volume_usd,
    CASE WHEN count(v.volume_usd) = count(*) THEN trim_scale(sum(v.volume_usd)) END AS volume_usd,
    CASE WHEN count(v.gross_volume_usd) = count(*) THEN trim_scale(sum(v.gross_volume_usd)) END AS gross_volume_usd,
    CASE WHEN count(v.organic_volume_usd) = count(*) THEN trim_scale(sum(v.organic_volume_usd)) END AS organic_volume_usd,
    CASE WHEN count(v.wash_volume_usd) = count(*) THEN trim_scale(sum(v.wash_volume_usd)) END AS wash_volume_usd,
    perps.ratio(sum(v.judged_fraction * v.volume_usd), sum(v.volume_usd), 6) AS judged_fraction,
    CASE WHEN count(v.buy_volume_usd) = count(*) THEN trim_scale(sum(v.buy_volume_usd)) END AS buy_volume_usd,
    CASE WHEN count(v.sell_volume_usd) = count(*) THEN trim_scale(sum(v.sell_volume_usd)) END AS sell_volume_usd,
    CASE WHEN count(v.liquidation_volume_usd) = count(*) THEN trim_scale(sum(v.liquidation_volume_usd)) END AS liquidation_volume_usd,
    CASE WHEN count(v.spot_volume_usd) = count(*) THEN trim_scale(sum(v.spot_volume_usd)) END AS spot_volume_usd,
    CASE WHEN count(v.swap_volume_usd) = count(*) THEN trim_scale(sum(v.swap_volume_usd)) END AS swap_volume_usd,
    max(v.cumulative_volume_usd) FILTER (WHERE v.day = $1) AS cumulative_volume_usd,
    max(v.cumulative_missing_days) FILTER (WHERE v.day = $1) AS cumulative_missing_days,
    sum(v.unsized_trades)::bigint AS unsized_trades,
    sum(v.suspect_swaps)::bigint AS suspect_swaps
FROM unnest($3::text[]) WITH ORDINALITY AS p (protocol, place)
LEFT JOIN perps.volume_daily AS v ON v.protocol = p.protocol AND v.day > $1::date - $2::int AND v.day <= $1::date
    AND v.coverage <> 'none'
GROUP BY p.place, p.protocol
ORDER BY p.place
