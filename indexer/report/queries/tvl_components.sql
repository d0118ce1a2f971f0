-- $1 last day, $2 days, $3 protocols. Every component in a TVL, the largest first; the mean over full days that know it.
SELECT
    t.protocol,
    t.component,
    t.name,
    count(t.tvl_usd) AS known_days,
    max(t.tvl_usd) FILTER (WHERE t.day = $1) AS last_tvl_usd,
    perps.ratio(sum(t.tvl_usd), count(t.tvl_usd), 6) AS mean_tvl_usd,
    min(t.known_fraction) AS known_fraction,
    CASE WHEN min(t.origin) = max(t.origin) THEN min(t.origin) WHEN min(t.origin) IS NOT NULL THEN 'mixed' END AS origin,
    t.component_key
FROM perps.tvl_components_daily AS t
WHERE t.protocol = ANY ($3::text[]) AND t.day > $1::date - $2::int AND t.day <= $1::date AND t.coverage = 'full' AND t.is_counted
GROUP BY t.protocol, t.component, t.component_key, t.name
ORDER BY mean_tvl_usd DESC NULLS LAST, t.protocol, t.component, t.component_key
